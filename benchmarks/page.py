"""Write the benchmarks page of the book, book/benchmarks.md, from the stored results."""

import os
from pathlib import Path

import results

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

## The book

Rendered from the stored outputs in {book[seconds]} seconds; {book[megabytes]} MB of HTML, pictures and styles.

## The article's denoiser, by its own recipe

Measured on {article[date]} by `python benchmarks/denoising_article.py`: {article[on]}, {article[processor]}.
Adam, {recipe[epochs]} epochs, batches of {recipe[batch_size]}, Gaussian noise of noise_factor {recipe[noise_factor]}, seed {recipe[seed]}.
The noisy test images have a PSNR of {article[psnr_db_noisy]:.2f} dB; denoised, {article[psnr_db]:.2f} dB and an SSIM of {article[ssim]:.3f}.

| epoch | test loss (binary cross-entropy) |
| --: | --: |
{curve}

## Anomaly detection

Measured on {anomalies[date]} by `python benchmarks/anomalies.py`, a part of `make bench`: {anomalies[on]}, {anomalies[processor]}, {anomalies[minutes]} minutes.
Every method gets the same rows of the same splits and the settings that its library has by default, but for PCA, which keeps as many values as the autoencoder, and the one-class SVM with `nu=0.1`.
Every figure is an AUROC unless it is a time; the best of a column is bold.

### Tables that come with scikit-learn

Trained on half of the normal rows, tested on the other half and the anomalies; every column divided by its standard deviation; mean over {anomalies[table_seeds]} splits.
Breast cancer: benign is normal. Wine and digits: each class in turn is normal, and the figure is the mean over the classes.
Diabetes: ages, sexes, pressures and blood values of patients; an anomaly takes each of its values from another patient.
The default settings of `AutoencoderDetector` were chosen with these tables in view.

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
{documents[rendered][pages]} pages of prose drawn and spoiled as in chapter 5, two of their three fonts unseen in training, and the photographed page of scikit-image; the rivals tuned on training pages.
The network is the one that ships with the book.

{of_documents}

`python -m aeutils denoise` on an A4 page of 600 dpi in colour: {documents[a4_600_dpi][seconds]:.0f} s and {documents[a4_600_dpi][peak_memory_mb]:,} MB at most, TensorFlow included.
"""


def table(columns, digits=3):
    """Return a Markdown table of methods by columns, the best of each column bold."""
    methods = list(next(iter(columns.values())))
    lines = [
        "| method | " + " | ".join(columns) + " |",
        "| --- " + "| --: " * len(columns) + "|",
    ]
    for method in methods:
        cells = []
        for figures in columns.values():
            text = f"{figures[method]:.{digits}f}"
            cells.append(f"**{text}**" if figures[method] == max(figures.values()) else text)
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def seconds(rows):
    """Return a Markdown table of the times of both autoencoders, by data set."""
    lines = [
        "| data | fit, AutoencoderDetector | fit, PyOD | score, AutoencoderDetector | score, PyOD |",
        "| --- | --: | --: | --: | --: |",
    ]
    for name, row in rows.items():
        cells = [
            f"{row[part][method]:.3f}"
            for part in ("fit_seconds", "score_seconds")
            for method in ("AutoencoderDetector", "PyOD AutoEncoder")
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


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
                **anomalies["tables"],
                "MNIST, one digit": prepared,
                "MNIST, 10,000 digits": clothes["smoothed"],
            }
        ),
    }


def document_table(documents):
    """Return a Markdown table of the methods that clean pages."""
    pages, photograph = documents["rendered"], documents["scanned_page"]
    lines = [
        "| method | PSNR, dB | SSIM | letters misread, pages | letters misread, photograph |",
        "| --- | --: | --: | --: | --: |",
    ]
    lines += [
        f"| {name} | {decibels:.2f} | {pages['ssim'][name]:.3f} | {pages['cer'][name]:.1%} "
        f"| {photograph['cer'][name]:.1%} |"
        for name, decibels in pages["psnr_db"].items()
    ]
    return "\n".join(lines)


def render():
    """Return the page's text."""
    speed, article = results.read("speed"), results.read("denoising_article")
    anomalies, documents = results.read("anomalies"), results.read("documents")
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
    shown = [1, 2, 3, 5, 10, 20, 30, 40, 50]
    curve = [f"| {epoch} | {article['val_loss'][epoch - 1]:.4f} |" for epoch in shown]
    rows = {"training": training, "throughput": throughput, "chapters": chapters, "curve": curve}
    tables = {name: "\n".join(lines) for name, lines in rows.items()}
    return TEMPLATE.format(
        **{**speed, **tables, **anomaly_tables(anomalies)},
        article=article,
        recipe=article["recipe"],
        anomalies=anomalies,
        new_process=anomalies["new_process_seconds"],
        documents=documents,
        of_documents=document_table(documents),
    )


if __name__ == "__main__":
    partial = PAGE.with_suffix(".md.partial")
    partial.write_text(render())
    os.replace(partial, PAGE)
    print(f"written: book/{PAGE.name}")
