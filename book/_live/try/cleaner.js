// Chapter 5: a photographed page in, a clean page out, tile by tile, in workers beside the page.
"use strict";

{
  const app = document.getElementById("try-page");
  const words = document.getElementById("try-page-words");
  const chooser = document.getElementById("try-page-file");
  const scale = document.getElementById("try-page-scale");
  const shown = document.getElementById("try-page-scale-shown");
  const save = document.getElementById("try-page-save");
  const turn = document.getElementById("try-page-turn");
  // pixels that are cleaned at once, and what small and large pictures are brought to
  const TILE = 512;
  const [SMALL, LARGE, MOST] = [300_000, 2_000_000, 8_000_000];
  const SCALES = [0.25, 0.33, 0.5, 0.67, 1, 1.5, 2, 3, 4];
  let source = null; // the picture as it was opened: something that a canvas can draw
  let name = "";
  let quarters = 0;
  let run = 0; // number of the last run; older ones stop
  let widget;
  let output; // the canvas with the clean page

  const tell = (text, spoken = true) => {
    words.textContent = text;
    if (spoken) tryIt.say(text);
  };

  // The weights as tools/export_models.py wrote them: a character counts steps above the least.
  let layers;
  function readLayers() {
    const { layers: stored, text } = tryIt.stored.cleaner;
    let start = 0;
    const array = ({ size, least, step }) => {
      const values = new Float32Array(size);
      for (let i = 0; i < size; i++) values[i] = least + step * (text.charCodeAt(start + i) - 0x100);
      start += size;
      return values;
    };
    layers = stored.map(({ kernel, bias }) => ({ kernel: array(kernel), bias: array(bias) }));
  }

  // Workers ------------------------------------------------------------------------------------

  // A worker from a file is forbidden where the book is opened from a folder; one of text is not.
  function makeWorkers(count) {
    const text = `"use strict";
      const clean = (${tryIt.unet})();
      let layers;
      onmessage = ({ data }) => {
        if (data.layers) { layers = data.layers; return; }
        const ink = clean(layers, data.ink, data.height, data.width);
        postMessage({ id: data.id, run: data.run, ink }, [ink.buffer]);
      };`;
    const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    return Array.from({ length: count }, () => {
      const worker = new Worker(address);
      worker.postMessage({ layers });
      return worker;
    });
  }

  let workers;
  function startWorkers() {
    const count = Math.max(1, Math.min(4, (navigator.hardwareConcurrency || 2) - 1));
    try {
      workers = makeWorkers(count);
    } catch {
      // in the page itself: slower, and the page rests between two tiles only
      const clean = tryIt.unet();
      workers = [{
        postMessage({ id, run: number, ink, height, width }) {
          setTimeout(() => {
            const cleaned = clean(layers, ink, height, width);
            this.onmessage({ data: { id, run: number, ink: cleaned } });
          });
        },
      }];
    }
  }

  // Tiles, with as much of their neighbours as the network sees: aeutils.documents.apply_in_tiles
  function tilesOf(ink, height, width) {
    const { radius, multiple } = tryIt.stored.cleaner.facts;
    const up = (n) => Math.ceil(n / multiple) * multiple;
    const overlap = up(radius);
    const tiles = [];
    for (let top = 0; top < height; top += TILE) {
      for (let left = 0; left < width; left += TILE) {
        const [r0, c0] = [Math.max(0, top - overlap), Math.max(0, left - overlap)];
        const [r1, c1] = [
          Math.min(top + TILE + overlap, up(height)),
          Math.min(left + TILE + overlap, up(width)),
        ];
        tiles.push({
          top, left, r0, c0,
          bottom: Math.min(top + TILE, height),
          right: Math.min(left + TILE, width),
          height: r1 - r0,
          width: c1 - c0,
          // cut when its turn comes; beyond the page its edge is repeated
          cut() {
            const piece = new Float32Array((r1 - r0) * (c1 - c0));
            for (let r = r0, to = 0; r < r1; r++) {
              const from = Math.min(r, height - 1) * width;
              for (let c = c0; c < c1; c++, to++) piece[to] = ink[from + Math.min(c, width - 1)];
            }
            return piece;
          },
        });
      }
    }
    return tiles;
  }

  // Cleans a page of ink; calls back with each tile. Where another run began it never resolves.
  function cleanTiles(ink, height, width, onTile) {
    const mine = run;
    const tiles = tilesOf(ink, height, width);
    let [next, done] = [0, 0];
    return new Promise((resolve) => {
      const give = (worker) => {
        if (next === tiles.length) return;
        const id = next++;
        const piece = tiles[id].cut();
        const [high, wide] = [tiles[id].height, tiles[id].width];
        worker.onmessage = ({ data }) => {
          // the worker was still busy with an older page
          if (data.run !== mine) return;
          onTile(tiles[data.id], data.ink, ++done, tiles.length);
          if (done === tiles.length) resolve();
          else if (mine === run) give(worker);
        };
        const job = { id, run: mine, ink: piece, height: high, width: wide };
        worker.postMessage(job, [piece.buffer]);
      };
      workers.forEach(give);
    });
  }

  // for the tests: a whole page of ink in, its clean ink out
  tryIt.cleanPage = async (ink, height, width) => {
    run += 1;
    const result = new Float32Array(height * width);
    await cleanTiles(ink, height, width, (tile, values) => {
      for (let r = tile.top; r < tile.bottom; r++) {
        const from = (r - tile.r0) * tile.width - tile.c0;
        result.set(values.subarray(from + tile.left, from + tile.right), r * width + tile.left);
      }
    });
    return result;
  };

  // The page ------------------------------------------------------------------------------------

  function canvasOf(width, height) {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    return canvas;
  }

  // The picture turned, scaled and made grey, as ink, and a canvas that shows it.
  function prepared(factor) {
    const turned = quarters % 2 === 1;
    const [w, h] = [source.width, source.height].map((n) => Math.max(1, Math.round(factor * n)));
    const canvas = canvasOf(turned ? h : w, turned ? w : h);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.translate(canvas.width / 2, canvas.height / 2);
    context.rotate((quarters * Math.PI) / 2);
    context.drawImage(source, -w / 2, -h / 2, w, h);
    const { values } = drawingArea.greyOf(canvas);
    const ink = values.map((value) => 1 - value);
    return { canvas, ink, height: canvas.height, width: canvas.width };
  }

  const automatic = () => {
    const pixels = source.width * source.height;
    if (pixels > LARGE) return Math.sqrt(LARGE / pixels);
    return pixels < SMALL ? 3 : 1;
  };

  async function clean(factor) {
    run += 1;
    const mine = run;
    save.disabled = true;
    const began = performance.now();
    const { canvas, ink, height, width } = prepared(factor);
    const paper = 1 - ink.reduce((sum, value) => sum + value, 0) / ink.length;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${name}, as it is`);
    output = canvasOf(width, height);
    output.setAttribute("role", "img");
    output.setAttribute("aria-label", `${name}, cleaned by the network`);
    const context = output.getContext("2d");
    context.drawImage(canvas, 0, 0);
    widget = widget || beforeAfter(document.getElementById("try-page-result"), ["input", "output"]);
    widget.show(canvas, output);
    tell(`${name}: cleaning …`);
    await cleanTiles(ink, height, width, (tile, values, done, count) => {
      if (mine !== run) return;
      const [high, wide] = [tile.bottom - tile.top, tile.right - tile.left];
      const image = context.createImageData(wide, high);
      for (let r = 0, to = 0; r < high; r++) {
        const from = (tile.top - tile.r0 + r) * tile.width + tile.left - tile.c0;
        for (let c = 0; c < wide; c++, to += 4) {
          const grey = Math.round(255 * (1 - values[from + c]));
          image.data[to] = image.data[to + 1] = image.data[to + 2] = grey;
          image.data[to + 3] = 255;
        }
      }
      context.putImageData(image, tile.left, tile.top);
      tell(`${name}: cleaning, part ${done} of ${count}.`, false);
    });
    if (mine !== run) return;
    save.disabled = false;
    const seconds = (performance.now() - began) / 1000;
    const size = `${width.toLocaleString("en")} × ${height.toLocaleString("en")} pixels`;
    const dark = paper < 0.35 ? " The page is mostly dark: the network was trained on dark print on light paper." : "";
    tell(`${name}: ${size}, cleaned in ${seconds.toFixed(1)} s.${dark}`);
  }

  function begin(image, called) {
    source = image;
    name = called;
    quarters = 0;
    turn.disabled = scale.disabled = false;
    const factor = automatic();
    const distance = (s) => Math.abs(Math.log(s / factor));
    scale.value = SCALES.reduce((best, s, i) => (distance(s) < distance(SCALES[best]) ? i : best), 0);
    rescaled(factor);
  }

  let chosen = 1;
  function rescaled(factor) {
    // no more than a telephone's memory holds
    chosen = Math.min(factor, Math.sqrt(MOST / (source.width * source.height)));
    shown.textContent = `${Math.round(100 * chosen)} %`;
    scale.setAttribute("aria-valuetext", shown.textContent);
    clean(chosen);
  }

  async function open(file) {
    tell(`Reading ${file.name} …`);
    const image = new Image();
    image.src = URL.createObjectURL(file);
    try {
      await image.decode();
    } catch {
      tell(`${file.name} cannot be read as an image by this browser.`);
      return;
    } finally {
      URL.revokeObjectURL(image.src);
    }
    begin(image, file.name);
  }

  chooser.addEventListener("change", () => {
    if (chooser.files.length) open(chooser.files[0]);
    chooser.value = "";
  });
  // what is dropped here is a page; dropped elsewhere, it is for the detector
  app.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    app.classList.remove("try-drop");
    const [file] = event.dataTransfer.files;
    if (file) open(file);
    else tell("That was no file. Save the image first, and drop or open its file.");
  });
  app.addEventListener("dragover", (event) => {
    event.preventDefault();
    event.stopPropagation();
    app.classList.add("try-drop");
  });
  app.addEventListener("dragleave", () => app.classList.remove("try-drop"));
  scale.max = SCALES.length - 1;
  scale.addEventListener("change", () => source && rescaled(SCALES[scale.valueAsNumber]));
  scale.addEventListener("input", () => (shown.textContent = `${Math.round(100 * SCALES[scale.valueAsNumber])} %`));
  turn.addEventListener("click", () => {
    quarters = (quarters + 1) % 4;
    clean(chosen);
  });
  save.addEventListener("click", () => {
    output.toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${name.replace(/\.\w+$/, "")}-clean.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  });

  // Weights and sample pages are fetched when a reader comes near.
  const load = (file) =>
    new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `../try/${file}`;
      script.addEventListener("load", resolve);
      script.addEventListener("error", () => reject(new Error(file)));
      document.head.append(script);
    });
  new IntersectionObserver(
    async (entries, sight) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      sight.disconnect();
      try {
        await Promise.all([load("weights/cleaner.js"), load("samples.js")]);
      } catch (error) {
        tell(`${error.message} did not load. Load the page again to try once more.`);
        return;
      }
      readLayers();
      startWorkers();
      const samples = document.getElementById("try-page-samples");
      for (const sample of tryIt.samples) {
        const image = new Image();
        image.src = sample.picture;
        image.alt = "";
        const button = document.createElement("button");
        button.type = "button";
        button.className = "try-page-sample";
        button.append(image, sample.name);
        button.addEventListener("click", async () => {
          await image.decode();
          const full = new Image();
          full.src = sample.picture;
          await full.decode();
          begin(full, sample.name);
        });
        samples.append(button);
      }
      chooser.disabled = false;
      tell("Choose a sample, or open a photograph of a printed page.", false);
    },
    { rootMargin: "300px" },
  ).observe(app);
}
