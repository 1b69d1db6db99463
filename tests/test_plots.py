"""Figures: that they show what they were given, and refuse the rest before anything is drawn."""

import subprocess
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aeutils import plots
from aeutils.anomalies import detection_report, threshold_at
from aeutils.core.errors import AeutilsError, ImageError


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_importing_plots_needs_neither_scikit_learn_nor_keras():
    done = run("import sys, aeutils.plots; print({'sklearn', 'keras', 'scipy'} & {*sys.modules})")
    assert done.stdout.strip() == "set()"


def test_without_matplotlib_the_error_names_the_package():
    done = run("import sys; sys.modules['matplotlib'] = None; import aeutils.plots")
    assert "needs the package matplotlib: pip install matplotlib" in done.stderr


def test_show_images_fills_the_grid():
    images = np.linspace(0, 1, 5 * 28 * 28).reshape(5, 28, 28, 1)
    figure = plots.show_images(images, titles=list("abcde"), row_titles=["x", "y"], n_cols=3)
    shown = [axis for axis in figure.axes if axis.images]
    assert len(shown) == 5
    assert [axis.get_title() for axis in shown] == list("abcde")
    assert [axis.get_ylabel() for axis in shown] == ["x", "", "", "y", ""]
    np.testing.assert_array_equal(shown[4].images[0].get_array(), images[4, ..., 0])
    # one scale for all, so that a dark image looks dark
    assert {axis.images[0].get_clim() for axis in shown} == {(0, 1)}


KINDS = st.sampled_from([bool, np.uint8, np.int64, np.float16, np.float32, np.float64, ">f8"])
SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, max_side=3)


@settings(max_examples=8)
@given(hnp.arrays(bool, SHAPES), KINDS, st.integers(1, 4), st.booleans())
def test_any_grey_images_are_drawn_as_they_are(images, dtype, n_cols, backwards):
    images = images.astype(dtype)[:: -1 if backwards else 1]
    images.flags.writeable = False
    shown = [a for a in plots.show_images(images, n_cols=np.int64(n_cols)).axes if a.images]
    np.testing.assert_array_equal([a.images[0].get_array() for a in shown], images)
    plt.close("all")


def test_plot_history_draws_both_losses():
    axis = plots.plot_history({"loss": [3, 2], "val_loss": [4, 3]})
    assert [line.get_ydata().tolist() for line in axis.get_lines()] == [[3, 2], [4, 3]]
    assert len(plots.plot_history({"loss": [1]}).get_lines()) == 1


@pytest.mark.parametrize("dtype", [int, np.uint8, float, bool])
def test_plot_latent_marks_every_class(dtype):
    labels = np.array([0, 1, 1, 7]).astype(dtype)
    axis = plots.plot_latent(np.eye(4)[:, :2], labels)
    found = [points.get_offsets().tolist() for points in axis.collections]
    assert found == [np.eye(4)[labels == label, :2].tolist() for label in np.unique(labels)]


POSITIVE = st.floats(1e-30, 1e30) | st.just(0.0)


@settings(max_examples=10)
@given(st.lists(st.lists(POSITIVE, min_size=1, max_size=4), min_size=1, max_size=3))
def test_plot_scores_counts_every_score(groups):
    groups[0].append(1.0)
    _, axis = plt.subplots()
    counted = []
    axis.hist = lambda group, bins, **style: counted.append(np.histogram(group, bins)[0].sum())
    axis.legend = lambda: None
    plots.plot_scores({str(i): group for i, group in enumerate(groups)}, axis=axis)
    assert counted == [len(group) for group in groups]
    plt.close("all")


def test_scores_thresholds_and_reports_fit_each_other():
    rng = np.random.default_rng(0)
    scores = {"normal": rng.random(100).astype("float32"), "strange": 1 + rng.random(9)}
    axis = plots.plot_scores(scores, threshold=threshold_at(scores["normal"], 0.05))
    legend = [text.get_text() for text in axis.get_legend().get_texts()]
    assert legend == ["normal", "strange", "threshold"]
    roc, _ = plots.plot_detection_curves({"perfect": scores.values()})
    x, y = roc.get_lines()[0].get_data()
    assert np.trapezoid(y, x) == detection_report(*scores.values())["auroc"] == 1


