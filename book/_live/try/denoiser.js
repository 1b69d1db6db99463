// Chapter 3: noise by a slider, and the network's output for the noisy image.
"use strict";

{
  const slider = document.getElementById("try-noise");
  const shown = document.getElementById("try-noise-shown");
  const output = document.getElementById("try-decibels");
  const canvasOf = (name) => document.getElementById(`try-${name}`);
  const PIXELS = 28 * 28;
  let seed = 1;
  let noise;
  slider.value = tryIt.stored.denoiser.facts.noiseFactor;

  // Standard normal numbers by Box and Muller, from uniform ones by mulberry32; one seed always
  // gives the same noise, so that the slider only makes it stronger.
  function draw() {
    let state = seed;
    const uniform = () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
    noise = Float32Array.from(
      { length: PIXELS },
      () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
    );
  }

  const inDecibels = (value) => (Number.isFinite(value) ? `${value.toFixed(1)} dB` : "no error");

  function update(stays) {
    const picture = tryIt.picture;
    document.getElementById("try-noise-results").hidden = !picture;
    const factor = Number(slider.value);
    shown.textContent = factor.toFixed(2);
    if (!picture) {
      output.textContent = "Choose an image first.";
      return;
    }
    const noisy = picture.map((value, i) => Math.min(1, Math.max(0, value + factor * noise[i])));
    const answer = tryIt.network("denoiser").run(noisy);
    const [before, after] = [tryIt.psnr(picture, noisy), tryIt.psnr(picture, answer)];
    const gain = after - before;
    const verdict =
      gain > 0
        ? `the network gains ${gain.toFixed(1)} dB.`
        : "here the network does harm: its output is further from the target than its input.";
    const words = `PSNR of the noisy input: ${inDecibels(before)}, of the output: ${inDecibels(after)}; ${verdict}`;
    output.textContent = words;
    tryIt.showGrey(canvasOf("clean"), picture);
    tryIt.showGrey(canvasOf("noisy"), noisy);
    tryIt.showGrey(canvasOf("answer"), answer);
    const what = tryIt.pictureName;
    canvasOf("clean").setAttribute("aria-label", `The target: ${what}.`);
    canvasOf("noisy").setAttribute("aria-label", `The same with noise of factor ${factor.toFixed(2)}.`);
    canvasOf("answer").setAttribute(
      "aria-label",
      `The network's output for the noisy input, ${inDecibels(after)}.`
    );
    if (stays) tryIt.say(words);
  }

  slider.addEventListener("input", () => update(true));
  document.getElementById("try-other-noise").addEventListener("click", () => {
    seed += 1;
    draw();
    update(true);
  });

  // The detector comes first: this part begins, and answers, only while it is in sight.
  // What is drawn above is told by the detector.
  let inSight = false;
  new IntersectionObserver((entries) => {
    inSight = entries[entries.length - 1].isIntersecting;
    if (!inSight) return;
    if (!noise) {
      draw();
      const digits = ({ name }) => name.startsWith("digit");
      // who chooses here wants to hear of the noise, not of the score
      tryIt.choices(document.getElementById("try-noise-choices"), digits, () => update(true));
    }
    update(false);
  }).observe(document.getElementById("try-denoiser"));
  tryIt.listeners.push(() => {
    if (inSight) update(false);
  });
}
