// Charts of a campaign, by uPlot. Numbers come as JSON; colours are the style sheet's.
"use strict";
(() => {
  const root = document.getElementById("charts");
  if (!root) return;
  const HEIGHT = 270;
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const made = new Map(), texts = new Map();
  let curves = null, histogram = null, chosen = null;

  const round = (v) => (v == null ? "–" : Math.abs(v) >= 100 ? v.toFixed(0) : String(Number(v.toPrecision(3))));
  const axis = (label, values) => ({
    label, stroke: css("soft"), size: 50, labelSize: 22,
    grid: { stroke: css("line"), width: 1 }, ticks: { stroke: css("line"), width: 1 },
    values: values || ((_, ticks) => ticks.map((v) => (v == null ? "" : round(v)))),
    font: "12px system-ui", labelFont: "12px system-ui",
  });
  const line = (label, colour, more) => ({
    label, stroke: css(colour), width: 2, spanGaps: true, value: (_, v) => round(v),
    points: { size: 7, fill: css(colour) }, ...more,
  });

  function draw(id, options, data) {
    const place = document.getElementById(id);
    made.get(id)?.destroy();
    made.delete(id);
    place.textContent = "";
    if (!data || !data[0].length) {
      const none = document.createElement("p");
      none.className = "none";
      none.textContent = "Nothing to show yet.";
      place.append(none);
      return;
    }
    const width = Math.max(240, place.clientWidth);
    made.set(id, new uPlot({ width, height: HEIGHT, padding: [10, 14, 0, 0], ...options }, data, place));
  }

  // Shades the candidates: what lies between the trust levels.
  const band = (trust) => ({
    hooks: { drawClear: [(u) => {
      const [left, right] = [trust.lower, trust.upper].map((v) => {
        const { left: l, width: w } = u.bbox, x = u.valToPos(v, "x", true);
        return Math.min(Math.max(x, l), l + w);
      });
      u.ctx.save();
      u.ctx.globalAlpha = 0.18;
      u.ctx.fillStyle = css("orange");
      u.ctx.fillRect(left, u.bbox.top, right - left, u.bbox.height);
      u.ctx.restore();
    }] },
  });

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

  const log = (_, low, high) => (low === high ? [low / 2, high * 2] : [low / 1.15, high * 1.15]);
  // 1, 2 and 5 of each decade; 1 alone where there are many.
  function logSplits(_, __, low, high) {
    const from = Math.floor(Math.log10(low)), to = Math.ceil(Math.log10(high));
    const steps = to - from > 3 ? [1] : [1, 2, 5];
    const all = [];
    for (let n = from; n <= to; n++) for (const s of steps) all.push(Number(`${s}e${n}`));
    return all.filter((v) => v >= low && v <= high);
  }
  const logAxis = (label) => ({ ...axis(label, (_, ticks) => ticks.map(round)), splits: logSplits, filter: (_, ticks) => ticks });

  function calibration() {
    const { deviation, error, record } = curves.calibration;
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
      series: [{ label: "deviation", value: (_, v) => round(v) },
        line("labelled frames", "blue", { stroke: css("blue"), paths: () => null, points: { show: true, size: 5, fill: css("blue"), width: 0 } }),
        ...lines.map(([series]) => series)],
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

  const which = document.getElementById("which");
  function offer() {
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

  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(redraw, 150); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  document.addEventListener("refreshed", () => refresh().catch(() => {}));
  refresh().catch(() => {});
})();
