"""The scripts in examples/; chapter 11 runs them whole, here is what it does not show."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import serve
import train_resumable
from fastapi.testclient import TestClient

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


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
        (["train_distributed.py", "--coordinator", "127.0.0.1:1"], "--rank"),
        (["train_mirrored.py", "--devices", "0"], "--devices"),
        (["train_mirrored.py", "--devices", "1", "3"], "--devices"),
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
        (train_resumable, ["nowhere/state.keras"], "folder"),
        (serve, ["none.onnx"], "not there"),
        (serve, [__file__, "--waiting", "0"], "--waiting"),
    ],
)
def test_and_so_they_are_by_those_that_start_slowly(script, arguments, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [script.__name__, *arguments])
    with pytest.raises(SystemExit) as left:
        script.main()
    assert left.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_what_holds_no_network_is_not_exported(monkeypatch, capsys):
    # the script chooses its backend for its process; what other tests start must not inherit that
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    import export_model

    monkeypatch.setattr(sys, "argv", ["export_model.py", __file__, "nowhere"])
    with pytest.raises(SystemExit) as left:
        export_model.main()
    assert left.value.code == 2
    assert "no network" in capsys.readouterr().err.splitlines()[-1]


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
    model = train_resumable.new_model(256)
    train_resumable.save(model, path)
    before = path.read_bytes()

    def cut_short(self, file):
        Path(file).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Sequential, "save", cut_short)
    with pytest.raises(KeyboardInterrupt):
        train_resumable.save(model, path)
    assert path.read_bytes() == before


def test_only_its_own_training_is_resumed(tmp_path):
    path = tmp_path / "state.keras"
    train_resumable.save(train_resumable.new_model(256), path)
    assert train_resumable.resumed(path, 256).optimizer.iterations == 0
    with pytest.raises(SystemExit, match="no training on 512 images"):
        train_resumable.train(path, 1, 512)
    train_resumable.dense_autoencoder().save(path)  # never compiled
    with pytest.raises(SystemExit, match="no training on 256 images"):
        train_resumable.train(path, 1, 256)
    path.write_bytes(b"no model")
    with pytest.raises(SystemExit, match="no model that Keras can load"):
        train_resumable.train(path, 1, 256)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_finds_aeutils_where_none_is_installed(path):
    """As on Colab, which has the checkout alone."""
    code = (
        "import runpy, sys\n"
        "script, root = sys.argv[1:]\n"
        "sys.path = [entry for entry in sys.path if entry not in ('', root)]\n"
        "sys.argv = [script, '--help']\n"
        "try:\n"
        "    runpy.run_path(script, run_name='__main__')\n"
        "except SystemExit:\n"
        "    import aeutils"
    )
    command = [sys.executable, "-c", code, str(path), str(EXAMPLES.parent)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr


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


def test_server_refuses_what_only_looks_like_a_number():
    for value in ("0.5", True, None):
        with pytest.raises(ValueError, match="valid number"):
            serve.Pictures(pictures=[[value] * 784])
    assert serve.Pictures(pictures=[[1] * 784]).pictures[0][0] == 1


def test_server_refuses_a_network_that_is_no_autoencoder(tmp_path):
    model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(3)])
    model.predict(np.zeros((1, 784)), verbose=0)
    model.export(tmp_path / "encoder.onnx", format="onnx", verbose=False)
    with pytest.raises(ValueError, match="no autoencoder"):
        serve.Scorer(str(tmp_path / "encoder.onnx")).setup("cpu")


@pytest.mark.parametrize(
    ("pictures", "status"),
    [
        ([], 400),
        ([[]], 400),
        ([[0.5] * 783], 400),
        ([[0.5] * 784, [0.5] * 783], 400),
        ([[0.5] * 392] * 2, 400),  # two halves are no picture
        ([[0.5] * 28] * 28, 400),
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


def chunks(body):
    """Send the body in pieces, without saying how long it is."""
    yield from (body[i : i + 65536] for i in range(0, len(body), 65536))


@pytest.mark.parametrize("send", [bytes, chunks])
def test_server_refuses_a_large_request_before_it_reads_it_as_json(send):
    client = TestClient(serve.new_server("model.onnx").app)
    answer = client.post("/predict", content=send(b"[" * (serve.MOST_BYTES + 1)))
    assert answer.status_code == 413
    assert "too large" in answer.json()["detail"]
    # one that is small enough is read, and found to be no JSON
    assert client.post("/predict", content=send(b"[" * 1000)).status_code == 422


def test_server_refuses_at_once_what_would_wait_too_long():
    """Two requests are under way and not answered; a third one is told when to come again."""

    async def answers():
        release, answered = asyncio.Event(), []

        async def slow(scope, receive, send):
            await release.wait()
            await serve.JSONResponse({})(scope, receive, send)

        limited = serve.AtMost(slow, most=2)

        async def ask(path="/predict"):
            async def send(message):
                if message["type"] == "http.response.start":
                    answered.append((path, message["status"], dict(message["headers"])))

            await limited({"type": "http", "path": path, "method": "POST"}, None, send)

        waiting = [asyncio.create_task(ask()) for _ in range(2)]
        health = asyncio.create_task(ask("/health"))
        await asyncio.sleep(0)
        await ask()
        release.set()
        await asyncio.gather(*waiting, health)
        await ask()
        return answered, limited.under_way

    answered, under_way = asyncio.run(answers())
    assert [status for _, status, _ in answered] == [503, 200, 200, 200, 200]
    assert answered[0][2][b"retry-after"] == b"1"
    assert under_way == 0


def test_a_request_that_fails_no_longer_counts():
    async def broken(scope, receive, send):
        raise RuntimeError

    limited = serve.AtMost(broken, most=1)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            asyncio.run(limited({"type": "http", "path": "/predict"}, None, None))
    assert limited.under_way == 0


def test_the_server_of_the_command_has_the_limit():
    server = serve.new_server("model.onnx", waiting=3)
    assert [m.kwargs for m in server.app.user_middleware if m.cls is serve.AtMost] == [{"most": 3}]


def test_the_largest_batch_fits_into_a_request():
    number = 2.2250738585072014e-308  # as long as a pixel gets
    batch = {"pictures": [[number] * 784] * serve.MOST_PICTURES}
    assert len(json.dumps(batch)) <= serve.MOST_BYTES
