// A decision tree: questions as buttons, an answer with what was measured, and a map of all answers
// in which the way taken is drawn.
"use strict";

liveFigure("decision-tree", (app, data) => {
  const { element, svg } = live;
  const MARKS = { network: "●", simple: "■", even: "◆" };
  const leaves = [];
  const gather = (node, path) => {
    if (node.leaf) leaves.push({ path, ...node });
    (node.options || []).forEach((option, i) => gather(option, [...path, i]));
  };
  gather(data.tree, []);
  let path = data.start;

  // the map: the questions' first answers on the left, every leaf on a line of its own
  const [WIDTH, LINE, LEFT, RIGHT] = [720, 18, 222, 290];
  const HEIGHT = LINE * leaves.length;
  const at = (i) => LINE * (i + 0.5);
  const map = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "tree-map", "aria-hidden": "true" });
  const branches = [];
  const branch = (d, of) => {
    const line = svg("path", { d, fill: "none", stroke: "currentColor" });
    branches.push([line, of]);
    map.append(line);
  };
  data.tree.options.forEach((option, i) => {
    const rows = leaves.flatMap((leaf, row) => (leaf.path[0] === i ? [row] : []));
    const middle = at((rows[0] + rows[rows.length - 1]) / 2);
    branch(`M4 ${HEIGHT / 2}C44 ${HEIGHT / 2} 4 ${middle} 44 ${middle}`, [i]);
    for (const row of rows) {
      branch(`M${LEFT} ${middle}C${LEFT + 40} ${middle} ${RIGHT - 40} ${at(row)} ${RIGHT - 10} ${at(row)}`, leaves[row].path);
    }
    const name = svg("text", { x: 50, y: middle + 5 }, option.label);
    name.addEventListener("click", () => go([i]));
    map.append(name);
  });
  const names = leaves.map((leaf, row) => {
    const { winner, short } = leaf.leaf;
    const words = leaf.path.length > 1 ? `${leaf.label}: ${short}` : short;
    const name = svg("text", { x: RIGHT, y: at(row) + 5 }, `${MARKS[winner]} ${words}`);
    name.addEventListener("click", () => go(leaf.path));
    map.append(name);
    return name;
  });

  const steps = element("div");
  const card = element("div", { class: "tree-leaf", "aria-live": "polite" });
  const starts = (whole, part) => part.every((step, i) => whole[i] === step);
  const draw = () => {
    steps.replaceChildren();
    let node = data.tree;
    for (let depth = 0; node && node.options; depth++) {
      const row = element("div", { class: "live-choice", role: "group", "aria-label": node.question });
      row.append(element("span", { class: "tree-question" }, node.question));
      node.options.forEach((option, i) => {
        const chosen = String(path[depth] === i);
        const button = element("button", { type: "button", "aria-pressed": chosen }, option.label);
        button.addEventListener("click", () => {
          go([...path.slice(0, depth), i]);
          steps.children[depth].querySelectorAll("button")[i].focus();
        });
        row.append(button);
      });
      steps.append(row);
      node = node.options[path[depth]];
    }
    card.replaceChildren();
    if (node) {
      const { leaf } = node;
      card.append(
        element("p", { class: "tree-advice" }, `${MARKS[leaf.winner]} ${leaf.advice}`),
        element("p", {}, `${data.winners[leaf.winner]}. ${leaf.measured} `,
          element("a", { href: leaf.page }, leaf.chapter), "."),
      );
    } else {
      card.append(element("p", {}, "Choose an answer."));
    }
    for (const [line, of] of branches) {
      const taken = starts(path, of);
      line.setAttribute("stroke", taken ? "var(--pst-color-primary)" : "currentColor");
      line.setAttribute("stroke-width", taken ? 3 : 1);
      line.setAttribute("stroke-opacity", taken ? 1 : 0.5);
    }
    names.forEach((name, row) => name.classList.toggle("is-taken", starts(path, leaves[row].path)));
  };
  const go = (way) => {
    path = way;
    draw();
  };
  app.append(map, steps, card);
  draw();
});
