// A threshold over the histogram of anomaly scores, and the rates, the precision and the cost
// that follow.  Scores are counts in bins of equal width, the last of which holds all higher
// ones; the threshold lies on an edge, so that every rate is exact.
"use strict";

liveFigure("threshold", (app, data) => {
  const { element, svg, slider, choice } = live;
  const { step, normal, names, anomalies } = data;
  const bins = normal.length;
  const sum = (counts, from = 0) => counts.slice(from).reduce((a, b) => a + b, 0);
  const [WIDTH, HEIGHT, GROUP] = [480, 150, 5];
  const x = (bin) => (WIDTH * Math.min(bin, bins)) / bins;
  // on the last edge nothing lies above the threshold
  const score = (bin) => (bin === bins - 1 ? "above all" : (bin * step).toFixed(4));
  const COLOURS = ["var(--pst-color-primary)", "var(--pst-color-secondary)"];
  let kind = 0;

  choice(app, "Kind of anomaly", names, (i) => {
    kind = i;
    draw();
  });
  const bars = COLOURS.map((fill) => svg("path", { fill, "fill-opacity": 0.65 }));
  const line = svg("path", { stroke: "currentColor", "stroke-width": 3 });
  const cheapest = svg("path", { fill: "currentColor" });
  const row = (...children) =>
    app.append(element("div", { style: "display: flex; gap: 1rem; justify-content: space-between; font-size: 0.85rem" }, ...children));
  const name = element("span");
  const key = (colour, words) =>
    element("span", {}, element("span", { style: `color: ${colour}`, "aria-hidden": "true" }, "■ "), words);
  const say = (words) => element("span", {}, words);
  row(key(COLOURS[0], "normal digits"), key(COLOURS[1], name), say("▲ lowest cost"));
  const chart = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT + 12}`, role: "img", style: "cursor: ew-resize" },
    ...bars, svg("path", { d: `M0 ${HEIGHT}H${WIDTH}`, stroke: "currentColor" }), cheapest, line,
  );
  app.append(chart);
  row(...["0", "anomaly score", `${((bins - 1) * step).toFixed(2)} and more`].map(say));
  const add = (label, max, value, step, text) =>
    slider(app, { label, min: 0, max, step, value, text }, () => draw());
  const place = add("threshold", bins - 1, data.start, 1, score);
  const rare = add("one anomaly in", 4, 3, 0.1, (v) => (10 ** v).toFixed(0));
  const price = add("a miss costs", 4, 2, 0.1, (v) => `${(10 ** v).toFixed(0)} false alarms`);
  const values = element("div", {
    style: "display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); column-gap: 2rem",
  });
  app.append(values);
  const cells = ["false-alarm rate", "detection rate", "precision", "cost per 1,000 images"].map((words) => {
    const cell = element("output", { style: "justify-self: end" });
    values.append(element("div", { class: "live-slider" }, words, element("span"), cell));
    return cell;
  });

  // heights of the bars: shares of groups of bins
  const shares = (counts) =>
    Array.from({ length: bins / GROUP }, (_, i) => sum(counts.slice(i * GROUP, (i + 1) * GROUP)) / sum(counts));
  const at = (t) => {
    const [base, miss] = [1 / Math.round(10 ** rare.valueAsNumber), Math.round(10 ** price.valueAsNumber)];
    const [alarms, found] = [normal, anomalies[kind]].map((counts) => sum(counts, t + 1) / sum(counts));
    const [real, wrong] = [base * found, (1 - base) * alarms];
    return [alarms, found, real / (real + wrong), 1000 * (wrong + (base - real) * miss)];
  };
  const percent = (v) => (Number.isNaN(v) ? "no alarm" : `${(100 * v).toFixed(1)} %`);
  const draw = () => {
    const t = place.valueAsNumber;
    const heights = [normal, anomalies[kind]].map(shares);
    const most = Math.max(...heights.flat());
    bars.forEach((bar, i) => {
      const steps = heights[i].map((h, j) => `L${x(j * GROUP)} ${HEIGHT * (1 - h / most)}H${x((j + 1) * GROUP)}`);
      bar.setAttribute("d", `M0 ${HEIGHT}${steps.join("")}V${HEIGHT}Z`);
    });
    let best = 0;
    for (let i = 1; i < bins; i++) if (at(i)[3] < at(best)[3]) best = i;
    line.setAttribute("d", `M${x(t + 1)} 0V${HEIGHT}`);
    cheapest.setAttribute("d", `M${x(best + 1)} ${HEIGHT + 1}l6 10h-12z`);
    name.textContent = names[kind];
    at(t).forEach((value, i) => {
      cells[i].textContent = i < 3 ? percent(value) : `${value.toFixed(1)} false alarms`;
    });
    chart.setAttribute("aria-label",
      `Histogram of the scores of normal digits and of ${names[kind]}; threshold ${score(t)}, threshold of lowest cost ${score(best)}.`);
  };
  const follow = (event) => {
    const area = chart.getBoundingClientRect();
    place.value = Math.round((bins * (event.clientX - area.left)) / area.width) - 1;
    place.dispatchEvent(new Event("input"));
  };
  chart.addEventListener("pointerdown", (event) => {
    chart.setPointerCapture(event.pointerId);
    follow(event);
  });
  chart.addEventListener("pointermove", (event) => event.buttons && follow(event));
  draw();
});
