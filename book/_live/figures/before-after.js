// Two pictures of one size, one on top of the other, and a line between them that can be dragged.
// A live figure; the page "Try it" uses the two halves of it without one.
"use strict";

// Shows `before` left of the line and `after` right of it, both elements that show a picture.
window.beforeAfter = (parent, names) => {
  const make = (tag, name, ...children) => {
    const element = document.createElement(tag);
    element.className = name;
    element.append(...children);
    return element;
  };
  const line = make("div", "before-after-line");
  const pictures = make("div", "before-after-pictures", line);
  const words = names.map((name) => make("span", "", name));
  const input = make("input", "");
  Object.assign(input, { type: "range", min: 0, max: 100, step: 1, value: 50 });
  const box = make(
    "div",
    "before-after",
    pictures,
    make("label", "before-after-slider", words[0], input, words[1]),
  );
  parent.append(box);

  const move = (percent) => {
    input.value = percent;
    const at = input.valueAsNumber;
    pictures.style.setProperty("--at", `${at}%`);
    input.setAttribute("aria-valuetext", `${at} % ${words[0].textContent}, ${100 - at} % ${words[1].textContent}`);
  };
  input.setAttribute("aria-label", `Line between ${names.join(" and ")}`);
  input.addEventListener("input", () => move(input.value));

  const follow = (event) => {
    const { left, width } = pictures.getBoundingClientRect();
    move((100 * (event.clientX - left)) / width);
  };
  pictures.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    event.preventDefault();
    pictures.setPointerCapture(event.pointerId);
    follow(event);
  });
  pictures.addEventListener("pointermove", (event) => {
    if (pictures.hasPointerCapture(event.pointerId)) follow(event);
  });
  move(50);

  return {
    input,
    show(before, after, newNames = names) {
      before.className = "before-after-left";
      after.className = "before-after-right";
      pictures.replaceChildren(before, after, line);
      words.forEach((word, i) => (word.textContent = newNames[i]));
      move(input.value);
    },
  };
};

window.liveFigure?.("before-after", (app, data) => {
  const { element, choice } = live;
  const image = (i, words) => element("img", { src: data.images[i], alt: words, draggable: "false" });
  const show = (i) => {
    const { before, after, names } = data.pairs[i];
    const words = (name) => `The page, ${name}, half of it shown`;
    widget.show(image(before, words(names[0])), image(after, words(names[1])), names);
    says.textContent = data.pairs[i].says ?? "";
  };
  if (data.pairs.length > 1) choice(app, data.label, data.pairs.map(({ name }) => name), show);
  const widget = beforeAfter(app, data.pairs[0].names);
  const says = element("p", { class: "before-after-says", role: "status" });
  app.append(says);
  show(0);
});
