"""The scripts in examples/; chapter 11 runs them whole, here is what it does not show."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
sys.path.insert(0, str(EXAMPLES))
import serve  # noqa: E402
import train_resumable  # noqa: E402


def run(name, *arguments):
    command = [sys.executable, EXAMPLES / name, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train_distributed.py", "--workers", "3"], "multiple"),
        (["train_distributed.py", "--workers", "0"], "multiple"),
        (["train_distributed.py", "--images", "100"], "--images"),
        (["train_distributed.py", "--rank", "0"], "--coordinator"),
        (["train_distributed.py", "--rank", "2", "--coordinator", "127.0.0.1:1"], "--rank"),
        (["train_mirrored.py", "--devices", "0"], "--devices"),
        (["train_mirrored.py", "--images", "70000"], "--images"),
        (["export_model.py", "none.keras", "out"], "not there"),
        (["export_model.py", __file__, Path(__file__).parent], "already"),
    ],
)
def test_impossible_requests_are_refused(arguments, said):
    done = run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("script", "arguments", "said"),
    [
        (train_resumable, ["state.h5"], ".keras"),
        (train_resumable, ["state.keras", "--images", "70000"], "--images"),
        (serve, ["none.onnx"], "not there"),
    ],
)
def test_and_so_they_are_by_those_that_start_slowly(script, arguments, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [script.__name__, *arguments])
    with pytest.raises(SystemExit) as left:
        script.main()
    assert left.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_first_worker_that_fails_ends_the_others(monkeypatch, tmp_path):
    """The other one would sleep for ten minutes."""
    # the script chooses its backend for its process; what other tests start must not inherit that
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    import train_distributed

    worker = tmp_path / "worker.py"
    worker.write_text(
        "import sys, time\nif sys.argv[-1] == '1':\n    sys.exit(3)\ntime.sleep(600)\n"
    )
    monkeypatch.setattr(sys, "argv", [str(worker)])
    assert train_distributed.start_all(2) == 1


def test_a_kill_while_saving_leaves_the_old_state(monkeypatch, tmp_path):
    path = tmp_path / "state.keras"
    model = train_resumable.new_model()
    train_resumable.save(model, path)
    before = path.read_bytes()

    def cut_short(self, file):
        Path(file).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Sequential, "save", cut_short)
    with pytest.raises(KeyboardInterrupt):
        train_resumable.save(model, path)
    assert path.read_bytes() == before


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    """Return the server's worker, with a network that copies what it gets but for 0.1."""
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    model = keras.Sequential([keras.Input((784,)), keras.layers.Rescaling(1.0, offset=0.1)])
    model.predict(np.zeros((1, 784)), verbose=0)  # no export before a first answer
    model.export(path, format="onnx", verbose=False)
    scorer = serve.Scorer(str(path))
    scorer.setup("cpu")
    return scorer


def test_server_scores(scorer):
    x = scorer.decode_request(serve.Pictures(pictures=[[0.5] * 784, [0.95] * 784]))
    assert x.shape == (2, 784)
    answer = scorer.encode_response(scorer.predict(x))
    # above 1 there is no pixel
    np.testing.assert_allclose(answer["scores"], [0.01, 0.0025], rtol=1e-4)


@pytest.mark.parametrize(
    ("pictures", "status"),
    [
        ([], 400),
        ([[]], 400),
        ([[0.5] * 783], 400),
        ([[0.5] * 784, [0.5] * 783], 400),
        ([[2.0] * 784], 400),
        ([[float("nan")] * 784], 400),
        ([[0.0]] * (serve.MOST_PICTURES + 1), 413),
    ],
)
def test_server_refuses(scorer, pictures, status):
    with pytest.raises(serve.HTTPException) as refusal:
        scorer.decode_request(serve.Pictures(pictures=pictures))
    assert refusal.value.status_code == status
    assert refusal.value.detail
