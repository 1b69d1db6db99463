// Digits of which few patches are visible: what is seen, what a linear method and the masked
// autoencoder make of it, and the digits.  A slider sets how many patches are visible; all rows are
// pictures that the chapter's cells made.
"use strict";

liveFigure("hidden-patches", (app, data) => {
  const { element, slider } = live;
  const style = "width: 100%; display: block; image-rendering: pixelated";
  const row = (name) => {
    const picture = element("img", { style });
    const caption = element("output", { style: "font-variant-numeric: tabular-nums" });
    app.append(element("div", { style: "width: min(100%, 46rem); margin: 0 auto" }, picture, caption));
    return (png, words) => {
      picture.src = `data:image/png;base64,${png}`;
      caption.textContent = `${name}${words}`;
      picture.alt = `a row of digits, ${caption.textContent}`;
    };
  };

  const named = (i) => `${data.steps[i].visible} of 49`;
  const range = { label: "visible patches", min: 0, max: data.steps.length - 1, step: 1 };
  slider(app, { ...range, value: data.start, text: named }, (i) => show(i));
  const seen = row("visible patches");
  const linear = row("PCA with missing pixels, error ");
  const network = row("masked autoencoder, error ");
  row("the digits")(data.digits, "");
  const show = (i) => {
    const step = data.steps[i];
    seen(step.seen, `: ${named(i)}`);
    linear(step.linear, step.errors[0]);
    network(step.network, step.errors[1]);
  };
  show(data.start);
});
