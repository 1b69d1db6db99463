"""Train an autoencoder so that a kill at any moment costs one epoch at most.

    python examples/train_resumable.py FILE --epochs 6

writes the whole state of the training to FILE (….keras) after every epoch.  The same command
again goes on from there and ends with the very weights of a run that nobody disturbed.
"""

import argparse
import sys
from pathlib import Path

# this checkout's aeutils, where none is installed
sys.path.append(str(Path(__file__).resolve().parent.parent))
from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
import numpy as np  # noqa: E402

from aeutils.core import dense_autoencoder  # noqa: E402
from aeutils.core.files import atomic_path  # noqa: E402
from aeutils.data import load_mnist  # noqa: E402
from aeutils.images import add_noise, to_unit_range  # noqa: E402

BATCH_SIZE = 128


def main():
    """Train as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--images", type=int, default=60_000, help="how many of MNIST's")
    arguments = parser.parse_args()
    if arguments.file.suffix != ".keras":
        parser.error("FILE must end in .keras")
    if not arguments.file.absolute().parent.is_dir():
        parser.error(f"the folder of {arguments.file} is not there")
    if not BATCH_SIZE <= arguments.images <= 60_000:
        parser.error(f"--images must be from {BATCH_SIZE} to 60000")
    train(arguments.file, arguments.epochs, arguments.images)


def train(file, epochs, images):
    """Go on from wherever the file stands; begin where there is none."""
    (x_train, _), _ = load_mnist()
    x = to_unit_range(x_train[:images], shape=(784,))
    steps = -(-len(x) // BATCH_SIZE)
    model = resumed(file, images) if file.exists() else new_model(images)
    # the optimizer counts its steps, and its count is in the file with the weights
    for epoch in range(int(model.optimizer.iterations) // steps, epochs):
        # all that is random in an epoch depends on its number alone: the order and the noise;
        # of a layer that draws noise itself, the file would not hold how far it has come
        clean = np.random.default_rng(epoch).permutation(x)
        noisy = add_noise(clean, 0.5, seed=epoch)
        model.fit(
            noisy,
            clean,
            batch_size=BATCH_SIZE,
            shuffle=False,
            initial_epoch=epoch,
            epochs=epoch + 1,
            verbose=0,
        )
        save(model, file)
        print(f"epoch {epoch + 1} stored", flush=True)


def new_model(images):
    """Return the compiled network, the same at every start."""
    keras.utils.set_random_seed(0)
    model = dense_autoencoder()
    # the name goes into the file, and tells what the steps were counted on
    model.compile(keras.optimizers.Adam(name=optimizer_name(images)), "mean_squared_error")
    return model


def resumed(file, images):
    """Return the network and its optimizer as they were stored."""
    try:
        model = keras.models.load_model(file)
    except (TypeError, ValueError, OSError) as error:
        sys.exit(f"{file} is no model that Keras can load ({error}); name another file.")
    # a network that was never compiled has no optimizer
    if getattr(getattr(model, "optimizer", None), "name", None) != optimizer_name(images):
        sys.exit(
            f"{file} is from no training on {images} images; "
            "give the --images that it was begun with, or name another file."
        )
    return model


def optimizer_name(images):
    """Return the name of the optimizer of a training."""
    return f"adam_for_{images}_images"


def save(model, path):
    """Replace the file in one move, so that a kill leaves the old state or the new one."""
    with atomic_path(path) as partial:
        model.save(partial)


if __name__ == "__main__":
    main()
