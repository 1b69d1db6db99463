// The units of a sparse code: the images that activate one most, with the network's answers while
// it is on and off; which classes activate it, and which lose accuracy without it.
"use strict";

liveFigure("unit-reader", (app, data) => {
  const { element, svg, slider } = live;
  const { units } = data;
  const [SIZE, SHOWN] = [28, units[0].answers[0].length];

  const bar = element("div", { class: "live-choice" });
  const button = (name, text, by) => {
    const made = element("button", { type: "button", "aria-label": name }, text);
    made.addEventListener("click", () => go((at + by + units.length) % units.length));
    return made;
  };
  const says = element("output", { style: "flex: 1 1 12rem; text-align: center" });
  bar.append(button("Previous unit", "◀", -1), says, button("Next unit", "▶", 1));
  app.append(bar);

  const strip = element("div", { class: "live-row", style: "gap: 0.5rem" });
  const cells = Array.from({ length: SHOWN }, (_, i) => {
    const canvas = element("canvas", { width: SIZE, height: SIZE, role: "img" });
    const words = element("span", { style: "font-variant-numeric: tabular-nums" });
    strip.append(element("div", { class: "live-picture", style: "--widest: 72px" }, canvas, words));
    canvas.style.width = "clamp(40px, 12vw, 72px)";
    return [canvas, words];
  });
  app.append(strip);

  // ten bars with a title; returns what draws their values
  const [WIDTH, HEIGHT] = [240, 88];
  const bars = (parent, title, colour) => {
    const chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT + 36}`, role: "img", style: "touch-action: auto" });
    chart.append(svg("text", { x: WIDTH / 2, y: 12, "text-anchor": "middle" }, title));
    const parts = Array.from({ length: 10 }, (_, i) => {
      const x = 4 + 24 * i;
      const rect = svg("rect", { x, width: 17, fill: colour });
      const value = svg("text", { x: x + 8.5, "text-anchor": "middle", style: "font-size: 11px" });
      chart.append(rect, value);
      chart.append(svg("text", { x: x + 8.5, y: HEIGHT + 34, "text-anchor": "middle" }, String(i)));
      return [rect, value];
    });
    parent.append(element("div", { style: "flex: 1 1 240px; max-width: 360px" }, chart));
    return (values) => {
      chart.setAttribute("aria-label", `${title}: ${values.map((v, i) => `class ${i}: ${v}`).join(", ")}`);
      parts.forEach(([rect, value], i) => {
        const height = (Math.max(0, values[i]) / 100) * (HEIGHT - 18);
        rect.setAttribute("y", HEIGHT + 18 - height);
        rect.setAttribute("height", Math.max(height, 0.5));
        value.setAttribute("y", HEIGHT + 14 - height);
        value.textContent = Math.round(values[i]) ? String(Math.round(values[i])) : "";
      });
    };
  };
  const charts = element("div", { class: "live-row" });
  const drawShare = bars(charts, "activated by class, %", "#4c8bb8");
  const drawLost = bars(charts, "accuracy lost when off, points", "#d9822b");
  app.append(charts);

  let at = data.start;
  const sprite = new Image();
  const paint = () => {
    cells.forEach(([canvas], i) => {
      const context = canvas.getContext("2d");
      context.drawImage(sprite, SIZE * i, SIZE * at, SIZE, SIZE, 0, 0, SIZE, SIZE);
    });
  };
  const show = (place) => {
    at = place;
    const unit = units[at];
    says.textContent = `unit ${unit.name}, active in ${unit.active} % of the test images`;
    const [on, off] = unit.answers;
    cells.forEach(([canvas, words], i) => {
      words.textContent = on[i] === off[i] ? `${on[i]}` : `${on[i]} → ${off[i]}`;
      const change = on[i] === off[i] ? "and without the unit" : `; without the unit, ${off[i]}`;
      canvas.setAttribute("aria-label", `image answered as ${on[i]} ${change}`);
    });
    drawShare(unit.share);
    drawLost(unit.lost);
    if (sprite.complete) paint();
  };
  const input = slider(
    app,
    { label: "unit shown", min: 1, max: units.length, step: 1, value: at + 1, text: (v) => `${v} of ${units.length}` },
    (v) => show(v - 1),
  );
  const go = (place) => {
    input.value = place + 1;
    input.dispatchEvent(new Event("input"));
  };
  sprite.addEventListener("load", paint);
  sprite.src = data.sprite;
  show(at);
});
