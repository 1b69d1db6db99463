"""Train one autoencoder in several processes, on one machine or on several.

    python examples/train_distributed.py --workers 2

starts two workers on this machine and prints a line of JSON: the loss of every epoch, and how
many images each worker was fed.  For several machines start it on each, with its rank:

    python examples/train_distributed.py --workers 2 --coordinator HOST:PORT --rank 0
    python examples/train_distributed.py --workers 2 --coordinator HOST:PORT --rank 1

HOST is the machine of rank 0; all the others must reach it at that port.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

# of Keras's backends, the one that `keras.distribution` serves across processes
os.environ["KERAS_BACKEND"] = "jax"
# this checkout's aeutils, where none is installed
sys.path.append(str(Path(__file__).resolve().parent.parent))
# PORT chosen by the system, on this machine alone
HERE = "127.0.0.1"


def main():
    """Be one worker, or start all of them here."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=2, help="how many in all (default 2)")
    parser.add_argument("--coordinator", metavar="HOST:PORT", help="where rank 0 listens")
    parser.add_argument("--rank", type=int, help="which one this is; left out: start all here")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=128, help="of all workers together")
    parser.add_argument("--images", type=int, default=60_000, help="how many of MNIST's")
    arguments = parser.parse_args()
    if arguments.workers < 1 or arguments.batch_size % arguments.workers:
        parser.error("--batch-size must be a multiple of --workers")
    if not arguments.batch_size <= arguments.images <= 60_000:
        parser.error("--images must be from the batch size to 60000")
    if arguments.rank is None and arguments.coordinator:
        parser.error("--coordinator is for workers on several machines, and needs --rank")
    if arguments.rank is None:
        sys.exit(start_all(arguments.workers))
    if not 0 <= arguments.rank < arguments.workers or not arguments.coordinator:
        parser.error("--rank must be from 0 to --workers less 1, and needs --coordinator")
    result = work(arguments)
    if arguments.rank == 0:
        print(json.dumps(result))


def start_all(workers):
    """Run all workers on this machine; return 0 if all did well.

    Each would wait for ever for one that has died, so the first that fails ends the others.
    """
    with socket.create_server((HERE, 0)) as free:
        coordinator = f"{HERE}:{free.getsockname()[1]}"
    command = [sys.executable, *sys.argv, "--coordinator", coordinator, "--rank"]
    # one GPU cannot serve them all
    here = os.environ | {"JAX_PLATFORMS": "cpu"}
    processes = [subprocess.Popen([*command, str(rank)], env=here) for rank in range(workers)]
    try:
        while None in (states := [process.poll() for process in processes]) and not any(states):
            time.sleep(0.1)
    finally:
        for process in processes:
            process.kill()
    return int(any(states))


def work(arguments):
    """Train as one of the workers; return what it saw."""
    import keras
    import numpy as np

    from aeutils.core import dense_autoencoder
    from aeutils.data import load_mnist
    from aeutils.images import to_unit_range

    workers, rank = arguments.workers, arguments.rank
    if workers > 1:
        keras.distribution.initialize(arguments.coordinator, workers, rank)
    # each worker is fed its own part of a batch, below; Keras shards nothing more
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    keras.utils.set_random_seed(0)
    model = dense_autoencoder()
    model.compile("adam", "mean_squared_error")

    (x_train, _), _ = load_mnist()
    part = arguments.batch_size // workers
    losses = []
    for epoch in range(arguments.epochs):
        # everybody draws the same order, and takes the same part of every batch
        order = np.random.default_rng(epoch).permutation(arguments.images)
        order = order[: len(order) // arguments.batch_size * arguments.batch_size]
        mine = order.reshape(-1, workers, part)[:, rank].ravel()
        x = to_unit_range(x_train[mine], shape=(784,))
        history = model.fit(
            x,
            x,
            batch_size=part,
            shuffle=False,
            initial_epoch=epoch,
            epochs=epoch + 1,
            verbose=0,
        )
        losses += history.history["loss"]
    return {
        "workers": len(keras.distribution.list_devices()),
        "images_each": len(mine),
        "losses": losses,
    }


if __name__ == "__main__":
    main()
