// A frame in three dimensions, by 3Dmol.js: its atoms coloured by what the committee is unsure of.
"use strict";
(async () => {
  const place = document.getElementById("viewer");
  if (!place) return;
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const by = document.getElementById("colour-by"), scale = document.getElementById("scale"), key = document.getElementById("key");
  // Cividis (Nuñez, Anderton and Renslow 2018): looks the same to colour-blind readers.
  const RAMP = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];
  const ELEMENTS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", "#999999"];
  const round = (v) => String(Number(v.toPrecision(3)));
  const parts = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

  function ramp(share) {
    const at = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1), i = Math.min(Math.floor(at), RAMP.length - 2);
    const [a, b] = [parts(RAMP[i]), parts(RAMP[i + 1])];
    return `#${a.map((v, k) => Math.round(v + (b[k] - v) * (at - i)).toString(16).padStart(2, "0")).join("")}`;
  }
  function tell(text) {
    const none = document.createElement("p");
    none.className = "none";
    none.textContent = text;
    place.replaceChildren(none);
  }

  const answer = await fetch(place.dataset.frame);
  if (!answer.ok) return tell("The atoms could not be read.");
  const frame = await answer.json();
  if (!document.createElement("canvas").getContext("webgl2")) return tell("This browser has no WebGL; the table has the numbers.");

  const viewer = $3Dmol.createViewer(place, { backgroundColor: css("scene"), antialias: true, disableFog: true });
  const lines = frame.symbols.map((symbol, i) => `${symbol} ${frame.positions[i].join(" ")}`);
  viewer.addModel(`${lines.length}\n\n${lines.join("\n")}`, "xyz");
  const kinds = [...new Set(frame.symbols)];

  function box() {
    const [a, b, c] = frame.cell, sum = (...vectors) => vectors.reduce((s, v) => s.map((x, i) => x + v[i]), [0, 0, 0]);
    const point = ([x, y, z]) => ({ x, y, z });
    for (const [edge, others] of [[a, [b, c]], [b, [a, c]], [c, [a, b]]]) {
      for (const corner of [sum(), others[0], others[1], sum(...others)]) {
        viewer.addLine({ start: point(corner), end: point(sum(corner, edge)), color: "#55626f", linewidth: 2 });
      }
    }
  }

  function colours() {
    const values = frame.values[by.value];
    scale.hidden = !values;
    key.hidden = Boolean(values);
    if (!values) {
      key.replaceChildren(...kinds.map((symbol, i) => {
        const item = document.createElement("span");
        item.innerHTML = '<svg class="dot" viewBox="0 0 10 10" aria-hidden="true"><circle cx="5" cy="5" r="5"></circle></svg>';
        item.querySelector("circle").setAttribute("fill", ELEMENTS[i % ELEMENTS.length]);
        item.append(` ${symbol}`);
        return item;
      }));
      return (atom) => ELEMENTS[kinds.indexOf(frame.symbols[atom.index]) % ELEMENTS.length];
    }
    const known = values.filter((v) => v != null), low = Math.min(...known), high = Math.max(...known);
    document.getElementById("low").textContent = `${round(low)} eV/Å`;
    document.getElementById("high").textContent = `${round(high)} eV/Å`;
    return (atom) => (values[atom.index] == null ? css("grey") : ramp(high > low ? (values[atom.index] - low) / (high - low) : 0));
  }

  function show() {
    const colorfunc = colours();
    viewer.setBackgroundColor(css("scene"));
    viewer.removeAllShapes();
    box();
    viewer.setStyle({}, { sphere: { scale: 0.28, colorfunc }, stick: { radius: 0.12, colorfunc } });
    viewer.render();
  }
  const svg = scale.querySelector("svg");
  for (let i = 0; i < 50; i++) {
    const part = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ x: 2 * i, y: 0, width: 2.1, height: 8, fill: ramp(i / 49) })) part.setAttribute(name, value);
    svg.append(part);
  }
  viewer.setStyle({}, {}); // each of these draws: nothing yet
  viewer.zoomTo();
  viewer.rotate(20, "y");
  viewer.rotate(12, "x");
  show();
  place.dataset.drawn = frame.symbols.length;
  by.addEventListener("change", show);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  addEventListener("resize", () => viewer.resize());
})();
