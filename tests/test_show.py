"""What chapters show: sentences, tables, diagrams that match their networks, live figures."""

import base64
import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from matplotlib import pyplot as plt

from aeutils import audio, core, denoising, documents, sequences, show
from aeutils.core.errors import AeutilsError

NETWORKS = [
    core.dense_autoencoder,
    denoising.conv_denoiser,
    lambda: denoising.conv_denoiser(fused=True),
    denoising.residual_denoiser,
    documents.page_cleaner,
    audio.speech_cleaner,
    sequences.lstm_autoencoder,
    sequences.conv_sequence_autoencoder,
]


@pytest.mark.parametrize("build", NETWORKS)
def test_a_diagram_holds_every_layer_with_a_kernel_in_order_and_to_scale(build):
    model = build()
    drawing = show.diagram(model, "caption")
    root = ET.fromstring(drawing.svg)
    boxes = [e for e in root.iter() if "data-layer" in e.attrib]
    drawn = [box.get("data-layer") for box in boxes]
    # what has a kernel, or changes the size, is drawn; nothing else but the input
    expected = [
        layer.name
        for layer in model.layers
        if [w for w in layer.weights if w.path.endswith("kernel")]
        or re.search("Pool|UpSampling|Repeat", type(layer).__name__)
    ]
    assert drawn[1:] == expected
    vectors = [
        (float(box.get("height")), block.shape[0])
        for box, block in zip(boxes, drawing.blocks, strict=True)
        if len(block.shape) == 1
    ]
    tallest = max((n for _, n in vectors), default=1)
    for height, n in vectors:
        assert height == pytest.approx(max(2, 150 * n / tallest), abs=0.1)
    for block in drawing.blocks:
        assert f"{block.kind} " in drawing.label


def test_skip_connections_are_those_of_the_u_net():
    drawing = show.diagram(documents.page_cleaner(filters=(2, 4, 8)), "caption")
    kinds = [(drawing.blocks[a].shape[-1], drawing.blocks[b].shape[-1]) for a, b in drawing.links]
    assert kinds == [(2, 2), (4, 4)]
    assert show.diagram(core.dense_autoencoder(), "caption").links == []


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
