// The sections on a classifier: the confusion matrix, galleries, thresholds.
"use strict";
(() => {
  const LABELLED = 40; // classes up to which names stand beside the matrix
  const NUMBERED = 20; // and up to which numbers stand in its cells
  const LARGEST = 46; // pixels of a cell
  const TOUCHABLE = 10; // pixels that a finger or a mouse hits well
  const EDGE = 4; // pixels for the outline of a cell at the border
  const { make, colour } = report;
  const count = (number) => number.toLocaleString("en");
  const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}%`;

  // ---- the matrix

  report.section("confusion", (section, data) => {
    const root = section.querySelector(".confusion");
    const size = data.classes.length;
    const cells = new Map(data.cells.map(([t, p, n]) => [t * size + p, n]));
    const totals = new Array(size).fill(0);
    for (const [t, , n] of data.cells) totals[t] += n;
    let chosen = data.pairs[0] ?? [0, 0];

    const canvas = make("canvas", { class: "matrix", role: "img", tabindex: "0",
      "aria-label": "Confusion matrix; the choices below it open the same cells." });
    const tip = make("output", { class: "tip" });
    const images = make("div");
    const heading = make("h3");
    const pickers = ["true class", "taken for"].map((label, axis) => picker(label, axis));
    root.append(
      make("div", { class: "matrix-and-pairs" },
        make("div", { class: "matrix-box" }, canvas, tip), pairs()),
      make("div", { class: "filters" }, ...pickers.map(({ label }) => label)), heading, images);

    const describe = (t, p) => {
      const n = cells.get(t * size + p) ?? 0;
      const verb = t === p ? "recognized" : `taken for ${data.classes[p]}`;
      return `${data.classes[t]} ${verb}: ${count(n)} of ${count(totals[t])}`
        + (totals[t] ? ` (${percent(n / totals[t])})` : "");
    };

    function picker(text, axis) {
      const options = data.classes.map((name, value) => make("option", { value, text: name }));
      const box = make("select", { onchange: () => {
        const cell = [...chosen];
        cell[axis] = Number(box.value);
        choose(...cell);
      } }, ...options);
      return { box, label: make("label", {}, make("span", { text }), box) };
    }

    function pairs() {
      const buttons = data.pairs.map(([t, p]) => make("button", { class: "pair", onclick: () => choose(t, p) },
        make("span", { text: `${data.classes[t]} → ${data.classes[p]}` }),
        make("b", { text: count(cells.get(t * size + p)) })));
      if (!buttons.length) return make("p", { class: "note", text: "No image is misclassified." });
      return make("div", { class: "pairs-list" }, make("h3", { text: "Most often confused" }), ...buttons);
    }

    function choose(t, p) {
      chosen = [t, p];
      pickers.forEach(({ box }, axis) => { box.value = chosen[axis]; });
      const items = data.images.filter(([, a, b]) => a === t && b === p)
        .map(([picture, , , score, name]) => ({ picture, title: `score ${score.toFixed(3)}`, lines: [name] }));
      const all = cells.get(t * size + p) ?? 0;
      const part = items.length < all ? `; ${count(items.length)} shown` : "";
      heading.textContent = describe(t, p) + part;
      report.gallery(images, items, all ? "Its pictures are not in this report." : "No images.");
      draw();
    }

    let layout = null;

    function measure() {
      const width = canvas.parentElement.clientWidth;
      const margin = size <= LABELLED ? Math.min(110, Math.round(width / 4)) : 14;
      const ratio = window.devicePixelRatio || 1;
      // whole device pixels where they suffice, so that cells have sharp edges
      const exact = Math.min(LARGEST, (width - margin - EDGE) / size);
      const cell = exact * ratio >= 1 ? Math.floor(exact * ratio) / ratio : exact;
      return { margin, cell, ratio, side: margin + cell * size + EDGE };
    }

    function draw() {
      layout = measure();
      const { margin, cell, ratio, side } = layout;
      canvas.width = canvas.height = Math.ceil(side * ratio);
      canvas.style.width = canvas.style.height = `${side}px`;
      const pen = canvas.getContext("2d");
      pen.scale(ratio, ratio);
      pen.fillStyle = colour("--page");
      pen.fillRect(margin, margin, cell * size, cell * size);
      for (const [key, n] of cells) fill(pen, Math.floor(key / size), key % size, n);
      if (size <= LABELLED) names(pen);
      else titles(pen);
      const [t, p] = chosen;
      pen.strokeStyle = colour("--text");
      pen.lineWidth = 2;
      pen.strokeRect(margin + p * cell - 1, margin + t * cell - 1, Math.max(cell, 4) + 2, Math.max(cell, 4) + 2);
    }

    function fill(pen, t, p, n) {
      const { margin, cell } = layout;
      const share = n / totals[t];
      // errors are few: their colour grows faster, so that one in a hundred is seen
      pen.globalAlpha = t === p ? 0.1 + 0.9 * share : 0.06 + 0.94 * Math.sqrt(share);
      pen.fillStyle = colour(t === p ? "--blue" : "--red");
      const gap = cell > 8 ? 1 : 0;
      pen.fillRect(margin + p * cell, margin + t * cell, Math.max(cell - gap, 1), Math.max(cell - gap, 1));
      pen.globalAlpha = 1;
      if (size > NUMBERED || cell < 18) return;
      pen.fillStyle = share > (t === p ? 0.5 : 0.4) ? "#ffffff" : colour("--text");
      pen.font = `${Math.min(13, cell / 2.8)}px system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(n, margin + (p + 0.5) * cell, margin + (t + 0.5) * cell);
    }

    function names(pen) {
      const { margin, cell } = layout;
      pen.fillStyle = colour("--quiet");
      pen.font = `${Math.min(12, Math.max(8, cell * 0.7))}px system-ui, sans-serif`;
      pen.textBaseline = "middle";
      data.classes.forEach((name, i) => {
        const text = shorten(pen, name, margin - 8);
        pen.textAlign = "right";
        pen.fillText(text, margin - 6, margin + (i + 0.5) * cell);
        pen.save();
        pen.translate(margin + (i + 0.5) * cell, margin - 6);
        pen.rotate(-Math.PI / 2);
        pen.textAlign = "left";
        pen.fillText(text, 0, 0);
        pen.restore();
      });
    }

    function titles(pen) {
      pen.fillStyle = colour("--quiet");
      pen.font = "10px system-ui, sans-serif";
      pen.textBaseline = "top";
      pen.fillText("taken for →", layout.margin, 1);
      pen.save();
      pen.rotate(-Math.PI / 2);
      pen.textAlign = "right";
      pen.fillText("← true class", -layout.margin, 1);
      pen.restore();
    }

    function at(event) {
      const { margin, cell } = layout;
      const box = canvas.getBoundingClientRect();
      const p = Math.floor((event.clientX - box.left - margin) / cell);
      const t = Math.floor((event.clientY - box.top - margin) / cell);
      return t >= 0 && p >= 0 && t < size && p < size ? nearest(t, p) : null;
    }

    // A cell of a few pixels cannot be hit: what is chosen then is the nearest one with images.
    function nearest(t, p) {
      const reach = layout.cell < TOUCHABLE ? Math.ceil(TOUCHABLE / 2 / layout.cell) : 0;
      let best = null;
      let least = Infinity;
      for (let a = t - reach; a <= t + reach; a += 1) {
        for (let b = p - reach; b <= p + reach; b += 1) {
          const distance = (a - t) ** 2 + (b - p) ** 2;
          const inside = a >= 0 && b >= 0 && a < size && b < size;
          if (inside && distance < least && cells.has(a * size + b)) [best, least] = [[a, b], distance];
        }
      }
      return best ?? [t, p];
    }

    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    canvas.addEventListener("pointermove", (event) => {
      const cell = at(event);
      tip.textContent = cell ? describe(...cell) : "";
      canvas.style.cursor = cell ? "pointer" : "default";
    });
    canvas.addEventListener("pointerleave", () => { tip.textContent = ""; });
    canvas.addEventListener("click", (event) => {
      const cell = at(event);
      if (cell) choose(...cell);
    });
    canvas.addEventListener("keydown", (event) => {
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      choose(...chosen.map((value, axis) => Math.min(size - 1, Math.max(0, value + move[axis]))));
    });
    new ResizeObserver(() => draw()).observe(canvas.parentElement);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    choose(...chosen);
  });

  function shorten(pen, text, width) {
    let kept = text;
    while (kept.length > 1 && pen.measureText(kept === text ? kept : `${kept}…`).width > width) {
      kept = kept.slice(0, -1);
    }
    return kept === text ? text : `${kept}…`;
  }

  // ---- galleries

  for (const name of ["losses", "labels", "duplicates"]) {
    report.section(name, (section, data) => report.gallery(section.querySelector(".items"), data.items));
  }

  // ---- thresholds

  report.section("thresholds", (section, data) => {
    const root = section.querySelector(".thresholds");
    const table = make("div");
    const options = Object.keys(data.tables).map((value) =>
      make("option", { value, text: value, ...(value === data.first ? { selected: "" } : {}) }));
    const box = make("select", { onchange: () => show() }, ...options);
    root.append(make("div", { class: "filters" },
      make("label", {}, make("span", { text: "wanted precision" }), box)), table);

    function show() {
      const header = ["class", "score ≥", "precision", "recall", "accepted"].map((text, column) =>
        make("th", { text, class: column ? "number" : null }));
      const rows = data.tables[box.value].map(([name, score, precision, recall, accepted, all]) => {
        const cells = score === null
          ? ["not reached", "–", "–"]
          : [accepted === all ? "any" : score.toFixed(score > 0.999 ? 6 : 3), percent(precision), recall === null ? "–" : percent(recall)];
        cells.push(`${count(accepted)} of ${count(all)}`);
        return make("tr", {}, make("td", { text: name }),
          ...cells.map((text) => make("td", { text, class: "number" })));
      });
      rows[0].classList.add("total");
      table.replaceChildren(make("div", { class: "scroll" }, make("table", {},
        make("thead", {}, make("tr", {}, ...header)), make("tbody", {}, ...rows))));
    }
    show();
  });
})();
