"""What the stored results of benchmarks/audio.py must hold."""

import itertools
import math

import nbformat
import pytest
import results

from aeutils.audio import NOISES

MEASURED = results.read("audio")
METHODS = ["noisy", "spectral subtraction", "Wiener", "Wiener, blind", "autoencoder"]
# far below and above what any method reaches; PESQ's mapping and STOI end where these do
LIMITS = {"si_sdr_db": (-20, 40), "stoi": (0, 1), "pesq": (1, 4.55)}
KINDS = {
    "known voices": [*NOISES, "music"],
    "new voices": [*NOISES, "music"],
    "music": list(NOISES),
}


def test_every_sound_noise_and_method_is_there():
    assert MEASURED["ratios_db"] == [0, 5, 10, 15]
    assert MEASURED["scores"].keys() == MEASURED["sounds"].keys() == KINDS.keys()
    for sounds, scores in MEASURED["scores"].items():
        assert list(scores) == (["si_sdr_db"] if sounds == "music" else list(LIMITS))
        for kinds in scores.values():
            assert list(kinds) == KINDS[sounds]
            assert all(list(methods) == METHODS for methods in kinds.values())


@pytest.mark.parametrize("measure", LIMITS)
def test_every_figure_is_one_that_the_measure_can_give(measure):
    low, high = LIMITS[measure]
    for scores in MEASURED["scores"].values():
        for methods in scores.get(measure, {}).values():
            for method, figures in methods.items():
                assert len(figures) == len(MEASURED["ratios_db"])
                assert all(math.isfinite(x) and low <= x <= high for x in figures), method


@pytest.mark.parametrize("sounds", KINDS)
def test_noise_was_added_at_the_stated_ratios(sounds):
    for methods in MEASURED["scores"][sounds]["si_sdr_db"].values():
        assert methods["noisy"] == pytest.approx(MEASURED["ratios_db"], abs=0.5)


def test_less_noise_is_never_judged_worse():
    speech = (MEASURED["scores"][voices] for voices in ("known voices", "new voices"))
    for scores, measure in itertools.product(speech, LIMITS):
        for methods in scores[measure].values():
            assert methods["noisy"] == sorted(methods["noisy"])


def test_the_network_is_the_chapters():
    cells = nbformat.read(results.FOLDER.parent / "notebooks" / "06_cleaning_audio.ipynb", 4).cells
    (cell,) = (cell for cell in cells if "trains-model" in cell.metadata.get("tags", []))
    *_, last_epoch, _ = cell.outputs[0]["data"]["text/plain"].splitlines()
    # other processors round differently, which a training makes larger
    assert MEASURED["test_loss"] == pytest.approx(float(last_epoch.split()[2]), abs=0.001)


def test_the_chapters_claims_hold_for_every_recording():
    scores = MEASURED["scores"]["known voices"]["si_sdr_db"]
    oracle = {
        kind: [max(pair) for pair in zip(row["spectral subtraction"], row["Wiener"], strict=True)]
        for kind, row in scores.items()
    }
    assert scores["clicks"]["autoencoder"][0] > oracle["clicks"][0] + 3
    for kind in ("white", "pink"):
        assert scores[kind]["autoencoder"][0] > oracle[kind][0]
    assert scores["hum"]["autoencoder"][0] < oracle["hum"][0]
    assert scores["hum"]["autoencoder"][3] < oracle["hum"][3]
    weak = MEASURED["scores"]["new voices"]["si_sdr_db"]
    assert all(row["autoencoder"][3] < row["noisy"][3] for row in weak.values())