def test_detection_curves_of_a_perfect_detector():
    _, axes = plt.subplots(1, 2)
    roc, precision_recall = plots.plot_detection_curves({"a": ([0.1, 0.2], [0.8, 0.9])}, axes)
    assert (roc, precision_recall) == tuple(axes)
    points = precision_recall.get_lines()[0].get_xydata().tolist()
    assert [1, 1] in points  # everything found without a false alarm


def test_feature_errors_are_drawn_in_the_order_of_the_table():
    errors = pd.Series([3.0, 1.0], ["mass", "length"])
    axis = plots.plot_feature_errors(errors, errors.index, usual=[0.5, 2.0])
    assert [bar.get_width() for bar in axis.patches] == [3, 1]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["mass", "length"]
    assert axis.yaxis_inverted()
    assert axis.get_lines()[0].get_xdata().tolist() == [0.5, 2.0]
    assert plots.plot_feature_errors([1.0], ["mass"]).get_legend() is None


def test_recording_is_shaded_where_it_is_marked():
    (axis,) = plots.plot_recording([0.0, 1.0, 2.0, 3.0], 2, begin=5)
    assert axis.get_lines()[0].get_xydata().tolist() == [[5, 0], [5.5, 1], [6, 2], [6.5, 3]]
    assert not axis.patches
    marked = [False, True, True, False]
    above, below = plots.plot_recording(np.zeros(4), 2, marked, [0.1, 4.0, 3.0, 0.0], threshold=1)
    for axis in (above, below):
        (shade,) = axis.patches
        assert (shade.get_x(), shade.get_width()) == (0.5, 1)
    scores, threshold = below.get_lines()
    assert scores.get_ydata().tolist() == [0.1, 4, 3, 0]
    assert set(threshold.get_ydata()) == {1}
    assert below.get_xlabel() == "seconds"
    assert below.get_ylim()[0] == 0


def test_scores_below_zero_are_not_cut_off():
    _, below = plots.plot_recording(np.zeros(3), 1, scores=[-2.0, 1.0, 3.0])
    assert below.get_ylim()[0] < -2


IMAGES = np.zeros((2, 4, 4))
MASKED = np.ma.masked_array([1.0, 2.0], [True, False])


@pytest.mark.parametrize(
    ("images", "options", "words"),
    [
        (np.zeros((28, 28)), {}, r"images must be grey.*got shape \(28, 28\)"),
        (np.zeros((2, 28, 28, 3)), {}, "images must be grey"),
        (np.zeros((0, 28, 28)), {}, "at least one"),
        (np.zeros((2, 0, 28)), {}, "at least one"),
        ([np.zeros((2, 2)), np.zeros((3, 3))], {}, "images must be one array"),
        ("images", {}, "images must hold real numbers"),
        (np.ma.masked_less(IMAGES, 1), {}, "masked"),
        (IMAGES + np.nan, {}, "between 0 and 1; got nan"),
        (IMAGES + 255, {}, "between 0 and 1; got 255.0 to 255.0.*to_unit_range"),
        (IMAGES.astype("uint8") + 2, {}, "between 0 and 1.*uint8"),
        (IMAGES, {"titles": ["a"]}, "titles must be 2 texts; got 1"),
        (IMAGES, {"titles": "ab"}, "titles must be a sequence; got 'ab'"),
        (IMAGES, {"row_titles": ["a", "b"]}, "row_titles must be 1 texts; got 2"),
        (IMAGES, {"row_titles": 3}, "row_titles must be a sequence"),
        (IMAGES, {"n_cols": 0}, "n_cols must be a positive integer"),
        (IMAGES, {"scale": -1.0}, "scale must be a finite number above 0"),
        (IMAGES, {"scale": np.nan}, "scale must be a finite number above 0"),
        (IMAGES, {"scale": 1e6}, "the figure must be smaller than 65,536 pixels"),
        (np.zeros((1, 10**5, 1)), {}, "the figure must be smaller than 65,536 pixels"),
    ],
)
def test_show_images_refuses(images, options, words):
    with pytest.raises(ImageError, match=words):
        plots.show_images(images, **options)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"marked": [True]}, r"got lengths \[4, 1\]"),
        ({"scores": np.ones(5)}, r"got lengths \[4, 5, 4\]"),
        ({"marked": np.zeros((4, 1), bool)}, "marked must have shape"),
        ({"marked": [0, 1, 2, 0]}, "marked must be 0 or 1 at every step"),
        ({"scores": -np.ones(4)}, "scikit-learn's direction"),
        ({"scores": [1, 2, np.nan, 3]}, "NaN"),
        ({"threshold": 1.0}, "threshold must come with scores"),
        ({"scores": np.ones(4), "threshold": np.nan}, "threshold must be a finite number"),
        ({"samples": []}, "samples must have shape"),
        ({"samples": np.zeros((4, 2))}, "samples must have shape"),
        ({"samples": [0, 1, np.nan, 0]}, r"samples must be finite; got nan at index \(2,\)"),
        ({"samples": MASKED}, "masked"),
        ({"rate": 0}, "rate must be a finite number above 0"),
        ({"rate": 5e-324}, r"begin \+ n_steps / rate must be a finite number"),
        ({"begin": np.inf}, "begin must be a finite number"),
    ],
)
def test_plot_recording_refuses(arguments, words):
    with pytest.raises(AeutilsError, match=words):
        plots.plot_recording(**{"samples": np.zeros(4), "rate": 2, **arguments})
    assert not plt.get_fignums()


