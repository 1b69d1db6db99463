// Sorted p-values of a batch, and the alarms of two rules: Benjamini and Hochberg's line, or one
// limit for every row.  P-values are stored as whole numbers of n + 1, so that every comparison
// is exact.
"use strict";

liveFigure("false-discoveries", (app, data) => {
  const { element, svg, slider, choice } = live;
  const { n, cases } = data;
  const [WIDTH, HEIGHT, LEFT] = [480, 200, 46];
  const COLOURS = ["var(--pst-color-primary)", "var(--pst-color-secondary)"];
  const RULES = ["Benjamini–Hochberg", "every p-value up to the rate"];
  let [which, rule] = [0, 0];

  choice(app, "Calibration and batch", cases.map((c) => c.name), (i) => {
    which = i;
    draw();
  });
  choice(app, "Rule", RULES, (i) => {
    rule = i;
    draw();
  });
  const marks = COLOURS.map((fill) => svg("path", { fill }));
  const line = svg("path", { stroke: "currentColor", "stroke-width": 2, fill: "none", "stroke-dasharray": "6 4" });
  const last = svg("path", { stroke: "currentColor", "stroke-width": 1, fill: "none" });
  const text = (x, y, words, anchor = "end") =>
    Object.assign(svg("text", { x, y, "text-anchor": anchor, fill: "currentColor", "font-size": 13 }), { textContent: words });
  const x = (k, m) => LEFT + ((WIDTH - LEFT) * Math.log10(k)) / Math.log10(m);
  const lowest = Math.log10(1 / (n + 1)) - 0.3;
  const y = (p) => (HEIGHT * Math.log10(Math.max(p, 10 ** lowest))) / lowest;
  const ticks = [1, 0.1, 0.01, 0.001].map((p) => text(LEFT - 6, y(p) + 5 + (p === 1 ? 5 : 0), String(p)));
  const chart = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT + 2}`, role: "img" },
    svg("path", { d: `M${LEFT} 0V${HEIGHT}H${WIDTH}`, stroke: "currentColor", fill: "none" }),
    ...ticks, ...marks, line, last,
  );
  const row = (...children) =>
    app.append(element("div", { style: "display: flex; flex-wrap: wrap; gap: 0 1rem; justify-content: space-between; font-size: 0.85rem" }, ...children));
  const key = (colour, words) =>
    element("span", {}, element("span", { style: `color: ${colour}`, "aria-hidden": "true" }, "■ "), words);
  row(key(COLOURS[0], "normal rows"), key(COLOURS[1], "anomalies"), element("span", {}, "– – limit; alarms left of the line"));
  app.append(chart);
  row(element("span", {}, "p-value (up) against its place in the sorted batch, both logarithmic"));
  const target = slider(
    app,
    { label: "target rate", min: 1, max: 50, step: 1, value: data.start, text: (v) => `${v} %` },
    () => draw(),
  );
  const rare = slider(
    app,
    { label: "anomalies in the batch", min: 0, max: cases[0].strange.length, step: 1, value: cases[0].strange.length },
    () => draw(),
  );
  const values = element("div", {
    style: "display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); column-gap: 2rem",
  });
  app.append(values);
  const cells = ["alarms", "share of false alarms", "anomalies found"].map((words) => {
    const cell = element("output", { style: "justify-self: end" });
    values.append(element("div", { class: "live-slider" }, words, element("span"), cell));
    return cell;
  });

  const draw = () => {
    const [rate, count] = [target.valueAsNumber, rare.valueAsNumber];
    const { normal, strange } = cases[which];
    const rows = [...normal.map((r) => [r, 0]), ...strange.slice(0, count).map((r) => [r, 1])];
    rows.sort((a, b) => a[0] - b[0]);
    const m = rows.length;
    // p <= rate: rank / (n + 1) against rate percent, and against k / m of it
    let alarms = 0;
    rows.forEach(([rank], i) => {
      const limit = rule ? m : i + 1;
      if (100 * rank * m <= rate * (n + 1) * limit) alarms = i + 1;
    });
    const found = rows.slice(0, alarms).filter((r) => r[1]).length;
    marks.forEach((mark, kind) => {
      const d = rows.map(([rank, of], i) =>
        of === kind ? `M${(x(i + 1, m) - 2).toFixed(1)} ${(y(rank / (n + 1)) - 2).toFixed(1)}h4v4h-4z` : "");
      mark.setAttribute("d", d.join(""));
    });
    const share = rate / 100;
    const points = rule
      ? [[1, share], [m, share]]
      : Array.from({ length: 60 }, (_, i) => m ** (i / 59)).map((k) => [k, (share * k) / m]);
    const inside = points.filter((p) => Math.log10(p[1]) >= lowest);
    line.setAttribute("d", inside.map(([k, p], i) => `${i ? "L" : "M"}${x(k, m).toFixed(1)} ${y(p).toFixed(1)}`).join(""));
    last.setAttribute("d", alarms ? `M${x(alarms + 0.5, m).toFixed(1)} 0V${HEIGHT}` : "");
    const shares = [
      String(alarms),
      alarms ? `${((100 * (alarms - found)) / alarms).toFixed(0)} %` : "no alarm",
      count ? `${found} of ${count}` : "none to find",
    ];
    shares.forEach((words, i) => {
      cells[i].textContent = words;
    });
    chart.setAttribute("aria-label",
      `Sorted p-values of ${m} rows, ${cases[which].name}; ${RULES[rule]} at ${rate} %: ${alarms} alarms, ${alarms - found} of them false.`);
  };
  draw();
});
