"""The variational autoencoder of chapter 9, on every backend of Keras."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import (
    keras_seed,
    plain_array,
    positive_integer,
    positive_integers,
    random_generator,
    real_number,
)
from aeutils.core.errors import ImageError, ModelError
from aeutils.images import to_unit_range

__all__ = ["VariationalAutoencoder", "binarize"]

# images that are encoded or decoded at a time
ROWS_AT_ONCE = 2000
# how far pixels may leave [0, 1]
ROUNDING = 1e-6


def binarize(
    images: ArrayLike, seed: int | np.random.Generator | None = None
) -> NDArray[np.float32]:
    """Draw black-and-white images from grey ones: white with the grey value's probability.

    Parameters
    ----------
    images : array-like
        Pixels between 0 and 1, any shape; see :func:`~aeutils.images.to_unit_range`.
    seed : int or numpy.random.Generator, optional
        For drawing the same images again.

    Returns
    -------
    numpy.ndarray
        float32, 0 or 1, of the same shape.

    Raises
    ------
    ImageError
        If `images` is refused by :func:`~aeutils.images.to_unit_range`, or `seed` by
        :func:`numpy.random.default_rng`.

    References
    ----------
    Salakhutdinov and Murray, "On the quantitative analysis of deep belief networks", ICML 2008.
    """
    images = to_unit_range(plain_array("images", images, ImageError))
    draws = random_generator(seed, ImageError).random(images.shape, dtype=np.float32)
    return (draws < images).astype(np.float32)


@keras.saving.register_keras_serializable(package="aeutils")
class VariationalAutoencoder(keras.Model):
    """Dense variational autoencoder of black-and-white images.

    The encoder outputs mean and log-variance of a Gaussian over latent codes, the decoder the
    logits of independent black-or-white pixels.  Training minimises the negative evidence lower
    bound (ELBO), in nats per image; the loss is built in, so compile it with an optimizer alone.

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
        Makes it conditional: encoder and decoder also get the class, 0 to ``n_classes - 1``, and
        ``fit`` accepts ``(images, labels)`` instead of ``images``.
    beta : float, default 1.0
        Weight of the Kullback-Leibler term in training, at least 0; the loss is the negative
        ELBO at 1.
    seed : int or None, default None
        Of the draws in training; initial weights follow :func:`keras.utils.set_random_seed`.

    Attributes
    ----------
    encoder, decoder : keras.Model
        The two networks, with logits as the decoder's output.

    Raises
    ------
    ModelError
        If a width is not a positive integer, `beta` is negative or not finite, or `seed` is no
        integer from 0 to 4,294,967,295.

    Notes
    -----
    ``fit`` accepts pixels from 0 to 1.  Grey pixels are probabilities of white: each training step
    draws black-and-white images anew from them (dynamic binarisation).  Give ``fit`` the result of
    :func:`binarize` to train on one fixed draw.

    ``fit``, ``evaluate``, ``predict`` and ``validation_data`` also accept what Keras accepts as a
    dataset (``tf.data.Dataset``, ``keras.utils.PyDataset``, generators), in batches of shape
    (n, `input_dim`); those of a conditional model are ``((images, labels),)``.  Each batch is
    checked while it is used: one with pixels outside of [0, 1], NaN or unknown labels changes no
    weight by its contents, and raises an :class:`~aeutils.core.errors.ImageError`.

    Save with ``vae.save("vae.keras")``.  ``keras.models.load_model`` reads it after ``import
    aeutils.generative.vae``; before, Keras says that it cannot locate the class.
    :meth:`export` writes files for use without Keras.

    Calling the model, and so ``predict``, returns a dictionary: ``target``, the images;
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
        latent_dim: int = 20,
        hidden_layer_sizes: Sequence[int] = (512, 256),
        input_dim: int = 784,
        n_classes: int | None = None,
        beta: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
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
        self.beta = real_number("beta", beta, ModelError, low=0)
        self.seed = keras_seed(seed, ModelError)
        self.generator = keras.random.SeedGenerator(self.seed)
        widths = self.hidden_layer_sizes
        self.encoder = self._network("encoder", self.input_dim, widths, 2 * self.latent_dim)
        self.decoder = self._network("decoder", self.latent_dim, widths[::-1], self.input_dim)
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.kl_tracker = keras.metrics.Mean(name="kl")
        self.built = True  # both networks have their weights

    def _network(self, name: str, n_in: int, hidden: Sequence[int], n_out: int) -> keras.Model:
        """Return a dense network, with the class as a second input where there are classes."""
        x = inputs = keras.Input((n_in,))
        if self.n_classes:
            label = keras.Input((self.n_classes,), name="label")
            x, inputs = layers.Concatenate()([x, label]), [inputs, label]
        for n in hidden:
            x = layers.Dense(n, activation="relu", kernel_initializer="he_normal")(x)
        # in float32 also where the rest is not: 784 logarithms are added up
        outputs = layers.Dense(n_out, dtype="float32", name="outputs")(x)
        return keras.Model(inputs, outputs, name=name)

    def compile(self, optimizer: Any = "rmsprop", loss: None = None, **kwargs: Any) -> None:
        """Configure training as :meth:`keras.Model.compile` does; the loss is built in.

        Parameters
        ----------
        optimizer, **kwargs
            As of :meth:`keras.Model.compile`.
        loss : None
            For the order of arguments that Keras has.

        Raises
        ------
        ModelError
            If there is a loss, or metrics.
        """
        names = ("loss_weights", "metrics", "weighted_metrics")
        _refuse(loss=loss, **{name: kwargs.get(name) or None for name in names})
        super().compile(optimizer, **kwargs)

    def compile_from_config(self, config: dict) -> None:
        """Compile a loaded model as it was when it was saved."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(
        self,
        x: Any = None,
        y: None = None,
        *args: Any,
        validation_data: Any = None,
        callbacks: Any = None,
        sample_weight: None = None,
        class_weight: None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Train as :meth:`keras.Model.fit` does.

        Parameters
        ----------
        x : array-like, pair of array-like, or dataset
            Images as of :meth:`encode`; where the model is conditional, a pair of images and
            labels.  The notes on the class say which datasets are accepted.
        y, sample_weight, class_weight : None
            There are no targets, and each image counts once.
        validation_data : optional
            As `x`; ``(x,)`` is accepted, too.
        *args, callbacks, **kwargs
            As of :meth:`keras.Model.fit`.

        Returns
        -------
        keras.callbacks.History
            With ``loss``, and separately ``reconstruction`` and ``kl``, in nats.

        Raises
        ------
        ImageError
            If a pixel lies outside of [0, 1] or is masked, or images have another number of
            pixels.
        ModelError
            If labels are missing, needless, or out of range, or there are targets or weights.
        """
        _refuse(y=y, sample_weight=sample_weight, class_weight=class_weight)
        x = self._data(x)
        if validation_data is not None:
            if isinstance(validation_data, tuple) and len(validation_data) == 1:
                validation_data = validation_data[0]
            # Keras would take a pair for inputs and targets
            validation_data = self._data(validation_data)
            if not _is_dataset(validation_data):
                validation_data = (validation_data,)
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks.append(_RefuseBadBatches())
        else:
            callbacks = [*keras.tree.flatten(callbacks or []), _RefuseBadBatches()]
        return super().fit(
            x, None, *args, validation_data=validation_data, callbacks=callbacks, **kwargs
        )

    def evaluate(
        self, x: Any = None, y: None = None, *args: Any, sample_weight: None = None, **kwargs: Any
    ) -> Any:
        """Return the loss as :meth:`keras.Model.evaluate` does, of images as of :meth:`fit`."""
        _refuse(y=y, sample_weight=sample_weight)
        found = super().evaluate(self._data(x), None, *args, **kwargs)
        _refuse_bad_batches(found.values() if isinstance(found, dict) else np.ravel(found))
        return found

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> dict[str, NDArray[np.float32]]:
        """Return what calling the model returns, for images as of :meth:`fit`."""
        found = super().predict(self._data(x), *args, **kwargs)
        self._flat(found["target"])  # those of a dataset have not been checked yet
        _finite(found["logits"])
        return found

    def train_on_batch(
        self,
        x: Any,
        y: None = None,
        sample_weight: None = None,
        class_weight: None = None,
        **kwargs: Any,
    ) -> Any:
        """Train on one batch as :meth:`keras.Model.train_on_batch` does, of arrays as `fit`'s."""
        _refuse(y=y, sample_weight=sample_weight, class_weight=class_weight)
        return super().train_on_batch(self._arrays(x), **kwargs)

    def test_on_batch(
        self, x: Any, y: None = None, sample_weight: None = None, **kwargs: Any
    ) -> Any:
        """Evaluate one batch as :meth:`keras.Model.test_on_batch` does, of arrays as `fit`'s."""
        _refuse(y=y, sample_weight=sample_weight)
        return super().test_on_batch(self._arrays(x), **kwargs)

    def predict_on_batch(self, x: Any) -> dict[str, NDArray[np.float32]]:
        """Return what calling the model returns, for one batch of arrays as `fit`'s."""
        return super().predict_on_batch(self._arrays(x))

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        """Encode, draw a code, decode; the notes on the class describe the result."""
        x, label = self._parts(inputs)
        valid = self._valid(x, label)
        if training:
            x = ops.cast(keras.random.uniform(ops.shape(x), seed=self.generator) < x, "float32")
        mean, log_variance = self._posterior(x, label)
        # the randomness comes from outside: gradients go through mean and variance
        noise = keras.random.normal(ops.shape(mean), seed=self.generator)
        logits = self._logits(mean + ops.exp(0.5 * log_variance) * noise, label)
        if not training:
            logits = ops.where(valid[:, None], logits, float("nan"))
        return {"target": x, "logits": logits, "mean": mean, "log_variance": log_variance}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the mean negative ELBO, with the Kullback-Leibler term times `beta`.

        It is minus infinity, without a gradient, where a batch holds what is no image.
        """
        _refuse(y=y, sample_weight=sample_weight)
        reconstruction = -_log_bernoulli(y_pred["target"], y_pred["logits"])
        kl = _kl(y_pred["mean"], y_pred["log_variance"])
        self.reconstruction_tracker.update_state(reconstruction)
        self.kl_tracker.update_state(kl)
        valid = ops.all(self._valid(*self._parts(x)))
        return ops.where(valid, ops.mean(reconstruction + self.beta * kl), -math.inf)

    def export(
        self, filepath: str | os.PathLike[str], format: str = "tf_saved_model", **kwargs: Any
    ) -> None:
        """Export the reconstruction of images, for use without Keras.

        What is written returns ``decode(encode(images)[0])``: the probabilities of white that the
        mean of each image's code is decoded to.  Inputs are float32 images, shape
        (n, `input_dim`), and int32 labels, shape (n,), where the model is conditional; they are
        not checked.  For the parts use ``vae.encoder.export`` and ``vae.decoder.export``, which
        accept and return what these networks do.

        Parameters
        ----------
        filepath : str or os.PathLike
            Where to write.
        format : str, default "tf_saved_model"
            Also ``"onnx"`` and what else :meth:`keras.Model.export` writes.
        **kwargs
            As of :meth:`keras.Model.export`.
        """
        inputs = images = keras.Input((self.input_dim,), name="images")
        labels = None
        if self.n_classes:
            labels = keras.Input((), dtype="int32", name="labels")
            inputs = [images, labels]
        mean, _ = self._posterior(images, labels)
        outputs = ops.sigmoid(self._logits(mean, labels))
        model = keras.Model(inputs, outputs, name=self.name)
        model(inputs)  # Keras exports to ONNX what has been called
        model.export(filepath, format=format, **kwargs)

    def encode(
        self, images: ArrayLike, labels: ArrayLike | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the Gaussian over latent codes of each image.

        Parameters
        ----------
        images : array-like
            n images of `input_dim` pixels between 0 and 1, shape (n, `input_dim`) or
            (n, height, width); see :func:`~aeutils.images.to_unit_range` for the types.
        labels : array-like of int, shape (n,), optional
            Their classes, where the model is conditional.

        Returns
        -------
        mean, log_variance : numpy.ndarray
            float32, shape (n, latent_dim).

        Raises
        ------
        ImageError
            If a pixel lies outside of [0, 1] or is masked, or images have another number of
            pixels.
        ModelError
            If labels are missing, needless, or out of range, or the network outputs NaN.
        """
        x = self._flat(images)
        labels = self._labels(labels, len(x))
        batches = [
            [ops.convert_to_numpy(part) for part in self._posterior(x[rows], _at(labels, rows))]
            for rows in _batches(len(x))
        ]
        mean, log_variance = zip(*batches, strict=True)
        return _finite(np.concatenate(mean)), _finite(np.concatenate(log_variance))

    def decode(self, codes: ArrayLike, labels: ArrayLike | None = None) -> NDArray[np.float32]:
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
            If the codes have another width, are masked or not finite, labels are missing,
            needless, or out of range, or the network outputs NaN.
        """
        codes = plain_array("codes", codes, ModelError)
        if codes.ndim != 2 or codes.shape[1] != self.latent_dim or len(codes) == 0:
            raise ModelError(
                f"codes must have shape (n, {self.latent_dim}), n at least 1; got {codes.shape}."
            )
        with np.errstate(over="ignore"):
            codes = codes.astype(np.float32)
        if not np.isfinite(codes).all():
            raise ModelError("codes must be finite in float32; got NaN or infinite values.")
        labels = self._labels(labels, len(codes))
        batches = [
            ops.convert_to_numpy(ops.sigmoid(self._logits(codes[rows], _at(labels, rows))))
            for rows in _batches(len(codes))
        ]
        return _finite(np.concatenate(batches))

    def sample(
        self,
        n: int,
        labels: ArrayLike | None = None,
        seed: int | np.random.Generator | None = None,
    ) -> NDArray[np.float32]:
        """Generate images: draw codes from the prior, decode them.

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
            black-and-white images that :func:`binarize` draws from them.

        Raises
        ------
        ModelError
            If `n` is not a positive integer, labels are missing, needless, or out of range, or
            `seed` is refused by :func:`numpy.random.default_rng`.
        """
        n = positive_integer("n", n, ModelError)
        if labels is not None and np.ndim(labels) == 0:
            labels = np.repeat(labels, n)
        codes = random_generator(seed, ModelError).standard_normal((n, self.latent_dim))
        return self.decode(codes, labels)

    def elbo(
        self,
        images: ArrayLike,
        labels: ArrayLike | None = None,
        n_samples: int = 1,
        seed: int | np.random.Generator | None = 0,
    ) -> NDArray[np.float64]:
        """Compute the evidence lower bound of each image, in nats.

        Parameters
        ----------
        images : array-like
            n images as of :meth:`encode`, all pixels 0 or 1; :func:`binarize` makes them.
        labels : array-like of int, shape (n,), optional
            Their classes, where the model is conditional.
        n_samples : int, default 1
            Codes drawn for each image; the Kullback-Leibler term is exact.
        seed : int or numpy.random.Generator, default 0
            For the same codes again.

        Returns
        -------
        numpy.ndarray
            float64, shape (n,).  On average over the draws it is not above the log-likelihood.

        Raises
        ------
        ImageError
            If a pixel is neither 0 nor 1 or is masked, or images have another number of pixels.
        ModelError
            If `n_samples` is not a positive integer, labels are missing, needless, or out of
            range, `seed` is refused by :func:`numpy.random.default_rng`, or the network outputs
            NaN.
        """
        return np.concatenate(
            [
                log_p_x.mean(axis=0) - kl
                for log_p_x, _, kl in self._draws(images, labels, n_samples, seed)
            ]
        )

    def log_likelihood(
        self,
        images: ArrayLike,
        labels: ArrayLike | None = None,
        n_samples: int = 1000,
        seed: int | np.random.Generator | None = 0,
    ) -> NDArray[np.float64]:
        """Compute the importance-weighted estimate of each image's log-likelihood, in nats.

        ``log mean(p(x|z) p(z) / q(z|x))`` over codes z drawn from the encoder's Gaussian q.  On
        average over the draws it is a lower bound as well, and rises to the log-likelihood with
        `n_samples`.

        Parameters
        ----------
        images, labels, n_samples, seed
            As of :meth:`elbo`.  Each image costs `n_samples` decodings.

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

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return super().get_config() | {
            "latent_dim": self.latent_dim,
            "hidden_layer_sizes": list(self.hidden_layer_sizes),
            "input_dim": self.input_dim,
            "n_classes": self.n_classes,
            "beta": self.beta,
            "seed": self.seed,
        }

    def _posterior(self, x: Any, labels: Any) -> Any:
        """Return mean and log-variance of the codes."""
        return ops.split(self.encoder(self._with_class(x, labels)), 2, axis=-1)

    def _logits(self, codes: Any, labels: Any) -> Any:
        """Return the logits of white."""
        return self.decoder(self._with_class(codes, labels))

    def _with_class(self, x: Any, labels: Any) -> Any:
        """Return what a network accepts: `x`, and the classes where there are any."""
        if labels is None:
            return x
        return [ops.convert_to_tensor(x), ops.one_hot(labels, self.n_classes)]

    def _draws(
        self, images: ArrayLike, labels: ArrayLike | None, n_samples: int, seed: Any
    ) -> Iterator[tuple[NDArray, NDArray, NDArray]]:
        """Yield log p(x|z), log p(z)/q(z|x) and the KL term of one batch of images at a time.

        The first two have the shape (n_samples, images), the third (images,).
        """
        n_samples = positive_integer("n_samples", n_samples, ModelError)
        every = self._flat(images)
        if not np.isin(every, (0, 1)).all():
            raise ImageError(
                "images must be black and white, all pixels 0 or 1, for their likelihood; some "
                "are grey. Draw them with aeutils.generative.binarize(images, seed)."
            )
        checked = self._labels(labels, len(every))
        rng = random_generator(seed, ModelError)
        for rows in _batches(len(every)):
            x, label = every[rows], _at(checked, rows)
            posterior = self._posterior(x, label)
            mean, log_variance = (
                _finite(ops.convert_to_numpy(part).astype("f8")) for part in posterior
            )
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
            yield _finite(np.concatenate(log_p_x)), np.concatenate(log_ratio), _finite(kl)

    def _data(self, x: Any) -> Any:
        """Return checked arrays; a dataset whose first batch has been looked at."""
        if not _is_dataset(x):
            return self._arrays(x)
        # before Keras starts, since on JAX an error inside of a step loses the weights
        first, x = _first_batch(x)
        inputs, y, sample_weight = keras.utils.unpack_x_y_sample_weight(first)
        self._check_batch(inputs)
        _refuse(y=y, sample_weight=sample_weight)
        return x

    def _arrays(self, x: Any) -> Any:
        """Return images, with labels where the model is conditional, as Keras accepts them."""
        if isinstance(x, tuple) and len(x) == 2:
            images = self._flat(x[0])
            return images, self._labels(x[1], len(images))
        images = self._flat(x)
        self._labels(None, len(images))
        return images

    def _check_batch(self, inputs: Any) -> None:
        """Raise where a batch has another structure, shape or type than the networks accept."""
        images, *labels = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
        if len(labels) != bool(self.n_classes):
            raise ModelError(
                "each batch must be images alone, since the model is not conditional."
                if labels
                else "each batch must be a pair of images and labels, since the model is "
                "conditional; a dataset must yield ((images, labels),)."
            )
        for label in labels:
            dtype = keras.backend.standardize_dtype(getattr(label, "dtype", "float32"))
            if "int" not in dtype:
                raise ModelError(f"labels must be integers; got {dtype}. Convert them.")
        shape: Any = getattr(images, "shape", None)
        try:
            fits = len(shape) == 2 and shape[1] in (None, self.input_dim)
        except (TypeError, ValueError):  # TensorFlow's unknown shapes have no length
            fits = False
        if not fits:
            raise ImageError(
                f"each batch must have shape (n, {self.input_dim}); got {shape}. Flatten the "
                "images of a dataset first."
            )

    def _parts(self, inputs: Any) -> tuple[Any, Any]:
        """Return a batch's images as float32, and its classes, or raise for other shapes."""
        self._check_batch(inputs)
        x, label = inputs if self.n_classes else (inputs, None)
        if label is not None:
            label = ops.cast(ops.reshape(label, (-1,)), "int32")
        return ops.cast(x, "float32"), label

    def _valid(self, x: Any, label: Any) -> Any:
        """Return which rows of a batch have pixels between 0 and 1, and a class that exists."""
        valid = ops.all((x >= -ROUNDING) & (x <= 1 + ROUNDING), axis=-1)
        if label is not None:
            valid = valid & (label >= 0) & (label < self.n_classes)
        return valid

    def _flat(self, images: ArrayLike) -> NDArray[np.float32]:
        """Return images as float32, shape (n, input_dim), or raise."""
        array = plain_array("images", images, ImageError)
        if array.ndim == 1:
            array = array[None]
        # by the shape of one image: halves of images must not be merged
        if array.size == 0 or math.prod(array.shape[1:]) != self.input_dim:
            raise ImageError(
                f"images must have shape (n, {self.input_dim}), or (n, height, width) with as many "
                f"pixels, n at least 1; got {np.shape(images)}. One image is image[None]."
            )
        return to_unit_range(array).reshape(len(array), self.input_dim)

    def _labels(self, labels: ArrayLike | None, n: int) -> NDArray[np.int32] | None:
        """Return classes as integers, shape (n,), None where the model has none, or raise."""
        if self.n_classes is None:
            if labels is not None:
                raise ModelError("the model was made without n_classes, and accepts no labels.")
            return None
        classes = f"{n} integers from 0 to {self.n_classes - 1}"
        if labels is None:
            raise ModelError(f"the model is conditional: give labels, {classes}.")
        array = plain_array("labels", labels, ModelError)
        if array.shape != (n,) or array.dtype.kind not in "iu":
            raise ModelError(
                f"labels must be {classes}, one for each image; got {array.dtype} of shape "
                f"{array.shape}."
            )
        if array.min() < 0 or array.max() >= self.n_classes:
            raise ModelError(f"labels must be {classes}; got {array.min()} to {array.max()}.")
        return array.astype(np.int32)


