// Charts of a campaign, by uPlot. Numbers come as JSON; colours are the style sheet's.
"use strict";
(() => {
  const root = document.getElementById("charts");
  if (!root) return;
  const { css, round, axis, line, dots, log, logAxis, band, draw, follow } = plots;
  const texts = new Map();
  let curves = null, histogram = null, chosen = null, asked = "";

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

  // All labelled frames with the latest calibration, or an iteration's with its own.
  function calibration() {
    const all = curves.calibration;
    const at = asked === "" ? null : Number(asked);
    const rows = all.deviation.map((_, i) => i).filter((i) => at === null || all.iteration[i] === at);
    const deviation = rows.map((i) => all.deviation[i]), error = rows.map((i) => all.error[i]);
    const record = at === null ? all.record : all.records[at] ?? null;
    const pooled = record?.levels.find((one) => one.group === "");
    const lines = !pooled || pooled.ratio == null ? [] : [
      [line(`${round(100 * (1 - record.missed))} % below`, "orange", { points: { show: false } }), deviation.map((d) => d * pooled.ratio)],
      [line("half below", "orange", { dash: [3, 4], points: { show: false } }), deviation.map((d) => d * pooled.typical)],
      [line("bearable error", "grey", { width: 1, points: { show: false } }), deviation.map(() => record.bearable_error)],
    ];
    draw("calibration", {
      scales: { x: { time: false, distr: 3, range: log }, y: { distr: 3, range: log } },
      axes: [logAxis("deviation before training (eV/Å)"), logAxis("largest force error (eV/Å)")],
      plugins: record ? [band(pooled ? pooled.trust : record.fixed)] : [],
      series: [{ label: "deviation", value: (_, v) => round(v) }, dots("labelled frames", "blue"), ...lines.map(([series]) => series)],
    }, [deviation, error, ...lines.map(([, values]) => values)]);
  }

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

  const which = document.getElementById("which"), when = document.getElementById("when");
  function offer() {
    const labelled = ["", ...[...new Set(curves.calibration.iteration)].sort((a, b) => a - b).map(String)];
    if ([...when.options].map((o) => o.value).join() !== labelled.join()) {
      when.replaceChildren(...labelled.map((i) => new Option(i || "all", i)));
      asked = labelled.includes(asked) ? asked : "";
      when.value = asked;
    }
    const indices = curves.fractions.map((row) => String(row.iteration));
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
    calibration();
  });

  async function refresh() {
    const text = await fresh(root.dataset.curves);
    if (text !== null) {
      curves = JSON.parse(text);
      offer();
      learning();
      fractions();
      calibration();
      if (chosen === null) deviations();
    }
    if (chosen !== null && text !== null) await choose();
  }
  function redraw() {
    if (curves) [learning, fractions, calibration, deviations].forEach((f) => f());
  }

  follow(redraw);
  document.addEventListener("refreshed", () => refresh().catch(() => {}));
  refresh().catch(() => {});
})();
