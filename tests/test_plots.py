"""Figures: that they show what they were given, and refuse what they cannot show."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

from aeutils import plots
from aeutils.core.errors import ImageError, SequenceError


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_show_images_fills_the_grid():
    images = np.linspace(0, 1, 5 * 28 * 28).reshape(5, 28, 28, 1)
    figure = plots.show_images(images, titles=list("abcde"), row_titles=["x", "y"], n_cols=3)
    shown = [axis for axis in figure.axes if axis.images]
    assert len(shown) == 5
    assert [axis.get_title() for axis in shown] == list("abcde")
    np.testing.assert_array_equal(shown[4].images[0].get_array(), images[4, ..., 0])
    # one scale for all, so that a dark image looks dark
    assert {axis.images[0].get_clim() for axis in shown} == {(0, 1)}


@pytest.mark.parametrize("shape", [(28, 28), (2, 28, 28, 3), (0, 28, 28)])
def test_show_images_refuses(shape):
    with pytest.raises(ImageError, match="grey images"):
        plots.show_images(np.zeros(shape))


def test_draw_autoencoder_names_every_width():
    figure = plots.draw_autoencoder([8, 2, 8])
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"8", "2", "encoder", "decoder", "bottleneck"} <= texts


def test_plot_history_draws_both_losses():
    axis = plots.plot_history({"loss": [3, 2], "val_loss": [4, 3]})
    assert [line.get_ydata().tolist() for line in axis.get_lines()] == [[3, 2], [4, 3]]
    assert len(plots.plot_history({"loss": [1]}).get_lines()) == 1


def test_plot_latent_marks_every_class():
    axis = plots.plot_latent(np.zeros((4, 2)), [0, 1, 1, 7])
    assert [len(points.get_offsets()) for points in axis.collections] == [1, 2, 1]


def test_plot_scores_counts_every_image():
    scores = {"normal": np.array([0.01, 0.02]), "anomalies": np.array([0.1, 0.2, 0.2])}
    axis = plots.plot_scores(scores, threshold=0.05)
    legend = [text.get_text() for text in axis.get_legend().get_texts()]
    assert legend == ["normal", "anomalies", "threshold"]


def test_detection_curves_of_a_perfect_detector():
    roc, precision_recall = plots.plot_detection_curves({"perfect": ([0.1, 0.2], [0.8, 0.9])})
    x, y = roc.get_lines()[0].get_data()
    assert np.trapezoid(y, x) == 1
    points = precision_recall.get_lines()[0].get_xydata().tolist()
    assert [1, 1] in points  # everything found without a false alarm


def test_feature_errors_are_drawn_in_the_order_of_the_table():
    axis = plots.plot_feature_errors([3.0, 1.0], ["mass", "length"], usual=[0.5, 2.0])
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


@pytest.mark.parametrize(
    "bad", [{"marked": [True]}, {"scores": np.zeros(5)}, {"marked": np.zeros((4, 1), bool)}]
)
def test_recording_refuses_what_is_not_one_a_step(bad):
    with pytest.raises(SequenceError, match="one a step"):
        plots.plot_recording(np.zeros(4), 2, **bad)