REFUSED = [
    (plots.plot_history, [{}], r"history must be .* with 'loss'; got the keys \[\]"),
    (plots.plot_history, [{"accuracy": [1]}], r"got the keys \['accuracy'\]"),
    (plots.plot_history, [None], "got NoneType"),
    (plots.plot_history, [[3, 2]], "got list"),
    (plots.plot_history, [{"loss": []}], r"history\['loss'\] must have shape"),
    (plots.plot_history, [{"loss": [1, np.nan]}], r"must be finite; got nan at index \(1,\)"),
    (plots.plot_history, [{"loss": ["a"]}], "must hold real numbers"),
    (plots.plot_history, [{"loss": [1, 2], "val_loss": [1]}], r"val_loss'\] must have shape \(2,"),
    (plots.plot_history, [{"loss": [1]}, "axis"], "axis must be one axis of Matplotlib; got str"),
    (plots.plot_latent, [np.zeros((3, 3)), [0, 1, 2]], r"codes must have shape \(n_samples, 2\)"),
    (plots.plot_latent, [np.zeros(3), [0, 1, 2]], "codes must have shape"),
    (plots.plot_latent, [np.zeros((0, 2)), []], "codes must have shape"),
    (plots.plot_latent, [np.full((1, 2), np.inf), [0]], r"codes must be finite; .* \(0, 0\)"),
    (plots.plot_latent, [np.zeros((3, 2)), [0, 1]], r"labels must have shape \(3,"),
    (plots.plot_latent, [np.zeros((1, 2)), [-1]], "labels must be whole numbers"),
    (plots.plot_latent, [np.zeros((1, 2)), [0.5]], "labels must be whole numbers"),
    (plots.plot_latent, [np.zeros((1, 2)), ["a"]], "labels must hold real numbers"),
    (plots.plot_latent, [np.zeros((1, 2)), [1], plt], "axis must be one axis"),
    (plots.plot_scores, [{}], "scores must be a dict"),
    (plots.plot_scores, [[0.1, 0.2]], "scores must be a dict"),
    (plots.plot_scores, [{"a": []}], r"scores\['a'\] must be one number a sample"),
    (plots.plot_scores, [{"a": [[0.1]]}], r"scores\['a'\] must be one number a sample"),
    (plots.plot_scores, [{"a": [0.1, np.nan]}], r"scores\['a'\].*NaN"),
    (plots.plot_scores, [{"a": MASKED}], "masked"),
    (plots.plot_scores, [{"a": [-0.1], "b": [-0.5]}], "scikit-learn's direction"),
    (plots.plot_scores, [{"a": [-0.1, 0.5]}], "scores must be at least 0.*logarithmic"),
    (plots.plot_scores, [{"a": [0.0]}], "not all 0"),
    (plots.plot_scores, [{"a": [0.1]}, np.nan], "threshold must be a finite number above 0"),
    (plots.plot_scores, [{"a": [0.1]}, 0.0], "threshold must be a finite number above 0"),
    (plots.plot_scores, [{"a": [0.1]}, None, [plt]], "axis must be one axis"),
    (plots.plot_detection_curves, [{}], "scores must be a dict"),
    (plots.plot_detection_curves, [([0.1], [0.2])], "scores must be a dict"),
    (plots.plot_detection_curves, [{"d": [0.1]}], r"scores\['d'\] must be a pair"),
    (plots.plot_detection_curves, [{"d": 0.1}], r"scores\['d'\] must be a sequence"),
    (plots.plot_detection_curves, [{"d": ([0.1], [])}], r"scores\['d'\], anomalous must be one"),
    (plots.plot_detection_curves, [{"d": ([np.nan], [1])}], r"scores\['d'\], normal .*NaN"),
    (plots.plot_detection_curves, [{"d": ([-1], [-2])}], "scikit-learn's direction"),
    (plots.plot_detection_curves, [{"d": ([1], [2])}, [None]], "axes must be two axes"),
    (plots.plot_detection_curves, [{"d": ([1], [2])}, 3], "axes must be a sequence"),
    (plots.plot_feature_errors, [[], []], "errors must have shape"),
    (plots.plot_feature_errors, [[[1.0]], ["a"]], "errors must have shape"),
    (plots.plot_feature_errors, [[np.nan], ["a"]], "errors must be finite"),
    (plots.plot_feature_errors, [[-1.0], ["a"]], "must be squared errors, at least 0"),
    (plots.plot_feature_errors, [[1.0], ["a", "b"]], "names must be 1 texts; got 2"),
    (plots.plot_feature_errors, [[1.0, 2.0], "ab"], "names must be a sequence"),
    (plots.plot_feature_errors, [[1.0, 2.0], None], "names must be a sequence"),
    (plots.plot_feature_errors, [[1.0], ["a"], [1, 2]], r"usual must have shape \(1,"),
    (plots.plot_feature_errors, [[1.0], ["a"], [np.nan]], "usual must be finite"),
    (plots.plot_feature_errors, [np.ones(10**4), range(10**4)], "smaller than 65,536 pixels"),
]


