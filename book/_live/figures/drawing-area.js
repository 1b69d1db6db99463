// A square to draw a digit in, by mouse, pen, finger or keys, and what is drawn as MNIST has it:
// 28 x 28 values from 0, black, to 1, white.  The front page and the page "Try it" share it.
"use strict";

{
  const SIDE = 28;
  const BOX = 20;

  // Grey values of a canvas, row by row.
  const greyOf = (canvas) => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const values = new Float32Array(width * height);
    for (let i = 0; i < values.length; i++) {
      values[i] = (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255;
    }
    return { values, width, height };
  };

  function boundsOf({ values, width }) {
    let [left, right, top, bottom] = [Infinity, -1, Infinity, -1];
    values.forEach((value, i) => {
      if (value > 0) {
        const [x, y] = [i % width, Math.floor(i / width)];
        [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
      }
    });
    return right < 0 ? null : { left, top, width: right - left, height: bottom - top };
  }

  // New values along one direction, each the mean of the old ones, at(k), that it covers.
  function means(at, from, step, count) {
    return Array.from({ length: count }, (_, j) => {
      const [start, end] = [from + j * step, from + (j + 1) * step];
      let sum = 0;
      for (let k = Math.floor(start); k < end; k++) {
        sum += at(k) * (Math.min(end, k + 1) - Math.max(start, k));
      }
      return sum / step;
    });
  }

  // 28 x 28 values of an image from (left, top) on, each of stepX by stepY of its pixels.
  const resample = ({ values, width, height }, left, top, stepX, stepY) => {
    const rows = [];
    for (let y = 0; y < height; y++) {
      rows.push(means((x) => (x < 0 || x >= width ? 0 : values[y * width + x]), left, stepX, SIDE));
    }
    const columns = rows[0].map((_, x) =>
      means((y) => (y < 0 || y >= height ? 0 : rows[y][x]), top, stepY, SIDE)
    );
    return Float32Array.from({ length: SIDE * SIDE }, (_, i) => columns[i % SIDE][Math.floor(i / SIDE)]);
  };

  // The way that MNIST was made: the ink fits a box of 20 x 20 pixels, which lies so that the
  // centre of mass is in the middle of the picture. Null if there is no ink.
  const likeMnist = (ink) => {
    const bounds = boundsOf(ink);
    if (!bounds) return null;
    let [mass, x, y] = [0, 0, 0];
    ink.values.forEach((value, i) => {
      mass += value;
      x += value * ((i % ink.width) + 0.5);
      y += value * (Math.floor(i / ink.width) + 0.5);
    });
    const step = Math.max(bounds.width, bounds.height) / BOX;
    // the box is moved by whole pixels, until the centre of mass is in the middle of pixel 14
    const corner = (edge, centre) => edge - step * Math.round(14.5 - (centre - edge) / step);
    return resample(ink, corner(bounds.left, x / mass), corner(bounds.top, y / mass), step, step);
  };

  // `pen` is an element over the canvas, which the style sheet shows while the keyboard draws.
  // Calls begin() before a stroke, change(stays) after each part of it, where `stays` is false in
  // the middle of a pointer's, clear() for Delete, and say(words) with where the pen is.
  const drawingArea = (canvas, pen, { begin, change, clear, say }) => {
    const size = canvas.width;
    const step = size / SIDE;
    const context = canvas.getContext("2d", { willReadFrequently: true });

    const line = (from, to) => {
      context.strokeStyle = "white";
      context.lineWidth = 2.2 * step;
      context.lineCap = "round";
      context.beginPath();
      context.moveTo(from.x, from.y);
      context.lineTo(to.x, to.y);
      context.stroke();
    };

    // by mouse, pen or finger
    let last = null; // where the pointer was, while it draws
    let drawing = null; // which pointer draws: a second finger or a palm does not
    let waiting = false;
    const soon = () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        if (last) change(false);
      });
    };
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return {
        x: ((event.clientX - box.left) * size) / box.width,
        y: ((event.clientY - box.top) * size) / box.height,
      };
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || last) return;
      drawing = event.pointerId;
      canvas.setPointerCapture(drawing);
      begin();
      last = place(event);
      line(last, last);
      soon();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!last || event.pointerId !== drawing) return;
      const to = place(event);
      line(last, to);
      last = to;
      soon();
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(end, (event) => {
        if (!last || event.pointerId !== drawing) return;
        last = null;
        change(true);
      });
    }

    // by keys: arrows move a pen, which the space key puts down and lifts
    const point = { x: size / 2, y: size / 4, down: false };
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const showPen = () => {
      pen.style.left = `${(100 * point.x) / size}%`;
      pen.style.top = `${(100 * point.y) / size}%`;
      pen.classList.toggle("drawing-pen-down", point.down);
    };
    const lift = () => {
      point.down = false;
      showPen();
    };
    const within = (value) => Math.min(size - step, Math.max(step, value));
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in moves) {
        const [dx, dy] = moves[event.key];
        const from = { ...point };
        point.x = within(point.x + dx * step);
        point.y = within(point.y + dy * step);
        if (point.down) {
          line(from, point);
          change(true);
        } else {
          const edge = point.x === from.x && point.y === from.y ? ", at the edge" : "";
          say(`column ${point.x / step}, row ${point.y / step}${edge}`);
        }
      } else if (event.key === " " && event.repeat) {
        // a key held down neither lifts the pen nor scrolls the page
      } else if (event.key === " ") {
        point.down = !point.down;
        say(point.down ? "pen down" : "pen lifted");
        if (point.down) {
          begin();
          line(point, point);
          change(true);
        }
      } else if (event.key === "Delete" || event.key === "Backspace") {
        clear();
      } else {
        return;
      }
      event.preventDefault();
      showPen();
    });
    showPen();

    return {
      context,
      size,
      line,
      lift,
      busy: () => last !== null,
      empty() {
        context.fillStyle = "black";
        context.fillRect(0, 0, size, size);
      },
      values: () => likeMnist(greyOf(canvas)),
    };
  };

  window.drawingArea = Object.assign(drawingArea, { greyOf, likeMnist, resample });
}
