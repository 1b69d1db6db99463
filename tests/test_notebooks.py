"""What every stored chapter must be, beyond what nbval checks by running it."""

import base64
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from aeutils import audio, codes, core, denoising, documents, generative, sequences

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted(ROOT.glob("notebooks/*.ipynb"))
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def code_cells(path):
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


@each_chapter
def test_cells_were_run_once_in_order_from_a_fresh_kernel(path):
    # nbval passes a cell that has neither a count nor outputs
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


@each_chapter
def test_outputs_are_clean(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.text
            text = json.dumps(output)
            assert not re.search(r"(/home|/root|/tmp|/work|/Users|C:\\\\)[/\\]", text), text[:300]


@each_chapter
def test_nothing_is_skipped_and_what_is_ignored_is_asserted(path):
    cells = code_cells(path)
    assert not [cell for cell in cells if "nbval-skip" in tags(cell) or "NBVAL" in cell.source]
    ignored = [i for i, cell in enumerate(cells) if "nbval-ignore-output" in tags(cell)]
    checks = [i for i, cell in enumerate(cells) if re.search(r"(?m)^\s*assert ", cell.source)]
    # the first one tells the machine, every later one shows numbers that a later cell asserts
    assert max(checks) > max(i for i in ignored if "hide-cell" not in tags(cells[i]))


@each_chapter
def test_no_semicolon_hides_the_value_of_a_compared_cell(path):
    # nbval runs cells without history, where Jupyter does not see the semicolon
    for cell in code_cells(path):
        if "nbval-ignore-output" not in tags(cell):
            assert not cell.source.rstrip().endswith(";"), cell.source


@each_chapter
def test_figures_have_alternative_text(path):
    for cell in code_cells(path):
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            assert len(cell.metadata["mystnb"]["image"]["alt"].split()) > 5, cell.source


@each_chapter
def test_labels_of_pictures_can_be_read_in_the_dark(path):
    """There plots are inverted and pictures are not, so that black letters would be on black."""
    for cell in code_cells(path):
        told = cell.metadata.get("mystnb", {})
        # what has no caption stands on a light ground
        if told.get("image", {}).get("classes") == "plot" or "figure" not in told:
            continue
        for png in [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]:
            pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA"))
            black = (pixels[..., 3] > 150) & (pixels[..., :3].mean(axis=2) < 70)
            clear = np.pad(pixels[..., 3] == 0, ((0, 0), (10, 10)))
            # a stroke of a letter has the page's ground near by on both sides
            sides = [clear[:, k : k + black.shape[1]] for k in range(21) if k != 10]
            letters = black & np.any(sides[:10], axis=0) & np.any(sides[10:], axis=0)
            assert letters.sum() < 150, cell.source


@each_chapter
def test_text_reads_well_in_plain_jupyter(path):
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"\{[a-z:]+\}`|^:::|^```\{", cell.source, re.MULTILINE), (
                cell.source
            )


@each_chapter
def test_metadata_asks_colab_for_a_gpu_and_any_jupyter_for_python(path):
    metadata = nbformat.read(path, 4).metadata
    assert metadata.accelerator == "GPU"
    assert metadata.kernelspec.name == "python3"
    # what colours the code of the page
    assert metadata.language_info == {"file_extension": ".py", "name": "python"}


@each_chapter
def test_cells_are_short(path):
    assert not [cell.source for cell in code_cells(path) if len(cell.source.splitlines()) > 30]


@each_chapter
def test_cover_picture_is_the_stored_output(path):
    for cell in code_cells(path):
        if "cover-picture" in tags(cell):
            (png,) = [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
            picture = ROOT / "book" / "_static" / f"{path.stem}.png"
            assert picture.read_bytes() == base64.b64decode(png)


def layer_by_layer(model):
    """Return each layer's class and settings, without the names that Keras numbers."""
    rows = []
    for layer in model.layers:
        config = layer.get_config()
        if config["name"] != "bottleneck":
            del config["name"]
        rows.append((type(layer).__name__, config, layer.output.shape))
    return rows


@pytest.mark.parametrize(
    ("chapter", "build"),
    [("02_anomaly_detection", core.dense_autoencoder),
     ("03_image_denoising", denoising.conv_denoiser),
     ("05_cleaning_documents", documents.page_cleaner),
     ("06_cleaning_audio", audio.speech_cleaner),
     ("07_denoising_faster_and_better", denoising.residual_denoiser),
     ("08_sequences", sequences.lstm_autoencoder),
     ("12_from_denoiser_to_generator", generative.diffusion_network),
     ("13_codes_one_can_read", lambda: codes.sparse_autoencoder(k=6))],
)  # fmt: skip
def test_chapter_and_package_build_the_same_network(chapter, build):
    built = {}
    for cell in code_cells(ROOT / "notebooks" / f"{chapter}.ipynb"):
        if "builds-model" in tags(cell):
            exec(cell.source, built)
    assert layer_by_layer(built["autoencoder"]) == layer_by_layer(build())


def test_chapter_15_and_package_build_the_same_networks():
    built = {}
    for cell in code_cells(ROOT / "notebooks" / "15_learning_without_labels.ipynb"):
        if "builds-model" in tags(cell):
            exec(cell.source, built)
    for build in ("patch_encoder", "patch_decoder"):
        chapters, packages = built[build](), getattr(codes, build)()
        assert layer_by_layer(chapters) == layer_by_layer(packages)


def first_cell(path):
    cell = code_cells(path)[0]
    assert "REPOSITORY" in cell.source
    return cell.source


def run_first_cell(source, folder, **environment):
    """Run the cell as a Python that has no aeutils installed would."""
    command = [sys.executable, "-S", "-c", source + "\nimport aeutils; print(aeutils.__file__)"]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
    )


def test_first_cell_is_the_same_everywhere():
    assert len({first_cell(path) for path in CHAPTERS}) == 1


def test_first_cell_says_what_to_do_where_there_is_no_book(tmp_path):
    if 'REPOSITORY = ""' in first_cell(CHAPTERS[0]):
        done = run_first_cell(first_cell(CHAPTERS[0]), tmp_path)
        assert done.stderr.rstrip().endswith("README.md says how.")


def test_first_cell_finds_a_checkout():
    done = run_first_cell(first_cell(CHAPTERS[0]), ROOT / "notebooks")
    assert done.stdout.strip() == str(ROOT / "aeutils" / "__init__.py"), done.stderr


def test_first_cell_fetches_the_book_on_colab_even_twice(tmp_path):
    origin = tmp_path / "origin"
    for name in ("aeutils/core", "notebooks"):
        (origin / name).mkdir(parents=True)
    for name in ("aeutils/__init__.py", "aeutils/core/errors.py", f"notebooks/{CHAPTERS[0].name}"):
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        (origin / name).write_bytes((ROOT / name).read_bytes())
    git = ["git", "-C", origin, "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], check=True)
    source = first_cell(CHAPTERS[0])
    address = "https://github.com/somebody/book"
    source = re.sub(r'REPOSITORY = ".*"', f'REPOSITORY = "{address}"', source)
    # lets git fetch from the folder in place of the published address
    redirect = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{origin.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": address,
    }
    colab = tmp_path / "content"
    colab.mkdir()
    for _ in range(2):
        done = run_first_cell(source, colab, **redirect)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip().startswith(str(colab))
