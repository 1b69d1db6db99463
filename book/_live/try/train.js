// An autoencoder that learns in the page: tryIt.trainer in a worker, or else between the page's
// own tasks; its test images, loss curve and latent plane; settings in the address.
"use strict";

{
  const part = document.getElementById("try-train");
  const element = (name) => document.getElementById(`try-train-${name}`);
  const [widthSlider, noiseSlider] = [element("width"), element("noise")];
  const [images, curve, plane] = [element("images"), element("curve"), element("plane")];
  const startButton = element("start");
  const SHOWN = 10; // test digits, one of each class
  const MOST_SECONDS = 300; // it ends then, for the battery's sake
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  // light on black, as all images here; the numerals tell the classes apart without them
  const COLOURS = "#f0e442 #56b4e9 #e69f00 #2ec4a0 #ff8f6b #cc99ff #ffffff #ff9ecb #9be564 #7fdbff".split(" ");
  const NO_AXES = [[], []];
  let run = 0;
  let digits, coach, wanted, inSight, course, latest, axes, lastShown, frame;

  const settings = () => ({ width: widthSlider.valueAsNumber, noise: noiseSlider.valueAsNumber });

  // Settings in the address: #train?width=16&noise=0.3 -----------------------------------------

  function fromAddress() {
    const [name, query] = location.hash.slice(1).split("?");
    if (name !== "train" || query === undefined) return false;
    const given = new URLSearchParams(query);
    for (const slider of [widthSlider, noiseSlider]) {
      const value = given.get(slider.name);
      // a slider keeps what is written into it within its limits; what is no number is left out
      if (value && Number.isFinite(Number(value))) slider.value = value;
    }
    document.getElementById("train").scrollIntoView();
    return true;
  }

  function toAddress() {
    const { width, noise } = settings();
    try {
      history.replaceState(null, "", `#train?width=${width}&noise=${noise}`);
    } catch {
      // some browsers forbid it in a folder, or too often
    }
  }

  // Training ------------------------------------------------------------------------------------

  // The trainer as an object whose calls go to a worker, if there may be one.
  function hire(post) {
    const source = `const tryIt = {};
      tryIt.trainer = ${tryIt.trainer};
      const trainer = tryIt.trainer((news) => postMessage(news));
      onmessage = ({ data: [task, ...rest] }) => trainer[task](...rest);`;
    try {
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      const worker = new Worker(url);
      worker.onmessage = ({ data }) => post(data);
      return (...message) => worker.postMessage(message);
    } catch {
      const trainer = tryIt.trainer(post);
      return (task, ...rest) => trainer[task](...rest);
    }
  }

  // it trains while the reader wants it to and can see it
  function work() {
    if (coach) coach(wanted && inSight && !document.hidden ? "run" : "pause");
  }

  function want(value) {
    wanted = value;
    startButton.textContent = wanted ? "Pause" : latest && latest.step ? "Continue" : "Start";
    work();
  }

  function reset() {
    if (!coach) return;
    course = [];
    axes = NO_AXES;
    latest = null;
    run += 1;
    coach("reset", settings().width, 1, run);
    want(wanted);
  }

  function news(message) {
    if (message.run !== run) return; // it was on its way at the reset
    latest = message;
    const before = course[course.length - 1];
    if (before && before.step === message.step) course.pop();
    course.push({ step: message.step, seconds: message.seconds, error: message.error });
    turnAxes(message);
    if (wanted && message.seconds >= MOST_SECONDS) {
      want(false);
      tryIt.say("Training ended.");
    }
    // where motion is unwelcome, a new state every other second
    const now = performance.now();
    if (wanted && still.matches && now - lastShown < 2000) return;
    if (frame) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      lastShown = performance.now();
      show();
    });
  }

  // Principal directions of the codes, each time a step on from the last, so that they turn slowly.
  function turnAxes({ codes, width }) {
    if (width === 2) {
      axes = [[1, 0], [0, 1]];
      return;
    }
    const count = codes.length / width;
    const mean = Array.from({ length: width }, (_, k) => {
      let sum = 0;
      for (let n = 0; n < count; n++) sum += codes[n * width + k];
      return sum / count;
    });
    const first = axes === NO_AXES;
    if (first) axes = [0, 1].map((a) => mean.map((_, k) => (k % 2 === a ? 1 : 0.5)));
    for (let round = first ? 20 : 2; round > 0; round--) {
      axes = axes.map((axis) => {
        const next = new Array(width).fill(0);
        for (let n = 0; n < count; n++) {
          const along = axis.reduce((sum, v, k) => sum + v * (codes[n * width + k] - mean[k]), 0);
          for (let k = 0; k < width; k++) next[k] += along * (codes[n * width + k] - mean[k]);
        }
        return next;
      });
      const dot = (a, b) => a.reduce((sum, v, k) => sum + v * b[k], 0);
      const unit = (a) => a.map((v) => v / (Math.sqrt(dot(a, a)) || 1));
      const one = unit(axes[0]);
      const overlap = dot(one, axes[1]);
      axes = [one, unit(axes[1].map((v, k) => v - overlap * one[k]))];
    }
  }

  // Showing -------------------------------------------------------------------------------------

  const baselines = () => {
    const { width, noise } = settings();
    const mean = { name: "mean image", error: digits.mean };
    return noise ? [mean] : [mean, { name: `PCA, ${width} components`, error: digits.pca[width - 1] }];
  };

  function drawImages() {
    const context = images.getContext("2d");
    const tile = document.createElement("canvas");
    tile.width = tile.height = 28;
    [latest.input, latest.output].forEach((values, row) => {
      for (let n = 0; n < SHOWN; n++) {
        tryIt.showGrey(tile, values, 784 * n);
        context.drawImage(tile, 28 * n, 28 * row);
      }
    });
    images.setAttribute(
      "aria-label",
      `Ten test digits above, their reconstructions after ${latest.step} steps below.`
    );
  }

  // error against seconds, both from 0
  function drawCurve(canvas, ink = getComputedStyle(part).color) {
    const context = canvas.getContext("2d");
    const { width, height } = canvas;
    // as the page's small print, however narrow the curve is shown
    const size = canvas.clientWidth ? (12.5 * width) / canvas.clientWidth : 24;
    const [left, right, top, bottom] = [2.9 * size, 10, 12, 2 * size];
    const longest = Math.max(10, course[course.length - 1].seconds);
    const most = 0.075;
    const x = (seconds) => left + ((width - left - right) * seconds) / longest;
    const y = (error) => height - bottom - ((height - top - bottom) * Math.min(error, most)) / most;
    context.clearRect(0, 0, width, height);
    context.font = `${size}px system-ui, sans-serif`;
    context.fillStyle = context.strokeStyle = ink;
    context.lineWidth = 1.5;
    context.textAlign = "right";
    for (const tick of [0, 0.02, 0.04, 0.06]) context.fillText(tick.toFixed(2), left - 8, y(tick) + size / 3);
    context.textAlign = "center";
    for (const part of [0, 0.5, 1]) {
      const seconds = Math.round(part * longest);
      context.fillText(`${seconds} s`, Math.min(width - 1.3 * size, x(seconds)), height - size / 2);
    }
    context.beginPath();
    context.moveTo(left, top);
    context.lineTo(left, height - bottom);
    context.lineTo(width - right, height - bottom);
    context.stroke();
    context.textAlign = "right";
    context.setLineDash([8, 6]);
    for (const { name, error } of baselines()) {
      context.beginPath();
      context.moveTo(left, y(error));
      context.lineTo(width - right, y(error));
      context.stroke();
      context.fillText(name, width - right, y(error) - size / 3);
    }
    context.setLineDash([]);
    context.lineWidth = 4;
    context.strokeStyle = "#d55e00";
    context.beginPath();
    course.forEach(({ seconds, error }) => context.lineTo(x(seconds), y(error)));
    context.stroke();
  }

  function drawPlane() {
    const context = plane.getContext("2d");
    const side = plane.width;
    const { codes, width } = latest;
    const count = codes.length / width;
    const points = axes.map((axis) =>
      Array.from({ length: count }, (_, n) => axis.reduce((sum, v, k) => sum + v * codes[n * width + k], 0))
    );
    // the same scale both ways, from the middle of the codes
    const ranges = points.map((values) => [Math.min(...values), Math.max(...values)]);
    const middle = ranges.map(([a, b]) => (a + b) / 2);
    const scale = (0.9 * side) / (Math.max(...ranges.map(([a, b]) => b - a)) || 1);
    context.fillStyle = "black";
    context.fillRect(0, 0, side, side);
    context.font = "bold 20px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let n = 0; n < count; n++) {
      context.fillStyle = COLOURS[digits.labels[n]];
      const [x, y] = points.map((values, a) => (values[n] - middle[a]) * scale);
      context.fillText(digits.labels[n], side / 2 + x, side / 2 - y);
    }
    element("plane-caption").textContent =
      width === 2
        ? `codes of ${count} test digits: first and second value`
        : `codes of ${count} test digits along their two principal directions`;
  }

  function show() {
    if (!latest) return;
    drawImages();
    drawCurve(curve);
    drawPlane();
    const { noise } = settings();
    const { step, seconds, error } = latest;
    const others = baselines().map(({ name, error }) => `${name} ${error.toFixed(4)}`);
    const words =
      `Step ${step}, ${seconds.toFixed(0)} s of training: error on the test digits ${error.toFixed(4)}` +
      `${noise ? " under noise" : ""}; for comparison, ${others.join(", ")}.`;
    element("words").textContent = words;
    curve.setAttribute("aria-label", `Test error against time of training. ${words}`);
  }

  // Controls ------------------------------------------------------------------------------------

  function labels() {
    const { width, noise } = settings();
    element("width-shown").textContent = width;
    element("noise-shown").textContent = noise.toFixed(2);
  }

  startButton.addEventListener("click", () => {
    if (latest && latest.seconds >= MOST_SECONDS) reset();
    want(!wanted);
    tryIt.say(wanted ? "Training." : `Paused. ${element("words").textContent}`);
  });
  element("reset").addEventListener("click", () => {
    want(false);
    reset();
    want(false);
    tryIt.say("Reset.");
  });
  widthSlider.addEventListener("input", () => {
    labels();
    reset();
  });
  noiseSlider.addEventListener("input", () => {
    labels();
    if (coach) coach("setNoise", settings().noise);
  });
  for (const slider of [widthSlider, noiseSlider]) slider.addEventListener("change", toAddress);
  addEventListener("hashchange", () => {
    if (!fromAddress()) return;
    labels();
    if (!coach) return;
    coach("setNoise", settings().noise);
    reset();
  });
  document.addEventListener("visibilitychange", work);
  // the theme's ink
  new MutationObserver(() => latest && show()).observe(document.documentElement, {
    attributeFilter: ["data-theme"],
  });

  // All that is seen on one white sheet, as a file.
  element("save").addEventListener("click", () => {
    if (!latest) return;
    const { width, noise } = settings();
    const sheet = document.createElement("canvas");
    [sheet.width, sheet.height] = [1240, 760];
    const context = sheet.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, sheet.width, sheet.height);
    context.fillStyle = "black";
    context.font = "bold 30px system-ui, sans-serif";
    context.fillText(`Autoencoder 784–64–${width}–64–784, noise factor ${noise}`, 40, 56);
    context.font = "24px system-ui, sans-serif";
    context.fillText(
      `${latest.step} steps, ${latest.seconds.toFixed(0)} s in a browser: test error ${latest.error.toFixed(4)}`,
      40,
      96
    );
    context.imageSmoothingEnabled = false;
    context.drawImage(images, 40, 120, 1160, 232);
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [curve.width, curve.height];
    drawCurve(copy, "black");
    context.imageSmoothingEnabled = true;
    context.drawImage(copy, 40, 380, 720, 360);
    context.drawImage(plane, 840, 380, 360, 360);
    sheet.toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `autoencoder-width-${width}-noise-${noise}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
  });

  // Beginning -----------------------------------------------------------------------------------

  // Grey values of all digits, from one picture in 16 greys.
  async function unpacked({ png, columns, trained, tested }) {
    const image = new Image();
    image.src = `data:image/png;base64,${png}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const values = new Float32Array((trained + tested) * 784);
    for (let n = 0; n < trained + tested; n++) {
      const [x, y] = [28 * (n % columns), 28 * Math.floor(n / columns)];
      const { data } = context.getImageData(x, y, 28, 28);
      for (let i = 0; i < 784; i++) values[784 * n + i] = data[4 * i] / 255;
    }
    return [values.slice(0, 784 * trained), values.slice(784 * trained)];
  }

  async function begin() {
    digits = tryIt.digits;
    const [train, test] = await unpacked(digits);
    coach = hire(news);
    coach("setNoise", settings().noise);
    coach("load", train, test);
    reset();
    for (const button of part.querySelectorAll("button")) button.disabled = false;
  }

  // The digits are fetched when a reader comes near.
  let asked = false;
  new IntersectionObserver(
    (entries) => {
      inSight = entries[entries.length - 1].isIntersecting;
      work();
      if (!inSight || asked) return;
      asked = true;
      const script = document.createElement("script");
      script.src = "../try/digits.js";
      script.addEventListener("load", begin);
      script.addEventListener("error", () => {
        element("words").textContent = "The digits did not load. Load the page again to try once more.";
        tryIt.say(element("words").textContent);
      });
      document.head.append(script);
    },
    { rootMargin: "200px" }
  ).observe(part);

  lastShown = 0;
  course = [];
  tryIt.beginTraining = () => {
    fromAddress();
    labels();
  };
}
