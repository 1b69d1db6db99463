"""Train one autoencoder on several devices of this machine, by TensorFlow's MirroredStrategy.

    python examples/train_mirrored.py --devices 1 2

trains once on one device and once on two: on GPUs, or where there are fewer, on parts of the
processor that TensorFlow takes for devices.  It prints a line of JSON for each training: the
devices, and the loss of every epoch.
"""

import argparse
import json
import os
import sys
from pathlib import Path

# of Keras's backends, the one that `tf.distribute` serves
os.environ["KERAS_BACKEND"] = "tensorflow"
# this checkout's aeutils, where none is installed
sys.path.append(str(Path(__file__).resolve().parent.parent))


def main():
    """Train, and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--devices", type=int, nargs="+", default=[2], help="how many (default 2)")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=128, help="of all devices together")
    parser.add_argument("--images", type=int, default=60_000, help="how many of MNIST's")
    arguments = parser.parse_args()
    if any(n < 1 or arguments.batch_size % n for n in arguments.devices):
        parser.error("--batch-size must be a multiple of each number of --devices")
    if not arguments.batch_size <= arguments.images <= 60_000:
        parser.error("--images must be from the batch size to 60000")
    from aeutils import runtime

    runtime.quiet_logs()
    devices = choose_devices(max(arguments.devices))
    for number in arguments.devices:
        print(json.dumps(train(devices[:number], arguments)))


def train(devices, arguments):
    """Return the devices and the losses."""
    import keras
    import tensorflow as tf

    from aeutils.core import dense_autoencoder
    from aeutils.data import load_mnist
    from aeutils.images import to_unit_range

    strategy = tf.distribute.MirroredStrategy(devices)
    keras.utils.set_random_seed(0)
    # every variable that is made in the scope has a copy on each device
    with strategy.scope():
        model = dense_autoencoder()
        model.compile("adam", "mean_squared_error")

    (x_train, _), _ = load_mnist()
    # whole batches alone: the parts of another would not be equally large
    n_images = arguments.images // arguments.batch_size * arguments.batch_size
    x = to_unit_range(x_train[:n_images], shape=(784,))
    history = model.fit(x, x, batch_size=arguments.batch_size, epochs=arguments.epochs, verbose=0)
    names = [device.rpartition("device:")[2] for device in strategy.extended.worker_devices]
    return {"devices": names, "losses": history.history["loss"]}


def choose_devices(number):
    """Return the names of so many GPUs, or of so many parts of the processor."""
    import tensorflow as tf

    if len(tf.config.list_physical_devices("GPU")) >= number:
        return [f"GPU:{i}" for i in range(number)]
    (processor,) = tf.config.list_physical_devices("CPU")
    part = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(processor, [part] * number)
    return [f"CPU:{i}" for i in range(number)]


if __name__ == "__main__":
    main()