class _RefuseBadBatches(keras.callbacks.Callback):
    """Stop a training run after a batch that held what is no image."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Look at the mean loss of the epoch so far."""
        _refuse_bad_batches([(logs or {}).get("loss", 0.0)])


def _refuse_bad_batches(losses: Any) -> None:
    """Raise where `compute_loss` has marked a batch."""
    if any(float(loss) == -math.inf for loss in losses):
        raise ImageError(
            "a batch of the dataset has pixels outside of [0, 1], NaN, or labels that are no class "
            "of the model; convert its images by aeutils.images.to_unit_range. No such batch has "
            "changed the weights by its contents."
        )


def _refuse(**arguments: Any) -> None:
    """Raise for arguments of Keras that have no meaning here."""
    given = [name for name, value in arguments.items() if value is not None]
    if given:
        raise ModelError(
            f"{' and '.join(given)} must be None: the loss of a VariationalAutoencoder is built in "
            "and compares each image with itself. Call compile(optimizer) and fit(images)."
        )


def _is_dataset(x: Any) -> bool:
    """Return whether Keras draws batches from something, rather than slicing it."""
    if isinstance(x, list | tuple) or hasattr(x, "__array__"):
        return False
    if isinstance(x, keras.utils.PyDataset):
        return True
    return hasattr(x, "__iter__") and not isinstance(x, str | bytes | Mapping)


