// The chapters' networks, computed by TensorFlow.js from the weights that the chapters trained.
"use strict";

{
  const activations = { linear: (x) => x, elu: tf.elu, relu: tf.relu, sigmoid: tf.sigmoid };

  // by their names in Keras
  const layers = {
    Dense: (x, { kernel, bias }) => tf.add(tf.matMul(x, kernel), bias),
    Conv2D: (x, { kernel, bias }) => tf.add(tf.conv2d(x, kernel, 1, "same"), bias),
    MaxPooling2D: (x) => tf.maxPool(x, 2, 2, "same"),
    UpSampling2D: (x) =>
      tf.image.resizeNearestNeighbor(x, [2 * x.shape[1], 2 * x.shape[2]]),
  };

  // As tools/export_models.py wrote them: a weight is a character, counting steps above the least
  // one; where it is fine, 5 bits more stand in a second run of characters, for three weights each.
  const FIRST = 0x100;

  function tensorOf({ shape, least, step, fine }, text, start) {
    const values = new Float32Array(shape.reduce((a, b) => a * b));
    const coarse = fine ? 32 * step : step;
    const rest = start + values.length;
    for (let i = 0; i < values.length; i++) {
      values[i] = least + coarse * (text.charCodeAt(start + i) - FIRST);
    }
    if (!fine) return [tf.tensor(values, shape), rest];
    const end = rest + Math.ceil(values.length / 3);
    for (let i = 0, at = rest; at < end; i += 3, at++) {
      // what would be written behind the last value is dropped
      const bits = text.charCodeAt(at) - FIRST;
      values[i] += step * (bits & 31);
      values[i + 1] += step * ((bits >> 5) & 31);
      values[i + 2] += step * (bits >> 10);
    }
    return [tf.tensor(values, shape), end];
  }

  class Network {
    constructor({ input, layers: parts, text }) {
      let start = 0;
      this.input = input;
      this.widths = parts.map(({ bias }) => (bias ? bias.shape[0] : Infinity));
      this.bottleneck = this.widths.indexOf(Math.min(...this.widths));
      this.layers = parts.map(({ type, activation, ...weights }) => {
        const tensors = {};
        for (const name of Object.keys(weights)) {
          [tensors[name], start] = tensorOf(weights[name], text, start);
        }
        const activate = activations[activation ?? "linear"];
        return (x) => activate(layers[type](x, tensors));
      });
    }

    // Values of one or more images (or codes) in, the outputs in one Float32Array out.
    run(values) {
      return this.compute(this.layers, values, this.input);
    }

    // The two halves of a network of dense layers, split behind its narrowest layer.
    encode(values) {
      return this.compute(this.layers.slice(0, this.bottleneck + 1), values, this.input);
    }

    decode(codes) {
      const { bottleneck, widths } = this;
      return this.compute(this.layers.slice(bottleneck + 1), codes, [widths[bottleneck]]);
    }

    compute(layers, values, shape) {
      const count = values.length / shape.reduce((a, b) => a * b);
      return tf.tidy(() => {
        const x = tf.tensor(values, [count, ...shape]);
        return layers.reduce((y, layer) => layer(y), x).dataSync();
      });
    }
  }

  // Made when first asked for, and then kept: the detector must not wait for the others.
  const made = {};
  tryIt.network = (name) => {
    if (!made[name]) made[name] = new Network(tryIt.stored[name]);
    return made[name];
  };
}
