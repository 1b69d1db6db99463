"""Run the article's own recipe with its denoiser, in full (about 20 minutes on 2 cores).

50 epochs, batch 256, binary cross-entropy, Gaussian noise of noise_factor 0.5; Adam with Keras's
defaults, since the article's Adadelta relied on a learning rate that Keras no longer defaults to.
Writes benchmarks/denoising_article.json, which chapter 3 draws beside its own curve.
"""

import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet

from aeutils.data import load_mnist  # noqa: E402
from aeutils.images import add_noise, to_unit_range  # noqa: E402
from aeutils.metrics import psnr, ssim  # noqa: E402
from aeutils.models import conv_denoiser  # noqa: E402

SEED, EPOCHS, BATCH_SIZE, NOISE_FACTOR = 0, 50, 256, 0.5


def main():
    """Train as the article does, and store the curve."""
    (x_train, _), (x_test, _) = load_mnist()
    x_train, x_test = (to_unit_range(x, shape=(28, 28, 1)) for x in (x_train, x_test))
    x_train_noisy = add_noise(x_train, NOISE_FACTOR, seed=0)
    x_test_noisy = add_noise(x_test, NOISE_FACTOR, seed=1)

    keras.utils.set_random_seed(SEED)
    autoencoder = conv_denoiser(kernel_initializer="glorot_uniform")
    autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
    history = autoencoder.fit(
        x_train_noisy,
        x_train,
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        validation_data=(x_test_noisy, x_test),
        verbose=2,
    ).history
    denoised = autoencoder.predict(x_test_noisy, batch_size=500, verbose=0)
    results.write(
        "denoising_article",
        {
            "recipe": {
                "epochs": EPOCHS,
                "batch_size": BATCH_SIZE,
                "optimizer": "adam",
                "noise_factor": NOISE_FACTOR,
                "seed": SEED,
            },
            "loss": [round(loss, 5) for loss in history["loss"]],
            "val_loss": [round(loss, 5) for loss in history["val_loss"]],
            "psnr_db": round(float(psnr(x_test, denoised).mean()), 3),
            "ssim": round(float(ssim(x_test, denoised).mean()), 4),
            "psnr_db_noisy": round(float(psnr(x_test, x_test_noisy).mean()), 3),
        },
    )


if __name__ == "__main__":
    main()
