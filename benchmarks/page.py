"""Write the benchmarks page of the book, book/benchmarks.md, from the stored results."""

import re
import statistics
from pathlib import Path

import charts
import numpy as np
import results

from aeutils.core.files import atomic_write

PAGE = Path(__file__).resolve().parent.parent / "book" / "benchmarks.md"

TEMPLATE = """\
# Benchmarks

<!-- Written by benchmarks/page.py from the JSON files beside it; do not edit. -->

Measured on {date} by `make bench`, in one run: {on}, {processor}.

Where a table has neither ± nor an interval, it shows 1 run and says so.

## Training

The faster of 2 epochs, 1 run.
The floor is what the training would take if it were nothing but matrix products at the rate that this machine reaches for large ones, {matmul_gflops} GFLOP/s in float32.

| network | batch | MFLOP an image, forward and backward | seconds an epoch of 60,000 images | floor, seconds | times the floor |
| --- | --: | --: | --: | --: | --: |
{training}

## Using the trained networks

The fastest of 3 calls, 1 run.

| task | images a second |
| --- | --: |
{throughput}

## The chapters

From the first to the last cell, the start of the kernel included; 1 run each{chapters_added}.

{charts[chapters]}

| chapter | seconds |
| --- | --: |
{chapters}

## The assignments

Measured on {assignments[date]} by `python benchmarks/assignments.py`, a part of `make bench`: {assignments[on]}, {assignments[processor]}.
The full solution of each, run and graded as `make grade` does it, the start of both processes included; 1 run.

| assignment | seconds |
| --- | --: |
{of_assignments}
{of_a_class}
{of_a_term}
## The book

Measured on {pages[date]} by `python benchmarks/pages.py`, a part of `make bench`: {pages[on]}, {pages[processor]}.
Rendered from the stored outputs in {pages[seconds]} seconds, and where nothing has changed since, `make book` knows so after {pages[seconds_unchanged]}; {pages[megabytes]} MB of HTML, pictures and styles.

The page [Try it](try_it.md) loads {pages[try_it][megabytes]} MB when every part of it is used.
Clicked as soon as it can be, on a processor {pages[try_it][slower]} times slower, it answers {answers[median]} seconds after its address was entered, by the median of {pages[try_it][loads]} loads; the fastest took {answers[fastest]}, the slowest {answers[slowest]}. These are {pages[try_it][slower]} times the processor time of the page, measured in Chromium beside a fixed piece of work, and the time that it waits.

## Denoising in less time

Measured on {denoising[date]} by `python benchmarks/denoising_speed.py`: {denoising[on]}, {denoising[processor]}.
The article's network: Gaussian noise of noise_factor {denoising[noise_factor]}, seed {denoising[seed]}.
The article's recipe is Adam with its defaults, {article[epochs]} epochs, batches of {article[batch_size]}.
Each further line keeps what the lines above it brought, 1 run each, and is judged on test images along the way, as the article does.
Seconds are those of one run each, so that close ones do not compare; the next section compares by turns.
The noisy test images have a PSNR of {denoising[psnr_db_noisy]:.2f} dB.

{of_ladder}

Tried on top of all that, 1 run each:

{of_also_tried}

The article's recipe along the way, 1 run:

| epoch | seconds | test loss (binary cross-entropy) |
| --: | --: | --: |
{curve}

{of_faster}

{of_photographs}

## Denoising better

Measured on {quality[date]} by `python benchmarks/denoising_quality.py`: {quality[on]}, {quality[processor]}.
The same noisy test images, 1 run each; the cost is that of one image, in multiplications, beside the article's network.

{of_quality}

Beside classical filters, on the first {quality[filters][images]} of them; every filter tuned on training images, the network the one called residual that was trained longest; 1 run, means over the images:

{of_filters}

One network for all noise levels beside one for each, {quality[by_level][epochs]} epochs unless it says otherwise, 1 run each; PSNR in decibels by noise_factor:

{of_levels}

## Training LSTM and VAE

Measured on {lstm_vae[date]} by `python benchmarks/lstm_and_vae.py`, a part of `make bench`: {lstm_vae[on]}, {lstm_vae[processor]}.
The network of chapter [8](../notebooks/08_sequences.ipynb), smaller: 16 units and four samples a step, and that of chapter [9](../notebooks/09_variational_autoencoder.ipynb); {lstm_vae[LSTM][examples]:,} windows and {lstm_vae[VAE][examples]:,} images, batches of {lstm_vae[batch_size]}, Adam; the same layers in all lines of a network, but for the samples that an LSTM takes a step.
The fastest epoch, 1 run.
Keras's LSTM has no fused kernel for processors: written out step by step (`unroll=True`, what `aeutils` does) it is faster than as a loop, and PyTorch has such a kernel.

{of_lstm_vae}

{of_variational}

{of_kinds}

{of_scaling}

{of_diffusion}

{of_sparse_codes}

{of_counted_codes}
{of_without_labels}

## Sequences

Measured on {sequences[date]} by `python benchmarks/sequences.py`, a part of `make bench FULL=1`: {sequences[on]}, {sequences[processor]}, {sequence_minutes:.0f} minutes.
Settings of every method were chosen by VUS-PR on two series, {sequence_choosing}; the others were judged once. Recorded series are two hearts, blood pressure and a walking person's nine channels; the faults in the latter and the last eight series were made for the book. Networks, forest and random score: {sequences[seeds]} seeds, the largest standard deviation over them is {sequence_deviation:.3f}. Mean, with 95 % intervals of a bootstrap over series; bold is what is not behind the best by an interval of the difference that excludes 0.

{charts[sequences]}

{of_sequences}

On record 208, windows of 96 steps, trained on those that the expert called normal, on those without a step of low roughness, and on all as they were recorded; 95 % intervals by drawing blocks of {sequences[heart][seconds_of_a_block]} seconds; of average precision the standard deviation of the seeds, or 1 run:

{of_heart}

## Anomaly detection

Measured on {anomalies[date]} by `python benchmarks/anomalies.py`, a part of `make bench FULL=1`: {anomalies[on]}, {anomalies[processor]}, {anomaly_minutes:.0f} minutes.
Half of the normal rows, at most 1,000, train; a quarter serves to choose settings and a quarter to test. Every method chooses its settings by the AUROC on the selection rows and their anomalies: the autoencoder among five, the others among eight to 21 (the largest deviation has none).
Real anomalies: at most 100 to choose by, others to test on; made ones are made from the selection rows and from the test rows.
Words become a column each, every column is divided by its standard deviation. Mean ± standard deviation of {anomalies[seeds]} splits; bold is what is not behind the best of its row by more than both deviations.

### Settings chosen with anomalies of the kind

{charts[anomalies]}

{of_tables[tuned]}

### Settings chosen with mixed rows

Where no anomalies are at hand to choose by: the same, chosen by the AUROC on selection rows whose every value comes from another row.

{of_tables[by mixed rows]}

### Default settings

The default score and number of epochs of `AutoencoderDetector` were chosen on {scores_of} tables by `python benchmarks/detector_score.py`: the combined score is better on {detector_score[combined_better_on]} of them and worse on {detector_score[combined_worse_on]}, so the default is the simpler one, the reconstruction error. Ionosphere and satellite were among them.
Its other defaults were chosen with breast cancer and diabetes in view.

{of_tables[default]}

### Two simple detectors together

The larger of the scores of PCA and of the nearest neighbours, each as the logarithm, standardised by the selection rows; each chosen as above.

{of_pair}

### False discoveries

Batches of 950 normal readings of the shuttle and 50 in other states, 2,000 calibration rows, target rate 10 %; in percent, the share of false alarms among the alarms and the share of the anomalies that are found.
Early and late: training and calibration come from before a change of the first column, time, the batch from after it. With the column of time left out of the rows, {of_without_time} % of the autoencoder's alarms are false after the change.

{of_false_discoveries}

## Cleaning scanned documents

Measured on {documents[date]} by `python benchmarks/documents.py`: {documents[on]}, {documents[processor]}, Tesseract {documents[tesseract]}.
{documents[test][pages]} pages of prose drawn and degraded as in chapter 5, two of their three fonts unseen in training, and the photographed page of scikit-image.
The settings of the methods without a network are chosen by the characters misread on {documents[tuned][pages]} selection pages of other text, fonts and damage. "U-Net" is the recipe of chapter 5, three seeds; "no skip connections" costs the same. Brackets: 95 % interval, bootstrap over pages; ±: standard deviation of the seeds, other columns 1 run.

{charts[documents]}

{of_documents}

With one kind of damage, mean ± standard deviation of {documents[defects][pages]} pages each:

{of_defects}

`python -m aeutils denoise` on an A4 page of 600 dpi in colour: {documents[a4_600_dpi][seconds]:.0f} s and {documents[a4_600_dpi][peak_memory_mb]:,} MB at most, TensorFlow included.

## Cleaning audio

Measured on {audio[date]} by `python benchmarks/audio.py`: {audio[on]}, {audio[processor]}.
The network is the one that ships with the book{audio_small}.
{audio_voices} voices that nothing was trained on or chosen by, {audio_seconds} seconds of each; means over voices ± half of the 95 % interval from a bootstrap over voices.
Of the noises, engine and music were in no training mix; babble is made of the other test voices.
Spectral subtraction and Wiener are oracle filters where it says so: they are given the mean power of the very noise that was added. The blind Wiener filter estimates it. Their settings were chosen on other voices, for each measure by that measure. RNNoise is the package `pyrnnoise`, at 48,000 samples a second and back, its delay taken out.
PESQ ([Rix et al., 2001](references.md)) is narrow-band, since the sounds have 8000 samples a second.

{charts[audio]}

{of_audio}

Left of the noise in the pauses, noise at 5 dB, in decibels against before (lower is better), mean ± half of the 95 % interval:

{of_pauses}

SI-SDR of clean speech after cleaning, likewise: {audio_clean}.
"""


