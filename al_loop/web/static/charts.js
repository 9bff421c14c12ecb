// Charts of a campaign, by uPlot. Numbers come as JSON; colours are the style sheet's.
"use strict";
(() => {
  const root = document.getElementById("charts");
  if (!root) return;
  const { css, round, axis, line, logAxis, band, draw, follow } = plots;
  const texts = new Map();
  let curves = null, histogram = null, own = null, chosen = null, asked = "";

  function learning() {
    const points = [...curves.learning].sort((a, b) => a.labels - b.labels);
    const of = (key) => points.map((p) => p[key]);
    const top = Math.max(curves.audit_target, ...points.flatMap((p) => [p.test, p.final, p.audit]).filter((v) => v != null));
    draw("learning", {
      scales: { x: { time: false }, y: { range: [0, top * 1.08] } },
      axes: [axis("labels"), axis("force RMSE (eV/Å)")],
      series: [{ label: "labels" }, line("test frames then", "blue"), line("all test frames", "orange", { dash: [8, 4] }),
        line("audit frames", "green", { dash: [2, 4] }),
        line("audit target", "grey", { width: 1, points: { show: false } })],
    }, [of("labels"), of("test"), of("final"), of("audit"), points.map(() => curves.audit_target)]);
  }

  function fractions() {
    const rows = curves.fractions, per = (key) => rows.map((r) => 100 * r[key]);
    draw("fractions", {
      scales: { x: { time: false, range: () => { const [a, b] = [rows[0].iteration, rows[rows.length - 1].iteration]; return a === b ? [a - 0.5, b + 0.5] : [a, b]; } }, y: { range: [0, 100] } },
      axes: [{ ...axis("iteration"), incrs: [1, 2, 5, 10, 20, 50] }, axis("samples (%)")],
      series: [{ label: "iteration" }, line("accurate", "green"), line("candidate", "orange", { dash: [8, 4] }),
        line("failed", "pink", { dash: [2, 4] })],
    }, [rows.map((r) => r.iteration), per("accurate"), per("candidate"), per("failed")]);
  }

  // Of the campaign's labelled frames, or of an iteration's.
  const calibration = () => plots.calibration("calibration", asked === "" ? curves.calibration : own);

  function deviations() {
    if (!histogram) return draw("histogram");
    const { edges, counts, trust } = histogram;
    draw("histogram", {
      scales: { x: { time: false, distr: 3, range: [edges[0], edges[edges.length - 1]] }, y: { range: (_, __, top) => [0, Math.max(1, top * 1.08)] } },
      axes: [logAxis("maximum force deviation (eV/Å)"), axis("samples")],
      plugins: [band(trust)],
      series: [{ label: "from", value: (_, v) => round(v) },
        line("samples", "blue", { paths: uPlot.paths.stepped({ align: 1 }), fill: `${css("blue")}44`, points: { show: false } })],
    }, [edges, [...counts, 0]]);
  }

  // The text of a document, or null when it is what it was.
  async function fresh(url) {
    const answer = await fetch(url);
    if (answer.status === 404) return "null";
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    const text = await answer.text();
    if (texts.get(url) === text) return null;
    texts.set(url, text);
    return text;
  }

  async function choose() {
    const text = await fresh(root.dataset.deviation.replace("/0.json", `/${chosen}.json`));
    if (text !== null) histogram = JSON.parse(text);
    deviations();
  }

  async function calibrate() {
    const at = asked;
    const text = at === "" ? null : await fresh(root.dataset.calibration.replace("/0/", `/${at}/`));
    if (at !== asked) return; // another was chosen meanwhile
    if (text !== null) own = JSON.parse(text);
    calibration();
  }

  const which = document.getElementById("which"), when = document.getElementById("when");
  const amount = (n) => n.toLocaleString("en");
  function offer() {
    const all = curves.calibration, indices = curves.fractions.map((row) => String(row.iteration));
    const choices = [["", `${all.latest ? "the latest" : "all"} ${amount(all.frames)} frames`], ...indices.map((i) => [i, i])];
    if (JSON.stringify([...when.options].map((o) => [o.value, o.text])) !== JSON.stringify(choices)) {
      when.replaceChildren(...choices.map(([value, text]) => new Option(text, value)));
      asked = indices.includes(asked) ? asked : "";
      when.value = asked;
    }
    const latest = chosen === null || chosen === which.lastElementChild?.value;
    if ([...which.options].map((o) => o.value).join() !== indices.join()) {
      which.replaceChildren(...indices.map((i) => new Option(i, i)));
      chosen = latest || !indices.includes(chosen) ? indices[indices.length - 1] ?? null : chosen;
      if (chosen !== null) which.value = chosen;
    }
  }
  which.addEventListener("change", () => {
    chosen = which.value;
    texts.clear();
    choose().catch(() => {});
  });

  when.addEventListener("change", () => {
    asked = when.value;
    own = null;
    texts.clear();
    calibrate().catch(() => {});
  });

  async function refresh() {
    const text = await fresh(root.dataset.curves);
    if (text !== null) {
      curves = JSON.parse(text);
      offer();
      learning();
      fractions();
      if (chosen === null) deviations();
      await Promise.all([calibrate(), chosen === null ? null : choose()]);
    }
  }
  function redraw() {
    if (curves) [learning, fractions, calibration, deviations].forEach((f) => f());
  }

  follow(redraw);
  document.addEventListener("refreshed", () => refresh().catch(() => {}));
  refresh().catch(() => {});
})();
