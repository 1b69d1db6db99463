// What every live figure needs.  A figure is a cell's output: a picture, a caption, and numbers as
// JSON.  Its own script, named as its kind, calls liveFigure(kind, make); the picture gives way
// to what make() builds, and stays where that fails, in print, and without JavaScript.
"use strict";

window.liveFigure = (kind, make) => {
  for (const figure of document.querySelectorAll(`figure[data-live="${kind}"]`)) {
    const app = document.createElement("div");
    app.className = "live-app";
    try {
      const data = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
      make(app, data, figure);
      figure.insertBefore(app, figure.querySelector("figcaption"));
      figure.classList.add("is-live");
    } catch (error) {
      console.error(`live figure ${kind}:`, error);
    }
  }
};

window.live = {
  // numbers that aeutils.show.packed() packed: a Float32Array with its shape
  unpack({ shape, low, high, bytes }) {
    const text = atob(bytes);
    const values = new Float32Array(text.length);
    for (let i = 0; i < text.length; i++) values[i] = low + ((high - low) * text.charCodeAt(i)) / 255;
    return Object.assign(values, { shape });
  },

  // an element with attributes and children
  element(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  },

  // the same in SVG
  svg(name, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  },

  // a named slider with its value beside it; calls back with the number
  slider(parent, { label, min, max, step, value, text = String }, onInput) {
    const { element } = window.live;
    const output = element("output", {}, text(value));
    const input = element("input", { type: "range", min, max, step, value, "aria-valuetext": text(value) });
    input.addEventListener("input", () => {
      output.textContent = text(input.valueAsNumber);
      // what is read aloud is the value, not the slider's place
      input.setAttribute("aria-valuetext", output.textContent);
      onInput(input.valueAsNumber);
    });
    parent.append(element("label", { class: "live-slider" }, element("span", {}, label), input, output));
    return input;
  },

  // a choice of one from several; calls back with its position
  choice(parent, label, names, onChoose) {
    const { element } = window.live;
    const group = element("div", { class: "live-choice", role: "group", "aria-label": label });
    const buttons = names.map((name, i) => {
      const button = element("button", { type: "button", "aria-pressed": String(i === 0) }, name);
      button.addEventListener("click", () => {
        buttons.forEach((b) => b.setAttribute("aria-pressed", String(b === button)));
        onChoose(i);
      });
      return button;
    });
    group.append(...buttons);
    parent.append(group);
    return group;
  },

  // a picture of grey values from 0 (black) to 1 (white); map(value) may give [r, g, b] instead
  picture(parent, caption, height, width) {
    const { element } = window.live;
    const canvas = element("canvas", { width, height, role: "img", "aria-label": caption });
    parent.append(
      element("div", { class: "live-picture" }, canvas, element("span", {}, caption)),
    );
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    return (values, map = (v) => [v, v, v]) => {
      for (let i = 0; i < height * width; i++) {
        const [r, g, b] = map(Math.min(1, Math.max(0, values[i])));
        image.data.set([255 * r, 255 * g, 255 * b, 255], 4 * i);
      }
      context.putImageData(image, 0, 0);
    };
  },
};
