// A photograph at rising bits for each pixel: a detail of what each codec decodes, with the bits
// that its file takes and its PSNR.  A slider chooses the bits, buttons the photograph.
"use strict";

liveFigure("bits-slider", (app, data) => {
  const { element, slider, choice } = live;
  let [rate, photograph] = [data.start, 0];
  const named = (i) => `${data.photographs[photograph].rates[i].items[0].bpp.toFixed(2)} bits per pixel`;

  choice(app, "Photograph", data.photographs.map((p) => p.name), (i) => {
    photograph = i;
    show();
  });
  const last = data.photographs[0].rates.length - 1;
  const input = slider(
    app,
    { label: "bits", min: 0, max: last, step: 1, value: rate, text: named },
    (i) => {
      rate = i;
      show();
    },
  );

  const row = element("div", { class: "live-row", style: "gap: 0.75rem" });
  const cells = data.methods.map((method) => {
    const picture = element("img", { style: "width: 100%; display: block; image-rendering: pixelated" });
    const says = element("output", { style: "font-variant-numeric: tabular-nums" });
    row.append(
      element("div", { style: "flex: 1 1 0; min-width: 90px; max-width: 256px; text-align: center" }, picture, element("strong", {}, method), element("br"), says),
    );
    return [method, picture, says];
  });
  app.append(row);

  const show = () => {
    const { name, rates } = data.photographs[photograph];
    const { items } = rates[rate];
    const best = Math.max(...items.map((item) => item.psnr));
    cells.forEach(([method, picture, says], i) => {
      const { webp, bpp, psnr } = items[i];
      picture.src = `data:image/webp;base64,${webp}`;
      picture.alt = `a detail of ${name}, ${method}`;
      says.textContent = `${bpp.toFixed(2)} bpp, ${psnr.toFixed(1)} dB`;
      says.style.fontWeight = psnr === best ? "bold" : "normal";
    });
    input.setAttribute("aria-valuetext", named(rate));
    input.nextElementSibling.textContent = named(rate);
  };
  show();
});
