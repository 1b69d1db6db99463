"""What chapters show: sentences, tables, diagrams that match their networks, live figures."""

import base64
import json
import re
import xml.etree.ElementTree as ET

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from keras import layers, ops
from matplotlib import pyplot as plt

from aeutils import audio, core, denoising, documents, generative, sequences, show
from aeutils.core.errors import AeutilsError

NETWORKS = [
    core.dense_autoencoder,
    denoising.conv_denoiser,
    lambda: denoising.conv_denoiser(fused=True),
    denoising.residual_denoiser,
    documents.page_cleaner,
    sequences.lstm_autoencoder,
    sequences.conv_sequence_autoencoder,
]


def boxes_of(drawing):
    """Return what is drawn as layers: name, height and whether it is an outline."""
    found = [e.attrib for e in ET.fromstring(drawing.svg).iter() if "data-layer" in e.attrib]
    # in a U what changes the size is an arrow, which has neither height nor fill
    return [
        (box["data-layer"], float(box.get("height", "nan")), box.get("fill") == "none")
        for box in found
    ]


def is_drawn(layer):
    """Whether a layer has a kernel or changes the size; a vector of maps has their values."""
    if type(layer).__name__ == "Reshape":
        return len(layer.input.shape) == len(layer.output.shape)
    has_kernel = [w for w in layer.weights if w.path.endswith("kernel")]
    return has_kernel or re.search("Pool|UpSampling|Repeat", type(layer).__name__)


@pytest.mark.parametrize("build", NETWORKS)
def test_a_diagram_holds_every_layer_with_a_kernel_in_order_and_to_scale(build):
    model = build()
    drawing = show.diagram(model, "caption")
    boxes = boxes_of(drawing)
    expected = [layer.name for layer in model.layers if is_drawn(layer)]
    assert [name for name, _, _ in boxes[1:]] == expected
    # a value of a vector is as tall as a step of a sequence
    flat = [block.shape[0] for block in drawing.blocks if len(block.shape) < 3]
    for (_, height, outline), block in zip(boxes, drawing.blocks, strict=True):
        assert not outline
        if len(block.shape) < 3:
            least = 2 if len(block.shape) == 1 else 6
            share = block.shape[0] / max(flat)
            assert height == pytest.approx(max(least, 150 * share), abs=0.1)
        elif block.shape[0]:
            share = block.shape[0] / drawing.blocks[0].shape[0]
            assert height == pytest.approx(max(6, 150 * share), abs=0.1)
        assert f"{block.kind} " in drawing.label


def test_skip_connections_are_those_of_the_u_net():
    drawing = show.diagram(documents.page_cleaner(filters=(2, 4, 8)), "caption")
    kinds = [(drawing.blocks[a].shape[-1], drawing.blocks[b].shape[-1]) for a, b in drawing.links]
    assert kinds == [(2, 2), (4, 4)]
    assert show.diagram(core.dense_autoencoder(), "caption").links == []


def test_a_network_of_branches_is_drawn_whole():
    model = audio.speech_cleaner()
    drawn = {name for name, _, _ in boxes_of(show.diagram(model, "caption"))}
    assert {layer.name for layer in model.layers if is_drawn(layer)} <= drawn


def test_a_mask_that_is_multiplied_with_the_input_is_drawn():
    entry = keras.Input((128, 1))
    mask = layers.Conv1D(1, 3, padding="same")(layers.Conv1D(4, 3, padding="same")(entry))
    model = keras.Model(entry, layers.Multiply()([entry, mask]))
    drawing = show.diagram(model, "caption")
    assert drawing.label.count("input 128 × 1 also feeds multiply 128 × 1") == 1
    assert boxes_of(drawing)[-1][0] == model.layers[-1].name


def test_a_recurrent_autoencoder_is_drawn_as_steps_and_units():
    drawing = show.diagram(sequences.lstm_autoencoder(), "caption")
    assert drawing.label == (
        "Network from left to right: input 96 × 1, reshape 12 × 8, LSTM 32, repeat 12 × 32, "
        "LSTM 12 × 32, dense 12 × 8, reshape 96 × 1."
    )
    assert [b.name for b in drawing.blocks if b.side == "bottleneck"] == ["bottleneck"]
    wrapped = keras.Sequential(
        [
            keras.Input((50, 3)),
            layers.Bidirectional(layers.GRU(8)),
            layers.RepeatVector(50),
            layers.TimeDistributed(layers.Dense(3)),
        ]
    )
    words = "input 50 × 3, two-way GRU 16, repeat 50 × 16, dense 50 × 3."
    assert show.diagram(wrapped, "caption").label.endswith(words)


