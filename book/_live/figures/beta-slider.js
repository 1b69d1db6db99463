// The weight of the KL term: reconstructions, samples and the two terms of the loss, as networks
// that were trained with each weight gave them.  A slider chooses the weight.
"use strict";

liveFigure("beta-slider", (app, data) => {
  const { element, svg, unpack, picture, slider } = live;
  const images = unpack(data.images);
  const inputs = unpack(data.inputs);
  const [, , height, width] = images.shape;
  const size = height * width;
  const named = (i) => String(data.betas[i]);

  const input = slider(
    app,
    { label: "β", min: 0, max: data.betas.length - 1, step: 1, value: data.start, text: named },
    (i) => show(i),
  );

  // the two terms, end to end on one scale
  const [WIDE, HIGH] = [400, 34];
  const longest = Math.max(...data.reconstruction.map((r, i) => r + data.kl[i]));
  const bars = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" });
  const terms = ["reconstruction", "kl"].map((name, i) => {
    const bar = svg("rect", {
      y: 4, height: HIGH - 8,
      style: `fill: var(${["--pst-color-primary", "--pst-color-secondary"][i]})`,
    });
    bars.append(bar);
    return [name, bar];
  });
  app.append(bars);
  const says = element("output", { style: "display: block; font-variant-numeric: tabular-nums" });
  app.append(says);

  const stack = element("div", { style: "text-align: center" });
  app.append(stack);
  const drawn = data.rows.map((name) => {
    const row = element("div", { style: "margin-top: 0.4rem; --widest: 420px" });
    stack.append(row);
    const draw = picture(row, name, height, width);
    row.querySelector("canvas").style.width = "min(100%, 420px)";
    return draw;
  });

  function show(i) {
    drawn[0](inputs);
    drawn.slice(1).forEach((draw, row) => {
      const at = (i * (data.rows.length - 1) + row) * size;
      draw(images.subarray(at, at + size));
    });
    let left = 0;
    for (const [name, bar] of terms) {
      const long = (WIDE * data[name][i]) / longest;
      bar.setAttribute("x", left);
      bar.setAttribute("width", long);
      left += long;
    }
    const [reconstruction, kl] = [data.reconstruction[i], data.kl[i]].map((v) => v.toFixed(1));
    const cost = (data.reconstruction[i] + data.kl[i]).toFixed(1);
    says.textContent =
      `Reconstruction term ${reconstruction} + KL term ${kl} = ${cost} nats; ` +
      `${data.active[i]} of ${data.width} latent values active.`;
    bars.setAttribute("aria-label", says.textContent);
    input.setAttribute("aria-valuetext", named(i));
  }
  show(data.start);
});
