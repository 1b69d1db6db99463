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
"""


def render():
    """Return the page's text."""
    speed, article = results.read("speed"), results.read("denoising_article")
    training = [
        f"| {name} | {row['batch_size']} | {row['mflop_per_image']:.1f} "
        f"| {row['seconds_per_epoch']:.1f} | {row['floor_seconds']:.1f} "
        f"| {row['times_the_floor']:.1f} |"
        for name, row in speed["training"].items()
    ]
    throughput = [f"| {name} | {n:,} |" for name, n in speed["images_per_second"].items()]
    chapters = [
        f"| [{name}](../notebooks/{name}.ipynb) | {seconds} |"
        for name, seconds in speed["chapter_seconds"].items()
    ]
    shown = [1, 2, 3, 5, 10, 20, 30, 40, 50]
    curve = [f"| {epoch} | {article['val_loss'][epoch - 1]:.4f} |" for epoch in shown]
    rows = {"training": training, "throughput": throughput, "chapters": chapters, "curve": curve}
    tables = {name: "\n".join(lines) for name, lines in rows.items()}
    return TEMPLATE.format(**{**speed, **tables}, article=article, recipe=article["recipe"])


if __name__ == "__main__":
    partial = PAGE.with_suffix(".md.partial")
    partial.write_text(render())
    os.replace(partial, PAGE)
    print(f"written: book/{PAGE.name}")
