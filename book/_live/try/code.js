// Chapter 2: the ten values between the detector's halves, as sliders that the decoder follows.
"use strict";

{
  const part = document.getElementById("try-values");
  const list = document.getElementById("try-sliders");
  const picture = document.getElementById("try-decoded");
  const output = document.getElementById("try-changed");
  const resetButton = document.getElementById("try-reset-code");
  const shown = (value) => value.toFixed(1).replace("-", "−");
  let own, code, sliders; // the image's code, the one that is decoded, a slider for each value

  // As wide as the stored images need: no image is drawn from far outside what the network knows.
  function build() {
    const network = tryIt.network("detector");
    const images = tryIt.stored.detector.facts.pictures.map(({ pixels }) =>
      Array.from(atob(pixels), (c) => c.charCodeAt(0) / 255)
    );
    const codes = network.encode(Float32Array.from(images.flat()));
    const width = codes.length / images.length;
    sliders = Array.from({ length: width }, (_, k) => {
      const values = images.map((_, i) => Math.abs(codes[i * width + k]));
      const end = Math.ceil(1.2 * Math.max(...values));
      const label = document.createElement("label");
      const name = document.createElement("span");
      const input = document.createElement("input");
      const value = document.createElement("output");
      name.textContent = `value ${k + 1}`;
      Object.assign(input, { type: "range", min: -end, max: end, step: end / 50, className: "try-bar" });
      input.addEventListener("input", () => {
        code[k] = Number(input.value);
        update(`Value ${k + 1} changed from ${shown(own[k])} to ${shown(code[k])}.`);
      });
      label.append(name, input, value);
      list.append(label);
      return { input, value, end };
    });
  }

  function update(words) {
    sliders.forEach(({ input, value, end }, k) => {
      if (Number(input.value) !== code[k]) input.value = code[k];
      value.textContent = shown(code[k]);
      const place = Math.min(1, Math.max(0, (code[k] + end) / (2 * end)));
      input.style.setProperty("--from", Math.min(0.5, place));
      input.style.setProperty("--to", Math.max(0.5, place));
    });
    const moved = code.some((value, k) => value !== own[k]);
    resetButton.disabled = !moved;
    tryIt.showGrey(picture, tryIt.network("detector").decode(code));
    picture.setAttribute("aria-label", moved ? `Output for the changed values. ${words}` : "Reconstruction of the input");
    output.textContent = words;
    if (moved) tryIt.say(words);
  }

  function reset() {
    code = own.slice();
    update("The values are those of the input.");
  }

  resetButton.addEventListener("click", () => {
    reset();
    tryIt.say(output.textContent);
  });

  tryIt.listeners.push((image) => {
    part.hidden = !image;
    if (!image) return;
    if (!sliders) build();
    own = tryIt.network("detector").encode(image);
    reset();
  });
}
