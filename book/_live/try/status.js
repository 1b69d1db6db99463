// The first script: the page's one global name, and the line that says whether the networks run.
"use strict";

const tryIt = { stored: {} };

// The files of weights call this.
tryIt.add = (name, description, text) => (tryIt.stored[name] = { ...description, text });

{
  const line = document.getElementById("try-status");
  const spoken = document.getElementById("try-spoken");
  let timer;
  let failed = false;

  tryIt.fail = (reason) => {
    failed = true;
    line.textContent =
      `The networks cannot run here: ${reason} ` +
      "They need a browser of 2020 or later with JavaScript. The chapters show the same in pictures.";
    line.className = "try-failed";
    line.setAttribute("role", "alert");
    for (const part of document.querySelectorAll(".try-app")) part.hidden = true;
  };

  tryIt.ready = () => {
    if (failed) return;
    line.textContent = "The networks are ready. They run in your browser; what you draw stays there.";
    for (const part of document.querySelectorAll(".try-app")) part.hidden = false;
  };

  // Tells screen readers a result, once the picture or the slider has come to rest.
  tryIt.say = (words) => {
    clearTimeout(timer);
    timer = setTimeout(() => (spoken.textContent = words), 400);
  };

  // A script that does not load or stops is otherwise silent; errors of loading do not bubble.
  // What comes late tells its own.
  const ours = ["../try/", "../figures/"].map((folder) => new URL(folder, location.href).href);
  addEventListener(
    "error",
    (event) => {
      const source = event.target.src || event.filename || "";
      if (ours.some((folder) => source.startsWith(folder)) && !/(decoder|digits|cleaner|samples)\.js$/.test(source)) {
        tryIt.fail(event.message ? `${event.message}.` : `${source.split("/").pop()} did not load.`);
      }
    },
    true
  );
}
