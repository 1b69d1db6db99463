// An image, its reconstruction and the error map, side by side, with the score against the
// threshold; one of several kinds to choose from, some examples of each.
"use strict";

liveFigure("error-maps", (app, data) => {
  const { element, svg, unpack, picture, choice } = live;
  const inputs = unpack(data.inputs);
  const reconstructions = unpack(data.reconstructions);
  const { names, size, threshold, scores } = data;
  const each = scores[0].length;
  const n = size * size;
  let [kind, example] = [0, 0];

  choice(app, "Kind of image", names, (i) => {
    [kind, example] = [i, 0];
    show();
  });
  const row = element("div", { class: "live-row" });
  app.append(row);
  const draws = ["input", "reconstruction", "error map"].map((name) => picture(row, name, size, size));
  const WIDTH = 480;
  // the axis ends at four times the threshold
  const x = (score) => (WIDTH * Math.min(score / threshold, 3.92)) / 4;
  const dot = svg("circle", { cy: 10, r: 8, fill: "var(--pst-color-primary)" });
  const axis = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} 20`, "aria-hidden": "true" },
    svg("path", { d: `M0 10H${WIDTH}M${x(threshold)} 0v20`, stroke: "currentColor", "stroke-width": 2 }),
    dot,
  );
  const labels = element(
    "div",
    { style: "display: grid; grid-template-columns: 25% 1fr auto; font-size: 0.85rem", "aria-hidden": "true" },
    ...["score 0", "threshold", "4 × and more"].map((words) => element("span", {}, words)),
  );
  const says = element("output", { style: "flex: 1; font-variant-numeric: tabular-nums" });
  const next = element("button", { type: "button" }, "Another example");
  next.addEventListener("click", () => {
    example = (example + 1) % each;
    show();
  });
  const line = element("div", { class: "live-choice", style: "align-items: center; gap: 1rem" }, says, next);
  app.append(axis, labels, line);

  // black, violet, orange, white
  const STOPS = [[0, 0, 0], [0.42, 0.1, 0.43], [0.93, 0.41, 0.15], [1, 1, 0.85]];
  const heat = (v) => {
    const i = Math.min(2, Math.floor(3 * v));
    return STOPS[i].map((low, c) => low + (3 * v - i) * (STOPS[i + 1][c] - low));
  };
  const show = () => {
    const start = (kind * each + example) * n;
    const input = inputs.subarray(start, start + n);
    const reconstruction = reconstructions.subarray(start, start + n);
    const score = scores[kind][example];
    draws[0](input);
    draws[1](reconstruction);
    draws[2](input.map((v, i) => Math.abs(v - reconstruction[i])), heat);
    dot.setAttribute("cx", x(score));
    const alarm = score > threshold;
    says.textContent =
      `Score ${score.toFixed(4)}, ${alarm ? "above" : "not above"} the threshold ` +
      `${threshold.toFixed(4)}: ${alarm ? "alarm" : "no alarm"}.`;
  };
  show();
});