@pytest.mark.parametrize("n_classes", [None, 10])
def test_a_variational_autoencoder_is_drawn_with_mean_log_variance_and_label(n_classes):
    model = generative.VariationalAutoencoder(2, (64, 32), input_dim=196, n_classes=n_classes)
    drawing = show.diagram(model, "caption")
    label = f" and label {n_classes}" if n_classes else ""
    assert drawing.label == (
        f"Network from left to right: input 196{label}, dense 64, dense 32, mean 2 and log "
        f"variance 2, code 2{label}, dense 32, dense 64, dense 196."
    )
    sides = {block.kind: block.side for block in drawing.blocks}
    assert (sides["mean"], sides["log variance"], sides["code"]) == (
        "encoder",
        "encoder",
        "bottleneck",
    )
    assert sides.get("label") == ("condition" if n_classes else None)
    names = {name for name, _, _ in boxes_of(drawing)}
    inside = [*model.encoder.layers, *model.decoder.layers]
    assert names >= {layer.name for layer in inside if layer.weights}
    # code is drawn from mean and log variance
    places = {block.kind: i for i, block in enumerate(drawing.blocks)}
    assert {(places["mean"], places["code"]), (places["log variance"], places["code"])} < {
        *drawing.edges
    }


class Sampling(layers.Layer):
    """The layer of many tutorials."""

    def call(self, inputs):
        mean, log_variance = inputs
        return mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean))


def two_outputs(width=3):
    picture = keras.Input((196,))
    hidden = layers.Dense(64)(picture)
    return picture, [layers.Dense(width)(hidden), layers.Dense(width)(hidden)]


def test_a_sampling_layer_and_its_two_inputs_are_drawn():
    picture, both = two_outputs()
    model = keras.Model(picture, layers.Dense(196)(Sampling()(both)))
    drawing = show.diagram(model, "caption")
    assert "dense 64, dense 3 and dense 3, sample 3, dense 196" in drawing.label
    assert [b.kind for b in drawing.blocks if b.side == "bottleneck"] == ["sample"]


class Pair(keras.Model):
    """An encoder and a decoder, called by code of its own."""

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder


def test_an_encoder_and_a_decoder_are_drawn_as_one():
    encoder = keras.Model(*two_outputs())
    decoder = keras.Sequential([keras.Input((3,)), layers.Dense(196)])
    drawing = show.diagram(Pair(encoder, decoder), "caption")
    assert "dense 64, mean 3 and log variance 3, code 3, dense 196" in drawing.label
    plain = keras.Sequential([keras.Input((196,)), layers.Dense(3)])
    drawing = show.diagram(Pair(plain, decoder), "caption")
    assert drawing.label.endswith("input 196, dense 3, dense 196.")
    assert [b.shape for b in drawing.blocks if b.side == "bottleneck"] == [(3,)]


class Trembling(layers.Layer):
    """Adds the distance of two codes to the loss."""

    def call(self, code, moved):
        self.add_loss(ops.mean(ops.square(moved - code)))
        return code


def contractive():
    picture = keras.Input((20,))
    encoder = keras.Sequential(
        [keras.Input((20,)), layers.Dense(9, name="first"), layers.Dense(9, name="code")],
        name="encoder",
    )
    noise = layers.GaussianNoise(0.1, seed=0, name="noise")
    code, moved = encoder(picture), encoder(noise(picture))
    return keras.Model(picture, layers.Dense(20, name="out")(Trembling(name="t")(code, moved)))


