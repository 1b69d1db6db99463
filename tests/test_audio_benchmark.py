"""What the stored results of benchmarks/audio.py must hold."""

import numpy as np
import pytest
import results

from aeutils.data import load_speech

MEASURED = results.read("audio")
FILTERS = ["spectral subtraction, oracle", "Wiener, oracle", "Wiener, blind"]
METHODS = ["nothing", *FILTERS, "RNNoise", "network"]
KINDS = ["white", "pink", "hum", "clicks", "babble", "engine", "music"]
# far below and above what any method reaches; PESQ's mapping and STOI end where these do
LIMITS = {"si_sdr_db": (-60, 40), "stoi": (-1, 1), "pesq": (1, 4.55), "pauses_db": (-120, 10)}


def test_every_voice_noise_and_method_is_there():
    assert MEASURED["ratios_db"] == [0, 5, 10, 15]
    assert MEASURED["voices"] == list({r.voice: 0 for r in load_speech()["test"]})
    for measure, (low, high) in LIMITS.items():
        assert list(MEASURED[measure]) == KINDS
        for methods in MEASURED[measure].values():
            assert list(methods)[: len(METHODS)] == METHODS
            for values in methods.values():
                values = np.array(values, float)
                of_ratios = (4,) if measure in ("si_sdr_db", "stoi") else ()
                assert values.shape == (*of_ratios, len(MEASURED["voices"]))
                known = values[np.isfinite(values)]  # a voice may have no pause
                assert len(known) > 3
                assert ((low <= known) & (known <= high)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_noise_was_added_at_the_stated_ratios(kind):
    nothing = np.mean(MEASURED["si_sdr_db"][kind]["nothing"], axis=1)
    assert nothing == pytest.approx(MEASURED["ratios_db"], abs=0.5)
    assert (np.diff(np.mean(MEASURED["stoi"][kind]["nothing"], axis=1)) > 0).all()


@pytest.mark.parametrize("measure", ["si_sdr_db", "stoi"])
@pytest.mark.parametrize("method", FILTERS)
def test_settings_were_chosen_inside_the_grids(measure, method):
    for key, value in MEASURED["settings"][measure][method].items():
        tried = MEASURED["grids"][method][key]
        assert value in tried
        if not isinstance(value, str):
            # 0 is the lowest floor that there is
            assert min(tried) < value or value == 0
            assert value < max(tried)