def markdown(names, rows):
    """Return a Markdown table: the first column's words on the left, all figures on the right."""
    lines = [" | ".join(names), "--- " + "| --: " * (len(names) - 1), *map(" | ".join, rows)]
    return "\n".join(f"| {line.rstrip()} |" for line in lines)


def table(columns, digits=3):
    """Return a Markdown table of methods by columns, the best of each column bold."""

    def cell(figures, method):
        text = f"{figures[method]:.{digits}f}"
        return f"**{text}**" if figures[method] == max(figures.values()) else text

    methods = next(iter(columns.values()))
    return markdown(
        ["method", *columns],
        [[method, *(cell(figures, method) for figures in columns.values())] for method in methods],
    )


def anomaly_tables(anomalies):
    """Return the tables of the section on anomaly detection, by their names in the template."""

    def cells(row, way):
        runs = {method: np.array(of[way]) for method, of in row["of"].items()}
        top = max(runs.values(), key=np.mean)
        for values in runs.values():
            around = values.std(ddof=1) + top.std(ddof=1)
            text = f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"
            yield f"**{text}**" if top.mean() - values.mean() <= around else text

    kinds = anomalies["tables"]
    methods = next(iter(kinds.values()))["of"]
    tables = {
        way: markdown(
            ["anomalies", *methods],
            [[kind, *cells(row, way)] for kind, row in kinds.items()],
        )
        for way in ("tuned", "by mixed rows", "default")
    }
    at = anomalies["rates"].index(0.1)

    def share(runs):
        values = 100 * np.array(runs)[:, at]
        return f"{values.mean():.0f} ± {values.std(ddof=1):.0f}"

    cases = next(iter(anomalies["false_discoveries"].values()))
    rows = [
        [f"{method}, {word}", *(share(of[case][name]) for case in cases)]
        for method, of in anomalies["false_discoveries"].items()
        for word, name in (("false", "false share"), ("found", "found"))
    ]
    ways = ("tuned", "by mixed rows", "default")
    pair = [
        [kind, *(f"{np.mean(of[way]):.3f} ± {np.std(of[way], ddof=1):.3f}" for way in ways)]
        for kind, of in anomalies["combined"].items()
    ]
    titles = ["anomalies", "settings chosen with anomalies", "with mixed rows", "default"]
    return {
        "of_tables": tables,
        "of_pair": markdown(titles, pair),
        "of_without_time": share(anomalies["without_time"]["false share"]),
        "of_false_discoveries": markdown(["method", *cases], rows),
    }