def _first_batch(dataset: Any) -> tuple[Any, Any]:
    """Return the first batch of a dataset, or what one looks like, and the whole dataset."""
    if hasattr(dataset, "element_spec"):  # TensorFlow's
        return dataset.element_spec, dataset
    if isinstance(dataset, keras.utils.PyDataset):
        return dataset[0], dataset
    batches = iter(dataset)
    first = next(batches, None)
    if batches is dataset:
        dataset = (batch for part in ([first], batches) for batch in part)
    return first, dataset


def _finite(outputs: NDArray) -> NDArray:
    """Return what a network has put out, or raise where it is not finite."""
    if not np.isfinite(outputs).all():
        raise ModelError(
            "the network outputs NaN or infinite values: its weights have diverged. Train it again "
            "with a smaller learning rate."
        )
    return outputs


def _log_bernoulli(x: Any, logits: Any) -> Any:
    """Log-probability of black-and-white images given the logits of white."""
    # not x * logits: PyTorch's tensors do not bear NumPy's arrays on their left
    return ops.sum(ops.multiply(x, logits) - ops.softplus(logits), axis=-1)


def _kl(mean: Any, log_variance: Any) -> Any:
    """Kullback-Leibler divergence of N(mean, exp(log_variance)) from N(0, 1), per image."""
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance, axis=-1)


def _batches(n: int) -> list[slice]:
    """Return the slices that n rows are worked on in."""
    return [slice(start, start + ROWS_AT_ONCE) for start in range(0, n, ROWS_AT_ONCE)]


def _at(labels: NDArray | None, rows: slice) -> NDArray | None:
    return None if labels is None else labels[rows]


def _repeated(labels: NDArray | None, times: int) -> NDArray | None:
    return None if labels is None else np.tile(labels, times)
