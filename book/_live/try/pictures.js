// Pictures as the networks take them: 28 x 28 values from 0, black, to 1, white.
"use strict";

{
  const SIDE = 28;
  const BOX = 20;

  // Paints a canvas with colours, each 0xRRGGBB, of which `colourOf` gives one for a pixel.
  function paint(canvas, colourOf) {
    const context = canvas.getContext("2d");
    const image = context.createImageData(SIDE, SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) {
      const colour = colourOf(i);
      image.data[4 * i] = colour >> 16;
      image.data[4 * i + 1] = (colour >> 8) & 255;
      image.data[4 * i + 2] = colour & 255;
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  tryIt.showGrey = (canvas, values, start = 0) =>
    paint(canvas, (i) => 0x010101 * Math.round(255 * values[start + i]));

  const colours = tryIt.stored.detector.facts.colours.match(/.{6}/g).map((hex) => parseInt(hex, 16));
  tryIt.showColours = (canvas, values) => paint(canvas, (i) => colours[Math.round(255 * values[i])]);

  tryIt.meanSquare = (a, b) => a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length;

  tryIt.psnr = (a, b) => -10 * Math.log10(tryIt.meanSquare(a, b));

  // Grey values of a canvas, row by row.
  tryIt.greyOf = (canvas) => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const values = new Float32Array(width * height);
    for (let i = 0; i < values.length; i++) {
      values[i] = (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255;
    }
    return { values, width, height };
  };

  // White on black, whatever the paper: the border is taken for paper, and what differs from it
  // by less than a sixth of the strongest stroke for paper, too.
  tryIt.inkOf = ({ values, width, height }) => {
    const border = values.filter((_, i) => {
      const x = i % width;
      return x === 0 || x === width - 1 || i < width || i >= values.length - width;
    });
    const paper = border.sort()[border.length >> 1];
    const least = values.reduce((a, b) => Math.min(a, b));
    const greatest = values.reduce((a, b) => Math.max(a, b));
    // by what differs most from it, since paper in the shade is darker than a lit blackboard
    const dark = paper - least > greatest - paper;
    const differences = values.map((value) => (dark ? paper - value : value - paper));
    const strongest = differences.reduce((a, b) => Math.max(a, b), 0);
    const ink = differences.map((d) => (strongest < 0.1 || d < strongest / 6 ? 0 : d / strongest));
    return { values: ink, width, height };
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

  // One direction of shrinking: each new value is the mean of what it covers. `at(k)` gives the
  // old value number k, 0 outside; `from` and `step` say where the new values begin and end.
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

  // A part of a picture as 28 x 28 values, of which (left, top) is the upper left corner and
  // `step` the size of a pixel.
  function resample({ values, width, height }, left, top, step) {
    const rows = [];
    for (let y = 0; y < height; y++) {
      rows.push(means((x) => (x < 0 || x >= width ? 0 : values[y * width + x]), left, step, SIDE));
    }
    const columns = rows[0].map((_, x) =>
      means((y) => (y < 0 || y >= height ? 0 : rows[y][x]), top, step, SIDE)
    );
    return Float32Array.from({ length: SIDE * SIDE }, (_, i) => columns[i % SIDE][Math.floor(i / SIDE)]);
  }

  // The way that MNIST was made: the ink fits a box of 20 x 20 pixels, which lies so that the
  // centre of mass is in the middle of the picture. Null if there is no ink.
  tryIt.likeMnist = (ink) => {
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
    return resample(ink, corner(bounds.left, x / mass), corner(bounds.top, y / mass), step);
  };
}
