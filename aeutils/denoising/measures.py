"""How close a denoised image is to the clean one."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import plain_array
from aeutils.core.errors import ImageError
from aeutils.images import unit_pixels

__all__ = ["psnr", "ssim"]


def psnr(clean: ArrayLike, image: ArrayLike) -> NDArray[np.float64]:
    """Compute the peak signal-to-noise ratio of each image, in decibels.

    Parameters
    ----------
    clean, image : array-like, shape (n, height, width) or (n, height, width, channels)
        The true images and those to judge, floating-point pixels between 0 and 1.

    Returns
    -------
    numpy.ndarray
        float64, shape (n,), ``-10 log10(mean squared error)``; infinite where an image equals the
        clean one.

    Raises
    ------
    ImageError
        If the shapes differ, pixels are masked, or they are refused by
        :func:`~aeutils.images.to_unit_range`.
    """
    clean, image = _pair(clean, image)
    error = np.mean(np.square(clean - image).reshape(len(clean), -1), axis=1, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return -10 * np.log10(error)


def ssim(clean: ArrayLike, image: ArrayLike) -> NDArray[np.float64]:
    """Compute the structural similarity of each image.

    By scikit-image with the settings of the paper: a Gaussian window of standard deviation 1.5,
    and covariances without sample correction.

    Parameters
    ----------
    clean, image : array-like, shape (n, height, width) or (n, height, width, 1)
        The true images and those to judge, floating-point pixels between 0 and 1; at least
        11 × 11 pixels.

    Returns
    -------
    numpy.ndarray
        float64, shape (n,), between -1 and 1, where 1 means equal.

    Raises
    ------
    ImageError
        If the shapes differ, the images are too small or in colour, pixels are masked, they are
        refused by :func:`~aeutils.images.to_unit_range`, or scikit-image is not installed.

    References
    ----------
    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
    structural similarity", IEEE Transactions on Image Processing 13 (4), 2004.
    """
    try:
        from skimage.metrics import structural_similarity  # here: psnr needs no scikit-image
    except ImportError as error:
        raise ImageError("ssim needs the package scikit-image: pip install scikit-image") from error

    clean, image = _pair(clean, image)
    if clean.ndim == 4 and clean.shape[-1] == 1:
        clean, image = clean[..., 0], image[..., 0]
    if clean.ndim != 3 or min(clean.shape[1:]) < 11:
        raise ImageError(
            "ssim accepts grey images of at least 11 × 11 pixels, shape (n, height, width); got "
            f"shape {clean.shape}."
        )
    return np.array(
        [
            structural_similarity(
                a, b, data_range=1.0, gaussian_weights=True, use_sample_covariance=False
            )
            for a, b in zip(clean, image, strict=True)
        ],
        dtype=np.float64,
    )


def _pair(clean: ArrayLike, image: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return two batches of images of one shape, as float32 between 0 and 1."""
    clean = plain_array("clean", clean, ImageError)
    image = plain_array("image", image, ImageError)
    if clean.shape != image.shape or clean.ndim not in (3, 4):
        raise ImageError(
            "clean and image must have one shape (n, height, width) or (n, height, width, "
            f"channels); got {clean.shape} and {image.shape}. One image is image[None]."
        )
    return unit_pixels("clean", clean), unit_pixels("image", image)