def document_table(documents):
    """Return a Markdown table of the methods that clean pages, mean and interval over pages."""
    rng = np.random.default_rng(0)
    draws = rng.integers(0, documents["test"]["pages"], (4000, documents["test"]["pages"]))

    def row(name, runs):
        errors = np.mean(runs["cer"], axis=0)
        low, high = np.percentile(errors[draws].mean(axis=1), [2.5, 97.5])
        setting = documents["tuned"]["methods"].get(name, {}).get("setting", {})
        return [
            name,
            ", ".join(f"{key} {value}" for key, value in setting.items()) or "–",
            f"{errors.mean():.1%} [{low:.1%}, {high:.1%}]",
            spread(runs["psnr_db"], 1) if "psnr_db" in runs else "–",
            spread(runs["ssim"], 3) if "ssim" in runs else "–",
            spread([100 * x for x in documents["photograph"]["cer"][name]], 1),
        ]

    return markdown(
        ["method", "settings", "misread, test pages", "PSNR, dB", "SSIM", "photograph, %"],
        [row(name, runs) for name, runs in documents["test"]["methods"].items()],
    )


def defect_table(documents):
    """Return a Markdown table of the characters misread by kind of damage."""
    kinds = documents["defects"]["methods"]
    return markdown(
        ["misread, of pages with", *kinds],
        [
            [
                name,
                *(
                    f"{np.mean(runs[name]):.1%} ± {np.std(np.mean(runs[name], axis=0), ddof=1):.1%}"
                    for runs in kinds.values()
                ),
            ]
            for name in kinds["none"]
        ],
    )


def ladder_table(runs):
    """Return a Markdown table of trainings of the article's network."""
    names = ["training", "epochs", "seconds", "test loss", "PSNR, dB", "SSIM"]
    return markdown(
        names,
        [
            [
                name,
                f"{run['epochs']}",
                f"{run['epochs'] * run['seconds_per_epoch']:.0f}",
                f"{run['test_loss'][-1]:.4f}",
                f"{run['psnr_db']:.2f}",
                f"{run['ssim']:.3f}",
            ]
            for name, run in runs.items()
        ],
    )


def quality_table(quality, article):
    """Return a Markdown table of networks by cost and time."""
    cost = quality["article"]["multiplications"]
    rows = [{"network": "the article's", **article, **quality["article"]}, *quality["curve"]]
    return markdown(
        ["network", "cost", "epochs", "seconds", "PSNR, dB", "SSIM"],
        [
            [
                row["network"],
                f"{row['multiplications'] / cost:.1f}",
                f"{row['epochs']}",
                f"{row['seconds']:.0f}",
                f"{row['psnr_db']:.2f}",
                f"{row['ssim']:.3f}",
            ]
            for row in rows
        ],
    )


def filter_table(scores):
    """Return a Markdown table of filters and the network."""
    return markdown(
        ["method", "PSNR, dB", "SSIM"],
        [[name, f"{s['psnr_db']:.2f}", f"{s['ssim']:.3f}"] for name, s in scores.items()],
    )


def level_table(by_level):
    """Return a Markdown table of PSNR, a line a network and a column a noise level."""
    return markdown(
        ["network", *map(str, by_level["levels"])],
        [[name, *(f"{x:.1f}" for x in row)] for name, row in by_level["psnr_db"].items()],
    )


def spread(values, digits=2):
    """Return the mean of repeats and their standard deviation, as text."""
    mean, n = sum(values) / len(values), len(values)
    if n == 1:
        return f"{mean:,.{digits}f} (1 run)"
    deviation = (sum((v - mean) ** 2 for v in values) / (n - 1)) ** 0.5
    return f"{mean:,.{digits}f} ± {deviation:,.{digits}f}"


def over_images(score, n):
    """Return a mean PSNR and the half-width of its 95 % interval over images, as text."""
    return f"{score['psnr_db']:.2f} ± {1.96 * score['deviation'] / n**0.5:.2f} dB"


def faster_section(faster, article_loss):
    """Return what benchmarks/denoising_faster.py has measured so far, as sections of the page."""
    median = {name: statistics.median(v) for name, v in faster["turns"]["seconds"].items()}
    base = median["article's recipe"]
    parts = [
        "## The article's quality in less time, by turns",
        f"Measured on {faster['date']} by `python benchmarks/denoising_faster.py`, a part of "
        f"`make bench FULL=1`: {faster['on']}, {faster['processors']['turns']}, one core.\n"
        f"Processor seconds for {faster['turns']['images']:,} images, median of turns A B C A B C; "
        "each line keeps what is above it; then the one of the lowest loss below, and the "
        "residual network of chapter 7.",
        markdown(
            ["recipe", "seconds ± deviation", "times as fast"],
            [
                [
                    name,
                    f"{s:.2f} ± {statistics.stdev(faster['turns']['seconds'][name]):.2f}",
                    f"{base / s:.1f}",
                ]
                for name, s in median.items()
            ],
        ),
        "Loss on 5,000 images kept apart, after one epoch of the other 55,000, 1 run each:",
        markdown(
            ["optimizer, batch, peak of the rate", "loss"],
            [[name, f"{row['loss']:.4f}"] for name, row in faster["tried"].items()],
        ),
    ]
    if "lengths" in faster:
        parts += [
            "The one of the lowest loss for several lengths, mean ± standard deviation of three seeds; the "
            f"article's recipe reaches {article_loss:.4f} after 50 epochs:",
            markdown(
                ["epochs", "test loss", "PSNR, dB"],
                [
                    [
                        f"{row['epochs']:g}",
                        spread([run["test_loss"] for run in row["runs"]], 4),
                        spread([run["psnr_db"] for run in row["runs"]]),
                    ]
                    for row in faster["lengths"]
                ],
            ),
        ]
    if "causes" in faster:
        causes = faster["causes"]
        parts += [
            "## What a better denoiser owes to what",
            "One thing changed at a time; each row has the multiplications of "
            f"{causes['images']:,} images of the better network in all, batches of "
            f"{causes['batch_size']}, and of two peaks of the learning rate the one that is better "
            "on the images kept apart. Mean ± standard deviation of three seeds.",
            markdown(
                ["network and loss", "weights", "epochs", "peak", "PSNR, dB"],
                [
                    [
                        name,
                        f"{row['weights']:,}",
                        f"{row['epochs']:.2f}",
                        max(row["selection_db"], key=row["selection_db"].get),
                        spread(row["psnr_db"]),
                    ]
                    for name, row in causes["rows"].items()
                ],
            ),
        ]
    if "bars" in faster:
        parts += [
            "Error bars of the first row's networks, calibrated for a coverage of 0.9 on the images "
            "kept apart and judged on the test images, uncertain pixels alone:",
            markdown(
                ["bars", "coverage", "a tenth of the images is below", "half-width"],
                [
                    [
                        name,
                        *(spread([bars[name][key] for bars in faster["bars"]], 3) for key in row),
                    ]
                    for name, row in faster["bars"][0].items()
                ],
            ),
        ]
    if "targets" in faster:
        trained = faster["targets"]
        parts += [
            f"Trained on {trained['images']:,} noisy images, unclipped, judged on "
            f"{trained['judged']:,} test images, mean ± standard deviation of three seeds:",
            markdown(
                ["targets", "PSNR, dB"],
                [
                    [name, spread([row[name] for row in trained["psnr_db"]])]
                    for name in trained["psnr_db"][0]
                ],
            ),
        ]
    if "better" in faster:
        parts += [
            "The residual network for longer, one seed, in bfloat16 on one core:",
            markdown(
                ["epochs", "seconds", "PSNR, dB", "SSIM"],
                [
                    [
                        f"{row['epochs']:g}",
                        f"{row['seconds']:.0f}",
                        f"{row['psnr_db']:.2f}",
                        f"{row['ssim']:.3f}",
                    ]
                    for row in faster["better"]
                ],
            ),
        ]
    if "linear" in faster:
        parts.append(
            f"Ridge regression from all noisy to all clean pixels: "
            f"{faster['linear']['psnr_db']:.2f} dB on all test images, "
            f"{faster['linear']['first']['psnr_db']:.2f} dB on the first 200."
        )
    if "bm3d" in faster:
        filtered = faster["bm3d"]
        parts.append(
            f"BM3D on the first {filtered['images']}, tuned alike, mean and 95 % interval over images: "
            f"{over_images(filtered['clipped'], filtered['images'])} where the noise is clipped as "
            f"for all others, {over_images(filtered['unclipped'], filtered['images'])} where it is "
            "not."
        )
    return "\n\n".join(parts)


