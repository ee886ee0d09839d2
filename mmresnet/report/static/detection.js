// The sections about a detector: curves, kinds of errors, the confusion matrix, the worst images.
"use strict";
(() => {
  const FEW = 6; // classes up to which each has a colour and a name in the legend
  const MOST_NUMBERS = 26; // rows up to which the cells of the matrix have their numbers in them

  // plotly takes texts for simple HTML
  const literal = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const short = (text) => literal(text.length > 24 ? `${text.slice(0, 23)}…` : text);

  const onNewColours = (draw) =>
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  for (const name of ["worst-images", "detection-errors"]) {
    report.section(name, (element, data) => {
      report.gallery(element.querySelector(".pictures"), data.items, "No mistakes.");
    });
  }

  // ---- curves of each class and of all, one of which is chosen

  function traces(data, rows, chosen) {
    const few = data.classes.length <= FEW;
    return rows.map((y, row) => {
      const all = row === data.classes.length;
      const picked = row === chosen;
      const line = { width: all || picked ? 3 : 1.25 };
      if (picked) line.color = report.colour("--red");
      else if (all) line.color = report.colour("--text");
      else if (!few) line.color = report.colour("--grey");
      return {
        type: "scatter", mode: "lines", x: data.x, y, line,
        name: all ? "all classes" : short(data.classes[row]),
        opacity: all || picked ? 1 : few && chosen === null ? 0.9 : 0.35,
        showlegend: few || all || picked, hoverlabel: { namelength: -1 },
      };
    });
  }

  function curves(element, data) {
    const plots = [...element.querySelectorAll(".plot")];
    const layout = {
      xaxis: { title: { text: data.xtitle }, range: [0, 1] },
      yaxis: { title: { text: data.ytitle }, range: [0, 1.02] },
      hovermode: "closest",
    };
    let chosen = null;
    const shown = new Set();
    const draw = () => {
      for (const plot of shown) {
        report.plot(plot, { data: traces(data, data.plots[plot.dataset.plot], chosen), layout });
      }
    };
    for (const plot of plots) report.whenVisible(plot, () => { shown.add(plot); draw(); });
    onNewColours(draw);
    const objects = new Map(data.classes.map((name, row) => [name, data.objects[row]]));
    element.querySelector(".choice").append(report.select("Class", objects, (name) => {
      chosen = name === null ? null : data.classes.indexOf(name);
      draw();
    }));
  }
  report.section("precision-recall", curves);
  report.section("score-threshold", curves);

  // ---- the confusion matrix

  report.section("detection-confusion", (element, data) => {
    const names = [...data.classes, "background"];
    const last = data.classes.length;
    const plot = element.querySelector(".confusion");
    const pictures = element.querySelector(".pictures");
    plot.style.height = `${Math.min(1000, Math.max(320, 24 * names.length + 150))}px`;

    const cells = data.counts.flatMap((row, i) => row.map((count, j) => ({ i, j, count })))
      .filter((cell) => cell.count > 0);
    cells.sort((a, b) => (a.i === a.j) - (b.i === b.j) || b.count - a.count);
    const title = ({ i, j }) => i === j ? `${names[i]}, right`
      : j === last ? `${names[i]}, missed`
        : i === last ? `${names[j]}, nothing there` : `${names[i]}, found as ${names[j]}`;

    const choice = report.make("select", { "aria-label": "cell", onchange: () => open(cells[choice.value]) },
      ...cells.map((cell, value) => report.make("option", { value, text: `${title(cell)} (${cell.count})` })));
    const count = report.make("span", {});
    element.querySelector(".choice").append(choice, count);

    function open(cell) {
      const items = data.cells[`${cell.i},${cell.j}`] ?? [];
      choice.value = cells.indexOf(cell);
      count.textContent = items.length < cell.count ? `${items.length} of ${cell.count} are shown` : "";
      report.gallery(pictures, items, "There are no pictures of this cell.");
    }

    // the share of its row, in blue on the diagonal and in red elsewhere; the root tells small ones apart
    function layer(on, colour) {
      const z = data.counts.map((row, i) => {
        const sum = row.reduce((a, b) => a + b, 0);
        return row.map((n, j) => (n > 0 && (i === j) === on ? Math.sqrt(n / sum) : null));
      });
      return {
        type: "heatmap", z, showscale: false, zmin: 0, zmax: 1, xgap: 1, ygap: 1, hoverongaps: false,
        colorscale: [[0, `${report.colour(colour)}11`], [1, `${report.colour(colour)}cc`]],
        text: z.map((row, i) => row.map((value, j) => (value === null ? "" : data.counts[i][j]))),
        texttemplate: names.length <= MOST_NUMBERS ? "%{text}" : "",
        textfont: { color: report.colour("--text") },
        customdata: data.counts.map((row, i) => row.map((n, j) => literal(`${title({ i, j })}: ${n}`))),
        hovertemplate: "%{customdata}<extra></extra>",
      };
    }

    const axis = {
      tickvals: names.map((_, i) => i), ticktext: names.map(short), showgrid: false, zeroline: false,
      range: [-0.5, last + 0.5], tickfont: { size: names.length > 30 ? 9 : 12 },
      fixedrange: true, // two quick clicks are a double click, which would turn the matrix upside down
    };
    const tickangle = names.length > 6 ? -60 : 0;
    const layout = {
      xaxis: { ...axis, title: { text: "found", standoff: 8 }, side: "top", tickangle },
      yaxis: { ...axis, title: { text: "true", standoff: 8 }, range: [last + 0.5, -0.5] },
      margin: { l: 60, r: 12, t: 60, b: 12 }, dragmode: false,
    };
    const draw = () => report.plot(plot, { data: [layer(true, "--blue"), layer(false, "--red")], layout });
    report.whenVisible(plot, async () => {
      await draw();
      onNewColours(draw);
      plot.on("plotly_click", ({ points: [point] }) => {
        open(cells.find((cell) => cell.i === point.y && cell.j === point.x));
      });
    });
    if (cells.length) open(cells[0]);
  });
})();
