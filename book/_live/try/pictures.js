// Images as the networks take them: 28 x 28 values from 0, black, to 1, white.
"use strict";

{
  const SIDE = 28;

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

  // Ink on paper as white on black. The border is taken for paper: a plane through it, since light
  // falls from one side; what differs from it by less than a sixth of the strongest stroke is paper,
  // too. `measures` tell whether this is ink on paper at all, as `notInk` judges.
  tryIt.inkOf = ({ values, width, height }) => {
    const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2];
    const border = [];
    for (let i = 0; i < values.length; i++) {
      const x = i % width;
      if (x === 0 || x === width - 1 || i < width || i >= values.length - width) border.push(i);
    }
    const across = (i) => (i % width) - middleX;
    const down = (i) => Math.floor(i / width) - middleY;
    const sum = (of) => border.reduce((total, i) => total + of(i), 0);
    const mean = sum((i) => values[i]) / border.length;
    const slopeX = sum((i) => values[i] * across(i)) / Math.max(1, sum((i) => across(i) ** 2));
    const slopeY = sum((i) => values[i] * down(i)) / Math.max(1, sum((i) => down(i) ** 2));
    const flat = values.map((value, i) => value - mean - slopeX * across(i) - slopeY * down(i));
    const paper = border.map((i) => flat[i]).sort((a, b) => a - b)[border.length >> 1];
    const least = flat.reduce((a, b) => Math.min(a, b));
    const greatest = flat.reduce((a, b) => Math.max(a, b));
    // by what differs most from it, since paper in the shade is darker than a lit blackboard
    const dark = paper - least > greatest - paper;
    const strongest = Math.max(paper - least, greatest - paper);
    const part = flat.map((value) => (dark ? paper - value : value - paper) / (strongest || 1));
    const share = (of) => part.reduce((count, p) => count + of(p), 0) / part.length;
    const stroke = share((p) => p > 0.25);
    const measures = {
      border: border.filter((i) => Math.abs(part[i]) < 0.25).length / border.length,
      paper: share((p) => Math.abs(p) < 0.25),
      other: share((p) => p < -0.25), // darker than white chalk's board, lighter than ink's paper
      between: share((p) => p > 0.25 && p < 0.75) / (stroke || 1),
    };
    const ink = part.map((p) => (strongest < 0.1 || p < 1 / 6 ? 0 : p));
    return { values: ink, width, height, measures };
  };

  // In words, why an image is no ink on paper; empty if it is. Tried on MNIST digits pasted on
  // even and uneven paper and on the photographs of scikit-image, which lie well on either side.
  const percent = (share) => `${Math.round(100 * share)} %`;
  function notInk({ border, paper, other, between }, values) {
    if (border < 0.95) return `only ${percent(border)} of its border has the shade of paper`;
    if (paper < 0.7) return `only ${percent(paper)} of it has one shade, that of paper`;
    if (other > 0.02) return `${percent(other)} of it is lighter and other parts darker than its border`;
    if (between > 0.65) return `${percent(between)} of its marks are shades between paper and ink`;
    // MNIST's strokes are about two of 28 pixels wide
    const marks = values.filter((value) => value > 0.1).sort();
    if (marks[Math.floor(0.8 * marks.length)] < 0.5) return "its strokes are too thin for 28 × 28 pixels";
    return "";
  }

  // Any image as the networks take it: ink on paper the way that MNIST was made; everything else
  // as chapter 2 does, grey and resized. Null if there is nothing but paper.
  tryIt.prepare = (grey) => {
    const ink = tryIt.inkOf(grey);
    const values = drawingArea.likeMnist(ink);
    if (!values) return null;
    const reason = notInk(ink.measures, values);
    return reason ? { values: resized(grey), reason } : { values, reason };
  };

  // The whole image, without keeping its proportions, as aeutils.images.load_image resizes.
  const resized = (grey) => drawingArea.resample(grey, 0, 0, grey.width / SIDE, grey.height / SIDE);
}
