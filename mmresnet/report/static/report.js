// What all sections of a report share: pictures, galleries, sortable tables, plots.
"use strict";
const report = (() => {
  const content = JSON.parse(document.getElementById("report-data").textContent);
  const scripts = new Map();
  const FIRST = innerWidth < 640 ? 12 : 27; // items of a gallery that are shown at first
  const MORE = 48; // and added at once
  const SMALL = 40; // pixels of a picture that is enlarged without smoothing

  // make("p", {class: "note", text: "…"}, child…): an element; texts are never parsed as HTML
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined) continue;
      if (name === "text") element.textContent = value;
      else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  // Call action once, when the element comes near the visible part of the page.
  function whenVisible(element, action) {
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      action();
    }, { rootMargin: "400px" });
    observer.observe(element);
  }

  // ---- pictures

  function picture(index, alt = "") {
    const uri = index === null || index === undefined ? undefined : content.pictures[index];
    if (uri === undefined) return make("span", { class: "no-picture", text: "no picture" });
    const image = make("img", { src: uri, alt, decoding: "async" });
    sharpen(image);
    return image;
  }

  function sharpen(image) {
    image.addEventListener("load", () => {
      image.style.imageRendering = image.naturalWidth <= SMALL ? "pixelated" : "";
    });
  }

  function fillPictures(root) {
    for (const image of root.querySelectorAll("img[data-picture]")) {
      sharpen(image);
      whenVisible(image, () => { image.src = content.pictures[image.dataset.picture] ?? ""; });
    }
  }

  const lightbox = document.getElementById("lightbox");
  let viewed = { items: [], index: 0 };
  sharpen(lightbox.querySelector("img"));
  lightbox.addEventListener("click", (event) => {
    if (event.target === lightbox) lightbox.close();
  });
  lightbox.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  lightbox.querySelector(".before").addEventListener("click", () => step(-1));
  lightbox.querySelector(".after").addEventListener("click", () => step(1));

  // Show an item in large; the arrows lead to its neighbours among others.
  function enlarge(item, items = [item]) {
    viewed = { items, index: items.indexOf(item) };
    step(0);
    lightbox.showModal();
  }

  function step(by) {
    const { items } = viewed;
    viewed.index = Math.min(Math.max(viewed.index + by, 0), items.length - 1);
    const item = items[viewed.index];
    const image = lightbox.querySelector("img");
    image.src = content.pictures[item.large ?? item.picture] ?? "";
    image.hidden = !image.getAttribute("src");
    lightbox.querySelector("h3").textContent = item.title ?? "";
    const lines = (item.lines ?? []).map((text) => make("p", { text }));
    lightbox.querySelector("div").replaceChildren(...lines);
    lightbox.querySelector(".before").disabled = viewed.index === 0;
    lightbox.querySelector(".after").disabled = viewed.index === items.length - 1;
    lightbox.classList.toggle("single", items.length === 1);
  }

  // ---- galleries

  // items: {picture, title, lines: [text…], tags: {name: value}, large: picture}.
  // A click enlarges. Each tag with several values becomes a filter above the pictures.
  function gallery(element, items, empty = "No images.") {
    const chosen = {};
    const grid = make("div", { class: "gallery" });
    const more = make("button", { class: "more", onclick: () => addPage() });
    const count = make("span", { class: "count" });
    let shown = [];
    let next = 0;

    function addPage() {
      const page = shown.slice(next, next + (next ? MORE : FIRST));
      grid.append(...page.map((item) => card(item, shown)));
      next += page.length;
      more.textContent = `Show more (${(shown.length - next).toLocaleString("en")} left)`;
      more.hidden = next >= shown.length;
    }

    function show() {
      const wanted = Object.entries(chosen);
      shown = items.filter((item) => wanted.every(([tag, value]) => String(item.tags?.[tag]) === value));
      next = 0;
      grid.replaceChildren(...(shown.length ? [] : [make("p", { class: "note", text: empty })]));
      count.textContent = `${shown.length.toLocaleString("en")} of ${items.length.toLocaleString("en")}`;
      addPage();
    }

    const filters = tagsOf(items).map(([tag, values]) => select(tag, values, (value) => {
      if (value === null) delete chosen[tag];
      else chosen[tag] = value;
      show();
    }));
    const bar = filters.length ? [make("div", { class: "filters" }, ...filters, count)] : [];
    element.replaceChildren(...bar, grid, more);
    show();
  }

  function card(item, items) {
    const words = [make("strong", { text: item.title ?? "" })];
    for (const text of item.lines ?? []) words.push(make("span", { text }));
    return make("button", { class: "card", onclick: () => enlarge(item, items) },
      picture(item.picture, item.title), ...words);
  }

  function tagsOf(items) {
    const tags = new Map();
    for (const item of items) {
      for (const [tag, value] of Object.entries(item.tags ?? {})) {
        if (!tags.has(tag)) tags.set(tag, new Map());
        const counts = tags.get(tag);
        counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
      }
    }
    return [...tags].filter(([, values]) => values.size > 1);
  }

  // A labelled choice among values (a Map from value to count); changed(null) means all.
  function select(label, values, changed) {
    const ordered = [...values].sort((a, b) => a[0].localeCompare(b[0], "en", { numeric: true }));
    const options = ordered.map(([value, count], index) =>
      make("option", { value: index, text: `${value} (${count.toLocaleString("en")})` }));
    const all = make("option", { value: "", text: "all" });
    const box = make("select", {
      "data-filter": label,
      onchange: () => changed(box.value === "" ? null : ordered[box.value][0]),
    }, all, ...options);
    return make("label", {}, make("span", { text: label }), box);
  }

  // ---- tables

  function sortBy(table, column, button) {
    const down = button.dataset.order !== "down";
    for (const other of table.querySelectorAll("th button")) delete other.dataset.order;
    button.dataset.order = down ? "down" : "up";
    const key = (row) => {
      const cell = row.cells[column];
      if (cell.dataset.value === undefined) return cell.textContent;
      return Number(cell.dataset.value === "nan" ? -Infinity : cell.dataset.value);
    };
    const compare = (a, b) => (typeof a === "number" && typeof b === "number")
      ? b - a : String(a).localeCompare(String(b), "en", { numeric: true });
    const rows = [...table.tBodies[0].rows].map((row) => [key(row), row]);
    rows.sort((a, b) => (down ? 1 : -1) * compare(a[0], b[0]));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }

  function makeSortable(root) {
    for (const table of root.querySelectorAll("table.sortable")) {
      [...table.tHead.rows[0].cells].forEach((cell, column) => {
        const button = cell.querySelector("button");
        button.addEventListener("click", () => sortBy(table, column, button));
      });
    }
  }

  // ---- plots

  let loading = null;
  const drawn = new Map();
  const touch = matchMedia("(pointer: coarse)").matches;
  const ZOOM = ["zoomIn2d", "zoomOut2d", "resetScale2d"];
  const BUTTONS = [touch ? ZOOM : ["toImage", "zoom2d", "pan2d", ...ZOOM]];

  // plotly is unpacked when the first plot becomes visible
  function loadPlotly() {
    loading ??= (async () => {
      const packed = atob(document.getElementById("plotly").textContent);
      const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      const text = await new Response(stream).text();
      document.body.append(make("script", { text }));
      return window.Plotly;
    })();
    return loading;
  }

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function styled(layout) {
    const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--line"),
      linecolor: colour("--line"), automargin: true };
    const axes = {};
    for (const name of ["xaxis", "yaxis", ...Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))]) {
      axes[name] = { ...axis, ...layout[name] };
    }
    return {
      paper_bgcolor: "transparent", plot_bgcolor: "transparent",
      colorway: ["--blue", "--orange", "--green", "--red", "--purple", "--grey"].map(colour),
      font: { family: "system-ui, sans-serif", size: 12, color: colour("--text") },
      margin: { l: 48, r: 12, t: layout.title || touch ? 40 : 12, b: 40 },
      modebar: { bgcolor: "transparent", color: colour("--grey"), activecolor: colour("--blue") },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      hoverlabel: { font: { family: "system-ui, sans-serif" } },
      dragmode: touch ? false : "zoom", // a finger that scrolls the page must not zoom
      ...layout, ...axes,
    };
  }

  async function plot(element, figure) {
    const plotly = await loadPlotly();
    drawn.set(element, figure);
    await plotly.react(element, figure.data, styled(figure.layout ?? {}),
      { responsive: true, displaylogo: false, modeBarButtons: BUTTONS, displayModeBar: touch || "hover" });
    element.dataset.drawn = "yes"; // its size is final, and what waited for it is done before any click
    return element;
  }

  function drawPlots(root) {
    for (const element of root.querySelectorAll(".plot")) {
      const source = element.querySelector("script[type='application/json']");
      if (!source) continue;
      const figure = JSON.parse(source.textContent);
      source.remove();
      whenVisible(element, () => plot(element, figure));
    }
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const [element, figure] of drawn) plot(element, figure);
  });

  // ---- sections

  // Mark the link of the section that is read.
  function followReading() {
    const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        links.get(entry.target.id)?.classList.toggle("current", entry.isIntersecting);
      }
    }, { rootMargin: "-20% 0px -75% 0px" });
    for (const element of document.querySelectorAll("main > section")) observer.observe(element);
  }

  function section(name, draw) { scripts.set(name, draw); }

  function start() {
    for (const element of document.querySelectorAll("main > section")) {
      const draw = scripts.get(element.id);
      if (draw && element.id in content.sections) { // a note may stand in for a section
        try {
          draw(element, content.sections[element.id]);
        } catch (error) {
          element.append(make("p", { class: "note", text: `This part cannot be shown: ${error.message}` }));
          console.error(error);
        }
      }
      fillPictures(element);
      makeSortable(element);
      drawPlots(element);
    }
    followReading();
    document.documentElement.dataset.ready = "yes";
  }
  document.addEventListener("DOMContentLoaded", start);

  return { section, gallery, picture, enlarge, plot, make, select, whenVisible, colour,
    data: content.sections, pictures: content.pictures };
})();
