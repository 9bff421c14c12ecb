// What all charts share, on top of uPlot: axes, lines, shaded trust levels, and the numbers as a table.
"use strict";
const plots = (() => {
  const HEIGHT = 270, MOST_ROWS = 200;
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const made = new Map();
  const round = (v) => (v == null ? "–" : Math.abs(v) >= 100 ? v.toFixed(0) : String(Number(v.toPrecision(3))));

  // As wide as its longest number.
  const room = (_, values, k) => (k === 0 ? 34 : Math.max(44, 22 + 7 * Math.max(...(values ?? []).map((v) => String(v ?? "").length))));
  const axis = (label, values) => ({
    label, stroke: css("soft"), size: room, labelSize: 22,
    grid: { stroke: css("line"), width: 1 }, ticks: { stroke: css("line"), width: 1 },
    values: values || ((_, ticks) => ticks.map((v) => (v == null ? "" : round(v)))),
    font: "12px system-ui", labelFont: "12px system-ui",
  });
  const line = (label, colour, more) => ({
    label, stroke: css(colour), width: 2, spanGaps: true, value: (_, v) => round(v),
    points: { size: 7, fill: css(colour) }, ...more,
  });
  // Points alone; hollow and square ones are told apart without colour.
  const dots = (label, colour, { hollow = false, square = false, size = 5, ...more } = {}) => line(label, colour, {
    paths: () => null, spanGaps: false, alone: true, square,
    points: { show: true, size, stroke: css(colour), fill: hollow ? css("card") : css(colour), width: hollow ? 1.2 : 0, ...(square ? { paths: squares } : {}) }, ...more,
  });
  function squares(u, k, from, to) {
    const size = u.series[k].points.size * devicePixelRatio, fill = new Path2D();
    for (let i = from; i <= to; i++) if (u.data[k][i] != null) fill.rect(u.valToPos(u.data[0][i], "x", true) - size / 2, u.valToPos(u.data[k][i], "y", true) - size / 2, size, size);
    return { stroke: null, fill, clip: null, flags: 3 };
  }

  // A series in the legend as it is in the chart: its dash, its points, its area.
  function key(one) {
    const shape = (name, attributes) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [what, value] of Object.entries(attributes)) made.setAttribute(what, value);
      return made;
    };
    const svg = shape("svg", { class: "key", viewBox: "0 0 30 10", "aria-hidden": "true" });
    const { points = {}, dash = [] } = one, r = (points.size ?? 7) / 2;
    if (one.fill) svg.append(shape("rect", { x: 0, y: 5, width: 30, height: 5, fill: one.fill }));
    if (!one.alone) svg.append(shape("line", { x1: 0, x2: 30, y1: 5, y2: 5, stroke: one.stroke, "stroke-width": one.width, "stroke-dasharray": dash.join(" ") }));
    const look = { fill: points.fill, stroke: one.stroke, "stroke-width": points.width ?? 0 };
    if (one.square) svg.append(shape("rect", { x: 15 - r, y: 5 - r, width: 2 * r, height: 2 * r, ...look }));
    else if (points.show !== false) svg.append(shape("circle", { cx: 15, cy: 5, r, ...look }));
    return svg;
  }
  const keys = (series) => (u) => u.root.querySelectorAll(".u-legend .u-series th").forEach((head, k) => k && head.prepend(key(series[k])));

  const log = (_, low, high) => (low === high ? [low / 2, high * 2] : [low / 1.15, high * 1.15]);
  // 1, 2 and 5 of each decade; 1 alone where there are many, more within one.
  function logSplits(_, __, low, high) {
    const from = Math.floor(Math.log10(low)), to = Math.ceil(Math.log10(high));
    const steps = to - from > 3 ? [1] : high / low < 8 ? [1, 1.5, 2, 3, 4, 5, 6, 8] : [1, 2, 5];
    const all = [];
    for (let n = from; n <= to; n++) for (const s of steps) all.push(Number(`${s}e${n}`));
    return all.filter((v) => v >= low && v <= high);
  }
  const logAxis = (label) => ({ ...axis(label, (_, ticks) => ticks.map(round)), splits: logSplits, filter: (_, ticks) => ticks });

  // Shades the candidates: what lies between the trust levels, along x or along y.
  const band = (trust, scale = "x") => ({
    hooks: { drawClear: [(u) => {
      const { left, top, width, height } = u.bbox;
      const [start, size] = scale === "x" ? [left, width] : [top, height];
      const [a, b] = [trust.lower, trust.upper].map((v) => Math.min(Math.max(u.valToPos(v, scale, true), start), start + size)).sort((p, q) => p - q);
      u.ctx.save();
      u.ctx.globalAlpha = 0.18;
      u.ctx.fillStyle = css("orange");
      if (scale === "x") u.ctx.fillRect(a, top, b - a, height);
      else u.ctx.fillRect(left, a, width, b - a);
      u.ctx.restore();
    }] },
  });

  function fill(table, series, data) {
    const head = document.createElement("tr"), body = document.createElement("tbody");
    for (const one of series) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = one.label;
      head.append(cell);
    }
    const n = data[0].length, step = Math.max(1, Math.ceil(n / MOST_ROWS));
    for (let i = 0; i < n; i += step) {
      const row = document.createElement("tr");
      for (const column of data) row.insertCell().textContent = round(column[i]);
      body.append(row);
    }
    const top = document.createElement("thead");
    top.append(head);
    table.replaceChildren(top, body);
    return step;
  }

  // The numbers of a chart, for those who cannot see it; made when somebody opens them.
  function numbers(place, series, data) {
    let box = place.nextElementSibling;
    if (!box?.classList.contains("numbers")) {
      box = document.createElement("details");
      box.className = "numbers";
      box.innerHTML = '<summary>Numbers</summary><p class="hint"></p><div class="wide" tabindex="0" role="region"><table></table></div>';
      box.querySelector("[role]").setAttribute("aria-label", `Numbers of the chart ${document.getElementById(place.getAttribute("aria-labelledby"))?.textContent ?? ""}`);
      place.after(box);
    }
    const show = () => {
      if (!box.open) return;
      const step = fill(box.querySelector("table"), series, data);
      box.querySelector("p").textContent = step > 1 ? `One of ${step} rows is shown.` : "";
    };
    box.ontoggle = show;
    box.hidden = !data;
    if (data) show();
  }

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
      numbers(place, [], null);
      return;
    }
    const width = Math.max(240, place.clientWidth);
    const plugins = [...(options.plugins ?? []), { hooks: { ready: [keys(options.series)] } }];
    made.set(id, new uPlot({ width, height: HEIGHT, padding: [10, 22, 0, 0], legend: { markers: { show: false } }, ...options, plugins }, data, place));
    numbers(place, options.series, data);
  }

  // Clouds {label, predicted} as one chart: points, and the line on which they should lie.
  function parity(id, clouds, unit, names) {
    const rows = clouds.flatMap((cloud, k) => cloud.label.map((x, i) => [x, k, cloud.predicted[i]]));
    const known = rows.filter(([x, , y]) => x != null && y != null).sort((a, b) => a[0] - b[0]);
    const x = known.map((r) => r[0]);
    const styles = [["blue", {}], ["orange", { hollow: true }], ["green", { square: true, size: 6 }]];
    draw(id, {
      scales: { x: { time: false } },
      axes: [axis(`label (${unit})`), axis(`predicted (${unit})`)],
      series: [{ label: "label", value: (_, v) => round(v) },
        ...clouds.map((cloud, k) => dots(names[cloud.name] ?? cloud.name, ...styles[k % 3])),
        line("equal", "grey", { width: 1, points: { show: false } })],
    }, known.length ? [x, ...clouds.map((_, k) => known.map((r) => (r[1] === k ? r[2] : null))), x] : null);
  }

  // True errors against deviations, with what the iteration's calibration says of them.
  function calibration(id, found) {
    if (!found) return draw(id);
    const { deviation, error, record } = found;
    const pooled = record?.levels.find((one) => one.group === "");
    const lines = !pooled || pooled.ratio == null ? [] : [
      [line(`${round(100 * (1 - record.missed))} % below`, "orange", { points: { show: false } }), deviation.map((d) => d * pooled.ratio)],
      [line("half below", "orange", { dash: [3, 4], points: { show: false } }), deviation.map((d) => d * pooled.typical)],
      [line("bearable error", "grey", { width: 1, points: { show: false } }), deviation.map(() => record.bearable_error)],
    ];
    draw(id, {
      scales: { x: { time: false, distr: 3, range: log }, y: { distr: 3, range: log } },
      axes: [logAxis("deviation before training (eV/Å)"), logAxis("largest force error (eV/Å)")],
      plugins: record ? [band(pooled ? pooled.trust : record.fixed)] : [],
      series: [{ label: "deviation", value: (_, v) => round(v) }, dots("labelled frames", "blue"), ...lines.map(([series]) => series)],
    }, [deviation, error, ...lines.map(([, values]) => values)]);
  }

  // Calls `redraw` when the page's width or its colours change.
  function follow(redraw) {
    let waiting;
    addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(redraw, 150); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  }

  return { css, round, axis, line, dots, log, logSplits, logAxis, band, draw, parity, calibration, follow };
})();
