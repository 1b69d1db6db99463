"""Draw the charts of the benchmarks page as SVG, from the stored results."""

import io
import re
import statistics
from pathlib import Path

import matplotlib as mpl
import numpy as np
import results

from aeutils.core.files import atomic_write
from aeutils.show import book_style

FOLDER = Path(__file__).resolve().parent.parent / "book" / "_static" / "benchmarks"


def dots(rows, xlabel, log=False):
    """Return a chart as SVG: a row a label, a dot a value, a bar at their mean.

    Each row is a label, its values, and either the two ends of an interval or None.
    """
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(7.2, 0.7 + 0.27 * len(rows)))
    for place, (_, values, interval) in enumerate(rows):
        if interval is not None:
            axis.plot(interval, [place] * 2, color="C0", lw=2)
        axis.plot(values, [place] * len(values), "o", color="C0", ms=4, alpha=0.6, mew=0)
        if len(values) > 1:
            axis.plot([np.mean(values)], [place], "|", color="C1", ms=13, mew=2.5)
    axis.set_yticks(range(len(rows)), [label for label, _, _ in rows])
    axis.set(xlabel=xlabel, ylim=(len(rows) - 0.5, -0.5))
    axis.set_xscale("log" if log else "linear")
    if "seconds" in xlabel and not log:
        axis.set_xlim(left=0)
    axis.grid(axis="x", alpha=0.3)
    file = io.StringIO()
    # text as text, and the same bytes at every run
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "book"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    font = re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", file.getvalue())
    return re.sub(r"(?m) +$", "", font)


def settings(scaling):
    """Seconds until a loss is reached."""
    rows = [
        (name, [run["seconds"] for run in of.values()], None)
        for name, of in scaling["settings"]["runs"].items()
    ]
    return dots(rows, "processor seconds to the loss")


def latency(scaling):
    """Milliseconds of a call with one image, in the turns."""
    rows = [
        (f"{kind}: {way}", of["p50"], (np.median(of["p50"]), np.median(of["p99"])))
        for kind, sizes in scaling["latency"]["ms"].items()
        for way, of in sizes["1"].items()
    ]
    return dots(rows, "milliseconds for one image, from p50 to p99", log=True)


def chapters(speed):
    """Seconds of every chapter."""
    rows = [(name, [s], None) for name, s in speed["chapter_seconds"].items()]
    return dots(rows, "seconds")


def anomalies(measured):
    """AUROC of every method on every kind of anomalies, settings chosen with anomalies."""
    kinds = measured["tables"].values()
    rows = [
        (method, [statistics.mean(kind["of"][method]["tuned"]) for kind in kinds], None)
        for method in next(iter(kinds))["of"]
    ]
    return dots(rows, "AUROC, a dot a kind of anomalies")


def sequences(measured):
    """VUS-PR of every method on every series."""
    panel = measured["panel"].values()
    rows = [
        (method, [statistics.mean(one["methods"][method]["VUS-PR"]) for one in panel], None)
        for method in measured["settings"]["chosen"]
    ]
    return dots(sorted(rows, key=lambda row: -np.mean(row[1])), "VUS-PR, a dot a series")


def documents(measured):
    """Characters misread on every test page."""
    rows = [
        (method, 100 * np.mean(runs["cer"], axis=0), None)
        for method, runs in measured["test"]["methods"].items()
    ]
    return dots(rows, "characters misread, percent, a dot a page")


def audio(measured):
    """SI-SDR of every method for every kind of noise at 5 dB."""
    at, of = measured["ratios_db"].index(5), measured["si_sdr_db"]
    rows = [
        (method, [np.mean(of[kind][method][at]) for kind in of], None)
        for method in next(iter(of.values()))
    ]
    return dots(rows, "SI-SDR in decibels, a dot a kind of noise")


# chart: the results that it is drawn from, what draws it, caption, the picture in words
CHARTS = {
    "settings": ("scaling", settings, "Processor seconds to the same loss: a dot a turn, orange "
                 "the mean.", "Dots of processor seconds for eight settings of a training."),
    "latency": ("scaling", latency, "Latency of one image: dots, the median of a turn; the line "
                "ends at the 99th percentile. Logarithmic.",
                "Milliseconds for one image by six ways, for the detector and the denoiser."),
    "chapters": ("speed", chapters, "Seconds of every chapter, 1 run each.",
                 "A dot for the seconds of each chapter."),
    "sequences": ("sequences", sequences, "VUS-PR of every method: a dot a series, orange the "
                  "mean.", "Dots of VUS-PR of each method on fourteen series, best method first."),
    "anomalies": ("anomalies", anomalies, "AUROC of every method: a dot a kind of anomalies, mean "
                  "of the splits; orange the mean of all.",
                  "Dots of AUROC of eight methods on ten kinds of anomalies."),
    "documents": ("documents", documents, "Characters misread: a dot a test page, orange the "
                  "mean.", "Dots of the share of characters misread for each way of cleaning."),
    "audio": ("audio", audio, "SI-SDR after cleaning, noise at 5 dB: a dot a kind of noise, mean "
              "over voices; orange the mean of all.",
              "Dots of SI-SDR for each method and seven kinds of noise."),
}  # fmt: skip


def draw(name):
    """Return the SVG of a chart."""
    source, function, _, _ = CHARTS[name]
    with mpl.rc_context():
        book_style()
        return function(results.read(source))


def figure(name):
    """Return what the page says to show a chart."""
    _, _, caption, alt = CHARTS[name]
    return (
        f"```{{figure}} _static/benchmarks/{name}.svg\n:alt: {alt}\n:class: plot\n"
        f":figclass: chart\n\n{caption}\n```"
    )


def write():
    """Draw all charts."""
    FOLDER.mkdir(exist_ok=True)
    for name in CHARTS:
        with atomic_write(FOLDER / f"{name}.svg") as file:
            file.write(draw(name).encode())
