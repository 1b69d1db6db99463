"""The variational autoencoder of chapter 9, on every backend of Keras."""

import math
from numbers import Real

import keras
import numpy as np
from keras import layers, ops

from aeutils.core.checks import positive_integer, positive_integers
from aeutils.core.errors import ImageError, ModelError
from aeutils.images import to_unit_range

__all__ = ["VariationalAutoencoder", "binarize"]

# pictures that are encoded or decoded at a time
ROWS_AT_ONCE = 2000


def binarize(images, seed=None):
    """Draw black-and-white pictures from grey ones: white with the grey value's probability.

    Parameters
    ----------
    images : array-like
        Pixels between 0 and 1, any shape; see :func:`~aeutils.images.to_unit_range`.
    seed : int or numpy.random.Generator, optional
        For drawing the same pictures again.

    Returns
    -------
    numpy.ndarray
        float32, 0 or 1, of the same shape.

    Raises
    ------
    ImageError
        If `images` is refused by :func:`~aeutils.images.to_unit_range`.

    References
    ----------
    Salakhutdinov and Murray, "On the quantitative analysis of deep belief networks", ICML 2008.
    """
    images = to_unit_range(images)
    draws = np.random.default_rng(seed).random(images.shape, dtype=np.float32)
    return (draws < images).astype(np.float32)


