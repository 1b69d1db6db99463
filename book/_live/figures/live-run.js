// A button that moves a slider on by itself, and a chart on which a pointer moves it; at(x) gives the
// slider's place for a share of the chart's width.
"use strict";

live.run = (play, place, chart, { milliseconds, at }) => {
  const last = Number(place.max);
  const word = play.textContent;
  const move = (value) => {
    place.value = value;
    place.dispatchEvent(new Event("input"));
  };
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    play.setAttribute("aria-pressed", "false");
    play.textContent = word;
  };
  play.addEventListener("click", () => {
    if (play.getAttribute("aria-pressed") === "true") return stop();
    if (place.valueAsNumber === last) move(0);
    play.setAttribute("aria-pressed", "true");
    play.textContent = "Stop";
    timer = setInterval(() => {
      move(place.valueAsNumber + 1);
      if (place.valueAsNumber === last) stop();
    }, milliseconds);
  });
  const follow = (event) => {
    const area = chart.getBoundingClientRect();
    move(Math.round(Math.min(last, Math.max(0, at((event.clientX - area.left) / area.width)))));
  };
  chart.addEventListener("pointerdown", (event) => {
    stop();
    chart.setPointerCapture(event.pointerId);
    follow(event);
  });
  chart.addEventListener("pointermove", (event) => event.buttons && follow(event));
};
