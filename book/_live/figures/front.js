// The figure of the front page: a digit drawn by the reader, the ten values that an autoencoder
// makes of it, and what it makes of the values.  The network comes after the page, in a file of
// its own that calls liveFront; the dense layers are computed here.
"use strict";

liveFigure("front", (app, data, figure) => {
  const { element, unpack, picture } = live;
  const [SIDE, SIZE] = [28, 280];

  // what the reader sees

  const canvas = element("canvas", {
    width: SIZE, height: SIZE, tabindex: "0", role: "application",
    "aria-label": "Drawing area", "aria-describedby": "front-help",
  });
  const pen = element("span", { class: "drawing-pen" });
  const hint = element("span", { class: "front-hint", "aria-hidden": "true" }, "Draw a digit here");
  const help = element(
    "p", { class: "front-help", id: "front-help" },
    "By keyboard: the arrow keys move the pen, the space bar puts it down and lifts it, Delete clears.",
  );
  const field = element("div", { class: "front-field" }, canvas, pen, hint, help);
  const values = element("div", { class: "front-values", role: "group", "aria-label": "The ten values" });
  const code = new Float32Array(10);
  const sliders = Array.from(code, (_, i) => {
    const input = element("input", {
      type: "range", min: -3, max: 3, step: 0.05, value: 0, "aria-label": `value ${i + 1}`, disabled: "",
    });
    input.addEventListener("input", () => {
      code[i] = input.valueAsNumber;
      input.style.setProperty("--part", (code[i] + 3) / 6);
      decode();
    });
    values.append(input);
    return input;
  });
  const result = element("div", { class: "front-result" });
  const draw = picture(result, "reconstruction", SIDE, SIDE);
  const clearButton = element("button", { type: "button" }, "Clear");
  const showButton = element("button", { type: "button", disabled: "" }, "Draw one for me");
  const says = element("output", { class: "front-says" }, "The network is loading …");
  const part = (name, ...children) => element("div", { class: `front-part ${name}` }, ...children);
  app.classList.add("front");
  app.append(
    part("front-first", element("p", {}, "Your digit: 784 pixels"), field),
    part("front-second", element("p", {}, "Ten values"), values),
    part("front-third", element("p", {}, "Reconstruction"), result),
    element("div", { class: "live-choice" }, clearButton, showButton, says),
  );

  // the network

  let layers = null;
  let input = null; // what is drawn, as MNIST has it: 784 values from 0 to 1
  let timer;

  const dense = (x, [kernel, bias], activation) => {
    const y = Float32Array.from(bias);
    for (let i = 0; i < x.length; i++) {
      if (x[i] === 0) continue;
      for (let j = 0, w = i * y.length; j < y.length; j++, w++) y[j] += x[i] * kernel[w];
    }
    return y.map(activation);
  };
  const elu = (v) => (v > 0 ? v : Math.expm1(v));
  const same = (v) => v;
  const sigmoid = (v) => 1 / (1 + Math.exp(-v));

  const decode = () => {
    const output = dense(dense(code, layers[2], elu), layers[3], sigmoid);
    draw(output);
    Object.assign(figure, { code, output }); // for whoever wants to know, such as the tests
    const error = input && output.reduce((sum, v, i) => sum + (v - input[i]) ** 2, 0) / output.length;
    clearTimeout(timer);
    // screen readers are told once all has come to rest
    timer = setTimeout(() => {
      says.textContent = error === null ? "" : `Mean squared error of the pixels: ${error.toFixed(3)}. ` +
        "Move a value to change the reconstruction.";
    }, 300);
  };
  const encode = () => {
    code.set(dense(dense(input, layers[0], elu), layers[1], same));
    sliders.forEach((slider, i) => {
      slider.value = code[i];
      slider.style.setProperty("--part", Math.min(1, Math.max(0, (code[i] + 3) / 6)));
    });
    decode();
  };

  // the drawing

  const changed = () => {
    input = drawing.values();
    figure.input = input;
    if (layers && input) encode();
  };
  const clear = () => {
    begin();
    drawing.empty();
    drawing.lift();
    [input, figure.input] = [null, null];
    says.textContent = "The drawing area is empty.";
    clearTimeout(timer);
    hint.hidden = false;
  };
  const say = (words) => (says.textContent = words);
  const drawing = drawingArea(canvas, pen, { begin: () => begin(), change: changed, clear, say });
  drawing.empty();

  // a digit that draws itself, until the reader begins
  let showing = null;
  let theirs = false;
  const begin = () => {
    if (!theirs) drawing.empty();
    cancelAnimationFrame(showing);
    [showing, theirs] = [null, true];
    hint.hidden = true;
  };
  const DIGITS = [
    [32, 27, 42, 20, 55, 19, 64, 26, 63, 37, 54, 45, 44, 48, 56, 50, 66, 58, 66, 70, 56, 79, 43, 80, 31, 73],
    [64, 20, 41, 20, 38, 44, 50, 41, 62, 47, 66, 60, 61, 73, 48, 80, 34, 76],
    [33, 33, 38, 23, 50, 19, 62, 26, 62, 39, 50, 57, 33, 78, 50, 77, 68, 78],
    [30, 24, 66, 22, 56, 45, 46, 80],
  ];
  let next = 0;
  const show = () => {
    const flat = DIGITS[next++ % DIGITS.length];
    const points = Array.from({ length: flat.length / 2 }, (_, i) => (
      { x: (flat[2 * i] * SIZE) / 100, y: (flat[2 * i + 1] * SIZE) / 100 }
    ));
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    theirs = false;
    drawing.empty();
    drawing.lift();
    let [done, start] = [0, null];
    const frame = (now) => {
      start ??= now;
      const until = still ? points.length - 1 : Math.min(points.length - 1, (now - start) / 80);
      for (; done < until; done = Math.min(until, Math.floor(done) + 1)) {
        const i = Math.floor(done);
        const [from, to] = [points[i], points[i + 1]];
        const place = (t) => ({ x: from.x + t * (to.x - from.x), y: from.y + t * (to.y - from.y) });
        drawing.line(place(done - i), place(Math.min(1, until - i)));
      }
      changed();
      showing = until < points.length - 1 ? requestAnimationFrame(frame) : null;
      if (showing === null) hint.textContent = "Your turn: draw a digit";
    };
    cancelAnimationFrame(showing);
    showing = requestAnimationFrame(frame);
  };

  clearButton.addEventListener("click", clear);
  showButton.addEventListener("click", () => {
    hint.hidden = false;
    show();
  });

  // the network's file, once the page itself is there

  window.liveFront = (network) => {
    layers = network.layers.map((layer) => layer.map(unpack));
    sliders.forEach((slider) => (slider.disabled = false));
    showButton.disabled = false;
    says.textContent = "";
    if (input) changed();
    else if (!theirs) show();
  };
  const script = element("script", { src: data.network });
  script.addEventListener("error", () => (says.textContent = "The network could not be loaded."));
  const load = () => document.head.append(script);
  if (document.readyState === "complete") load();
  else addEventListener("load", load);
});
