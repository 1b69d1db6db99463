// Chapter 2: reconstruction, error, score, and the threshold that was chosen there.
"use strict";

{
  const { threshold, scores } = tryIt.stored.detector.facts;
  const canvasOf = (name) => document.getElementById(`try-${name}`);
  const output = document.getElementById("try-verdict");
  const why = document.getElementById("try-why");
  const marker = document.getElementById("try-marker");
  const chart = document.getElementById("try-chart");
  const [WIDTH, HEIGHT] = [600, 120];
  const across = (score) => (WIDTH * Math.min(score, scores.end)) / scores.end;

  function bars(shares, kind) {
    const most = Math.max(...scores.normal, ...scores.clothes);
    const width = WIDTH / shares.length;
    const outline = shares.map((share, i) => {
      const y = HEIGHT - (HEIGHT * share) / most;
      return `L${i * width},${y}H${(i + 1) * width}`;
    });
    const path = document.createElementNS(chart.namespaceURI, "path");
    path.setAttribute("d", `M0,${HEIGHT}${outline.join("")}V${HEIGHT}Z`);
    path.setAttribute("class", `try-bars-${kind}`);
    chart.prepend(path);
  }

  function line(x) {
    const path = document.createElementNS(chart.namespaceURI, "path");
    path.setAttribute("d", `M${x},0V${HEIGHT}`);
    path.setAttribute("class", "try-threshold");
    chart.append(path);
  }

  // In words, where the error is: of nine parts of the picture the one with the most.
  function worstPart(squares) {
    const sums = Array(9).fill(0);
    squares.forEach((square, i) => {
      const [x, y] = [i % 28, Math.floor(i / 28)];
      sums[3 * Math.min(2, Math.floor((3 * y) / 28)) + Math.min(2, Math.floor((3 * x) / 28))] += square;
    });
    const worst = sums.indexOf(Math.max(...sums));
    const rows = ["upper", "middle", "lower"];
    const columns = ["left", "centre", "right"];
    return `${rows[Math.floor(worst / 3)]} ${columns[worst % 3]}`;
  }

  // Verdict, and the reasons for it: score against threshold, darkness, how it was prepared.
  function judge(picture, score) {
    const { words: prepared, photograph } = tryIt.prepared;
    const black = picture.reduce((sum, value) => sum + value * value, 0) / picture.length;
    const alarm = score > threshold;
    // what black alone would score nearly as low on says nothing about the shape
    const dark = !alarm && black < threshold;
    const undecided = !alarm && photograph && score > black / 2;
    const verdict = alarm ? ": an anomaly." : undecided ? ", but too dark to judge." : ": normal.";
    const most = `${((1 - tryIt.stored.detector.facts.falseAlarmRate) * 100).toFixed(0)} % of normal digits`;
    const reason = alarm
      ? `The reconstruction error is larger than that of ${most}.`
      : undecided || dark
        ? `An all-black output would score ${black.toFixed(4)} on so dark an image, so the low score is weak evidence.`
        : `The reconstruction error is below the threshold, as is that of ${most}.`;
    return {
      kind: alarm ? "try-alarm" : undecided ? "try-undecided" : "try-normal",
      words: `Score ${score.toFixed(4)}, ${alarm ? "above" : "below"} the threshold ${threshold.toFixed(4)}${verdict}`,
      reasons: `${reason} ${prepared}`,
    };
  }

  tryIt.listeners.push((picture, stays) => {
    const parts = ["seen", "reconstruction", "error"];
    document.getElementById("try-results").hidden = !picture;
    marker.hidden = !picture;
    why.hidden = !picture;
    if (!picture) {
      output.textContent = "Draw or choose an image, and its score appears here.";
      output.className = "try-result";
      if (stays) tryIt.say("The drawing area is empty.");
      return;
    }
    const answer = tryIt.network("detector").run(picture);
    const score = tryIt.meanSquare(picture, answer);
    const differences = picture.map((value, i) => Math.abs(value - answer[i]));
    const { kind, words, reasons } = judge(picture, score);
    output.textContent = words;
    output.className = `try-result ${kind}`;
    why.textContent = reasons;
    tryIt.showGrey(canvasOf("seen"), picture);
    tryIt.showGrey(canvasOf("reconstruction"), answer);
    tryIt.showColours(canvasOf("error"), differences);
    const where = worstPart(differences.map((d) => d * d));
    const descriptions = [
      `What the network sees: ${tryIt.pictureName}, 28 by 28 pixels.`,
      `The network's reconstruction, white on black; it differs most at the ${where}.`,
      `Error map: dark where input and reconstruction agree, light where they differ, most at the ${where}.`,
    ];
    parts.forEach((name, i) => canvasOf(name).setAttribute("aria-label", descriptions[i]));
    marker.style.left = `${(100 * across(score)) / WIDTH}%`;
    marker.textContent = score > scores.end ? "▶" : "▼";
    if (stays) tryIt.say(`${words} The error is largest at the ${where}. ${reasons}`);
  });

  bars(scores.clothes, "clothes");
  bars(scores.normal, "normal");
  line(across(threshold));
  document.getElementById("try-threshold-label").style.left = `${(100 * across(threshold)) / WIDTH}%`;
  document.getElementById("try-threshold-label").textContent = `threshold ${threshold.toFixed(4)}`;
  document.getElementById("try-axis-end").textContent = `${scores.end} and more`;
  chart.setAttribute(
    "aria-label",
    `Scores from 0 to ${scores.end}: those of ${scores.n} test digits lie nearly all below the ` +
      `threshold ${threshold.toFixed(4)}, those of as many clothes mostly above it.`
  );
}
