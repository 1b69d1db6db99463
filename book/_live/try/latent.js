// Chapter 9: the plane of two latent values, and the digit that the decoder makes at a place.
"use strict";

{
  const plane = document.getElementById("try-plane");
  const cross = document.getElementById("try-cross");
  const digit = document.getElementById("try-digit");
  const output = document.getElementById("try-code");
  const sliders = ["try-first", "try-second"].map((id) => document.getElementById(id));
  let end, side, digits; // half the plane's width; how many digits lie along it, and which
  const TILES = plane.width / 28;
  const code = [0, 0];

  // The commonest of the nearest training digits, as tools/export_models.py found it on a grid.
  function nearest([x, y]) {
    const at = (value) => Math.round(((value + end) / (2 * end)) * (side - 1));
    return digits[at(y) * side + at(x)];
  }

  function move(x, y, stays = true) {
    if (!digits) return; // the decoder is on its way
    const within = (value) => Math.min(end, Math.max(-end, Math.round(100 * value) / 100));
    code[0] = within(x);
    code[1] = within(y);
    sliders.forEach((slider, i) => (slider.value = code[i]));
    cross.style.left = `${(50 * (code[0] + end)) / end}%`;
    cross.style.top = `${(50 * (end - code[1])) / end}%`;
    tryIt.showGrey(digit, tryIt.network("decoder").run(Float32Array.from(code)));
    const place = code.map((value) => value.toFixed(2).replace("-", "−")).join(", ");
    const words = `Code (${place}). Most training digits around it are ${nearest(code)}s.`;
    output.textContent = words;
    digit.setAttribute("aria-label", `Output of the decoder; most training digits around it are ${nearest(code)}s.`);
    if (stays) tryIt.say(words);
  }

  function toPointer(event) {
    const box = plane.getBoundingClientRect();
    const x = (2 * (event.clientX - box.left)) / box.width - 1;
    const y = 1 - (2 * (event.clientY - box.top)) / box.height;
    move(end * x, end * y);
  }

  plane.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    plane.setPointerCapture(event.pointerId);
    toPointer(event);
  });
  plane.addEventListener("pointermove", (event) => {
    if (plane.hasPointerCapture(event.pointerId)) toPointer(event);
  });

  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  plane.addEventListener("keydown", (event) => {
    if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [dx, dy] = moves[event.key];
    move(code[0] + 0.1 * dx, code[1] + 0.1 * dy);
  });

  sliders.forEach((slider, i) => {
    slider.addEventListener("input", () => {
      // the other value may lie between two steps of its slider
      const to = [...code];
      to[i] = Number(slider.value);
      move(...to);
    });
  });

  // The code that makes the picture most likely: the best of the tiles' codes, and then ever
  // smaller steps to whichever neighbour is better.
  function likelihood(picture, probabilities, start = 0) {
    return picture.reduce((sum, value, i) => {
      const p = Math.min(1 - 1e-6, Math.max(1e-6, probabilities[start + i]));
      return sum + value * Math.log(p) + (1 - value) * Math.log(1 - p);
    }, 0);
  }

  function bestOf(picture, codes) {
    const answers = tryIt.network("decoder").run(Float32Array.from(codes.flat()));
    const scores = codes.map((_, i) => likelihood(picture, answers, 784 * i));
    return codes[scores.indexOf(Math.max(...scores))];
  }

  const locate = document.getElementById("try-locate");
  locate.addEventListener("click", () => {
    const rows = Array.from({ length: TILES }, (_, row) => codesOf(row));
    let best = bestOf(tryIt.picture, rows.flat());
    for (let step = end / TILES; step > 0.01; step /= 2) {
      const steps = [-step, 0, step];
      const near = steps.flatMap((dx) => steps.map((dy) => [best[0] + dx, best[1] + dy]));
      best = bestOf(tryIt.picture, near);
    }
    move(...best);
  });
  tryIt.listeners.push((picture) => (locate.disabled = !(picture && digits)));

  const codesOf = (row) => {
    const middle = (i) => ((2 * i + 1) / TILES - 1) * end;
    return Array.from({ length: TILES }, (_, column) => [middle(column), -middle(row)]);
  };

  // The background: what the decoder makes of the middle of each tile, a row at a time, so that
  // the page answers in between, and not before the plane is in sight.
  function paintRow(row) {
    const codes = codesOf(row);
    const pictures = tryIt.network("decoder").run(Float32Array.from(codes.flat()));
    const context = plane.getContext("2d");
    const tile = document.createElement("canvas");
    tile.width = tile.height = 28;
    codes.forEach((_, column) => {
      tryIt.showGrey(tile, pictures, 784 * column);
      context.drawImage(tile, 28 * column, 28 * row);
    });
    if (row + 1 < TILES) setTimeout(() => paintRow(row + 1));
  }

  // The decoder is fetched when a reader comes near.
  const sight = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      sight.disconnect();
      const script = document.createElement("script");
      script.src = "../try/weights/decoder.js";
      script.addEventListener("load", begin);
      script.addEventListener("error", () => {
        output.textContent = "The decoder did not load. Load the page again to try once more.";
        tryIt.say(output.textContent);
      });
      document.head.append(script);
    },
    { rootMargin: "300px" }
  );
  sight.observe(plane);

  function begin() {
    ({ end, side, digits } = tryIt.stored.decoder.facts);
    for (const slider of sliders) {
      slider.min = -end;
      slider.max = end;
    }
    locate.disabled = !tryIt.picture;
    paintRow(0);
    move(0, 0, false);
  }
}
