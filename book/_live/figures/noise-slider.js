// A digit under rising noise: the noisy image, and what denoisers that ran in the chapter make of
// it, each with its PSNR.  A slider chooses the noise level, buttons the digit.
"use strict";

liveFigure("noise-slider", (app, data) => {
  const { element, unpack, picture, slider, choice } = live;
  const images = unpack(data.images);
  const clean = unpack(data.clean);
  const [, kinds, digits, height, width] = images.shape;
  const size = height * width;
  const named = (i) => data.levels[i].toFixed(2);
  let [level, digit] = [data.start, 0];

  choice(app, "Digit", data.digits, (i) => {
    digit = i;
    show();
  });
  slider(
    app,
    {
      label: "noise factor", min: 0, max: data.levels.length - 1, step: 1, value: level,
      text: named,
    },
    (i) => {
      level = i;
      show();
    },
  );

  // all five side by side on a desk
  const row = element("div", { class: "live-row", style: "--widest: 118px" });
  app.append(row);
  const drawn = data.kinds.map((name) => {
    const draw = picture(row, name, height, width);
    const value = element("output", { style: "font-variant-numeric: tabular-nums" });
    row.lastChild.append(value);
    return [draw, value];
  });
  const drawClean = picture(row, "clean", height, width);
  row.lastChild.append(element("span", {}, "target"));

  const show = () => {
    const psnr = data.psnr[level].map((values) => values[digit]);
    drawn.forEach(([draw, value], kind) => {
      const at = ((level * kinds + kind) * digits + digit) * size;
      draw(images.subarray(at, at + size));
      value.textContent = `PSNR ${psnr[kind].toFixed(1)} dB`;
      value.style.fontWeight = psnr[kind] === Math.max(...psnr) ? "bold" : "normal";
    });
    drawClean(clean.subarray(digit * size, (digit + 1) * size));
    app.querySelector("input").setAttribute("aria-valuetext", named(level));
  };
  show();
});