def test_shared_layers_are_drawn_twice_and_what_works_in_training_alone_as_an_outline():
    drawing = show.diagram(contractive(), "caption")
    assert drawing.label == (
        "Network from left to right: input 20, dense 9 and noise 20, dense 9 and same dense 9, "
        "same dense 9, trembling 9, dense 20; dense 9 also feeds trembling 9."
    )
    boxes = boxes_of(drawing)
    assert [name for name, _, outline in boxes if outline] == ["noise", "t"]
    assert sorted(name for name, _, _ in boxes) == sorted(
        [boxes[0][0], "first", "first", "code", "code", "noise", "t", "out"]
    )
    # the layer that the inner encoder ends with is the code
    sides = {block.name: block.side for block in drawing.blocks}
    assert (sides["first"], sides["code"], sides["out"]) == ("encoder", "bottleneck", "decoder")
    assert drawing.links == []


def test_drawing_changes_nothing(tmp_path):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).random((40, 20), dtype="float32")
    losses = []
    for drawn in (False, True):
        keras.utils.set_random_seed(0)
        model = contractive()
        model.compile("adam", "mse")
        if drawn:
            show.diagram(model, "caption")
        losses += model.fit(x, x, epochs=2, shuffle=False, verbose=0).history["loss"]
        if drawn:
            show.diagram(model, "caption")
            losses += model.fit(x, x, shuffle=False, verbose=0).history["loss"]
            assert model.get_layer("encoder").layers[0].output.shape == (None, 9)
    assert losses[:2] == losses[2:4]
    assert losses[4] < losses[3]


def test_text_below_a_block_stays_in_its_column():
    class Reparameterisation(Trembling):
        pass

    code = keras.Input((4,))
    model = keras.Model(code, layers.Dense(4)(Reparameterisation()(code, code)))
    texts = [e for e in ET.fromstring(show.diagram(model, "").svg) if e.tag.endswith("text")]
    long = [e for e in texts if len(e.text) > 10]
    assert [float(e.get("textLength")) < 58 for e in long] == [True]


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(AeutilsError, match="input shape"):
        show.diagram(keras.Sequential([layers.Dense(3)]), "caption")
    with pytest.raises(AeutilsError, match="can be drawn"):
        show.diagram(keras.Sequential([keras.Input((3,)), layers.ReLU()]), "caption")
    decoder = keras.Sequential([keras.Input((5,)), layers.Dense(196)])
    with pytest.raises(AeutilsError, match=r"first input, 5, .* got 3 and 3"):
        show.diagram(Pair(keras.Model(*two_outputs()), decoder), "caption")
    with pytest.raises(AeutilsError, match="functional or sequential"):
        show.diagram(Pair(decoder, None), "caption")


def test_a_u_net_is_drawn_as_a_u_of_boxes_to_scale():
    drawing = show.diagram(documents.page_cleaner(), "caption")
    root = ET.fromstring(drawing.svg)
    boxes = {e.get("data-layer"): e for e in root.iter() if e.tag.endswith("rect")}
    arrows = [e for e in root.iter() if e.tag.endswith("}g")]
    convs = [b for b in drawing.blocks if b.kind not in ("pool", "upsample")]
    assert list(boxes) == [b.name for b in convs]
    assert len(arrows) == 8

    def of(block, *names):
        return [float(boxes[block.name].get(name)) for name in names]

    for block in convs:
        width, height = of(block, "width", "height")
        assert width == pytest.approx(max(6, 100 * block.height), abs=0.1)
        assert height == pytest.approx(max(3, 24 * block.shape[-1] / 32), abs=0.1)
    # joined boxes lie at one height, on two sides, the lower levels further down
    below = -1.0
    for a, b in drawing.links:
        (x0, y0), (x1, y1) = (of(drawing.blocks[i], "x", "y") for i in (a, b))
        assert x0 < 174 < x1
        assert y0 == y1 > below
        below = y0
    assert len([e for e in root.iter() if "data-skip" in e.attrib]) == len(drawing.links) == 4
    # what is no U stays a row
    assert "data-skip" not in show.diagram(denoising.conv_denoiser(), "caption").svg


