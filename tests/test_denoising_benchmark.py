"""What the stored results of the denoising benchmarks must hold."""

import numpy as np
import pytest
import results

from aeutils.core import count_macs
from aeutils.denoising import conv_denoiser, residual_denoiser

SPEED, QUALITY = results.read("denoising_speed"), results.read("denoising_quality")
SEEDS = results.read("denoiser_seeds")
FASTER, PHOTOGRAPHS = results.read("denoising_faster"), results.read("photographs")
ARTICLE, LADDER = SPEED["article"], list(SPEED["ladder"].values())


def test_the_articles_recipe_was_run_in_full():
    assert (ARTICLE["epochs"], ARTICLE["batch_size"]) == (50, 256)
    assert len(ARTICLE["seconds"]) == len(ARTICLE["test_loss"]) == 50
    assert ARTICLE["seconds"] == sorted(ARTICLE["seconds"])
    # another processor rounds differently
    assert ARTICLE["test_loss"][-1] == pytest.approx(0.0941, abs=0.0005)
    assert ARTICLE["psnr_db"] == pytest.approx(20.15, abs=0.1)


@pytest.mark.parametrize("run", [*LADDER, *SPEED["also_tried"].values()])
def test_speedup_is_time_to_the_articles_loss(run):
    for timed in (run, ARTICLE):
        epochs = np.diff([0, *timed["seconds"]])
        assert timed["seconds_per_epoch"] == pytest.approx(np.median(epochs), abs=0.01)
    reached = np.flatnonzero(np.array(run["test_loss"]) <= ARTICLE["test_loss"][-1])
    if len(reached):
        theirs = 50 * ARTICLE["seconds_per_epoch"]
        ours = (reached[0] + 1) * run["seconds_per_epoch"]
        assert run["speedup"] == pytest.approx(theirs / ours, abs=0.05)
    else:
        assert run["speedup"] is None


def test_the_article_is_overtaken_fifteen_times_sooner():
    assert LADDER[-1]["test_loss"][-1] <= ARTICLE["test_loss"][-1]
    assert SPEED["speedup_to_article_loss"] == LADDER[-1]["speedup"] >= 15


def test_the_better_network_costs_at_most_twice_as_much():
    article, ours = count_macs(conv_denoiser()), count_macs(residual_denoiser())
    assert QUALITY["article"]["multiplications"] == article
    assert {row["multiplications"] for row in QUALITY["curve"] if row["network"] == "residual"} == {
        ours
    }
    assert ours <= 2 * article


def test_the_better_network_is_a_decibel_better_within_ten_minutes():
    best = max(
        row["psnr_db"]
        for row in QUALITY["curve"]
        if row["seconds"] <= 600 and row["multiplications"] <= 2 * count_macs(conv_denoiser())
    )
    assert QUALITY["article"]["psnr_db"] == ARTICLE["psnr_db"]
    assert best >= ARTICLE["psnr_db"] + 1.0


def test_every_filter_is_there_and_behind():
    scores = dict(QUALITY["filters"]["scores"])
    network = scores.pop("residual network")
    assert set(scores) == set(QUALITY["filters"]["knobs"])
    assert set(scores) == {"median", "total variation", "non-local means", "wavelet", "BM3D"}
    for score in scores.values():
        assert score["psnr_db"] < network["psnr_db"]
        assert score["ssim"] < network["ssim"]


def test_one_network_serves_all_levels():
    by_level = QUALITY["by_level"]
    assert by_level["levels"] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    scores = by_level["psnr_db"]
    assert {len(row) for row in scores.values()} == {10}
    for blind, noisy in zip(scores["one for all levels"], scores["noisy"], strict=True):
        assert blind > noisy


def test_three_seeds_of_chapter_3_reach_the_articles_quality():
    quality = [run["psnr_db"] for run in SEEDS["runs"]]
    assert len(quality) == 3
    assert np.std(quality) < 0.05
    assert np.mean(quality) == pytest.approx(ARTICLE["psnr_db"], abs=0.1)


def test_the_target_and_not_the_width_of_the_code_removes_the_noise():
    for row in SEEDS["codes"]:
        kept = [run["passed_on"] for run in row["runs"]]
        assert len(kept) == 3
        assert max(kept) < 0.05 if row["target"] == "clean" else min(kept) > 0.04


