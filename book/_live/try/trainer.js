// A small denoising autoencoder, 784-64-width-64-784, trained with Adam on plain typed arrays.
// tryIt.trainer stands alone: its source is also the script of a worker, which may not load a
// file where the book is opened from a folder.  `post` gets what the page shows.
"use strict";

tryIt.trainer = (post) => {
  const PIXELS = 784, HIDDEN = 64, BATCH = 16, RATE = 0.004, SLICE = 25;
  let train, test, mean; // images, one after the other; the mean training image
  let layers, noise, state, step, trained, loss, order, run, running, timer, evaluateAt;

  // uniform numbers (mulberry32) and normal ones (Box and Muller) that one seed repeats
  function uniform() {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

  function dense(inputs, outputs, activation) {
    const size = inputs * outputs + outputs; // the biases stand behind the weights
    const [weights, gradient, first, second] = Array.from({ length: 4 }, () => new Float32Array(size));
    const limit = Math.sqrt(6 / (inputs + outputs));
    for (let i = 0; i < inputs * outputs; i++) weights[i] = limit * (2 * uniform() - 1);
    return { inputs, outputs, activation, weights, gradient, first, second };
  }

  function forward(layer, x, count) {
    const { inputs, outputs, activation, weights } = layer;
    const y = new Float32Array(count * outputs);
    for (let n = 0; n < count; n++) {
      const row = y.subarray(n * outputs, (n + 1) * outputs);
      row.set(weights.subarray(inputs * outputs));
      for (let i = 0; i < inputs; i++) {
        const value = x[n * inputs + i];
        if (value === 0) continue; // most pixels are black
        for (let j = 0, w = i * outputs; j < outputs; j++, w++) row[j] += value * weights[w];
      }
      if (activation === "elu") for (let j = 0; j < outputs; j++) if (row[j] < 0) row[j] = Math.expm1(row[j]);
      if (activation === "sigmoid") for (let j = 0; j < outputs; j++) row[j] = 1 / (1 + Math.exp(-row[j]));
    }
    Object.assign(layer, { x, y });
    return y;
  }

  // `slope` is the loss's derivative by what the layer computes before its activation; returns
  // the one for the layer below
  function backward({ inputs, outputs, weights, gradient, x }, slope, count, below) {
    const lower = below && new Float32Array(count * inputs);
    gradient.fill(0);
    for (let n = 0; n < count; n++) {
      const row = slope.subarray(n * outputs, (n + 1) * outputs);
      for (let j = 0, b = inputs * outputs; j < outputs; j++, b++) gradient[b] += row[j];
      for (let i = 0; i < inputs; i++) {
        const value = x[n * inputs + i];
        if (value !== 0) for (let j = 0, w = i * outputs; j < outputs; j++, w++) gradient[w] += value * row[j];
        if (!below) continue;
        let sum = 0;
        for (let j = 0, w = i * outputs; j < outputs; j++, w++) sum += row[j] * weights[w];
        // the derivative of elu is 1 above 0, and its value plus 1 below
        lower[n * inputs + i] = below.activation === "elu" && value < 0 ? sum * (value + 1) : sum;
      }
    }
    return lower;
  }

  function adam({ weights, gradient, first, second }) {
    const rate = (RATE * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step);
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i];
      first[i] += 0.1 * (g - first[i]);
      second[i] += 0.001 * (g * g - second[i]);
      weights[i] -= (rate * first[i]) / (Math.sqrt(second[i]) + 1e-7);
    }
  }

  const noisy = (images) =>
    noise ? images.map((v) => Math.min(1, Math.max(0, v + noise * normal()))) : images;

  function trainStep() {
    const images = new Float32Array(BATCH * PIXELS);
    for (let n = 0; n < BATCH; n++) {
      // every image once, in an order drawn anew, before any comes again
      if (order.left === 0) order.left = order.length;
      const k = Math.floor(uniform() * order.left--);
      [order[k], order[order.left]] = [order[order.left], order[k]];
      images.set(train.subarray(order[order.left] * PIXELS, (order[order.left] + 1) * PIXELS), n * PIXELS);
    }
    const output = layers.reduce((x, layer) => forward(layer, x, BATCH), noisy(images));
    step += 1;
    let squares = 0;
    // cross-entropy behind a sigmoid: its derivative is the difference
    let slope = output.map((value, i) => {
      squares += (value - images[i]) ** 2;
      return (value - images[i]) / BATCH;
    });
    loss += ((squares / images.length) - loss) * Math.max(0.02, 1 / step);
    for (let i = layers.length - 1; i >= 0; i--) slope = backward(layers[i], slope, BATCH, layers[i - 1]);
    layers.forEach(adam);
  }

  // The test images with the same noise at every look, their codes and reconstructions.
  function look() {
    const [kept, count] = [state, test.length / PIXELS];
    state = 1;
    const input = noisy(test);
    state = kept;
    const outputs = [];
    layers.reduce((x, layer) => (outputs.push(forward(layer, x, count)), outputs[outputs.length - 1]), input);
    const [, codes, , output] = outputs;
    const error = output.reduce((sum, value, i) => sum + (value - test[i]) ** 2, 0) / test.length;
    post({ run, step, seconds: trained / 1000, loss, error, input, codes, output, width: layers[2].inputs });
  }

  function slice() {
    if (!running) return;
    const begin = performance.now();
    let now = begin;
    while (now - begin < SLICE) {
      trainStep();
      now = performance.now();
    }
    trained += now - begin;
    if (now > evaluateAt) {
      look();
      const took = performance.now() - now;
      evaluateAt = now + took + Math.max(200, 5 * took);
    }
    timer = setTimeout(slice);
  }

  return {
    load(trainImages, testImages) {
      [train, test] = [trainImages, testImages];
      mean = new Float32Array(PIXELS);
      train.forEach((value, i) => (mean[i % PIXELS] += (value * PIXELS) / train.length));
    },
    // `name` comes back with what is posted, to tell this run from the last one
    reset(width, seed, name) {
      run = name;
      [state, step, trained, loss, evaluateAt] = [seed, 0, 0, 0, 0];
      order = Uint16Array.from({ length: train.length / PIXELS }, (_, i) => i);
      order.left = order.length;
      layers = [
        dense(PIXELS, HIDDEN, "elu"),
        dense(HIDDEN, width, "linear"),
        dense(width, HIDDEN, "elu"),
        dense(HIDDEN, PIXELS, "sigmoid"),
      ];
      // it begins with the mean image, and not with grey
      layers[3].weights.subarray(0, HIDDEN * PIXELS).forEach((w, i, all) => (all[i] = 0.3 * w));
      mean.forEach((m, i) => {
        const p = Math.min(0.98, Math.max(0.02, m));
        layers[3].weights[HIDDEN * PIXELS + i] = Math.log(p / (1 - p));
      });
      look();
    },
    setNoise(factor) {
      noise = factor;
      if (layers) look();
    },
    run() {
      if (running) return;
      running = true;
      slice();
    },
    pause() {
      running = false;
      clearTimeout(timer);
      look();
    },
  };
};
