"""How close a denoised image is to the clean one."""

import numpy as np

from aeutils.core.errors import ImageError
from aeutils.images import unit_pixels

__all__ = ["psnr", "ssim"]


def psnr(clean, image):
    """Peak signal-to-noise ratio of each image, in decibels.

    Parameters
    ----------
    clean, image : array-like, shape (n_images, height, width) or (n_images, height, width, 1)
        The true images and those to judge, pixels between 0 and 1.

    Returns
    -------
    numpy.ndarray
        float64, shape (n_images,), ``-10 log10(mean squared error)``; infinite where an image
        equals the clean one.

    Raises
    ------
    ImageError
        If the shapes differ or the pixels are refused by :func:`~aeutils.images.to_unit_range`.
    """
    clean, image = _pair(clean, image)
    error = np.mean(np.square(clean - image).reshape(len(clean), -1), axis=1, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return -10 * np.log10(error)


def ssim(clean, image):
    """Structural similarity of each image.

    Computed by scikit-image with the settings of the paper: a Gaussian window of standard
    deviation 1.5, and covariances without sample correction.

    Parameters
    ----------
    clean, image : array-like, shape (n_images, height, width) or (n_images, height, width, 1)
        The true images and those to judge, pixels between 0 and 1; at least 11 × 11 pixels.

    Returns
    -------
    numpy.ndarray
        float64, shape (n_images,), between -1 and 1, where 1 means equal.

    Raises
    ------
    ImageError
        If the shapes differ, the images are too small, or the pixels are refused by
        :func:`~aeutils.images.to_unit_range`.

    References
    ----------
    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
    structural similarity", IEEE Transactions on Image Processing 13 (4), 2004.
    """
    from skimage.metrics import structural_similarity  # here: psnr needs no scikit-image

    clean, image = _pair(clean, image)
    if clean.ndim == 4 and clean.shape[-1] == 1:
        clean, image = clean[..., 0], image[..., 0]
    if clean.ndim != 3 or min(clean.shape[1:]) < 11:
        raise ImageError(
            "ssim takes grey images of at least 11 × 11 pixels, shape (n_images, height, width); "
            f"these have shape {clean.shape}."
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


def _pair(clean, image):
    """Return two batches of images of one shape, as float32 between 0 and 1."""
    clean, image = np.asarray(clean), np.asarray(image)
    if clean.shape != image.shape or clean.ndim < 2:
        raise ImageError(
            "clean and judged images must have one shape (n_images, ...); "
            f"they have {clean.shape} and {image.shape}."
        )
    return unit_pixels("clean", clean), unit_pixels("image", image)
