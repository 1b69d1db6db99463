// A run over a collection in shards: which worker has which shard when, one of them killed, and what
// is done so far.  A slider or the mouse chooses the moment, a button lets the run pass.
"use strict";

liveFigure("shard-run", (app, data) => {
  const { element, svg, slider } = live;
  const { spans, workers, shards, killed, seconds, memory, step } = data;
  const [WIDTH, LEFT, ROW, GAP, CELLS] = [480, 74, 26, 18, 12];
  const rows = workers.length * ROW;
  const cell = WIDTH / CELLS;
  const tall = 26;
  const HEIGHT = rows + GAP + 20 + Math.ceil(shards / CELLS) * tall;
  const x = (t) => LEFT + ((WIDTH - LEFT - 4) * t) / seconds;
  const y = (worker) => worker * ROW;
  const lost = "var(--pst-color-secondary)";
  const done = "var(--pst-color-primary)";

  const names = workers.map((name, i) => svg("text", { x: 0, y: y(i) + 17 }, name));
  const bars = spans.map(({ worker, shard, begin, end, lost: gone }) => {
    const box = { x: x(begin), y: y(worker) + 3, width: Math.max(2, x(end) - x(begin) - 1.5), height: ROW - 6, rx: 2 };
    const bar = svg("rect", { ...box, fill: gone ? lost : done, stroke: gone || shard === killed.shard ? lost : "none", "stroke-width": 2.5 });
    bar.append(svg("title", {}, `shard ${shard + 1}`));
    return bar;
  });
  const cross = svg("text", { x: x(killed.time) + 3, y: y(killed.worker) + 18, style: "font-weight: bold" }, "✕ killed");
  const now = svg("path", { stroke: "currentColor", "stroke-width": 1.5, "stroke-dasharray": "4 3" });
  const top = rows + GAP;
  const squares = Array.from({ length: shards }, (_, i) => {
    const [left, upper] = [(i % CELLS) * cell, top + 20 + Math.floor(i / CELLS) * tall];
    const box = svg("rect", { x: left + 1.5, y: upper + 1.5, width: cell - 3, height: tall - 3, rx: 3, stroke: "currentColor", "stroke-opacity": 0.5 });
    const text = svg("text", { x: left + cell / 2, y: upper + 18, "text-anchor": "middle" });
    return [box, text];
  });
  const chart = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT + 2}`, role: "img", style: "cursor: ew-resize" },
    ...names, ...bars, now, cross,
    svg("text", { x: 0, y: top + 13 }, `the ${shards} shards`),
    ...squares.flat(),
  );
  app.append(chart);
  const count = memory.length - 1;
  const place = slider(
    app,
    { label: "time", min: 0, max: count, step: 1, value: data.start, text: (v) => `${(v * step).toFixed(1)} s` },
    () => draw(),
  );
  const play = element("button", { type: "button", "aria-pressed": "false" }, "Play");
  const says = element("output", { style: "flex: 1; font-size: 0.9rem; font-variant-numeric: tabular-nums" });
  app.append(element("div", { class: "live-choice", style: "align-items: center; gap: 1rem" }, play, says));

  const states = (time) => {
    const of = Array(shards).fill("waiting");
    for (const { shard, begin, end, lost: gone } of spans) {
      if (begin <= time) of[shard] = end > time ? "running" : gone ? "lost" : "done";
    }
    return of;
  };
  const looks = {
    waiting: ["none", 1, ""], running: [done, 0.35, "…"], done: [done, 1, ""], lost: [lost, 1, "✕"],
  };
  const draw = () => {
    const time = place.valueAsNumber * step;
    const of = states(time);
    of.forEach((state, i) => {
      const [fill, opacity, sign] = looks[state];
      squares[i][0].setAttribute("fill", fill);
      squares[i][0].setAttribute("fill-opacity", opacity);
      squares[i][1].textContent = sign;
    });
    bars.forEach((bar, i) => bar.setAttribute("fill-opacity", spans[i].begin > time ? 0.12 : spans[i].end > time ? 0.45 : 1));
    cross.setAttribute("visibility", time >= killed.time ? "visible" : "hidden");
    now.setAttribute("d", `M${x(Math.min(time, seconds))} 0V${rows + 4}`);
    const n = (state) => of.filter((s) => s === state).length;
    says.textContent =
      `Done: ${n("done")} of ${shards} shards. Being scored: ${n("running")}. ` +
      `Lost with a worker: ${n("lost")}. Memory of the workers: ${memory[place.valueAsNumber].toLocaleString("en")} MiB.`;
    chart.setAttribute("aria-label",
      `After ${time.toFixed(1)} seconds ${n("done")} of ${shards} shards are done, ${n("running")} are being scored, ${n("lost")} lost.`);
  };
  live.run(play, place, chart, {
    milliseconds: 1000 * step,
    at: (share) => (((WIDTH * share - LEFT) / (WIDTH - LEFT - 4)) * seconds) / step,
  });
  draw();
});
