// Charts of an iteration, a walker or a model.
"use strict";
(() => {
  const root = document.getElementById("charts");
  if (!root) return;
  const { round, axis, line, dots, log, logAxis, band, draw, parity, follow } = plots;
  const asked = new Map();

  async function ask(url) {
    const answer = await fetch(url);
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    return answer.json();
  }
  const x = (label) => ({ label, value: (_, v) => round(v) });
  const linear = { time: false };

  const drawers = {
    iteration: {
      deviation(found) {
        if (!found) return draw("histogram");
        const { edges, counts, trust } = found;
        draw("histogram", {
          scales: { x: { time: false, distr: 3, range: [edges[0], edges[edges.length - 1]] }, y: { range: (_, __, top) => [0, Math.max(1, top * 1.08)] } },
          axes: [logAxis("maximum force deviation (eV/Å)"), axis("samples")],
          plugins: [band(trust)],
          series: [x("from"), line("samples", "blue", { paths: uPlot.paths.stepped({ align: 1 }), fill: `${plots.css("blue")}44`, points: { show: false } })],
        }, [edges, [...counts, 0]]);
      },
      parity: (found) => parity("forces", found.forces, "eV/Å", { candidate: "candidates", audit: "audit frames" }),
      calibration: (found) => plots.calibration("calibration", found),
    },
    walker: {
      walk(found) {
        const time = found.time, sync = { key: "walker" };
        const marks = found.chosen.filter((one) => one.time != null && one.deviation != null);
        // Chosen frames join the series at their own times, which thinning may have left out.
        const rows = new Map(time.map((t, i) => [t, [t, found.deviation[i], null]]));
        for (const one of marks) rows.set(one.time, [one.time, rows.get(one.time)?.[1] ?? null, one.deviation]);
        const at = [...rows.values()].sort((a, b) => a[0] - b[0]);
        const clock = { ...axis("time (ps)"), space: 90 };
        const common = { cursor: { sync }, scales: { x: linear } };
        draw("deviation", {
          ...common, scales: { x: linear, y: { range: (_, __, top) => [0, top * 1.08] } },
          axes: [clock, axis("deviation (eV/Å)")],
          plugins: found.trust ? [band(found.trust, "y")] : [],
          series: [x("time"), line("largest deviation", "blue", { width: 1.5, points: { show: false } }), dots("chosen", "orange", { hollow: true, size: 9 })],
        }, [at.map((r) => r[0]), at.map((r) => r[1]), at.map((r) => r[2])]);
        draw("temperature", {
          ...common, axes: [clock, axis("temperature (K)")],
          series: [x("time"), line("of the sample", "blue", { width: 1.5, points: { show: false } }), line("of the thermostat", "orange", { dash: [8, 4], points: { show: false } })],
        }, [time, found.temperature, found.target]);
        const known = found.pressure.some((v) => v != null);
        draw("pressure", {
          ...common, axes: [clock, axis("pressure (GPa)")],
          series: [x("time"), line("of the sample", "blue", { width: 1.5, points: { show: false } })],
        }, known ? [time, found.pressure] : null);
      },
    },
    glass: {
      curves(all) {
        const found = all ?? [], what = document.getElementById("what");
        const names = found.map((one) => one.name), titles = found.map((one) => one.title);
        if ([...what.options].map((o) => o.value).join() !== names.join()) {
          const chosen = what.value;
          what.replaceChildren(...names.map((name, k) => new Option(titles[k], name)));
          if (names.includes(chosen)) what.value = chosen;
        }
        const one = found.find((each) => each.name === what.value);
        if (!one) return draw("structure");
        const drawn = [[one.x, one.y], ...one.references.map(([, xs, ys]) => [xs, ys])];
        const rows = drawn.flatMap(([xs, ys], k) => xs.map((v, i) => [v, k, ys[i]])).filter(([v]) => v != null).sort((a, b) => a[0] - b[0]);
        const looks = [["orange", [8, 4]], ["green", [2, 4]], ["pink", [10, 3, 2, 3]]].map(([colour, dash]) => [colour, { dash, points: { show: false } }]);
        draw("structure", {
          scales: { x: linear }, axes: [axis(one.x_label), axis(one.y_label)],
          series: [x(one.x_label), line("these glasses", "blue", { points: { show: false } }), ...one.references.map(([source], k) => line(source, ...looks[k % 3]))],
        }, [rows.map((r) => r[0]), ...drawn.map((_, k) => rows.map((r) => (r[1] === k ? r[2] : undefined)))]);
      },
    },
    model: {
      model(found) {
        const names = { train: "train", valid: "valid", test: "test" };
        const curve = found.curve;
        const pair = (what) => [
          line("train", "blue", { points: { show: false } }), line("valid", "orange", { dash: [8, 4], points: { show: false } }),
        ].map((series, i) => [series, curve?.[`rmse_${what}_${["trn", "val"][i]}`] ?? (i ? undefined : curve?.[`rmse_${what}`])]).filter(([, values]) => values);
        if (document.getElementById("curve")) for (const [id, what, unit] of [["curve", "f", "force RMSE (eV/Å)"], ["energy-curve", "e", "energy RMSE (eV/atom)"]]) {
          const found = curve ? pair(what) : [];
          const positive = (values) => values.map((v) => (v > 0 ? v : null));
          draw(id, {
            scales: { x: linear, y: { distr: 3, range: log } }, axes: [axis("step"), logAxis(unit)],
            series: [x("step"), ...found.map(([series]) => series)],
          }, found.length ? [curve.step, ...found.map(([, values]) => positive(values))] : null);
        }
        parity("forces", found.forces, "eV/Å", names);
        parity("energies", found.energies, "eV/atom", names);
      },
    },
  }[root.dataset.kind];

  function redraw() {
    for (const [what, found] of asked) drawers[what](found);
  }
  async function refresh() {
    for (const what of Object.keys(drawers)) {
      const url = root.dataset[what] ?? document.getElementById("system")?.selectedOptions[0]?.dataset.url;
      const found = url ? await ask(url) : null;
      if (asked.has(what) && JSON.stringify(asked.get(what)) === JSON.stringify(found)) continue;
      asked.set(what, found);
      drawers[what](found);
    }
  }
  document.getElementById("system")?.addEventListener("change", () => refresh().catch(() => {}));
  document.getElementById("what")?.addEventListener("change", redraw);
  follow(redraw);
  document.addEventListener("refreshed", () => refresh().catch(() => {}));
  refresh().catch(() => {});
})();
