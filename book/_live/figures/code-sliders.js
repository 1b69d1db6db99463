// The latent code of an image as sliders, and the decoder at work in the page: dense layers with
// the activation elu, the last one a sigmoid, with the weights of the chapter.
"use strict";

liveFigure("code-sliders", (app, data) => {
  const { element, unpack, picture, slider, choice } = live;
  const layers = data.layers.map(([kernel, bias]) => [unpack(kernel), unpack(bias)]);
  const codes = unpack(data.codes);
  const originals = unpack(data.originals);
  const [count, width] = codes.shape;
  const size = data.size;

  const decode = (code) =>
    layers.reduce((input, [kernel, bias], layer) => {
      const output = Float32Array.from(bias);
      const n = output.length;
      for (let i = 0; i < input.length; i++) {
        for (let j = 0; j < n; j++) output[j] += input[i] * kernel[i * n + j];
      }
      const last = layer === layers.length - 1;
      return output.map((v) => (last ? 1 / (1 + Math.exp(-v)) : v > 0 ? v : Math.expm1(v)));
    }, code);

  const names = Array.from({ length: count }, (_, i) => data.names[i]);
  choice(app, "Digit to start from", names, (i) => start(i));
  const row = element("div", { class: "live-row" });
  const pictures = element("div", { class: "live-row" });
  const sliders = element("div", { style: "flex: 1 1 240px" });
  row.append(pictures, sliders);
  app.append(row);
  const drawOriginal = picture(pictures, "input", size, size);
  const draw = picture(pictures, "decoded", size, size);
  const code = new Float32Array(width);
  const inputs = Array.from(code, (_, i) =>
    slider(
      sliders,
      {
        label: `value ${i + 1}`, min: data.low[i], max: data.high[i],
        step: (data.high[i] - data.low[i]) / 200, value: 0, text: (v) => v.toFixed(1),
      },
      (v) => {
        code[i] = v;
        draw(decode(code));
      },
    ),
  );
  const start = (i) => {
    drawOriginal(originals.subarray(i * size * size, (i + 1) * size * size));
    inputs.forEach((input, j) => {
      code[j] = codes[i * width + j];
      input.value = code[j];
      input.nextElementSibling.textContent = code[j].toFixed(1);
    });
    draw(decode(code));
  };
  start(0);
});
