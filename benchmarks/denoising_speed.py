"""How fast the article's denoiser can reach the article's quality (45 minutes on 2 cores).

First the article's recipe in full: 50 epochs, batch 256, binary cross-entropy, Gaussian noise of
noise_factor 0.5; Adam with Keras's defaults, since the article's Adadelta relied on a learning rate
that Keras no longer defaults to.  Then the same network, step by step, with what the field knows.
The clock runs while Keras trains, its setting-up included, and stands while the test set is
evaluated, by the plain network in float32 with the weights so far.
Writes benchmarks/denoising_speed.json, which chapters 3 and 7 and the benchmarks page draw on.
"""

import time

import numpy as np
import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
import tensorflow as tf  # noqa: E402
from denoising import quality, warm_up_and_cosine  # noqa: E402
from keras import layers  # noqa: E402

from aeutils.data import load_mnist  # noqa: E402
from aeutils.denoising import conv_denoiser, psnr  # noqa: E402
from aeutils.images import add_noise, to_unit_range  # noqa: E402

SEED, NOISE_FACTOR, LOSS = 0, 0.5, "binary_crossentropy"
ARTICLE = {"epochs": 50, "batch_size": 256}
# Each step keeps all that came before it.
LADDER = {
    "batch 32": {"epochs": 4, "batch_size": 32},
    "He's initial weights": {"kernel_initializer": "he_normal"},
    "warm-up and cosine": {"peak": 1e-2},
    "new noise every epoch": {"fresh_noise": True},
    "25 steps a call": {"steps_per_execution": 25},
    "upsampling and convolution in one": {"fused": True},
    "bfloat16": {"policy": "mixed_bfloat16"},
}
# What was tried on top of the whole ladder.
ALSO_TRIED = {
    "3 epochs": {"epochs": 3},
    "2 epochs, twice the rate": {"epochs": 2, "peak": 2e-2},
    "averaged weights": {"use_ema": True},
    "a pipeline of our own": {"own_pipeline": True},
}


class Clock(keras.callbacks.Callback):
    """Seconds of training and the plain network's test loss after every epoch."""

    def __init__(self, trained, plain, x, y):
        super().__init__()
        self.trained, self.plain, self.data = trained, plain, (x, y)
        self.seconds, self.test_loss = [], []
        self.passed, self.began = 0.0, time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Stop the clock, evaluate, start it again."""
        self.passed += time.perf_counter() - self.began
        self.plain.set_weights(self.trained.get_weights())
        loss = self.plain.evaluate(*self.data, batch_size=500, verbose=0)
        self.seconds.append(round(self.passed, 1))
        self.test_loss.append(round(loss, 5))
        print(f"  epoch {epoch + 1}: {self.passed:.0f} s, test loss {loss:.4f}", flush=True)
        self.began = time.perf_counter()


def learning_rate(steps, peak=None):
    """Return Adam's usual rate, or warm-up to the peak and a cosine down to zero."""
    return 1e-3 if peak is None else warm_up_and_cosine(peak, steps, steps // 10)


def train(
    images,
    epochs,
    batch_size,
    peak=None,
    kernel_initializer="glorot_uniform",
    fresh_noise=False,
    steps_per_execution=1,
    fused=False,
    policy="float32",
    own_pipeline=False,
    **optimizer_options,
):
    """Train the network in one way; return the clock's readings and the quality at the end."""
    x, x_noisy, test, test_noisy = images
    plain = conv_denoiser()
    plain.compile(loss=LOSS)
    keras.utils.set_random_seed(SEED)
    keras.config.set_dtype_policy(policy)
    network = conv_denoiser(kernel_initializer=kernel_initializer, fused=fused)
    keras.config.set_dtype_policy("float32")
    trainee = network
    if fresh_noise:  # drawn by the network's first layers, which do nothing outside training
        trainee = keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                layers.GaussianNoise(NOISE_FACTOR),
                layers.ReLU(max_value=1),
                *network.layers,
            ]
        )
    rate = learning_rate(epochs * len(x) // batch_size, peak)
    trainee.compile(
        optimizer=keras.optimizers.Adam(rate, **optimizer_options),
        loss=LOSS,
        steps_per_execution=steps_per_execution,
    )
    clock = Clock(network, plain, test_noisy, test)
    data = {"x": x if fresh_noise else x_noisy, "y": x, "batch_size": batch_size}
    if own_pipeline:
        data = {"x": pipeline(data["x"], x, batch_size)}
    trainee.fit(**data, epochs=epochs, verbose=0, callbacks=[clock])
    plain.set_weights(network.get_weights())  # Keras puts averaged weights in at the very end
    loss = plain.evaluate(test_noisy, test, batch_size=500, verbose=0)
    denoised = plain.predict(test_noisy, batch_size=500, verbose=0)
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "seconds": clock.seconds,
        "seconds_per_epoch": round(seconds_per_epoch(clock.seconds), 2),
        "test_loss": [*clock.test_loss[:-1], round(loss, 5)],
        **quality(test, denoised),
    }


def pipeline(x, y, batch_size):
    """Return what Keras makes of arrays itself, by hand: shuffled, batched, fetched ahead."""
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=SEED)
    return data.batch(batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def seconds_per_epoch(seconds):
    """Return the median, since what else a machine does holds up single epochs."""
    return float(np.median(np.diff([0.0, *seconds])))


def speedup(measured, article):
    """Return how many times sooner the article's final test loss was reached, or None.

    Both times are the number of epochs by the median seconds of an epoch.
    """
    for epoch, loss in enumerate(measured["test_loss"], start=1):
        if loss <= article["test_loss"][-1]:
            theirs = article["epochs"] * article["seconds_per_epoch"]
            return round(theirs / (epoch * measured["seconds_per_epoch"]), 1)
    return None


def main():
    """Train in every way and store the curves."""
    (x, _), (test, _) = load_mnist()
    x, test = (to_unit_range(images, shape=(28, 28, 1)) for images in (x, test))
    test_noisy = add_noise(test, NOISE_FACTOR, seed=1)
    images = x, add_noise(x, NOISE_FACTOR, seed=0), test, test_noisy

    print("the article's recipe", flush=True)
    article = train(images, **ARTICLE)
    ladder, also_tried, settings = {}, {}, {}
    for name, change in LADDER.items():
        print(name, flush=True)
        settings |= change
        ladder[name] = train(images, **settings)
        ladder[name]["speedup"] = speedup(ladder[name], article)
    for name, change in ALSO_TRIED.items():
        print(name, flush=True)
        also_tried[name] = train(images, **settings | change)
        also_tried[name]["speedup"] = speedup(also_tried[name], article)
    results.write(
        "denoising_speed",
        {
            "noise_factor": NOISE_FACTOR,
            "seed": SEED,
            "psnr_db_noisy": round(float(psnr(test, test_noisy).mean()), 3),
            "article": article,
            "ladder": ladder,
            "also_tried": also_tried,
            "speedup_to_article_loss": list(ladder.values())[-1]["speedup"],
        },
    )


if __name__ == "__main__":
    main()
