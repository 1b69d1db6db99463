"""What the benchmarks that train denoisers share."""

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet

from aeutils.denoising import psnr, ssim  # noqa: E402


class EpochLines(keras.callbacks.Callback):
    """A line an epoch, where there is no notebook to show a table in."""

    def on_epoch_end(self, epoch, logs=None):
        """Print the epoch's line."""
        print(f"  epoch {epoch + 1} of {self.params['epochs']}: {logs}", flush=True)


def warm_up_and_cosine(peak, steps, warm_up):
    """Return a learning rate that climbs to its peak and falls to zero along half a cosine."""
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - warm_up, warmup_target=peak, warmup_steps=warm_up
    )


def quality(clean, denoised):
    """Return mean PSNR and SSIM over images, rounded."""
    return {
        "psnr_db": round(float(psnr(clean, denoised).mean()), 3),
        "ssim": round(float(ssim(clean, denoised).mean()), 4),
    }
