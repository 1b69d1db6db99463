// Networks trained with several weights β of the KL term: reconstructions and samples of each as
// pictures, the two terms of the bound as stacked bars, and how many latent values are active.
"use strict";

liveFigure("beta-slider", (app, data) => {
  const { element, svg, slider } = live;
  const { betas, rows, inputs, terms, says: texts } = data;
  const [WIDTH, HEIGHT, BAR] = [300, 130, 300 / betas.length];
  const TERMS = ["reconstruction term", "KL term"];
  const COLOURS = ["var(--pst-color-primary)", "var(--pst-color-secondary)"];
  const named = (i) => String(betas[i]);

  const place = slider(
    app,
    { label: "β", min: 0, max: betas.length - 1, step: 1, value: data.start, text: named },
    (i) => show(i),
  );

  const strips = element("div", { class: "beta-strips" });
  const strip = (name) => {
    const image = element("img", { width: data.size[0], height: data.size[1] });
    strips.append(element("span", {}, name), image);
    return (bytes, alt) => {
      image.src = `data:image/webp;base64,${bytes}`;
      image.alt = alt;
    };
  };
  strip("input")(inputs, "test images of the digits 0 to 5");
  const drawn = Object.keys(rows).map((name) => [name, strip(name)]);

  // heights of the bars: the two terms, one on top of the other
  const most = Math.max(...terms.map(([a, b]) => a + b));
  const y = (nats) => HEIGHT * (1 - nats / most);
  const bars = betas.map((_, i) => {
    const [first, second] = terms[i];
    const [x, wide] = [i * BAR + 2, BAR - 4];
    return svg(
      "g", {},
      svg("rect", { x, width: wide, y: y(first), height: HEIGHT - y(first), fill: COLOURS[0] }),
      svg("rect", { x, width: wide, y: y(first + second), height: y(first) - y(first + second), fill: COLOURS[1] }),
    );
  });
  const label = (i) =>
    svg("text", { x: (i + 0.5) * BAR, y: HEIGHT + 15, "text-anchor": "middle" }, named(i));
  const chart = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT + 20}`, role: "img", style: "cursor: ew-resize; touch-action: pan-y" },
    ...bars, svg("path", { d: `M0 ${HEIGHT}H${WIDTH}`, stroke: "currentColor" }), ...betas.map((_, i) => label(i)),
  );
  const numbers = element("div", { class: "beta-numbers" });
  const values = [...TERMS, "−ELBO, nats per image", "active latent values"].map((name, i) => {
    const key = element("span", { style: `color: ${COLOURS[i]}`, "aria-hidden": "true" }, i < 2 ? "■ " : "");
    const value = element("output");
    numbers.append(element("span", {}, key, name), value);
    return value;
  });
  const side = element("div", { class: "beta-side" }, chart, numbers);
  app.append(element("div", { class: "live-row" }, strips, side));

  const show = (i) => {
    drawn.forEach(([name, draw]) => draw(rows[name][i], `${name} of six digits with β = ${named(i)}`));
    bars.forEach((bar, j) => bar.setAttribute("opacity", i === j ? 1 : 0.4));
    values.forEach((value, row) => (value.textContent = texts[i][row]));
    chart.setAttribute("aria-label",
      `Bars of the two terms by β; at ${named(i)}: ${TERMS[0]} ${terms[i][0].toFixed(1)}, ${TERMS[1]} ${terms[i][1].toFixed(1)} nats.`);
  };
  const follow = (event) => {
    const area = chart.getBoundingClientRect();
    place.value = Math.floor((betas.length * (event.clientX - area.left)) / area.width);
    place.dispatchEvent(new Event("input"));
  };
  chart.addEventListener("pointerdown", follow);
  chart.addEventListener("pointermove", (event) => event.buttons && follow(event));
  show(data.start);
});
