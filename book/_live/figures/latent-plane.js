// A plane of two latent values: the test images as points, and what the decoder makes of the
// place under the cursor, interpolated between a grid of decoded images.
"use strict";

liveFigure("latent-plane", (app, data) => {
  const { element, svg, unpack, picture } = live;
  const codes = unpack(data.codes);
  const grid = unpack(data.grid);
  const [rows, columns, height, width] = grid.shape;
  const [[left, right], [low, high]] = [data.x, data.y];
  const SIZE = 400;
  const toX = (x) => (SIZE * (x - left)) / (right - left);
  const toY = (y) => (SIZE * (high - y)) / (high - low);

  const plane = svg("svg", {
    viewBox: `0 0 ${SIZE} ${SIZE}`, tabindex: "0", role: "application",
    "aria-label": "Latent plane. Drag, or use the arrow keys, to move the cursor.",
  });
  const hue = (digit) => `hsl(${36 * digit} 65% 50%)`;
  data.labels.split("").forEach((digit, i) => {
    plane.append(
      svg("text", {
        x: toX(codes[2 * i]), y: toY(codes[2 * i + 1]), style: `fill: ${hue(digit)}; font-size: 10px`,
        "text-anchor": "middle", "dominant-baseline": "central", "aria-hidden": "true",
      }, digit),
    );
  });
  const cursor = svg("circle", {
    r: 9, fill: "none", stroke: "currentColor", "stroke-width": 3,
  });
  plane.append(cursor);

  const row = element("div", { class: "live-row" });
  const box = element("div", { style: "flex: 1 1 260px; max-width: 480px" }, plane);
  const side = element("div", { style: "text-align: center" });
  row.append(box, side);
  app.append(row);
  const draw = picture(side, "decoded", height, width);
  const says = element("output", { style: "display: block; font-variant-numeric: tabular-nums" });
  side.append(says);

  const image = new Float32Array(height * width);
  let place = data.start.slice();
  const move = (x, y) => {
    place = [Math.min(right, Math.max(left, x)), Math.min(high, Math.max(low, y))];
    const c = ((place[0] - left) / (right - left)) * (columns - 1);
    const r = ((place[1] - low) / (high - low)) * (rows - 1);
    const [c0, r0] = [Math.min(columns - 2, Math.floor(c)), Math.min(rows - 2, Math.floor(r))];
    const [dc, dr] = [c - c0, r - r0];
    const at = (i, j) => (i * columns + j) * height * width;
    const corners = [
      [at(r0, c0), (1 - dr) * (1 - dc)], [at(r0, c0 + 1), (1 - dr) * dc],
      [at(r0 + 1, c0), dr * (1 - dc)], [at(r0 + 1, c0 + 1), dr * dc],
    ];
    for (let i = 0; i < image.length; i++) {
      image[i] = corners.reduce((sum, [start, weight]) => sum + weight * grid[start + i], 0);
    }
    draw(image);
    cursor.setAttribute("cx", toX(place[0]));
    cursor.setAttribute("cy", toY(place[1]));
    says.textContent = `(${place.map((v) => v.toFixed(2)).join(", ")})`;
  };
  const follow = (event) => {
    const area = plane.getBoundingClientRect();
    move(
      left + ((event.clientX - area.left) / area.width) * (right - left),
      high - ((event.clientY - area.top) / area.height) * (high - low),
    );
  };
  plane.addEventListener("pointerdown", (event) => {
    plane.setPointerCapture(event.pointerId);
    follow(event);
  });
  plane.addEventListener("pointermove", (event) => event.buttons && follow(event));
  plane.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const by = step[event.key];
    if (!by) return;
    event.preventDefault();
    move(place[0] + (by[0] * (right - left)) / 40, place[1] + (by[1] * (high - low)) / 40);
  });
  move(...place);
});
