"""Write the benchmarks page of the book, book/benchmarks.md, from the stored results."""

import itertools
from pathlib import Path

import numpy as np
import results

from aeutils.core.files import atomic_write

PAGE = Path(__file__).resolve().parent.parent / "book" / "benchmarks.md"

TEMPLATE = """\
# Benchmarks

<!-- Written by benchmarks/page.py from the JSON files beside it; do not edit. -->

Measured on {date} by `make bench`, in one run: {on}, {processor}.

## Training

The floor is what the training would take if it were nothing but matrix products at the rate that this machine reaches for large ones, {matmul_gflops} GFLOP/s in float32.

| network | batch | MFLOP an image, forward and backward | seconds an epoch of 60,000 images | floor, seconds | times the floor |
| --- | --: | --: | --: | --: | --: |
{training}

## Using the trained networks

| task | images a second |
| --- | --: |
{throughput}

## The chapters

From the first to the last cell, the start of the kernel included.

| chapter | seconds |
| --- | --: |
{chapters}

## The assignments

Measured on {assignments[date]} by `python benchmarks/assignments.py`, a part of `make bench`: {assignments[on]}, {assignments[processor]}.
The full solution of each, run and graded as `make grade` does it, the start of both processes included.

| assignment | seconds |
| --- | --: |
{of_assignments}

## The book

Measured on {pages[date]} by `python benchmarks/pages.py`, a part of `make bench`: {pages[on]}, {pages[processor]}.
Rendered from the stored outputs in {pages[seconds]} seconds, and where nothing has changed since, `make book` knows so after {pages[seconds_unchanged]}; {pages[megabytes]} MB of HTML, pictures and styles.

The page [Try it](try_it.md) loads {pages[try_it][megabytes]} MB when every part of it is used.
Clicked as soon as it can be, in Chromium on a processor slowed down {pages[try_it][slower]}-fold, it answers {answers[median]} seconds after its address was entered, by the median of {pages[try_it][loads]} loads; the fastest took {answers[fastest]}, the slowest {answers[slowest]}.

## Denoising in less time

Measured on {denoising[date]} by `python benchmarks/denoising_speed.py`: {denoising[on]}, {denoising[processor]}.
The article's network: Gaussian noise of noise_factor {denoising[noise_factor]}, seed {denoising[seed]}.
The article's recipe is Adam with its defaults, {article[epochs]} epochs, batches of {article[batch_size]}.
Each further line keeps what the lines above it brought; [chapter 7](../notebooks/07_denoising_faster_and_better.ipynb) explains them.
Seconds are epochs by the median seconds of an epoch, since what else a machine does holds up single ones.
The noisy test images have a PSNR of {denoising[psnr_db_noisy]:.2f} dB.

{of_ladder}

Times as fast: the article's seconds divided by those until the test loss was as low as the article's last one; a dash where it never was.
The last line of the ladder: {denoising[speedup_to_article_loss]} times.
Tried on top of all that:

{of_also_tried}

The article's recipe along the way:

| epoch | seconds | test loss (binary cross-entropy) |
| --: | --: | --: |
{curve}

## Denoising better

Measured on {quality[date]} by `python benchmarks/denoising_quality.py`: {quality[on]}, {quality[processor]}.
The same noisy test images; the cost is that of one image, in multiplications, beside the article's network.

{of_quality}

Beside classical filters, on the first {quality[filters][images]} of them; every filter tuned on training images, the network the one called residual that was trained longest:

{of_filters}

One network for all noise levels beside one for each, {quality[by_level][epochs]} epochs unless it says otherwise; PSNR in decibels by noise_factor:

{of_levels}

## Training LSTM and VAE

Measured on {lstm_vae[date]} by `python benchmarks/lstm_and_vae.py`, a part of `make bench`: {lstm_vae[on]}, {lstm_vae[processor]}.
The networks of chapters [8](../notebooks/08_sequences.ipynb) and [9](../notebooks/09_variational_autoencoder.ipynb), {lstm_vae[LSTM][examples]:,} windows and {lstm_vae[VAE][examples]:,} images, batches of {lstm_vae[batch_size]}, Adam; the same layers in all lines of a network, but for the samples that an LSTM takes a step.
Keras's LSTM has no fused kernel for processors: written out step by step (`unroll=True`, what `aeutils` does) it is faster than as a loop, and PyTorch has such a kernel.

{of_lstm_vae}

## Anomaly detection

Measured on {anomalies[date]} by `python benchmarks/anomalies.py`, a part of `make bench FULL=1`: {anomalies[on]}, {anomalies[processor]}, {anomalies[minutes]} minutes.
Every method gets the same rows of the same splits and the settings that its library has by default, but for PCA, which keeps as many values as the autoencoder, the one-class SVM with `nu=0.1`, and, on images alone, `AutoencoderDetector` with layers, batches and epochs of its own.
Every figure is an AUROC unless it is a time; the best of a column is bold.

### Tables that come with scikit-learn

Trained on half of the normal rows, tested on the other half and the anomalies; every column divided by its standard deviation; mean over {anomalies[table_seeds]} splits.
Breast cancer: benign is normal. Wine and digits: each class in turn is normal, and the figure is the mean over the classes.
Diabetes: ages, sexes, pressures and blood values of patients; an anomaly takes each of its values from another patient.
The default score and number of epochs of `AutoencoderDetector` were chosen on {scores_of} other tables by `python benchmarks/detector_score.py`: the combined score is better on {detector_score[combined_better_on]} of them and worse on {detector_score[combined_worse_on]}, so the default is the simpler one, the reconstruction error.
Its other settings were chosen with the tables below in view.

{of_tables}

### MNIST, one digit against the others

The protocol of [Ruff et al. (2018)](references.md): trained on one digit of the training set, tested on all 10,000 test images; mean over {anomalies[seeds]} seeds and the ten digits.
The literature reports about 0.897 for a deep convolutional autoencoder and 0.948 for Deep SVDD, on images prepared in another way.
Plain: pixels between 0 and 1. Prepared: blurred by a Gaussian of one pixel and scaled to length 1.
Here `AutoencoderDetector` has a code of 16 values.

{of_one_class}

By digit, on prepared images:

{by_digit}

The hardest digit is the {worst}. Against each other digit alone, `AutoencoderDetector` reaches {worst_against}.

### MNIST against Fashion-MNIST

Trained on 10,000 digits of the training set, tested on all test digits and all test clothes; mean over {anomalies[seeds]} seeds.
Here `AutoencoderDetector` has a code of 64 values and, as for all images, `standardize=False`.
PyOD divides every pixel by its own standard deviation, so that ink at the edge, where digits have none, counts enormously; that decides this comparison on plain pixels.

{of_clothes}

### Seconds beside PyOD's AutoEncoder

On the CPU, from the runs above: PyOD with its default settings, `AutoencoderDetector` with those of each section; a first training, in which both libraries set up, is not counted.

{of_seconds}

From the start of a new process to the first scores of the breast cancer table, the imports and everything that is set up once included: `AutoencoderDetector` {new_process[AutoencoderDetector]:.1f} s, PyOD {new_process[PyOD AutoEncoder]:.1f} s.

## Cleaning scanned documents

Measured on {documents[date]} by `python benchmarks/documents.py`: {documents[on]}, {documents[processor]}, Tesseract {documents[tesseract]}.
{documents[test][pages]} pages of prose drawn and degraded as in chapter 5, two of their three fonts unseen in training, and the photographed page of scikit-image.
The settings of the methods without a network are chosen by the characters misread on {documents[tuned][pages]} selection pages of other text, fonts and damage. "U-Net" is the recipe of chapter 5, three seeds; "no skip connections" costs the same. Brackets: 95 % interval, bootstrap over pages.

{of_documents}

With one kind of damage, {documents[defects][pages]} pages each:

{of_defects}

`python -m aeutils denoise` on an A4 page of 600 dpi in colour: {documents[a4_600_dpi][seconds]:.0f} s and {documents[a4_600_dpi][peak_memory_mb]:,} MB at most, TensorFlow included.

## Cleaning audio

Measured on {audio[date]} by `python benchmarks/audio.py`: {audio[on]}, {audio[processor]}.
The network is chapter 6's, trained by its own cells.
Known voices: {audio[sounds][known voices]} recordings that were not trained on, of the three voices that were; new voices: {audio[sounds][new voices]} of three others.
Of the noises, engine and music were in no training mix.
Spectral subtraction and Wiener are oracle filters: they are given the mean power of the very noise that was added. The blind Wiener filter estimates it from the noisy signal, as it would have to in practice, and the network is given nothing either.
PESQ ([Rix et al., 2001](references.md)) is narrow-band, since the sounds have 8000 samples a second.

SI-SDR in decibels, known voices, noise at {audio_snr_db} dB:

{of_audio[si_sdr_db]}

STOI, the same:

{of_audio[stoi]}

PESQ, the same:

{of_audio[pesq]}

How many decibels of SI-SDR the network is ahead of the better of the two oracle filters, by the ratio of the noisy signal; where a figure is negative, the filter is better:

{audio_lead}

{audio_words}

Sounds without noise, put through the network all the same, keep an SI-SDR of {audio[without_noise_si_sdr_db][known voices]} dB (known voices), {audio[without_noise_si_sdr_db][new voices]} dB (new voices) and {audio[without_noise_si_sdr_db][music]} dB (music).
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


def seconds(rows):
    """Return a Markdown table of the times of both autoencoders, by data set."""
    methods = ("AutoencoderDetector", "PyOD AutoEncoder")
    pairs = list(itertools.product(("fit", "score"), methods))
    return markdown(
        ["data", *(f"{part}, {method.removesuffix(' AutoEncoder')}" for part, method in pairs)],
        [
            [name, *(f"{row[f'{part}_seconds'][method]:.3f}" for part, method in pairs)]
            for name, row in rows.items()
        ],
    )


def anomaly_tables(anomalies):
    """Return the tables of the section on anomaly detection, by their names in the template."""
    one_class, clothes = anomalies["one_class"], anomalies["clothes"]
    prepared = one_class["smoothed"]
    against = prepared["worst_digit_against"].items()
    return {
        "of_tables": table({name: row["auroc"] for name, row in anomalies["tables"].items()}),
        "of_one_class": table(
            {"plain": one_class["pixels"]["auroc"], "prepared": prepared["auroc"]}
        ),
        "by_digit": table(prepared["auroc_by_digit"]),
        "worst": prepared["worst_digit"],
        "worst_against": ", ".join(f"{area:.3f} ({digit})" for digit, area in against),
        "of_clothes": table(
            {"plain": clothes["pixels"]["auroc"], "prepared": clothes["smoothed"]["auroc"]}, 4
        ),
        "of_seconds": seconds(
            {
                "MNIST, one digit": prepared,
                "MNIST, 10,000 digits": clothes["smoothed"],
            }
        ),
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
            f"{np.mean(runs['psnr_db']):.1f}" if "psnr_db" in runs else "–",
            f"{np.mean(runs['ssim']):.3f}" if "ssim" in runs else "–",
            f"{np.mean(documents['photograph']['cer'][name]):.1%}",
        ]

    return markdown(
        ["method", "settings", "misread, test pages", "PSNR, dB", "SSIM", "misread, photograph"],
        [row(name, runs) for name, runs in documents["test"]["methods"].items()],
    )


def defect_table(documents):
    """Return a Markdown table of the characters misread by kind of damage."""
    kinds = documents["defects"]["methods"]
    return markdown(
        ["misread, of pages with", *kinds],
        [
            [name, *(f"{np.mean(runs[name]):.1%}" for runs in kinds.values())]
            for name in kinds["none"]
        ],
    )


def ladder_table(runs):
    """Return a Markdown table of trainings of the article's network."""
    names = ["training", "epochs", "seconds", "test loss", "PSNR, dB", "SSIM", "times as fast"]
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
                f"{run.get('speedup') or '–'}",
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