def photograph_section(photographs, training):
    """Return what benchmarks/photographs.py has measured, as a section of the page."""
    compared, took = photographs["comparison"], photographs["by_turns"]["seconds"]
    ratio = statistics.median(took["CBM3D"]) / statistics.median(took["network"])
    rows = [[name, *(spread(row) for row in rows)] for name, rows in compared["psnr_db"].items()]
    lines = [
        [f"{row['steps']:,}", *(f"{row[f'selection_db_{n}']:.2f}" for n in compared["levels"])]
        for row in training["course"][::-3][::-1]
    ]
    levels = [f"σ = {level}" for level in compared["levels"]]
    return "\n\n".join(
        [
            "## Photographs",
            f"Measured on {photographs['date']} by `python benchmarks/photographs.py`, a part of "
            f"`make bench FULL=1`: {photographs['on']}, {photographs['processor']}, one core.\n"
            f"The network that ships ({photographs['weights']:,} weights, "
            f"{photographs['bytes']:,} bytes) was trained by `python benchmarks/photographs.py "
            f"--train` for {training['steps']:,} steps in {training['seconds_one_core'] / 60:.0f} "
            f"minutes on one core, with {training['photographs']} photographs; "
            f"{photographs['photographs']['apart']} more were kept apart for choosing.\n"
            f"PSNR in decibels, mean ± standard deviation over {', '.join(compared['photographs'])}, 192 × 192 pixels "
            "each. All methods but the network are given the noise level. By turns CBM3D "
            f"([Dabov et al., 2007](references.md)) takes {ratio:.0f} times as long.",
            markdown(["method", *levels], rows),
            "The training along the way, PSNR in decibels on the photographs kept apart, 1 run:",
            markdown(["steps", *levels], lines),
        ]
    )


