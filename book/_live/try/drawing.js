// The picture: drawn with pointer or keys, chosen, or from a file. Whoever wants to know of a new
// one hangs a function into tryIt.listeners; it gets the 28 x 28 values, and whether they will
// stay (false in the middle of a stroke).
"use strict";

{
  const canvas = document.getElementById("try-draw");
  const pen = document.getElementById("try-pen");
  const message = document.getElementById("try-picture-message");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const SIZE = canvas.width;
  const STEP = SIZE / 28;

  tryIt.listeners = [];
  tryIt.picture = null;
  tryIt.pictureName = "";

  function changed(values, name, stays = true) {
    tryIt.picture = values;
    tryIt.pictureName = name;
    message.textContent = values ? `Now: ${name}.` : "The drawing area is empty.";
    for (const button of document.querySelectorAll(".try-choice")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-label") === name));
    }
    for (const listener of tryIt.listeners) listener(values, stays);
  }

  // Drawing -----------------------------------------------------------------------------------

  const drawn = (stays) =>
    changed(tryIt.likeMnist(tryIt.greyOf(canvas)), "your drawing", stays);

  function line(from, to) {
    context.strokeStyle = "white";
    context.lineWidth = 2.2 * STEP;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
  }

  function clear() {
    context.fillStyle = "black";
    context.fillRect(0, 0, SIZE, SIZE);
  }

  let last = null; // where the pointer was, while it draws
  let waiting = false;

  function soon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (last) drawn(false);
    });
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) * SIZE) / box.width,
      y: ((event.clientY - box.top) * SIZE) / box.height,
    };
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    line(last, last);
    soon();
  });

  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const now = place(event);
    line(last, now);
    last = now;
    soon();
  });

  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (!last) return;
      last = null;
      drawn(true);
    });
  }

  // Drawing by keys: arrows move a pen, which the space key puts down and lifts.
  const point = { x: SIZE / 2, y: SIZE / 4, down: false };
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function showPen() {
    pen.style.left = `${(100 * point.x) / SIZE}%`;
    pen.style.top = `${(100 * point.y) / SIZE}%`;
    pen.classList.toggle("try-pen-down", point.down);
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const within = (value) => Math.min(SIZE - STEP, Math.max(STEP, value));
    if (event.key in moves) {
      const [dx, dy] = moves[event.key];
      const from = { ...point };
      point.x = within(point.x + dx * STEP);
      point.y = within(point.y + dy * STEP);
      if (point.down) {
        line(from, point);
        drawn(true);
      }
    } else if (event.key === " ") {
      point.down = !point.down;
      tryIt.say(point.down ? "pen down" : "pen lifted");
      if (point.down) {
        line(point, point);
        drawn(true);
      }
    } else if (event.key === "Delete" || event.key === "Backspace") {
      empty();
    } else {
      return;
    }
    event.preventDefault();
    showPen();
  });

  function empty() {
    clear();
    changed(null, "nothing");
  }

  document.getElementById("try-clear").addEventListener("click", empty);

  // Choosing ----------------------------------------------------------------------------------

  function show(values, name) {
    const small = document.createElement("canvas");
    small.width = small.height = 28;
    tryIt.showGrey(small, values);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, SIZE, SIZE);
    changed(values, name);
  }

  tryIt.choices = (list, among = () => true) => {
    for (const { name, pixels } of tryIt.stored.detector.facts.pictures.filter(among)) {
      const values = Float32Array.from(atob(pixels), (c) => c.charCodeAt(0) / 255);
      const button = document.createElement("button");
      button.type = "button";
      button.className = "try-choice";
      button.setAttribute("aria-label", name);
      button.setAttribute("aria-pressed", String(name === tryIt.pictureName));
      button.title = name;
      const small = document.createElement("canvas");
      small.width = small.height = 28;
      tryIt.showGrey(small, values);
      button.append(small);
      button.addEventListener("click", () => show(values, name));
      list.append(button);
    }
  };

  // Files -------------------------------------------------------------------------------------

  async function open(file) {
    if (!file) return;
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      message.textContent = `${file.name} is no picture that this browser can read.`;
      return;
    }
    // large photographs are shrunk first; the longer side is what the drawing area has
    const scale = SIZE / Math.max(bitmap.width, bitmap.height);
    const small = document.createElement("canvas");
    small.width = Math.max(1, Math.round(bitmap.width * scale));
    small.height = Math.max(1, Math.round(bitmap.height * scale));
    const smallContext = small.getContext("2d");
    smallContext.fillStyle = "white"; // behind a transparent picture
    smallContext.fillRect(0, 0, small.width, small.height);
    smallContext.imageSmoothingQuality = "high";
    smallContext.imageSmoothingEnabled = scale < 1;
    smallContext.drawImage(bitmap, 0, 0, small.width, small.height);
    const values = tryIt.likeMnist(tryIt.inkOf(tryIt.greyOf(small)));
    if (values) {
      show(values, file.name);
    } else {
      message.textContent = `${file.name} shows nothing but paper.`;
    }
  }

  const chooser = document.getElementById("try-file");
  chooser.addEventListener("change", () => {
    open(chooser.files[0]);
    chooser.value = ""; // the same file may be chosen again
  });

  const area = document.getElementById("try-area");
  area.addEventListener("dragover", (event) => event.preventDefault());
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    open(event.dataTransfer.files[0]);
  });

  clear();
  showPen();
}