def audio_tables(audio, snr_db=5):
    """Return the tables of the section on audio, by their names in the template."""
    row = audio["ratios_db"].index(snr_db)
    tables = {}
    for measure, digits in {"si_sdr_db": 1, "stoi": 2, "pesq": 2}.items():
        tables[measure] = table(
            {
                kind: {method: figures[row] for method, figures in methods.items()}
                for kind, methods in audio["scores"]["known voices"][measure].items()
            },
            digits,
        )
    ratios = [f"{ratio} dB" for ratio in audio["ratios_db"]]
    lines = [
        "| voices | noise | " + " | ".join(ratios) + " |",
        "| --- | --- " + "| --: " * len(ratios) + "|",
    ]
    words = []
    for voices in ("known voices", "new voices"):
        scores = audio["scores"][voices]["si_sdr_db"]
        oracle = leads(scores, "spectral subtraction", "Wiener")
        blind, nothing = leads(scores, "Wiener, blind"), leads(scores, "noisy")
        lines += [
            f"| {voices} | {kind} | " + " | ".join(f"{x:+.1f}" for x in ahead) + " |"
            for kind, ahead in oracle.items()
        ]
        words.append(
            f"{voices.capitalize()}, by SI-SDR: the network is ahead of both oracle filters at every "
            f"ratio for {noises(oracle, min, 1)}, and behind one of them at every ratio for "
            f"{noises(oracle, max, -1)}; ahead of the blind Wiener filter at every ratio for "
            f"{noises(blind, min, 1)}; at {ratios[-1]} worse than doing nothing for "
            f"{noises(nothing, lambda ahead: ahead[-1], -1)}."
        )
    return {
        "audio_snr_db": snr_db,
        "of_audio": tables,
        "audio_lead": "\n".join(lines),
        "audio_words": "\n".join(words),
    }