@pytest.mark.parametrize(("draw", "arguments", "words"), REFUSED)
def test_bad_input_is_refused_before_anything_is_drawn(draw, arguments, words):
    with pytest.raises(AeutilsError, match=words):
        draw(*arguments)
    assert not plt.get_fignums()


def test_an_axis_stays_as_it_was_when_the_rest_is_refused():
    _, axis = plt.subplots()
    for draw, arguments in (
        (plots.plot_history, [{"loss": [1], "val_loss": [np.nan]}]),
        (plots.plot_scores, [{"a": [1.0], "b": [np.nan]}]),
        (plots.plot_latent, [np.zeros((2, 2)), [0, -1]]),
        (plots.plot_feature_errors, [[1.0], ["a"], [np.nan]]),
    ):
        with pytest.raises(AeutilsError):
            draw(*arguments, axis=axis)
    assert not axis.has_data()
    assert axis.get_xlabel() == ""


ANYTHING = hnp.arrays(
    st.sampled_from([float, int, "uint8", complex, bool, "U2"]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3),
)
WAYS_IN = {
    "show_images": plots.show_images,
    "plot_history": lambda a, b: plots.plot_history({"loss": a, "val_loss": b}),
    "plot_latent": plots.plot_latent,
    "plot_scores": lambda a, b: plots.plot_scores({"a": a, "b": b}),
    "plot_detection_curves": lambda a, b: plots.plot_detection_curves({"d": (a, b)}),
    "plot_feature_errors": plots.plot_feature_errors,
    "plot_recording": lambda a, b: plots.plot_recording(a, 2, marked=b),
}


@pytest.mark.parametrize("way_in", WAYS_IN)
@settings(max_examples=20)
@given(a=ANYTHING, b=ANYTHING)
def test_any_arrays_are_drawn_or_refused_by_a_sentence(way_in, a, b):
    try:
        WAYS_IN[way_in](a, b)
    except AeutilsError:
        assert not plt.get_fignums()
    finally:
        plt.close("all")
