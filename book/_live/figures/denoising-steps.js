// Digits that are generated step by step: above the noisy state, below the denoiser's estimate from
// it.  A slider goes through the steps; both rows are pictures that the chapter's network made.
"use strict";

liveFigure("denoising-steps", (app, data) => {
  const { element, slider } = live;
  const last = data.steps.length - 1;
  const named = (i) => `${i} of ${last}`;
  const style = "width: 100%; display: block; image-rendering: pixelated";
  const row = (words) => {
    const picture = element("img", { style });
    const caption = element("output", { style: "font-variant-numeric: tabular-nums" });
    app.append(element("div", { style: "width: min(100%, 40rem); margin: 0 auto" }, picture, caption));
    return (png, number) => {
      picture.src = `data:image/png;base64,${png}`;
      caption.textContent = `${words} ${number}`;
      picture.alt = caption.textContent;
    };
  };

  slider(app, { label: "steps taken", min: 0, max: last, step: 1, value: data.start, text: named }, (i) => show(i));
  const state = row("eight images with noise, σ =");
  const estimate = row("the denoiser's estimates from them, σ =");
  const show = (i) => {
    const { sigma, state: noisy, estimate: clean } = data.steps[i];
    state(noisy, sigma);
    estimate(clean, sigma);
  };
  show(data.start);
});