def test_a_table_marks_what_leads_by_more_than_its_spread():
    index = pd.Index(["ours", "PCA", "copy"], name="method")
    means = pd.DataFrame({"AUROC": [0.981, 0.979, 0.5], "rows": [1, 2, 3]}, index=index)
    spread = pd.DataFrame({"AUROC": [0.002, 0.001, 0.0], "rows": [0, 0, 0]}, index=index)
    plain = show.table(means, "Three seeds.", best="highest", only=["AUROC"]).data
    assert "| ours | **0.981** | 1 |" in plain
    assert "| PCA | 0.979 | 2 |" in plain
    tied = show.table(means, "Three seeds.", best="highest", only=["AUROC"], spread=spread).data
    assert "| ours | **0.981 ± 0.002** |" in tied
    assert "| PCA | **0.979 ± 0.001** |" in tied
    assert "| copy | 0.500 ± 0.000 |" in tied
    assert tied.endswith("*Three seeds.*")
    short = show.table(means, "c", best="highest", spread=spread, show_spread=False).data
    assert "| ours | **0.981** |" in short
    assert "| PCA | **0.979** |" in short
    assert "| copy | 0.500 |" in short


def test_a_table_has_no_negative_zero_and_no_nan():
    frame = pd.DataFrame({"x": [-0.0001, np.nan, -2.5]}, index=list("abc"))
    text = show.table(frame, "caption", best="lowest").data
    assert [line.split(" | ")[1].strip(" |") for line in text.splitlines()[2:5]] == [
        "0.000",
        "–",
        "**−2.500**",
    ]


def test_odd_tables_are_refused():
    frame = pd.DataFrame({"x": [1.0]})
    with pytest.raises(AeutilsError, match="empty"):
        show.table(frame[:0], "caption")
    with pytest.raises(AeutilsError, match="spread"):
        show.table(frame, "caption", spread=frame.rename(columns={"x": "y"}))


@given(arrays(np.float64, array_shapes(max_dims=3, max_side=6), elements=st.floats(-1e6, 1e6)))
def test_packed_numbers_come_back_within_half_a_step(values):
    data = show.packed(values)
    steps = np.frombuffer(base64.b64decode(data["bytes"]), np.uint8).reshape(data["shape"])
    back = data["low"] + (data["high"] - data["low"]) * steps / 255
    assert np.abs(back - values).max() <= (data["high"] - data["low"]) / 510 * 1.0001


@pytest.mark.parametrize("bad", [[], [np.nan], [np.inf], "abc"])
def test_what_cannot_be_packed_is_refused(bad):
    with pytest.raises(AeutilsError):
        show.packed(bad)


def test_a_live_figure_holds_its_picture_its_words_and_its_numbers():
    figure, _ = plt.subplots()
    html = show.live_figure("threshold", figure, {"t": "</script>"}, "a & b", "c < d")._repr_html_()
    assert '<figure class="live" data-live="threshold"><img alt="a &amp; b"' in html
    assert "<figcaption>c &lt; d</figcaption>" in html
    assert html.count("</script>") == 1
    data = re.search(r'application/json">(.*)</script>', html)[1]
    assert json.loads(data) == {"t": "</script>"}
    assert not plt.fignum_exists(figure.number)


def test_a_live_figure_without_words_is_refused():
    figure, _ = plt.subplots()
    with pytest.raises(AeutilsError, match="caption"):
        show.live_figure("threshold", figure, {}, "alt", " ")
    with pytest.raises(AeutilsError, match="JSON"):
        show.live_figure("threshold", figure, {"x": np.ones(2)}, "alt", "caption")
    plt.close(figure)


def test_a_player_holds_every_sound_and_says_how_near_each_is_to_the_clean_one():
    from aeutils.audio import si_sdr

    clean = np.sin(np.arange(4000))
    noisy = clean + 0.1 * np.cos(np.arange(4000) ** 2)
    figure, _ = plt.subplots()
    sounds = {"a < b": {"noisy": noisy, "clean": clean}}
    player = show.live_player(sounds, figure, "words", "caption", judge=si_sdr)
    html = player._repr_html_()
    assert html.count("<audio controls") == 2
    assert "a &lt; b, noisy" in html
    assert player.data["scores"] == [[round(si_sdr(clean, noisy), 1), None]]
    figure, _ = plt.subplots()
    for wrong in ({}, {"a": {}}, {"a": {"x": clean}, "b": {"y": clean}}, {"a": {"x": 1.0}}):
        with pytest.raises(AeutilsError):
            show.live_player(wrong, figure, "words", "caption")
