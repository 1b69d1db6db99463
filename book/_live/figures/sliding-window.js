// A window that slides over a recording: what the network makes of it, and the score of each step,
// the mean of the errors in the windows that hold the step, which grows as the window moves on.
"use strict";

liveFigure("sliding-window", (app, data) => {
  const { element, svg, slider, unpack } = live;
  const { rate, begin, stride, threshold, marked } = data;
  const recording = unpack(data.recording);
  const reconstructions = unpack(data.reconstructions);
  const errors = unpack(data.residuals).map((r) => r * r);
  const [count, width] = data.residuals.shape;
  const steps = recording.length;
  const [WIDTH, TOP, GAP, BOTTOM] = [480, 140, 24, 90];
  const HEIGHT = TOP + GAP + BOTTOM;
  const x = (step) => (WIDTH * step) / steps;
  const { low, high } = data.recording;
  // a reconstruction may leave the range of the recording
  const y = (value) => 20 + (TOP - 24) * Math.min(1, Math.max(0, (high - value) / (high - low)));
  // scores above four thresholds end at the upper edge
  const level = (score) => HEIGHT - BOTTOM * Math.min(1, score / (4 * threshold));
  const path = (values, from, height) =>
    Array.from(values, (v, i) => `${i ? "L" : "M"}${x(from + i).toFixed(1)} ${height(v).toFixed(1)}`).join("");

  const shades = marked.map(([a, b]) =>
    svg("path", { d: `M${x(a)} 0H${x(b)}V${HEIGHT}H${x(a)}Z`, fill: "var(--pst-color-secondary)", "fill-opacity": 0.18 }));
  const box = svg("path", { fill: "var(--pst-color-primary)", "fill-opacity": 0.15, stroke: "var(--pst-color-primary)" });
  const curve = svg("path", { d: path(recording, 0, y), fill: "none", stroke: "currentColor" });
  const copy = svg("path", { fill: "none", stroke: "var(--pst-color-primary)", "stroke-width": 2.5, "stroke-dasharray": "5 3" });
  const limit = svg("path", { d: `M0 ${level(threshold)}H${WIDTH}`, stroke: "currentColor", "stroke-dasharray": "2 3" });
  const open = svg("path", { fill: "none", stroke: "currentColor", "stroke-opacity": 0.45 });
  const final = svg("path", { fill: "none", stroke: "var(--pst-color-primary)", "stroke-width": 2 });
  const ground = svg("path", { d: `M0 ${HEIGHT}H${WIDTH}`, stroke: "currentColor" });
  const name = (at, words) => svg("text", { x: 4, y: at, style: "font-size: 15px" }, words);
  const chart = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT + 1}`, role: "img", style: "cursor: ew-resize" },
    ...shades, box, curve, copy, ground, limit, open, final,
    name(14, "recording"), name(TOP + GAP - 6, "score of the steps"),
  );
  app.append(chart);
  const seconds = (step) => `${(begin + step / rate).toFixed(2)} s`;
  const place = slider(
    app,
    { label: "window begins at", min: 0, max: count - 1, step: 1, value: data.start, text: (v) => seconds(v * stride) },
    () => draw(),
  );
  const play = element("button", { type: "button", "aria-pressed": "false" }, "Slide");
  const says = element("output", { style: "flex: 1; font-size: 0.9rem; font-variant-numeric: tabular-nums" });
  app.append(element("div", { class: "live-choice", style: "align-items: center; gap: 1rem" }, play, says));

  const draw = () => {
    const at = place.valueAsNumber;
    const start = at * stride;
    const [sums, windows] = [new Float64Array(steps), new Float64Array(steps)];
    for (let k = 0; k <= at; k++) {
      for (let i = 0; i < width; i++) {
        sums[k * stride + i] += errors[k * width + i];
        windows[k * stride + i] += 1;
      }
    }
    const end = start + width;
    // no later window holds a step before the next window's begin
    const done = at === count - 1 ? end : start + stride;
    const scores = sums.subarray(0, end).map((sum, i) => sum / windows[i]);
    box.setAttribute("d", `M${x(start)} 1H${x(end)}V${TOP}H${x(start)}Z`);
    copy.setAttribute("d", path(reconstructions.subarray(at * width, (at + 1) * width), start, y));
    final.setAttribute("d", path(scores.subarray(0, done), 0, level));
    open.setAttribute("d", path(scores.subarray(done - 1), done - 1, level));
    const error = errors.subarray(at * width, (at + 1) * width).reduce((a, b) => a + b, 0) / width;
    const alarms = scores.subarray(0, done).filter((score) => score > threshold).length;
    says.textContent =
      `Mean squared error of this window: ${error.toFixed(3)}. Final scores up to ` +
      `${seconds(done)}: ${alarms} steps above the threshold.`;
    chart.setAttribute("aria-label",
      `A recording with a window from ${seconds(start)} to ${seconds(end)}, its reconstruction, and the scores of the steps so far.`);
  };
  live.run(play, place, chart, {
    milliseconds: 120,
    at: (share) => (steps * share - width / 2) / stride,
  });
  draw();
});
