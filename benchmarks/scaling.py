"""Measure what makes training, scoring and serving faster or bigger, for chapter 11.

    .venv/bin/python benchmarks/scaling.py [PART ...] [--turn N]

runs the parts rates, settings, shards, latency, quality, workers and serving, or those that are
named, about 12 minutes on one core, and writes benchmarks/scaling.json after each.  ``--turn 1``
measures one of three turns of `settings` or `shards` alone.  `workers` and `serving` need two cores
and nothing else that computes; all others use one.  Networks and shards are kept in the folder for
temporary files.

Of the 60,000 training images 59,000 train and 1,000 serve to choose rates and to say when a loss
is reached.  The test images are looked at once, by `quality`.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# each part says how many threads it may use; TensorFlow reads this once
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
import numpy as np
import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
import onnxruntime  # noqa: E402
from onnxruntime import quantization  # noqa: E402

from aeutils.anomalies import reconstruction_error  # noqa: E402
from aeutils.core import dense_autoencoder  # noqa: E402
from aeutils.data import load_fashion_mnist, load_mnist  # noqa: E402
from aeutils.denoising import conv_denoiser, psnr  # noqa: E402
from aeutils.images import add_noise, to_unit_range  # noqa: E402
from aeutils.shards import save_shards, score_shards  # noqa: E402

TURNS, SELECTION, NOISE_FACTOR = 3, 1000, 0.5
KEPT = Path(tempfile.gettempdir()) / "aeutils-scaling"
EXAMPLES = results.FOLDER.parent / "examples"
HERE = "127.0.0.1"


def store(found):
    """Store what was found beside what other processes have stored meanwhile."""
    found = results.merged(results.so_far("scaling"), found)
    if "settings" in found:  # in their order, whichever came first
        runs = found["settings"]["runs"]
        found["settings"]["runs"] = {
            name: dict(sorted(runs[name].items())) for name in ways(found["rates"]) if name in runs
        }
    results.write("scaling", found)


# settings: the article's denoiser, trained until a loss is reached -------------------------------

# the article's recipe reaches it after about its first epoch
TARGET, CHUNK, MOST_IMAGES = 0.127, 3200, 150_000
RATES = (1e-3, 2e-3, 4e-3, 8e-3)
QUICK = {"fused": True, "steps": 25, "bfloat16": True}
ARTICLE = "article's: batch 256, rate 0.001"


def ways(rates):
    """Return the settings: the article's, and one change at a time of a batch of 32."""
    small = {"batch_size": 32, "rate": rates["32"]}
    return {
        ARTICLE: {"batch_size": 256, "rate": 1e-3},
        "batch 32": small,
        "batch 256, rate chosen": {"batch_size": 256, "rate": rates["256"]},
        "batch 32, fused layers": small | {"fused": True},
        "batch 32, 25 steps per execution": small | {"steps": 25},
        "batch 32, XLA": small | {"xla": True},
        "batch 32, bfloat16": small | {"bfloat16": True},
        "batch 32, all but XLA": small | QUICK,
    }


class Data:
    """Noisy and clean digits to train on, and those that say when a loss is reached."""

    def __init__(self):
        clean = to_unit_range(load_mnist()[0][0], shape=(28, 28, 1))
        self.clean, self.select = clean[:-SELECTION], clean[-SELECTION:]
        self.noisy = add_noise(self.clean, NOISE_FACTOR, seed=0)
        self.select_noisy = add_noise(self.select, NOISE_FACTOR, seed=1)


def denoiser(settings, seed):
    """Return the compiled network."""
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if settings.get("bfloat16") else "float32")
    network = conv_denoiser(fused=settings.get("fused", False))
    keras.config.set_dtype_policy("float32")
    network.compile(
        keras.optimizers.Adam(settings["rate"]),
        "binary_crossentropy",
        steps_per_execution=settings.get("steps", 1),
        jit_compile=settings.get("xla", False),
    )
    return network


