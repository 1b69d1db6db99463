// The picture: drawn with pointer or keys, chosen, or from a file. Whoever wants to know of a new
// one hangs a function into tryIt.listeners; it gets the 28 x 28 values, and whether they will
// stay (false in the middle of a stroke). tryIt.prepared says in words how they were made.
"use strict";

{
  const canvas = document.getElementById("try-draw");
  const message = document.getElementById("try-picture-message");
  const hint = document.getElementById("try-hint");
  const undoButton = document.getElementById("try-undo");

  tryIt.listeners = [];
  tryIt.picture = null;
  tryIt.pictureName = "";
  tryIt.prepared = { words: "", photograph: false };

  // Screen readers may read the same words again when they are only written again.
  function tell(words) {
    if (message.textContent !== words) message.textContent = words;
  }

  let changes = 0;

  const AS_STORED = { words: "A test image, as stored.", photograph: false };
  const AS_MNIST = {
    words: "Prepared like MNIST: shrunk to 20 × 20 pixels and centred by its mass.",
    photograph: false,
  };

  function changed(values, name, stays = true, prepared = AS_MNIST) {
    changes += 1;
    tryIt.picture = values;
    tryIt.pictureName = name;
    tryIt.prepared = prepared;
    hint.hidden = Boolean(values);
    undoButton.disabled = past.length === 0;
    tell(values ? `Now: ${name}.` : "The drawing area is empty.");
    for (const button of document.querySelectorAll(".try-choice")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-label") === name));
    }
    for (const listener of tryIt.listeners) listener(values, stays);
  }

  // Drawing -----------------------------------------------------------------------------------

  const drawing = drawingArea(canvas, document.getElementById("try-pen"), {
    begin: remember,
    change: (stays) => changed(drawing.values(), "your drawing", stays),
    clear: empty,
    say: tryIt.say,
  });
  const { context, size: SIZE } = drawing;

  function empty() {
    if (tryIt.picture) remember();
    drawing.empty();
    drawing.lift();
    changed(null, "nothing");
  }

  document.getElementById("try-clear").addEventListener("click", empty);

  // Undoing -----------------------------------------------------------------------------------

  const past = [];
  const MOST = 30; // steps back; each keeps a copy of the drawing area

  // Called before anything changes what is seen.
  function remember() {
    const { picture, pictureName, prepared } = tryIt;
    past.push({ picture, pictureName, prepared, image: context.getImageData(0, 0, SIZE, SIZE) });
    if (past.length > MOST) past.shift();
  }

  function undo() {
    if (drawing.busy() || past.length === 0) return;
    const { picture, pictureName, prepared, image } = past.pop();
    context.putImageData(image, 0, 0);
    drawing.lift();
    changed(picture, pictureName, true, prepared);
  }

  undoButton.addEventListener("click", undo);
  canvas.addEventListener("keydown", (event) => {
    if (event.key !== "z" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    undo();
  });

  // Choosing ----------------------------------------------------------------------------------

  function show(values, name, prepared) {
    remember();
    const small = document.createElement("canvas");
    small.width = small.height = 28;
    tryIt.showGrey(small, values);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, SIZE, SIZE);
    changed(values, name, true, prepared);
  }

  // Fills a list with the stored pictures, or those `among` them; `chosen` is called after a choice.
  tryIt.choices = (list, among = () => true, chosen = () => {}) => {
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
      button.addEventListener("click", () => {
        show(values, name, AS_STORED);
        chosen();
      });
      list.append(button);
    }
  };

  // Files -------------------------------------------------------------------------------------

  // The image with its longer side as long as the drawing area's, which also averages a camera's
  // noise; what is transparent shows the ground behind.
  function shrunk(image, ground) {
    const [width, height] = [image.naturalWidth || SIZE, image.naturalHeight || SIZE];
    const scale = SIZE / Math.max(width, height);
    const small = document.createElement("canvas");
    small.width = Math.max(1, Math.round(width * scale));
    small.height = Math.max(1, Math.round(height * scale));
    const smallContext = small.getContext("2d");
    smallContext.fillStyle = ground;
    smallContext.fillRect(0, 0, small.width, small.height);
    smallContext.imageSmoothingQuality = "high";
    smallContext.imageSmoothingEnabled = scale < 1;
    smallContext.drawImage(image, 0, 0, small.width, small.height);
    return small;
  }

  const FROM_PAPER = {
    words:
      "It looks like ink on paper, so it was prepared like MNIST: " +
      "white on black, shrunk to 20 × 20 pixels and centred by its mass.",
    photograph: false,
  };
  const asPhotograph = (reason) => ({
    words:
      `It does not look like ink on paper (${reason}), so it was prepared as in chapter 2: ` +
      "grey, resized to 28 × 28 pixels, values between 0 and 1.",
    photograph: true,
  });

  async function open(file) {
    tell(`Reading ${file.name} …`);
    const before = changes;
    const image = new Image();
    image.src = URL.createObjectURL(file);
    try {
      await image.decode();
    } catch {
      if (changes === before) tell(`${file.name} cannot be read as an image by this browser.`);
      return;
    } finally {
      URL.revokeObjectURL(image.src);
    }
    // a large one takes a while, in which the reader may have gone on
    if (changes !== before) return;
    // white strokes on nothing are seen on black alone
    for (const ground of ["white", "black"]) {
      const found = tryIt.prepare(drawingArea.greyOf(shrunk(image, ground)));
      if (found) {
        show(found.values, file.name, found.reason ? asPhotograph(found.reason) : FROM_PAPER);
        return;
      }
    }
    tell(`${file.name} shows nothing but paper.`);
  }

  const chooser = document.getElementById("try-file");
  chooser.addEventListener("change", () => {
    if (chooser.files.length) open(chooser.files[0]);
    chooser.value = ""; // the same file may be chosen again
  });

  // A file may be dropped anywhere: beside the area the browser would leave the page to show it.
  const area = document.getElementById("try-area");
  const bringsFile = ({ dataTransfer }) => dataTransfer.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!bringsFile(event)) return;
    event.preventDefault();
    area.classList.add("try-drop");
  });
  for (const end of ["dragleave", "drop"]) {
    document.addEventListener(end, () => area.classList.remove("try-drop"));
  }
  document.addEventListener("drop", (event) => {
    if (!bringsFile(event)) return;
    event.preventDefault();
    open(event.dataTransfer.files[0]);
  });
  area.addEventListener("dragover", (event) => event.preventDefault());
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!bringsFile(event)) tell("That was no file. Save the image first, and drop or open its file.");
  });

  tryIt.begin = () => {
    drawing.empty();
    changed(null, "nothing", false);
  };
}