@keras.saving.register_keras_serializable(package="aeutils")
class VariationalAutoencoder(keras.Model):
    """Dense variational autoencoder of black-and-white pictures.

    The encoder gives mean and log-variance of a Gaussian over latent codes, the decoder the
    logits of independent black-or-white pixels.  Training minimises the negative evidence lower
    bound (ELBO), in nats a picture; the loss is built in, so compile it with an optimizer alone.

    Parameters
    ----------
    latent_dim : int, default 20
        Number of latent values.
    hidden_layer_sizes : sequence of int, default (512, 256)
        Widths of the encoder's hidden layers, from input to code; the decoder's are the reverse.
        May be empty.
    input_dim : int, default 784
        Number of pixels.
    n_classes : int or None, default None
        Makes it conditional: encoder and decoder are also told the class, 0 to ``n_classes - 1``,
        and ``fit`` takes ``(x, labels)`` in the place of ``x``.
    beta : float, default 1.0
        Weight of the Kullback-Leibler term in training, at least 0; the loss is the negative
        ELBO at 1.
    seed : int or None, default None
        Of the draws in training; initial weights follow :func:`keras.utils.set_random_seed`.

    Raises
    ------
    ModelError
        If a width is not a positive integer, or `beta` is negative or not finite.

    Notes
    -----
    ``fit`` takes float32, shape (n, `input_dim`), from 0 to 1.  Grey pixels are probabilities of
    white: each training step draws black-and-white pictures anew from them (dynamic
    binarisation).  Give ``fit`` the result of :func:`binarize` to train on one fixed draw.

    Save with ``vae.save("vae.keras")``.  ``keras.models.load_model`` reads it where
    ``VariationalAutoencoder`` has been imported.

    Calling the model, and so ``predict``, gives a dictionary: ``target``, the pictures;
    ``logits`` of their reconstructions; ``mean`` and ``log_variance`` of the codes.

    References
    ----------
    Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014; Rezende, Mohamed and
    Wierstra, "Stochastic backpropagation and approximate inference in deep generative models",
    ICML 2014; for `n_classes` Sohn, Lee and Yan, "Learning structured output representation using
    deep conditional generative models", NeurIPS 2015; for `beta` Higgins et al., "beta-VAE:
    learning basic visual concepts with a constrained variational framework", ICLR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from aeutils import VariationalAutoencoder
    >>> x = np.random.default_rng(0).random((64, 9), dtype="float32")
    >>> vae = VariationalAutoencoder(latent_dim=2, hidden_layer_sizes=(8,), input_dim=9)
    >>> vae.compile("adam")
    >>> history = vae.fit(x, epochs=2, verbose=0)
    >>> vae.sample(5).shape
    (5, 9)
    """

    def __init__(
        self,
        latent_dim=20,
        hidden_layer_sizes=(512, 256),
        input_dim=784,
        n_classes=None,
        beta=1.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.latent_dim = positive_integer("latent_dim", latent_dim, ModelError)
        self.input_dim = positive_integer("input_dim", input_dim, ModelError)
        # a tuple, since Keras would wrap a list
        self.hidden_layer_sizes = tuple(
            positive_integers("hidden_layer_sizes", hidden_layer_sizes, ModelError)
        )
        self.n_classes = (
            None if n_classes is None else positive_integer("n_classes", n_classes, ModelError)
        )
        if not (isinstance(beta, Real) and 0 <= beta < math.inf):
            raise ModelError(f"beta must be a number of at least 0, not {beta!r}.")
        self.beta, self.seed = float(beta), seed
        self.generator = keras.random.SeedGenerator(seed)
        widths = self.hidden_layer_sizes
        self.encoder = self._network("encoder", self.input_dim, widths, 2 * self.latent_dim)
        self.decoder = self._network("decoder", self.latent_dim, widths[::-1], self.input_dim)
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.kl_tracker = keras.metrics.Mean(name="kl")
        self.built = True  # both networks have their weights

    def _network(self, name, n_in, hidden, n_out):
        """Return a dense network, with the class beside its input where there are classes."""
        x = inputs = keras.Input((n_in,))
        if self.n_classes:
            label = keras.Input((self.n_classes,))
            x, inputs = layers.Concatenate()([x, label]), [inputs, label]
        for n in hidden:
            x = layers.Dense(n, activation="relu", kernel_initializer="he_normal")(x)
        # in float32 also where the rest is not: 784 logarithms are added up
        outputs = layers.Dense(n_out, dtype="float32", name="outputs")(x)
        return keras.Model(inputs, outputs, name=name)

    def fit(self, x=None, *args, **kwargs):
        """Train as :meth:`keras.Model.fit` does, after a look at the pictures.

        Parameters
        ----------
        x : array-like, or pair of array-like
            Pictures as of :meth:`encode`, grey or black and white; where the model is
            conditional, a pair of pictures and labels.  A dataset of such batches is taken as it
            is, unchecked.
        *args, **kwargs
            As of :meth:`keras.Model.fit`; there is no `y`.

        Returns
        -------
        keras.callbacks.History
            With ``loss``, and apart from each other ``reconstruction`` and ``kl``, in nats.

        Raises
        ------
        ImageError
            If a pixel lies outside of [0, 1], or pictures have another number of pixels.
        ModelError
            If labels are missing, needless, or out of range.
        """
        if isinstance(x, tuple) and self.n_classes:
            images, labels = x
            images = self._flat(images)
            x = images, self._labels(labels, len(images))
        elif isinstance(x, np.ndarray | list | tuple):
            x = self._flat(x)
            self._labels(None, len(x))
        return super().fit(x, *args, **kwargs)

    def call(self, inputs, training=False):
        """Encode, draw a code, decode; the notes on the class say what comes out."""
        x, label = inputs, None
        if self.n_classes:
            x, label = inputs
            label = ops.cast(ops.reshape(label, (-1,)), "int32")
        x = ops.cast(x, "float32")
        if training:
            x = ops.cast(keras.random.uniform(ops.shape(x), seed=self.generator) < x, "float32")
        mean, log_variance = self._posterior(x, label)
        # the randomness comes from outside: gradients go through mean and variance
        noise = keras.random.normal(ops.shape(mean), seed=self.generator)
        logits = self._logits(mean + ops.exp(0.5 * log_variance) * noise, label)
        return {"target": x, "logits": logits, "mean": mean, "log_variance": log_variance}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the mean negative ELBO, with the Kullback-Leibler term times `beta`."""
        reconstruction = -_log_bernoulli(y_pred["target"], y_pred["logits"])
        kl = _kl(y_pred["mean"], y_pred["log_variance"])
        self.reconstruction_tracker.update_state(reconstruction)
        self.kl_tracker.update_state(kl)
        return ops.mean(reconstruction + self.beta * kl)

    def encode(self, images, labels=None):
        """Return the Gaussian over latent codes of each picture.

        Parameters
        ----------
        images : array-like
            n pictures of `input_dim` pixels between 0 and 1, flat or in rows and columns; see
            :func:`~aeutils.images.to_unit_range`.
        labels : array-like of int, shape (n,), optional
            Their classes, where the model is conditional.

        Returns
        -------
        mean, log_variance : numpy.ndarray
            float32, shape (n, latent_dim).

        Raises
        ------
        ImageError
            If a pixel lies outside of [0, 1], or pictures have another number of pixels.
        ModelError
            If labels are missing, needless, or out of range.
        """
        x = self._flat(images)
        labels = self._labels(labels, len(x))
        batches = [
            [ops.convert_to_numpy(part) for part in self._posterior(x[rows], _at(labels, rows))]
            for rows in _batches(len(x))
        ]
        mean, log_variance = zip(*batches, strict=True)
        return np.concatenate(mean), np.concatenate(log_variance)

    def decode(self, codes, labels=None):
        """Return each pixel's probability of being white.

        Parameters
        ----------
        codes : array-like of float, shape (n, latent_dim)
            Latent codes.
        labels : array-like of int, shape (n,), optional
            Classes, where the model is conditional.

        Returns
        -------
        numpy.ndarray
            float32, shape (n, input_dim), from 0 to 1.

        Raises
        ------
        ModelError
            If the codes have another width or hold NaN or infinity, or labels are missing,
            needless, or out of range.
        """
        try:
            codes = np.asarray(codes, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise ModelError(f"the codes do not form one array of numbers ({error}).") from error
        if codes.ndim != 2 or codes.shape[1] != self.latent_dim or len(codes) == 0:
            raise ModelError(
                f"codes must have shape (n, {self.latent_dim}), n at least 1, not {codes.shape}."
            )
        if not np.isfinite(codes).all():
            raise ModelError("some codes are NaN or infinite.")
        labels = self._labels(labels, len(codes))
        return np.concatenate(
            [
                ops.convert_to_numpy(ops.sigmoid(self._logits(codes[rows], _at(labels, rows))))
                for rows in _batches(len(codes))
            ]
        )

    def sample(self, n, labels=None, seed=None):
        """Generate pictures: draw codes from the prior, decode them.

        Parameters
        ----------
        n : int
            How many, at least 1.
        labels : int or array-like of int, shape (n,), optional
            What to generate, where the model is conditional; one class may stand for all.
        seed : int or numpy.random.Generator, optional
            For the same codes again.

        Returns
        -------
        numpy.ndarray
            float32, shape (n, input_dim): probabilities of white, which look better than the
            black-and-white pictures that :func:`binarize` draws from them.

        Raises
        ------
        ModelError
            If `n` is not a positive integer, or labels are missing, needless, or out of range.
        """
        n = positive_integer("n", n, ModelError)
        if labels is not None and np.ndim(labels) == 0:
            labels = np.repeat(labels, n)
        codes = np.random.default_rng(seed).standard_normal((n, self.latent_dim))
        return self.decode(codes, labels)

    def elbo(self, images, labels=None, n_samples=1, seed=0):
        """Evidence lower bound of each picture, in nats.

        Parameters
        ----------
        images : array-like
            n pictures as of :meth:`encode`, all pixels 0 or 1; :func:`binarize` makes them.
        labels : array-like of int, shape (n,), optional
            Their classes, where the model is conditional.
        n_samples : int, default 1
            Codes drawn for a picture; the Kullback-Leibler term is exact.
        seed : int or numpy.random.Generator, default 0
            For the same codes again.

        Returns
        -------
        numpy.ndarray
            float64, shape (n,).  On average over the draws it is not above the log-likelihood.

        Raises
        ------
        ImageError
            If a pixel is neither 0 nor 1, or pictures have another number of pixels.
        ModelError
            If `n_samples` is not a positive integer, or labels are missing, needless, or out of
            range.
        """
        return np.concatenate(
            [
                log_p_x.mean(axis=0) - kl
                for log_p_x, _, kl in self._draws(images, labels, n_samples, seed)
            ]
        )

    def log_likelihood(self, images, labels=None, n_samples=1000, seed=0):
        """Importance-weighted estimate of each picture's log-likelihood, in nats.

        ``log mean(p(x|z) p(z) / q(z|x))`` over codes z drawn from the encoder's Gaussian q.  On
        average over the draws it is a lower bound as well, and rises to the log-likelihood with
        `n_samples`.

        Parameters
        ----------
        images, labels, n_samples, seed
            As of :meth:`elbo`.  A picture costs `n_samples` decodings.

        Returns
        -------
        numpy.ndarray
            float64, shape (n,).

        Raises
        ------
        ImageError, ModelError
            As :meth:`elbo`.

        References
        ----------
        Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", ICLR 2016.
        """
        return np.concatenate(
            [
                np.logaddexp.reduce(log_p_x + log_ratio, axis=0) - math.log(n_samples)
                for log_p_x, log_ratio, _ in self._draws(images, labels, n_samples, seed)
            ]
        )

    def get_config(self):
        """Return the arguments."""
        return super().get_config() | {
            "latent_dim": self.latent_dim,
            "hidden_layer_sizes": list(self.hidden_layer_sizes),
            "input_dim": self.input_dim,
            "n_classes": self.n_classes,
            "beta": self.beta,
            "seed": self.seed,
        }

    def _posterior(self, x, labels):
        """Return mean and log-variance of the codes."""
        return ops.split(self.encoder(self._beside(x, labels)), 2, axis=-1)

    def _logits(self, codes, labels):
        """Return the logits of white."""
        return self.decoder(self._beside(codes, labels))

    def _beside(self, x, labels):
        """Return what a network takes: `x`, and the classes where there are any."""
        if labels is None:
            return x
        return [ops.convert_to_tensor(x), ops.one_hot(labels, self.n_classes)]

    def _draws(self, images, labels, n_samples, seed):
        """Yield log p(x|z), log p(z)/q(z|x) and the KL term of one batch of pictures at a time.

        The first two have the shape (n_samples, pictures), the third (pictures,).
        """
        n_samples = positive_integer("n_samples", n_samples, ModelError)
        every = self._flat(images)
        if not np.isin(every, (0, 1)).all():
            raise ImageError(
                "some pixels are grey, but this is the likelihood of black-and-white pictures; "
                "draw them with aeutils.generative.vae.binarize(images, seed)."
            )
        labels = self._labels(labels, len(every))
        rng = np.random.default_rng(seed)
        for rows in _batches(len(every)):
            x, label = every[rows], _at(labels, rows)
            posterior = self._posterior(x, label)
            mean, log_variance = (ops.convert_to_numpy(part).astype("f8") for part in posterior)
            at_once = max(1, ROWS_AT_ONCE // len(x))
            log_p_x, log_ratio = [], []
            for start in range(0, n_samples, at_once):
                noise = rng.standard_normal((min(at_once, n_samples - start), *mean.shape))
                codes = mean + np.exp(0.5 * log_variance) * noise
                # the constants of the two Gaussians cancel
                log_ratio.append(0.5 * (noise**2 + log_variance - codes**2).sum(axis=-1))
                flat = codes.reshape(-1, self.latent_dim).astype("f4")
                logits = self._logits(flat, _repeated(label, len(noise)))
                logits = ops.reshape(logits, (len(noise), *x.shape))
                log_p_x.append(ops.convert_to_numpy(_log_bernoulli(x, logits)).astype("f8"))
            kl = ops.convert_to_numpy(_kl(*posterior)).astype("f8")
            yield np.concatenate(log_p_x), np.concatenate(log_ratio), kl

    def _flat(self, images):
        """Return pictures as float32, shape (n, input_dim), or raise."""
        return to_unit_range(images, shape=(self.input_dim,))

    def _labels(self, labels, n):
        """Return classes as integers, shape (n,), None where the model has none, or raise."""
        if self.n_classes is None:
            if labels is not None:
                raise ModelError("the model was made without n_classes, and takes no labels.")
            return None
        if labels is None:
            raise ModelError(
                f"the model is conditional: give labels, {n} integers from 0 to "
                f"{self.n_classes - 1}."
            )
        labels = np.asarray(labels)
        if labels.shape != (n,) or labels.dtype.kind not in "iu":
            raise ModelError(
                f"labels must be {n} integers, one a picture, not {labels.dtype} of shape "
                f"{labels.shape}."
            )
        if labels.min() < 0 or labels.max() >= self.n_classes:
            raise ModelError(
                f"labels run from {labels.min()} to {labels.max()}, but must lie between 0 and "
                f"{self.n_classes - 1}."
            )
        return labels.astype(np.int32)


def _log_bernoulli(x, logits):
    """Log-probability of black-and-white pictures given the logits of white."""
    # not x * logits: PyTorch's tensors do not bear NumPy's arrays on their left
    return ops.sum(ops.multiply(x, logits) - ops.softplus(logits), axis=-1)


def _kl(mean, log_variance):
    """Kullback-Leibler divergence of N(mean, exp(log_variance)) from N(0, 1), per picture."""
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance, axis=-1)


def _batches(n):
    """Return the slices that n rows are worked on in."""
    return [slice(start, start + ROWS_AT_ONCE) for start in range(0, n, ROWS_AT_ONCE)]


def _at(labels, rows):
    return None if labels is None else labels[rows]


def _repeated(labels, times):
    return None if labels is None else np.tile(labels, times)
