// Chapter 5's U-Net in plain JavaScript: TensorFlow.js's slow engine would take minutes for a page.
// One function, without anything from outside, so that a worker can be made of its text.
"use strict";

tryIt.unet = function unet() {
  // Maps lie one after the other, each with a border of zeros, one pixel wide, which the
  // convolutions look at.
  const maps = (count, height, width) => ({
    count,
    height,
    width,
    size: (height + 2) * (width + 2),
    values: new Float32Array(count * (height + 2) * (width + 2)),
  });

  // 3 x 3, over the maps of one or two inputs; `kernel` as Keras has it: row, column, in, out
  function convolve(inputs, { kernel, bias }, sigmoid = false) {
    const { height, width, size } = inputs[0];
    const row = width + 2;
    const outputs = bias.length;
    const total = inputs.reduce((sum, { count }) => sum + count, 0);
    const result = maps(outputs, height, width);
    const plane = (o) => result.values.subarray(o * size, (o + 1) * size);
    for (let o = 0; o < outputs; o++) {
      for (let r = 1; r <= height; r++) plane(o).fill(bias[o], r * row + 1, r * row + 1 + width);
    }
    // two outputs at a time, so that an input is read half as often
    for (let o = 0; o < outputs; o += 2) {
      const second = Math.min(o + 1, outputs - 1);
      const spare = o + 1 < outputs ? plane(second) : new Float32Array(size);
      let i = 0;
      for (const { count, values } of inputs) {
        for (let k = 0; k < count; k++, i++) {
          const x = values.subarray(k * size, (k + 1) * size);
          const taps = (n) =>
            Float64Array.from({ length: 9 }, (_, tap) => kernel[(tap * total + i) * outputs + n]);
          add(x, plane(o), spare, height, row, taps(o), taps(second));
        }
      }
    }
    for (let o = 0; o < outputs; o++) {
      const y = plane(o);
      for (let r = 1; r <= height; r++) {
        for (let at = r * row + 1; at <= r * row + width; at++) {
          const value = y[at];
          y[at] = sigmoid ? 1 / (1 + Math.exp(-value)) : value > 0 ? value : 0;
        }
      }
    }
    return result;
  }

  function add(x, y, z, height, row, first, second) {
    // by index: taken in turn, as by [a, b, ...], the numbers make the loop half as fast
    const { 0: a, 1: b, 2: c, 3: d, 4: e, 5: f, 6: g, 7: h, 8: i } = first;
    const { 0: k, 1: l, 2: m, 3: n, 4: o, 5: p, 6: q, 7: s, 8: t } = second;
    for (let r = 1; r <= height; r++) {
      let at = r * row + 1;
      const end = at + row - 2;
      let [a0, a1, b0, b1] = [x[at - row - 1], x[at - row], x[at - 1], x[at]];
      let [c0, c1] = [x[at + row - 1], x[at + row]];
      for (; at < end; at++) {
        const a2 = x[at - row + 1];
        const b2 = x[at + 1];
        const c2 = x[at + row + 1];
        y[at] += a * a0 + b * a1 + c * a2 + d * b0 + e * b1 + f * b2 + g * c0 + h * c1 + i * c2;
        z[at] += k * a0 + l * a1 + m * a2 + n * b0 + o * b1 + p * b2 + q * c0 + s * c1 + t * c2;
        a0 = a1;
        a1 = a2;
        b0 = b1;
        b1 = b2;
        c0 = c1;
        c1 = c2;
      }
    }
  }

  function pool({ count, height, width, size, values }) {
    const result = maps(count, height / 2, width / 2);
    const row = width + 2;
    for (let k = 0; k < count; k++) {
      for (let r = 0; r < height / 2; r++) {
        let to = k * result.size + (r + 1) * (width / 2 + 2) + 1;
        let at = k * size + (2 * r + 1) * row + 1;
        for (let c = 0; c < width; c += 2, at += 2, to++) {
          const above = values[at] > values[at + 1] ? values[at] : values[at + 1];
          const [left, right] = [values[at + row], values[at + row + 1]];
          const below = left > right ? left : right;
          result.values[to] = above > below ? above : below;
        }
      }
    }
    return result;
  }

  function enlarge({ count, height, width, size, values }) {
    const result = maps(count, 2 * height, 2 * width);
    const row = 2 * width + 2;
    for (let k = 0; k < count; k++) {
      for (let r = 0; r < 2 * height; r++) {
        const from = k * size + ((r >> 1) + 1) * (width + 2) + 1;
        const to = k * result.size + (r + 1) * row + 1;
        for (let c = 0; c < 2 * width; c++) result.values[to + c] = values[from + (c >> 1)];
      }
    }
    return result;
  }

  // Ink of a tile in, ink out; the sides are multiples of 16. The layers are in Keras's order.
  return (layers, ink, height, width) => {
    let x = maps(1, height, width);
    for (let r = 0; r < height; r++) {
      x.values.set(ink.subarray(r * width, (r + 1) * width), (r + 1) * (width + 2) + 1);
    }
    const levels = (layers.length - 3) / 2;
    const kept = [];
    let next = 0;
    for (let level = 0; level < levels; level++) {
      x = convolve([x], layers[next++]);
      kept.push(x);
      x = pool(x);
    }
    x = convolve([x], layers[next++]);
    x = convolve([x], layers[next++]);
    for (let level = 0; level < levels; level++) {
      x = convolve([enlarge(x), kept.pop()], layers[next++]);
    }
    x = convolve([x], layers[next], true);
    const result = new Float32Array(height * width);
    for (let r = 0; r < height; r++) {
      const from = (r + 1) * (width + 2) + 1;
      result.set(x.values.subarray(from, from + width), r * width);
    }
    return result;
  };
};