def to_the_loss(d, settings, seed, target=TARGET):
    """Train until the selection loss is reached; return processor seconds and images.

    What other programs do does not count, nor does finding the loss; what sets up and compiles
    does.
    """
    network, judge = denoiser(settings, seed), conv_denoiser(fused=settings.get("fused", False))
    rng, order = np.random.default_rng(seed), np.empty(0, int)
    seconds, losses = [], []
    for _ in range(MOST_IMAGES // CHUNK):
        if len(order) < CHUNK:
            order = np.r_[order, rng.permutation(len(d.clean))]
        now, order = order[:CHUNK], order[CHUNK:]
        began = time.process_time()
        network.fit(d.noisy[now], d.clean[now], batch_size=settings["batch_size"], verbose=0)
        seconds.append(time.process_time() - began)
        judge.set_weights(network.get_weights())
        output = np.clip(judge.predict(d.select_noisy, batch_size=500, verbose=0), 1e-7, 1 - 1e-7)
        y = d.select
        losses.append(float(-np.mean(y * np.log(output) + (1 - y) * np.log(1 - output))))
        if losses[-1] <= target:
            break
    else:
        raise RuntimeError(f"{settings} has not reached {target}: {losses[-1]:.4f}")
    # reached on the way from the last loss but one to the last
    before = losses[-2] if len(losses) > 1 else float("inf")
    missing = (target - losses[-1]) / (before - losses[-1])
    steady = float(np.median(seconds[1:] or seconds))
    return {
        "seconds": round(sum(seconds) - missing * seconds[-1], 2),
        "set_up": round(seconds[0] - steady, 2),
        "images": round((len(losses) - missing) * CHUNK),
        "images_a_second": round(CHUNK / steady),
    }


def rates(stored, turn):
    """Choose the rate of both batch sizes by the images that reach the loss."""
    d, part = Data(), stored.setdefault("rates", {"images": {}})
    tried = part["images"]
    for size in (32, 256):
        for rate in RATES:
            key = f"{size}, {rate}"
            if key in tried:  # by a run that was stopped
                continue
            settings = QUICK | {"batch_size": size, "rate": rate}
            try:
                tried[key] = to_the_loss(d, settings, seed=9)["images"]
            except RuntimeError:
                tried[key] = None
            print(key, tried[key], flush=True)
            store(stored)
    for size in ("32", "256"):
        reached = {k: n for k, n in tried.items() if k.startswith(f"{size},") and n}
        part[size] = float(min(reached, key=reached.get).split(", ")[1])


def settings(stored, turn):
    """Time every setting in each turn, with the turn's seed."""
    d = Data()
    part = stored.setdefault("settings", {"target": TARGET, "runs": {}})
    for name, way in ways(stored["rates"]).items():
        if str(turn) in part["runs"].get(name, {}):  # by a run that was stopped
            continue
        run = to_the_loss(d, way, seed=turn)
        part["runs"].setdefault(name, {})[str(turn)] = run
        print(turn, name, run, flush=True)
        store(stored)


# shards: time and memory by the size of the collection -------------------------------------------

SHARDS, SHARD = 36, 10_000
SIZES, SPARE = (4, 12, 36), int(0.75 * 2**30)


def collection():
    """Return the shards; digits whose lowest bits are drawn, so that no two are alike."""
    folder = KEPT / "shards"
    paths = sorted(folder.glob("shard-*.npy"))
    if len(paths) == SHARDS:
        return paths
    x = load_mnist()[0][0]

    def arrays():
        for number in range(SHARDS):
            rng = np.random.default_rng(number)
            chosen = x[rng.integers(len(x), size=SHARD)]
            yield chosen ^ rng.integers(16, size=chosen.shape, dtype=np.uint8)

    return save_shards(arrays(), folder)


def detector(seed=0, epochs=3):
    """Return chapter 2's network, trained or as it was kept."""
    path = KEPT / f"detector-{seed}.keras"
    if not path.exists():
        x = to_unit_range(load_mnist()[0][0][:-SELECTION], shape=(784,))
        keras.utils.set_random_seed(seed)
        network = dense_autoencoder()
        network.compile("adam", "mse", steps_per_execution=20, jit_compile=False)
        network.fit(x, x, batch_size=128, epochs=epochs, verbose=0)
        KEPT.mkdir(exist_ok=True)
        network.save(path)
    return path


def in_status(name):
    """Return what the system says of this process's memory, in KiB."""
    words = Path("/proc/self/status").read_text().split()
    return int(words[words.index(f"{name}:") + 1])


def score_here(n_shards, limited):
    """Score so many shards in this process, after one to warm up; print what it took."""
    shards, model = collection()[:n_shards], detector()
    row = {}
    with tempfile.TemporaryDirectory() as folder:
        score_shards(model, shards[:1], Path(folder) / "first")
        if limited:
            most = in_status("VmData") * 1024 + SPARE
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))
            try:
                np.concatenate([np.load(path) for path in shards]).astype(np.float32)
                row["at_once"] = "done"
            except MemoryError:
                row["at_once"] = "MemoryError"
        began, cpu = time.perf_counter(), time.process_time()
        score_shards(model, shards, Path(folder) / "all")
        row["wall"] = round(time.perf_counter() - began, 2)
        row["seconds"] = round(time.process_time() - cpu, 2)
    print(json.dumps(row | {"peak_mib": in_status("VmHWM") // 1024}))


def child(*arguments, cores=None, **environment):
    """Run this script in a process of its own and return its last line, read as JSON."""
    command = [sys.executable, __file__, "--child", *map(str, arguments)]
    if cores:
        command = ["taskset", "-c", cores, *command]
    done = subprocess.run(
        command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def shards(stored, turn):
    """Score collections of three sizes; once with little memory to spare."""
    part = stored.setdefault("shards", {"images_a_shard": SHARD, "sizes": SIZES, "runs": {}})
    collection(), detector()
    for n in SIZES:
        if str(turn) in part["runs"].get(str(n), {}):
            continue
        part["runs"].setdefault(str(n), {})[str(turn)] = row = child("score", n)
        print(turn, n, row, flush=True)
        store(stored)
    if turn == 0:
        part["limited"] = {"spare_mib": SPARE >> 20, **child("score", SIZES[-1], "limited")}
        print(part["limited"], flush=True)


# workers: the same collection by one to four processes -------------------------------------------

N_SHARDS = 10


def workers(stored, turn):
    """Score with 1, 2 and 4 workers of Dask, and in one process of two threads, by turns."""
    from dask.distributed import Client, LocalCluster

    paths, model = collection()[:N_SHARDS], detector()
    clusters = {
        n: LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=None)
        for n in (1, 2, 4)
    }
    clients = {n: Client(cluster) for n, cluster in clusters.items()}
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for n, client in clients.items():  # every worker loads the network
            score_shards(model, paths[: 2 * n], Path(folder) / f"warm-{n}", client)
        for t in range(TURNS):
            for n, client in clients.items():
                began = time.perf_counter()
                score_shards(model, paths, Path(folder) / f"{n}-{t}", client)
                seconds.setdefault(f"{n} workers", []).append(time.perf_counter() - began)
            for threads in ("1", "2"):
                row = child("score", N_SHARDS, TF_NUM_INTRAOP_THREADS=threads)
                seconds.setdefault(f"no workers, {threads} threads", []).append(row["wall"])
    for n, client in clients.items():
        client.close()
        clusters[n].close()
    stored["workers"] = {
        "images": N_SHARDS * SHARD,
        "seconds": {name: [round(s, 2) for s in row] for name, row in seconds.items()},
    }
    print(stored["workers"], flush=True)


# latency and quality: Keras, ONNX Runtime, int8 --------------------------------------------------

CALLS, LATENCY_TURNS, BATCHES = 50, 3, (1, 64)


def small_denoiser(seed):
    """Return the denoiser in float32, trained or as it was kept."""
    path = KEPT / f"denoiser-{seed}.keras"
    if not path.exists():
        d = Data()
        quick = denoiser(QUICK | {"batch_size": 32, "rate": 2e-3}, seed)
        n = 32_000
        quick.fit(d.noisy[:n], d.clean[:n], batch_size=32, verbose=0)
        network = conv_denoiser()
        network.set_weights(quick.get_weights())
        KEPT.mkdir(exist_ok=True)
        network.save(path)
    return path


class Some(quantization.CalibrationDataReader):
    """Training images, batch by batch, from which the ranges of all outputs are read."""

    def __init__(self, name, x):
        self.batches = iter([{name: part} for part in np.array_split(x, len(x) // 50)])

    def get_next(self):
        """Return the next batch, or nothing after the last."""
        return next(self.batches, None)


def onnx_files(network, some, name):
    """Export a network to float32, dynamic int8 and static int8; return the three paths."""
    folder = KEPT / f"onnx-{name}"
    paths = {way: folder / f"{way}.onnx" for way in ("float32", "dynamic", "static")}
    if not folder.exists():
        folder.mkdir()
        network.predict(some[:1], verbose=0)  # no export before a first call
        network.export(paths["float32"], format="onnx", verbose=False)
        prepared = folder / "prepared.onnx"
        quantization.quant_pre_process(paths["float32"], prepared, skip_symbolic_shape=True)
        quantization.quantize_dynamic(
            prepared, paths["dynamic"], weight_type=quantization.QuantType.QUInt8
        )
        given = session(paths["float32"]).get_inputs()[0].name
        quantization.quantize_static(
            prepared, paths["static"], Some(given, some), per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )  # fmt: skip
    return paths


def session(path):
    """Return a session of one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run_by(path):
    """Return a function of a batch."""
    network = session(path)
    name = network.get_inputs()[0].name
    return lambda x: network.run(None, {name: x})[0]


def both(seed):
    """Return both networks, with images to calibrate by."""
    x = load_mnist()[0][0][:500]
    flat, square = to_unit_range(x, shape=(784,)), to_unit_range(x, shape=(28, 28, 1))
    return {
        "detector": (keras.models.load_model(detector(seed)), flat),
        "denoiser": (
            keras.models.load_model(small_denoiser(seed)),
            add_noise(square, NOISE_FACTOR, seed=3),
        ),
    }


def latency(stored, turn):
    """Time single calls of each way, by turns."""
    import tensorflow as tf

    part = stored.setdefault("latency", {"ms": {}, "wall_ms": {}})
    part |= {"calls": CALLS, "turns": LATENCY_TURNS}
    for kind, (network, some) in both(0).items():
        files = onnx_files(network, some, f"{kind}-0")
        compiled = tf.function(lambda x, network=network: network(x, training=False))
        calls = {
            "Keras, predict": lambda x, network=network: network.predict(x, verbose=0),
            "Keras, direct call": lambda x, network=network: network(x, training=False).numpy(),
            "Keras, tf.function": lambda x, compiled=compiled: compiled(tf.constant(x)).numpy(),
            "ONNX Runtime, float32": run_by(files["float32"]),
            "ONNX Runtime, dynamic int8": run_by(files["dynamic"]),
            "ONNX Runtime, static int8": run_by(files["static"]),
        }
        for size in BATCHES:
            if str(size) in part["ms"].get(kind, {}):  # by a run that was stopped
                continue
            x = some[:size]
            for call in calls.values():
                for _ in range(20):
                    call(x)
            for _ in range(LATENCY_TURNS):
                for name, call in calls.items():
                    cpu, wall = [], []
                    for _ in range(CALLS):
                        began = time.process_time_ns(), time.perf_counter_ns()
                        call(x)
                        cpu.append((time.process_time_ns() - began[0]) / 1e6)
                        wall.append((time.perf_counter_ns() - began[1]) / 1e6)
                    for key, took in (("ms", cpu), ("wall_ms", wall)):
                        row = part[key].setdefault(kind, {}).setdefault(str(size), {})
                        row = row.setdefault(name, {"p50": [], "p99": []})
                        for q in (50, 99):
                            row[f"p{q}"].append(round(float(np.percentile(took, q)), 4))
            for name, row in part["ms"][kind][str(size)].items():
                wall = part["wall_ms"][kind][str(size)][name]
                print(kind, size, name, row["p50"], row["p99"], wall["p99"], flush=True)
            store(stored)


def quality(stored, turn):
    """Judge float32 and int8 on the test images, three networks each."""
    from sklearn.metrics import roc_auc_score

    digits = load_mnist()[1][0]
    flat = to_unit_range(digits, shape=(784,))
    clothes = to_unit_range(load_fashion_mnist()[1][0], shape=(784,))
    clean = to_unit_range(digits, shape=(28, 28, 1))
    noisy = add_noise(clean, NOISE_FACTOR, seed=2)
    rows = {"detector": {}, "denoiser": {}}
    for seed in range(TURNS):
        for kind, (network, some) in both(seed).items():
            files = onnx_files(network, some, f"{kind}-{seed}")
            for way, path in files.items():
                call = run_by(path)
                row = rows[kind].setdefault(way, {"values": [], "bytes": path.stat().st_size})

                def outputs(x, call=call):
                    parts = [call(part) for part in np.array_split(x, 20)]
                    return np.clip(np.concatenate(parts), 0, 1)

                if kind == "detector":
                    scores = [reconstruction_error(x, outputs(x)) for x in (flat, clothes)]
                    value = roc_auc_score(
                        np.repeat([0, 1], [len(s) for s in scores]), np.r_[*scores]
                    )
                else:
                    value = psnr(clean, outputs(noisy)).mean()
                row["values"].append(round(float(value), 5))
                print(kind, way, seed, row["values"][-1], row["bytes"], flush=True)
    stored["quality"] = rows


# serving: examples/serve.py under load -----------------------------------------------------------

SECONDS, CLIENTS = 4, (1, 4, 16)
LIMIT, CROWD = 4, 64


def request(x):
    """Return the bytes of a request with one picture."""
    body = json.dumps({"pictures": [np.round(x.astype(float), 3).tolist()]})
    head = (
        f"POST /predict HTTP/1.1\r\nHost: {HERE}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


async def answer_to(reader, writer, message):
    """Send a request and return the status and the seconds until the whole answer was there."""
    began = time.perf_counter()
    writer.write(message)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.split("content-length:")[1].split("\r\n")[0])
    await reader.readexactly(length)
    return int(head.split()[1]), time.perf_counter() - began


async def crowd(port, clients, seconds, message):
    """Let clients ask, each again as soon as it is answered; one refused waits a second."""
    until, took, refused = time.perf_counter() + seconds, [], []

    async def one():
        reader, writer = await asyncio.open_connection(HERE, port)
        while time.perf_counter() < until:
            status, passed = await answer_to(reader, writer, message)
            if status == 503:
                refused.append(passed)
                await asyncio.sleep(1)
            elif status == 200:
                took.append(passed)
            else:
                raise RuntimeError(f"status {status}")
        writer.close()

    await asyncio.gather(*(one() for _ in range(clients)))
    return took, refused


def started(path, waiting):
    """Start the server on the first core and return its process and port, once it is ready."""
    with socket.create_server((HERE, 0)) as free:
        port = free.getsockname()[1]
    command = ["taskset", "-c", "0", sys.executable, "serve.py", str(path), "--port", str(port)]
    command += ["--waiting", str(waiting)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, cwd=EXAMPLES, **quiet)
    for _ in range(600):
        try:
            with socket.create_connection((HERE, port), 1) as probe:
                probe.sendall(f"GET /health HTTP/1.1\r\nHost: {HERE}\r\n\r\n".encode())
                if b" 200 " in probe.recv(100):
                    return server, port
        except OSError:
            pass
        time.sleep(0.1)
    server.kill()
    raise RuntimeError("the server does not start")


def serving(stored, turn):
    """Ask examples/serve.py from more and more clients, without and with a low limit."""
    os.sched_setaffinity(0, {1})  # the server has the other core
    network, some = both(0)["detector"]
    path = onnx_files(network, some, "detector-0")["float32"]
    message = request(some[0])
    servers = {"no limit": started(path, 10_000), f"limit {LIMIT}": started(path, LIMIT)}
    rows = {}
    try:
        for t in range(TURNS):
            for name, (_, port) in servers.items():
                for clients in (*CLIENTS, CROWD) if name == "no limit" else (CROWD,):
                    asyncio.run(crowd(port, 1, 0.5, message))
                    took, refused = asyncio.run(crowd(port, clients, SECONDS, message))
                    row = rows.setdefault(f"{clients} clients, {name}", {})
                    for key, value in (
                        ("a_second", len(took) / SECONDS),
                        ("p50_ms", 1000 * np.percentile(took, 50)),
                        ("p99_ms", 1000 * np.percentile(took, 99)),
                        ("refused", len(refused) / (len(refused) + len(took))),
                        ("refusal_ms", 1000 * np.median(refused) if refused else 0),
                    ):
                        row.setdefault(key, []).append(round(float(value), 3))
                    print(t, name, clients, {k: v[-1] for k, v in row.items()}, flush=True)
    finally:
        for server, _ in servers.values():
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    stored["serving"] = {"seconds": SECONDS, "limit": LIMIT, "runs": rows}


PARTS = (rates, settings, shards, latency, quality, workers, serving)


def main():
    """Measure the parts that are named, or all, and store each as it ends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--turn", type=int, choices=range(TURNS))
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        score_here(int(arguments.child[1]), "limited" in arguments.child)
        return
    for part in PARTS:
        if arguments.parts and part.__name__ not in arguments.parts:
            continue
        in_turns = part in (settings, shards)
        chosen = range(TURNS) if in_turns and arguments.turn is None else [arguments.turn or 0]
        for turn in chosen:
            found = results.so_far("scaling")
            part(found, turn)
            store(found)


if __name__ == "__main__":
    main()
