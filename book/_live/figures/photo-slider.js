// A photograph under rising noise: the noisy one on the left of a line, the denoised one on its
// right.  Sliders choose the noise level and move the line, buttons the photograph.
"use strict";

liveFigure("photo-slider", (app, data) => {
  const { element, slider, choice } = live;
  const named = (i) => `${data.levels[i]} of 255`;
  let [level, photograph] = [data.start, 0];

  choice(app, "Photograph", data.names, (i) => {
    photograph = i;
    show();
  });
  const input = slider(
    app,
    {
      label: "noise level", min: 0, max: data.levels.length - 1, step: 1, value: level,
      text: named,
    },
    (i) => {
      level = i;
      show();
    },
  );
  const line = slider(
    app,
    { label: "noisy | denoised", min: 0, max: 100, step: 1, value: 50, text: (v) => `${v} %` },
    (percent) => divide(percent),
  );

  const style = "width: 100%; height: 100%; display: block; position: absolute; inset: 0";
  const noisy = element("img", { style, alt: "photograph with added noise" });
  const denoised = element("img", { style, alt: "photograph denoised by the network" });
  const rule = element("div", {
    style: "position: absolute; top: 0; bottom: 0; width: 2px; background: #fff; box-shadow: 0 0 3px #000",
  });
  const box = element(
    "div",
    { style: "position: relative; width: min(100%, 24rem); aspect-ratio: 1; margin: 0 auto; touch-action: pan-y" },
    noisy, denoised, rule,
  );
  const says = element("output", { style: "font-variant-numeric: tabular-nums; text-align: center" });
  app.append(box, says);

  const divide = (percent) => {
    denoised.style.clipPath = `inset(0 0 0 ${percent}%)`;
    rule.style.left = `calc(${percent}% - 1px)`;
  };
  const drag = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const { left, width } = box.getBoundingClientRect();
    line.value = Math.min(100, Math.max(0, (100 * (event.clientX - left)) / width));
    line.dispatchEvent(new Event("input"));
    event.preventDefault();
  };
  for (const kind of ["pointerdown", "pointermove"]) box.addEventListener(kind, drag);

  const show = () => {
    const here = data.pictures[photograph][level];
    noisy.src = `data:image/webp;base64,${here.noisy}`;
    denoised.src = `data:image/webp;base64,${here.denoised}`;
    const [before, after] = here.psnr;
    says.textContent = `PSNR: noisy ${before.toFixed(1)} dB, denoised ${after.toFixed(1)} dB`;
    input.setAttribute("aria-valuetext", named(level));
  };
  divide(50);
  show();
});