def with_interval(values, digits):
    """Return the mean of values, one a voice, and half of its 95 % interval, as text."""
    rng = np.random.default_rng(0)
    values = np.asarray(values)
    means = values[rng.integers(len(values), size=(2000, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{values.mean():.{digits}f} ± {(high - low) / 2:.{digits}f}".replace("-", "−")


def audio_tables(audio):
    """Return the tables of the section on audio, by their names in the template."""
    kinds = list(audio["si_sdr_db"])
    methods = list(audio["si_sdr_db"][kinds[0]])
    parts = []
    for measure, title, digits in (("si_sdr_db", "SI-SDR in decibels", 1), ("stoi", "STOI", 3)):
        for row, ratio in enumerate(audio["ratios_db"]):
            if measure == "stoi" and ratio > 5:
                continue
            lines = [
                [m, *(with_interval(audio[measure][kind][m][row], digits) for kind in kinds)]
                for m in methods
            ]
            parts.append(f"{title}, noise at {ratio} dB:\n\n" + markdown(["method", *kinds], lines))
    lines = [[m, *(with_interval(audio["pesq"][k][m], 2) for k in kinds)] for m in methods]
    parts.append("PESQ, noise at 5 dB:\n\n" + markdown(["method", *kinds], lines))
    left = [[m, *(np.array(audio["pauses_db"][k][m], float) for k in kinds)] for m in methods[1:]]
    pauses = [[m, *(with_interval(x[~np.isnan(x)], 1) for x in values)] for m, *values in left]
    return {
        "of_audio": "\n\n".join(parts),
        "of_pauses": markdown(["method", *kinds], pauses),
        "audio_small": "; the small ones are trained as chapter 6 trains its own, by three seeds"
        if any("small" in m for m in methods)
        else "",
        "audio_voices": len(audio["voices"]),
        "audio_seconds": f"{min(audio['seconds_of_a_voice']):.0f} to "
        f"{max(audio['seconds_of_a_voice']):.0f}",
        "audio_clean": ", ".join(
            f"{name} {with_interval(values, 1)} dB"
            for name, values in audio["clean_si_sdr_db"].items()
        ),
    }


TRAINED_ON = ("normal windows", "rough windows", "all windows")


def sequence_tables(measured):
    """Return what the section on sequences shows."""
    panel, chosen = measured["panel"], measured["settings"]["chosen"]
    names = ("VUS-PR", "AUROC", "average precision", "range precision", "range recall")
    values = {
        name: np.array(
            [[np.mean(one["methods"][m][name]) for one in panel.values()] for m in chosen]
        )
        for name in names
    }
    volume = values["VUS-PR"]
    # equal values share the mean of their places
    ranks = np.array(
        [
            [1 + np.sum(column > v) + (np.sum(column == v) - 1) / 2 for v in column]
            for column in volume.T
        ]
    ).T
    picks = np.random.default_rng(0).integers(0, len(panel), (2000, len(panel)))

    def interval(rows):
        return np.percentile(rows[picks].mean(axis=1), [2.5, 97.5])

    best = volume[np.argmax(volume.mean(axis=1))]
    rows = []
    for i in np.argsort(ranks.mean(axis=1)):
        low, high = interval(volume[i])
        text = f"{volume[i].mean():.2f} ({low:.2f} to {high:.2f})"
        if interval(best - volume[i])[0] <= 0:
            text = f"**{text}**"
        others = [
            "{:.2f} ({:.2f} to {:.2f})".format(values[name][i].mean(), *interval(values[name][i]))
            for name in names[1:]
        ]
        rows.append((list(chosen)[i], f"{ranks[i].mean():.1f}", text, *others))
    heart = measured["heart"]["methods"]
    of_heart = []
    for name in heart:
        cells = []
        for given in TRAINED_ON:
            low, high = heart[name][given]["interval"]
            cells.append(f"{np.mean(heart[name][given]['AUROC']):.2f} ({low:.2f} to {high:.2f})")
            cells.append(spread(heart[name][given]["average precision"]))
        of_heart.append((name, *cells))
    ways = [
        f"{measure}, {given}" for given in TRAINED_ON for measure in ("AUROC", "average precision")
    ]
    return {
        "sequences": measured,
        "sequence_minutes": sum(measured["minutes"].values()),
        "sequence_choosing": " and ".join(measured["settings"]["series"]),
        "sequence_deviation": max(
            np.std(one["methods"][m]["VUS-PR"], ddof=1)
            for one in panel.values()
            for m in chosen
            if len(one["methods"][m]["VUS-PR"]) > 1
        ),
        "of_sequences": markdown(["method", "mean rank", *names], rows),
        "of_heart": markdown(["method", *ways], of_heart),
    }


def lstm_vae_table(measured):
    """Return the Markdown table of the seconds that the LSTM and the VAE train."""
    rows = [
        (f"{network}: {way}", f"{seconds:.2f}")
        for network in ("LSTM", "VAE")
        for way, seconds in measured[network]["seconds_per_epoch"].items()
    ]
    return markdown(["network", "seconds an epoch"], rows)


def without_labels_section(measured):
    """Return what benchmarks/without_labels.py has measured, as a section of the page."""
    rows = []
    for name, runs in measured["methods"].items():
        cells = [
            spread([100 * a for run in runs.values() for a in run[n]["accuracy"]], 1)
            for n in ("100", "1000")
        ]
        settings = {run["1000"].get("setting", "–") for run in runs.values()}
        seconds = [run["training"].get("seconds") for run in runs.values() if "training" in run]
        took = f"{sum(seconds) / len(seconds):.0f}" if seconds and seconds[0] else "–"
        rows.append([name, str(len(runs)), *cells, "; ".join(sorted(settings)), took])
    filled = [
        [
            name,
            *(
                spread([run[share] for run in runs.values()], 4)
                for share in next(iter(runs.values()))
            ),
        ]
        for name, runs in measured["filling"].items()
    ]
    return "\n\n".join(
        [
            "## Learning without labels",
            f"Measured on {measured['date']} by `python benchmarks/without_labels.py`, a part of "
            f"`make bench FULL=1`: {measured['on']}, {measured['processor']}, one core. Right "
            "answers on 10,000 test digits, %, with 100 and 1,000 labels: mean ± standard "
            "deviation of five draws of labels with each seed of a method; the "
            "settings with 1,000 labels, chosen on selection digits; seconds of training without "
            "labels. [Chapter 15](../notebooks/15_learning_without_labels.ipynb) says what the "
            "methods are.",
            markdown(
                ["method", "seeds", "100 labels", "1,000 labels", "setting", "seconds"], rows
            ),
            "Mean squared error of hidden pixels of 2,000 test digits, by the share of patches "
            "that are hidden.",
            markdown(["method", *(f"{float(s):.0%} hidden" for s in ("0.5", "0.75", "0.9"))],
                     filled),
        ]
    )  # fmt: skip


def sparse_section(measured):
    """Return what benchmarks/sparse_codes.py has measured, as a section of the page."""
    levels = measured["recovery"].values()
    known = [
        [
            name,
            *(
                part
                for level in levels
                for row in [level["methods"][name]]
                for part in (spread(row["cosine"], 3), spread(row["one_to_one"], 3))
            ),
        ]
        for name in next(iter(levels))["methods"]
    ]
    runs = [run["methods"] for run in measured["network"].values()]
    handles = []
    for name, settings in runs[0].items():
        for setting in settings:
            of = [run[name][setting] for run in runs]
            cells = [
                spread([100 * r[key][at] for r in of], 1)
                for at in (0, 2)
                for key in ("own", "others")
            ]
            right = [100 * r["accuracy"] for r in of if "accuracy" in r]
            handles.append([name, setting, *cells, spread(right, 1) if right else "–"])
    return "\n\n".join(
        [
            "## Sparse autoencoders",
            f"Measured on {measured['date']} by `python benchmarks/sparse_codes.py`, a part of "
            f"`make bench FULL=1`: {measured['on']}, {measured['processor']}, one core. Recovery "
            "of 128 known directions in 64 dimensions, by the mean number of active features: "
            "mean of the best cosines, and with one found direction for each true one; mean ± "
            "standard deviation of three worlds. [Chapter 13]"
            "(../notebooks/13_codes_one_can_read.ipynb) says what the columns are.",
            markdown(
                ["method", *(f"{level['active']} active{w}" for level in levels
                             for w in ("", ", one to one"))],
                known,
            ),
            "Points of accuracy that a class and the other nine lose when one or three units are "
            "turned off, and percent of right answers from the reconstruction; mean ± standard "
            "deviation of three classifiers.",
            markdown(
                ["units of", "setting", "one: class", "one: others", "three: class",
                 "three: others", "right with reconstruction"],
                handles,
            ),
        ]
    )  # fmt: skip


def variational_section(measured):
    """Return what benchmarks/variational.py has measured, as a section of the page."""
    likelihood = list(measured["likelihood"].values())
    seconds = [run["seconds"] for run in measured["training"].values()]
    rows = [
        [
            name,
            "exact",
            spread(list(row["seeds"].values()))
            if len(row.get("seeds", {})) > 1
            else f"{row['nats']:.2f} ± {row['error']:.2f} (standard error)",
        ]
        for name, row in measured["rivals"].items()
    ]
    for estimate, key in (("ELBO", "negative_elbo"), ("1,000 draws", "importance_weighted")):
        nats = spread([run[key] for run in likelihood])
        rows.append(["variational autoencoder, 20 values", estimate, nats])
    samples = {}
    for run in measured["samples"]["runs"]:
        samples.setdefault(run["of"], []).append(run)
    measures = ["frechet", "precision", "recall", "to_nearest", "copies"]
    small = {}
    for run in measured.get("beta", {"runs": []})["runs"]:
        small.setdefault((run["width"], run["beta"]), []).append(run)
    labels = {}
    for run in measured["labels"]["runs"]:
        labels.setdefault((run["width"], run["beta"], run["epochs"]), []).append(run)
    parts = [
        "## Variational autoencoders",
        f"Measured on {measured['date']} by `python benchmarks/variational.py`, a part of "
        f"`make bench FULL=1`: {measured['on']}, {measured['processor']}, one core. "
        f"Black-and-white digits, mean ± standard deviation of the seeds; the "
        f"network of 20 values was trained for {max(seconds)} seconds, "
        "the others on 10,000 images or fewer. [Chapter 9]"
        "(../notebooks/09_variational_autoencoder.ipynb) says what the columns are.",
        markdown(["model", "estimate", "−log p(x), nats a test image"], rows),
        markdown(
            ["samples from", "Fréchet distance", "precision", "recall", "distance to the nearest "
             "training image", "copies"],
            [
                [name, *(spread([run[m] for run in runs], 3) for m in measures)]
                for name, runs in samples.items()
            ],
        ),
        markdown(
            ["conditional: latent values, β, epochs", "samples that show the label",
             "with codes fitted to the digit", "label read from the code", "−ELBO, nats"],
            [
                [
                    f"{width}, {weight:g}, {epochs}",
                    *(
                        spread([run[m] for run in runs], 3)
                        for m in ("followed", "followed_fitted", "digit_in_code")
                    ),
                    spread([run["negative_elbo"] for run in runs], 1),
                ]
                for (width, weight, epochs), runs in labels.items()
            ],
        ),
    ]  # fmt: skip
    if small:
        parts.append(
            markdown(
                ["VAE: latent values, β", "reconstruction, nats", "KL, nats", "active values"],
                [
                    [
                        f"{width}, {weight:g}",
                        *(
                            spread([run[m] for run in runs], 1)
                            for m in ("reconstruction", "kl", "active")
                        ),
                    ]
                    for (width, weight), runs in small.items()
                ],
            )
        )
    for task in ("digits", "clothes"):
        methods = measured["strange"][task]["methods"]
        kinds = list(methods["−ELBO"]["of"])
        lines = [
            [
                name,
                str(row["setting"]) or "–",
                *(
                    f"{statistics.mean(row['of'][k]['auroc']):.3f} "
                    f"[{row['of'][k]['interval'][0]:.3f}, {row['of'][k]['interval'][1]:.3f}]"
                    for k in kinds
                ),
            ]
            for name, row in methods.items()
        ]
        parts.append(
            f"AUROC by models of {task}, all images thresholded; 95 % interval of the mean over "
            "seeds, bootstrap over images:\n\n" + markdown(["method", "setting", *kinds], lines)
        )
    return "\n\n".join(parts)


def class_section(assignments):
    """Return what a class takes, where that was measured (it takes minutes)."""
    if "class" not in assignments or "scratch" not in assignments:
        return ""
    many, few = assignments["class"], assignments["scratch"]
    return (
        f"\nA class that hands in {many['submissions']} full solutions of `{many['assignment']}` is "
        f"graded in {many['seconds']} seconds, {many['at_a_time']} at a time, each forked from one "
        f"process that has imported Keras.\nBegun from scratch, {few['submissions']} of them take "
        f"{few['seconds']} seconds.\n"
    )


def term_section(term):
    """Return how long the parts of a played term took."""
    rows = [[part, f"{passed:.0f}"] for part, passed in term["seconds"].items()]
    return "\n".join(
        [
            f"A term played through on {term['date']} by `python benchmarks/term.py`, a part of "
            f"`make bench FULL=1` ({term['on']}, {term['processor']}): {term['students']} students "
            f"hand in {len(term['assignments'])} assignments, {term['at_a_time']} submissions are "
            "graded at a time, the grader is killed once, marks are given by hand, everything is "
            "collected twice more, once with one student's work changed, and exported; every mark "
            "is checked. 1 run:",
            "",
            markdown(["part", "seconds"], rows),
            "",
        ]
    )


def kinds_section(measured):
    """Return what benchmarks/kinds.py has measured, as a section of the page."""

    def several(part, columns, digits, factor=1):
        """Return rows of every method, a column for each part of the results."""
        names = [name for name in part[columns[0]] if name not in ("leads", "settings")]
        return [
            [n, *(spread([factor * v for v in part[c][n]["values"]], digits) for c in columns)]
            for n in names
        ]

    codes = [
        [f"{name} {setting}", f"{statistics.mean(row['active']):.1f}",
         spread([1000 * v for v in row["values"]], 2)]
        for name, settings in measured["codes"].items()
        for setting, row in settings.items()
    ]  # fmt: skip
    moved = [
        [f"{name} {setting}", spread(row["moved"], 3), spread(row["jacobian"], 1)]
        for name, settings in measured["movement"].items()
        for setting, row in settings.items()
    ]
    levels, holes = ("0", "0.1", "0.5", "1.0"), ("0.25", "0.5", "0.75", "lower half")
    tasks = [f"{n} labels{images}" for n in (100, 1000) for images in ("", ", noisy images")]
    return "\n\n".join(
        [
            "## Kinds of autoencoders",
            f"Measured on {measured['date']} by `python benchmarks/kinds.py`, a part of "
            f"`make bench FULL=1`: {measured['on']}, {measured['processor']}, one core, "
            f"{sum(measured['minutes'].values()):.0f} minutes. "
            "[Chapter 10](../notebooks/10_which_autoencoder.ipynb) says what is measured. "
            f"{measured['images']:,} images train, {measured['epochs']} epochs; numbers behind a "
            "network's name are its constraint's weight. Mean ± standard deviation of three seeds.",
            markdown(["reconstruction by", "active values", "error × 1,000"], codes),
            markdown(["code of", "movement by noise", "squared norm of the Jacobian"], moved),
            markdown(
                ["PSNR, dB", *(f"σ = {level}" for level in levels)],
                # of clean images nothing is to be removed
                [
                    [cell.replace("100.00", "–") for cell in row]
                    for row in several(measured["cleaning"], levels, 2)
                ],
            ),
            markdown(
                ["error × 1,000 on hidden pixels", *holes],
                several(measured["filling"], holes, 2, 1000),
            ),
            markdown(["accuracy, %", *tasks], several(measured["labels"], tasks, 1, 100)),
        ]
    )


def diffusion_section(measured):
    """Return what benchmarks/diffusion.py has measured, as a section of the page."""

    def over_seeds(runs, key, digits):
        values = [run[key] for run in runs.values() if key in run]
        return spread(values, digits) if values else "–"

    runs = measured["training"].values()
    columns = {
        "Fréchet distance": ("frechet", 2),
        "precision": ("precision", 3),
        "recall": ("recall", 3),
        "distance to the nearest training image": ("to_nearest", 2),
        "copies": ("copies", 3),
        "distance after shifts": ("to_nearest_shifted", 2),
        "copies after shifts": ("copies_shifted", 3),
    }
    levels, lower = measured["levels"], measured["lower"]
    return "\n\n".join(
        [
            "## From denoiser to generator",
            f"Measured on {measured['date']} by `python benchmarks/diffusion.py`, a part of "
            f"`make bench FULL=1`: {measured['on']}, {measured['processor']}. Mean ± standard "
            "deviation where there are several seeds; the network was trained on "
            f"{max(run['images'] for run in runs):,} images with noise, for up to "
            f"{max(run['seconds'] for run in runs) / 60:.0f} minutes on one core. [Chapter 12]"
            "(../notebooks/12_from_denoiser_to_generator.ipynb) says what the columns are.",
            markdown(
                ["samples from", *columns],
                [
                    [name, *(over_seeds(of, key, digits) for key, digits in columns.values())]
                    for name, of in measured["samples"].items()
                ],
            ),
            markdown(
                ["mean squared error of", *(f"σ = {sigma:g}" for sigma in levels["sigmas"])],
                [[name, *(spread(e, 4) for e in rows)] for name, rows in levels["mse"].items()],
            ),
            markdown(
                ["lower half from", "mean squared error", "Fréchet distance", "digit kept"],
                [
                    [
                        name,
                        *(over_seeds(of, *c) for c in (("mse", 4), ("frechet", 1), ("digit", 3))),
                    ]
                    for name, of in lower.items()
                ],
            ),
        ]
    )


def counted_section(measured):
    """Return what benchmarks/counted_codes.py has measured, as a section of the page."""
    kinds = ("networks", "k-means", "transform", "JPEG", "JPEG, flat", "WebP", "AVIF", "codec")
    groups = {}
    for kind in kinds:
        for row in measured[kind]:
            name = {"codec": "network, bits in the loss", "transform": "transform code"}
            groups.setdefault((row.get("kind", name.get(kind, kind)), row["setting"]), []).append(
                row
            )

    def decibels(row):
        return -10 * np.log10(np.mean(row["mse"]))

    def several(values, digits):
        return spread(values, digits) if len(values) > 1 else f"{values[0]:.{digits}f}"

    return "\n\n".join(
        [
            "## Codes that are counted",
            f"Measured on {measured['date']} by `python benchmarks/counted_codes.py`, a part of "
            f"`make bench FULL=1`: {measured['on']}, {measured['processor']}, one core. Grey, "
            f"{len(measured['photographs'])} whole photographs that nothing was trained on; bits "
            "of files, or of fitted priors, for each pixel, and PSNR of the mean squared error; "
            "mean ± standard deviation where there are several seeds. [Chapter 14]"
            "(../notebooks/14_codes_that_are_counted.ipynb) says what the methods are.",
            markdown(
                ["method", "setting", "bits per pixel", "PSNR, dB"],
                [
                    [
                        name,
                        f"{setting:g}",
                        several([float(np.mean(row["bpp"])) for row in rows], 3),
                        several([decibels(row) for row in rows], 2),
                    ]
                    for (name, setting), rows in groups.items()
                ],
            ),
        ]
    )


def scaling_section(measured):
    """Return what benchmarks/scaling.py has measured, as a section of the page."""
    settings, shards = measured["settings"], measured["shards"]
    workers, serving = measured["workers"], measured["serving"]
    latency, quality = measured["latency"]["ms"], measured["quality"]
    runs = {name: list(of.values()) for name, of in settings["runs"].items()}
    sizes = {int(n): list(of.values()) for n, of in shards["runs"].items()}

    def all_of(rows, key):
        return [row[key] for row in rows]

    def one(name):
        return re.sub(r"\b(1 [a-z]+)s\b", r"\1", name)

    return "\n\n".join(
        [
            "## Faster and bigger",
            f"Measured on {measured['date']} by `python benchmarks/scaling.py`, a part of "
            f"`make bench FULL=1`: {measured['on']}, {measured['processor']}; one core, but two "
            "for workers and server. Mean ± standard deviation of three turns. "
            "[Chapter 11](../notebooks/11_faster_and_bigger.ipynb) says what the rows are.",
            f"The denoiser of chapter 3 until a loss of {settings['target']} on 1,000 images kept "
            "apart, in processor seconds; set-up is a part of them:",
            charts.figure("settings"),
            markdown(
                ["setting", "seconds", "set-up, seconds", "images seen", "images a second"],
                [
                    [
                        name,
                        spread(all_of(rows, "seconds"), 1),
                        spread(all_of(rows, "set_up"), 1),
                        spread(all_of(rows, "images"), 0),
                        spread(all_of(rows, "images_a_second"), 0),
                    ]
                    for name, rows in runs.items()
                ],
            ),
            "Scoring collections of three sizes by chapter 2's network, shard by shard:",
            markdown(
                ["images", "processor seconds", "peak memory, MiB"],
                [
                    [
                        f"{n * shards['images_a_shard']:,}",
                        spread(all_of(rows, "seconds"), 1),
                        spread(all_of(rows, "peak_mib"), 0),
                    ]
                    for n, rows in sizes.items()
                ],
            ),
            f"{workers['images']:,} images on two cores:",
            markdown(
                ["Dask workers", "seconds"],
                [[one(name), spread(took)] for name, took in workers["seconds"].items()],
            ),
            "Latency in milliseconds of processor time:",
            charts.figure("latency"),
            markdown(
                ["call", *(f"{q}, {size} image" + "s" * (size != "1")
                           for size in ("1", "64") for q in ("p50", "p99"))],
                [
                    [
                        f"{kind}: {way}",
                        *(spread(latency[kind][size][way][q], 3)
                          for size in ("1", "64") for q in ("p50", "p99")),
                    ]
                    for kind in latency
                    for way in latency[kind]["1"]
                ],
            ),
            "What 8 bits cost on the test images, three networks each: AUROC of clothes against "
            "digits, and PSNR of denoised digits:",
            markdown(
                ["ONNX Runtime", "detector, AUROC", "KiB", "denoiser, dB", "KiB"],
                [
                    [
                        way,
                        *(
                            cell
                            for kind, digits in (("detector", 4), ("denoiser", 3))
                            for cell in (
                                spread(quality[kind][way]["values"], digits),
                                f"{quality[kind][way]['bytes'] / 1024:,.0f}",
                            )
                        ),
                    ]
                    for way in quality["detector"]
                ],
            ),
            f"`examples/serve.py`, one picture a request, {serving['seconds']} seconds a turn; "
            "a client that is refused waits a second:",
            markdown(
                ["load", "answers a second", "p50, ms", "p99, ms", "refused, %"],
                [
                    [
                        one(name),
                        spread(row["a_second"], 0),
                        spread(row["p50_ms"], 1),
                        spread(row["p99_ms"], 1),
                        spread([100 * x for x in row["refused"]], 1),
                    ]
                    for name, row in serving["runs"].items()
                ],
            ),
        ]
    )  # fmt: skip


def added_since(days):
    """Return which chapters were measured apart from the others, and when, in words."""
    return "".join(
        f"; chapters {', '.join(str(int(c[:2])) for c in days if days[c] == day)} on {day}"
        for day in sorted(set(days.values()))
    )


def render():
    """Return the page's text."""
    speed = results.read("speed")
    denoising, quality = results.read("denoising_speed"), results.read("denoising_quality")
    article, audio = denoising["article"], results.read("audio")
    lstm_vae, pages = results.read("lstm_and_vae"), results.read("pages")
    anomalies, documents = results.read("anomalies"), results.read("documents")
    faster = results.read("denoising_faster")
    detector_score = results.read("detector_score")
    training = [
        f"| {name} | {row['batch_size']} | {row['mflop_per_image']:.1f} "
        f"| {row['seconds_per_epoch']:.1f} | {row['floor_seconds']:.1f} "
        f"| {row['times_the_floor']:.1f} |"
        for name, row in speed["training"].items()
    ]
    throughput = [f"| {name} | {n:,} |" for name, n in speed["images_per_second"].items()]
    chapters = [
        f"| [{name}](../notebooks/{name}.ipynb) | {passed} |"
        for name, passed in speed["chapter_seconds"].items()
    ]
    assignments = results.read("assignments")
    of_assignments = [f"| `{name}` | {passed} |" for name, passed in assignments["seconds"].items()]
    shown = [1, 2, 3, 5, 10, 20, 30, 40, 50]
    curve = [
        f"| {epoch} | {article['seconds'][epoch - 1]:.0f} | {article['test_loss'][epoch - 1]:.4f} |"
        for epoch in shown
    ]
    rows = {"training": training, "throughput": throughput, "chapters": chapters, "curve": curve}
    rows["of_assignments"] = of_assignments
    tables = {name: "\n".join(lines) for name, lines in rows.items()}
    return TEMPLATE.format(
        **{**speed, **tables, **anomaly_tables(anomalies)},
        **audio_tables(audio),
        **sequence_tables(results.read("sequences")),
        audio=audio,
        article=article,
        of_faster=faster_section(faster, article["test_loss"][-1]),
        of_photographs=photograph_section(
            results.read("photographs"), results.read("photographs_training")
        ),
        denoising=denoising,
        of_ladder=ladder_table({"the article's recipe": article, **denoising["ladder"]}),
        of_also_tried=ladder_table(denoising["also_tried"]),
        quality=quality,
        of_quality=quality_table(quality, article),
        of_filters=filter_table(quality["filters"]["scores"]),
        of_levels=level_table(quality["by_level"]),
        lstm_vae=lstm_vae,
        of_lstm_vae=lstm_vae_table(lstm_vae),
        of_variational=variational_section(results.read("variational")),
        of_diffusion=diffusion_section(results.read("diffusion")),
        of_sparse_codes=sparse_section(results.read("sparse_codes")),
        of_counted_codes=counted_section(results.read("counted_codes")),
        of_without_labels=without_labels_section(results.read("without_labels")),
        of_kinds=kinds_section(results.read("kinds")),
        of_scaling=scaling_section(results.read("scaling")),
        charts={name: charts.figure(name) for name in charts.CHARTS},
        chapters_added=added_since(speed["added"]),
        assignments=assignments,
        of_a_class=class_section(assignments),
        of_a_term=term_section(results.read("term")),
        pages=pages,
        answers=pages["try_it"]["answer_seconds"],
        anomalies=anomalies,
        anomaly_minutes=sum(anomalies["minutes"].values()),
        detector_score=detector_score,
        scores_of=len(detector_score["tables"]),
        documents=documents,
        of_documents=document_table(documents),
        of_defects=defect_table(documents),
    )


if __name__ == "__main__":
    charts.write()
    with atomic_write(PAGE) as file:
        file.write(render().encode())
    print(f"written: book/{PAGE.name}")
