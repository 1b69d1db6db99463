// Sounds in several versions, noisy and cleaned: one button plays, others switch between versions
// while the sound goes on, over the spectrogram of what is heard with a line at the moment.
// The sounds are the figure's own <audio> elements, 16-bit WAV, in the order of data.names x
// data.versions; their players stay where this script does not run.
"use strict";

liveFigure("player", (app, data, figure) => {
  const { element, choice, slider } = live;
  const { names, versions, rate, scores, note } = data;
  const sounds = [...figure.querySelectorAll("audio")].map((audio) => {
    const bytes = Uint8Array.from(atob(audio.src.split(",")[1]), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const samples = new Float32Array((bytes.length - 44) / 2);
    for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(44 + 2 * i, true) / 32768;
    return samples;
  });
  const seconds = sounds[0].length / rate;
  let [name, version, context, playing, startedAt, place] = [0, 0, null, null, 0, 0];
  const at = (v) => name * versions.length + v;

  // short-time spectra: 256 samples, every 128; dark is weak, bright is strong
  const [SIZE, HOP, BINS] = [256, 128, 128];
  const turns = Array.from({ length: SIZE }, (_, i) => [Math.cos((2 * Math.PI * i) / SIZE), Math.sin((2 * Math.PI * i) / SIZE)]);
  const faded = Array.from({ length: SIZE }, (_, i) => Math.sin((Math.PI * i) / SIZE));
  const STOPS = [[0, 0, 4], [59, 15, 112], [140, 41, 129], [222, 73, 104], [254, 159, 109], [252, 253, 191]];
  const colour = (v) => {
    const p = Math.min(4.999, Math.max(0, 5 * v));
    const [a, b] = [STOPS[Math.floor(p)], STOPS[Math.floor(p) + 1]];
    return a.map((low, i) => low + (b[i] - low) * (p % 1));
  };
  const drawn = new Map();
  const spectrogram = (samples) => {
    if (drawn.has(samples)) return drawn.get(samples);
    const frames = Math.floor((samples.length - SIZE) / HOP) + 1;
    const image = new ImageData(frames, BINS);
    for (let t = 0; t < frames; t++)
      for (let k = 0; k < BINS; k++) {
        let [re, im] = [0, 0];
        for (let i = 0; i < SIZE; i++) {
          const x = samples[t * HOP + i] * faded[i];
          const [c, s] = turns[(k * i) % SIZE];
          re += x * c;
          im += x * s;
        }
        const decibels = 10 * Math.log10(re * re + im * im + 1e-8);
        image.data.set([...colour((decibels + 45) / 65), 255], 4 * ((BINS - 1 - k) * frames + t));
      }
    drawn.set(samples, image);
    return image;
  };

  if (names.length > 1)
    choice(app, "Noise", names, (i) => {
      name = i;
      restart();
    });
  const switches = choice(app, "Version", versions, (i) => {
    version = i;
    if (playing) playing.forEach(({ gain }, v) => (gain.gain.value = v === version ? 1 : 0));
    show();
  });
  const canvas = element("canvas", {
    role: "img", style: "display: block; width: 100%; height: 200px; cursor: pointer; image-rendering: auto",
  });
  const line = element("div", {
    style: "position: absolute; top: 0; bottom: 0; width: 3px; background: #fff; box-shadow: 0 0 0 1px #000; pointer-events: none",
  });
  const axis = (text, style) => element("span", { style: `font-size: 0.85rem; ${style}` }, text);
  app.append(axis("4 kHz", ""), element("div", { style: "position: relative" }, canvas, line));
  app.append(element("div", { style: "display: flex; justify-content: space-between" },
    axis("0 kHz, 0 s", ""), axis(`${seconds.toFixed(1)} s`, "")));
  const button = element("button", { type: "button", "aria-pressed": "false" }, "▶ Play");
  const group = element("div", { class: "live-choice" }, button);
  const score = element("output", { style: "align-self: center; margin-left: 0.5rem" });
  group.append(score);
  app.append(group);
  const seek = slider(
    app,
    { label: "position", min: 0, max: seconds, step: 0.05, value: 0, text: (v) => `${v.toFixed(1)} s` },
    (v) => {
      place = v;
      if (playing) restart();
      else mark();
    },
  );

  const mark = () => {
    line.style.left = `calc(${(100 * place) / seconds}% - 1px)`;
    seek.value = place;
    seek.nextElementSibling.textContent = `${place.toFixed(1)} s`;
    seek.setAttribute("aria-valuetext", `${place.toFixed(1)} seconds`);
  };
  const show = () => {
    const image = spectrogram(sounds[at(version)]);
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext("2d").putImageData(image, 0, 0);
    const value = scores[name][version];
    score.textContent = value === null ? versions[version] : `${versions[version]}: ${note} ${value.toFixed(1)} dB`;
    canvas.setAttribute("aria-label",
      `Spectrogram, ${names[name]}, ${versions[version]}: frequency from 0 to 4 kHz upwards, ${seconds.toFixed(1)} seconds to the right.`);
    mark();
  };
  const stop = () => {
    if (playing) playing.forEach(({ source }) => source.stop());
    playing = null;
    button.textContent = "▶ Play";
    button.setAttribute("aria-pressed", "false");
  };
  const start = () => {
    context = context || new AudioContext();
    context.resume();
    if (place >= seconds - 0.06) place = 0;
    playing = versions.map((_, v) => {
      const buffer = context.createBuffer(1, sounds[at(v)].length, rate);
      buffer.copyToChannel(sounds[at(v)], 0);
      const [source, gain] = [context.createBufferSource(), context.createGain()];
      source.buffer = buffer;
      gain.gain.value = v === version ? 1 : 0;
      source.connect(gain).connect(context.destination);
      source.start(0, place);
      return { source, gain };
    });
    startedAt = context.currentTime - place;
    button.textContent = "Pause";
    button.setAttribute("aria-pressed", "true");
    requestAnimationFrame(follow);
  };
  const follow = () => {
    if (!playing) return;
    place = Math.min(seconds, context.currentTime - startedAt);
    mark();
    if (place >= seconds) stop();
    else requestAnimationFrame(follow);
  };
  const restart = () => {
    const was = playing;
    stop();
    show();
    if (was) start();
  };
  button.addEventListener("click", () => (playing ? stop() : start()));
  canvas.addEventListener("click", (event) => {
    const area = canvas.getBoundingClientRect();
    place = (seconds * (event.clientX - area.left)) / area.width;
    if (playing) restart();
    else mark();
  });
  switches.querySelectorAll("button")[version].setAttribute("aria-pressed", "true");
  show();
});