def lstm_vae_table(measured):
    """Return the Markdown table of the seconds that the LSTM and the VAE train."""
    rows = [
        (f"{network}: {way}", f"{seconds:.2f}")
        for network in ("LSTM", "VAE")
        for way, seconds in measured[network]["seconds_per_epoch"].items()
    ]
    return markdown(["network", "seconds an epoch"], rows)


def leads(scores, *rivals):
    """Return by noise how many dB the network is ahead of the best of some rivals, one a ratio."""
    return {
        kind: [
            ours - max(theirs)
            for ours, *theirs in zip(
                methods["autoencoder"], *(methods[name] for name in rivals), strict=True
            )
        ]
        for kind, methods in scores.items()
    }


def noises(leads, of, sign):
    """Return the noises for which a figure of their leads has a sign when shown, as text."""
    return ", ".join(kind for kind, ahead in leads.items() if sign * of(ahead) > 0.05) or "none"


def render():
    """Return the page's text."""
    speed = results.read("speed")
    denoising, quality = results.read("denoising_speed"), results.read("denoising_quality")
    article, audio = denoising["article"], results.read("audio")
    lstm_vae, pages = results.read("lstm_and_vae"), results.read("pages")
    anomalies, documents = results.read("anomalies"), results.read("documents")
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
        audio=audio,
        article=article,
        denoising=denoising,
        of_ladder=ladder_table({"the article's recipe": article, **denoising["ladder"]}),
        of_also_tried=ladder_table(denoising["also_tried"]),
        quality=quality,
        of_quality=quality_table(quality, article),
        of_filters=filter_table(quality["filters"]["scores"]),
        of_levels=level_table(quality["by_level"]),
        lstm_vae=lstm_vae,
        of_lstm_vae=lstm_vae_table(lstm_vae),
        assignments=assignments,
        pages=pages,
        answers=pages["try_it"]["answer_seconds"],
        anomalies=anomalies,
        detector_score=detector_score,
        scores_of=len(detector_score["tables"]),
        new_process=anomalies["new_process_seconds"],
        documents=documents,
        of_documents=document_table(documents),
        of_defects=defect_table(documents),
    )


if __name__ == "__main__":
    with atomic_write(PAGE) as file:
        file.write(render().encode())
    print(f"written: book/{PAGE.name}")