def test_by_turns_the_article_is_overtaken_twenty_times_sooner():
    median = {name: np.median(s) for name, s in FASTER["turns"]["seconds"].items()}
    assert {len(s) for s in FASTER["turns"]["seconds"].values()} == {5}
    ours = SPEED["ladder"]["bfloat16"]
    assert ours["test_loss"][-1] <= ARTICLE["test_loss"][-1]
    faster_steps = median["article's recipe"] / median["bfloat16"]
    assert ARTICLE["epochs"] / ours["epochs"] * faster_steps > 20


def test_recipes_are_chosen_by_the_loss_on_images_kept_apart():
    tried = FASTER["tried"]
    assert FASTER["lowest_loss"] == min(tried, key=lambda name: tried[name]["loss"])


def test_the_articles_quality_takes_a_thirtieth_of_its_time():
    median = {name: np.median(s) for name, s in FASTER["turns"]["seconds"].items()}
    (row,) = FASTER["lengths"]
    ours = 55_000 * row["epochs"] * median["lowest loss"]
    assert 60_000 * 50 * median["article's recipe"] / ours > 28
    losses = [run["test_loss"] for run in row["runs"]]
    assert len(losses) == 3
    assert np.mean(losses) == pytest.approx(ARTICLE["test_loss"][-1], abs=0.001)


def test_causes_are_isolated_at_equal_cost():
    rows = FASTER["causes"]["rows"]
    cost = count_macs(residual_denoiser()) * FASTER["causes"]["images"]
    for row in rows.values():
        # epochs are rounded
        spent = row["multiplications"] * row["epochs"] * 55_000
        assert spent == pytest.approx(cost, rel=0.02)
        assert len(row["psnr_db"]) == 3
    mean = {name: np.mean(row["psnr_db"]) for name, row in rows.items()}
    assert mean["better network"] > mean["article's network"] + 0.3
    assert mean["better network"] > mean["without batch normalization"] + 0.3


def test_error_bars_cover_what_they_should_with_three_seeds():
    assert len(FASTER["bars"]) == 3
    for bars in FASTER["bars"]:
        for row in bars.values():
            assert row["coverage"] == pytest.approx(0.9, abs=0.02)
        assert bars["by output"]["half_width"] < bars["one width"]["half_width"]


def test_without_clean_images_training_stays_within_a_decibel():
    seeds = FASTER["targets"]["psnr_db"]
    assert len(seeds) == 3
    for row in seeds:
        assert row["clean targets"] - row["Noise2Noise"] < 1
        assert row["clean targets"] - row["with own pixel"] < 1


def test_bm3d_is_behind_the_linear_denoiser_with_unclipped_noise_too():
    for name in ("clipped", "unclipped"):
        score = FASTER["bm3d"][name]
        tried = score["selection_db"]
        assert str(score["sigma"]) == max(tried, key=tried.get)
        assert len(score["each"]) == FASTER["bm3d"]["images"]
        assert np.mean(score["each"]) == pytest.approx(score["psnr_db"], abs=0.01)
        assert score["psnr_db"] < FASTER["linear"]["psnr_db"] - 0.3


def test_on_unknown_photographs_the_network_is_between_quick_filters_and_cbm3d():
    compared, took = PHOTOGRAPHS["comparison"], PHOTOGRAPHS["by_turns"]["seconds"]
    at_25 = compared["levels"].index(25)
    mean = {name: np.mean(rows[at_25]) for name, rows in compared["psnr_db"].items()}
    ours, theirs = mean.pop("network, blind"), mean.pop("CBM3D")
    assert set(mean) == {"noisy", "linear filter", "total variation", "non-local means"}
    assert theirs - 2 < ours < theirs
    assert ours > max(mean.values()) + 0.3
    assert np.median(took["network"]) < np.median(took["CBM3D"])


def test_filters_for_photographs_are_tuned_within_what_was_tried():
    import photographs

    for name, tried in photographs.KNOBS.items():
        chosen = PHOTOGRAPHS["tuned"][name]
        assert list(chosen) == [str(level) for level in PHOTOGRAPHS["comparison"]["levels"]]
        assert all(min(tried) < knob < max(tried) for knob in chosen.values())


def test_no_photograph_is_trained_on_and_judged():
    import photographs

    train = {name for _, names in photographs.PACKAGES.values() for name in names.split()}
    assert train > photographs.APART
    assert len(train - photographs.APART) == PHOTOGRAPHS["photographs"]["train"]
    assert not train & set(PHOTOGRAPHS["comparison"]["photographs"])
