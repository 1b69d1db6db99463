"""An autoencoder as a scikit-learn outlier detector."""

import json
import os
import tempfile
import zipfile
import zlib
from numbers import Integral, Real
from pathlib import Path
from typing import ClassVar

import numpy as np
from scipy.linalg import pinvh
from scipy.sparse import issparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    OutlierMixin,
    TransformerMixin,
)
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from aeutils.core.errors import AeutilsError, DataFileError

__all__ = ["AutoencoderDetector"]

PATIENCE = 10
# of the variance of the training rows, which the default latent size keeps
EXPLAINED_VARIANCE = 0.95
ROWS_FOR_LATENT_DIM = 5000
ROWS_AT_ONCE = 4096
LARGEST = 1e9
VALIDATION_ROWS_WORTHWHILE = 50
# what a stored detector consists of, besides the parameters and the layers
FILE_FORMAT = 1
STORED_ARRAYS = ("mean_", "scale_", "_latent_mean", "_latent_precision")
STORED_VALUES = (
    *("offset_", "latent_dim_", "n_features_in_", "n_iter_", "history_"),
    *("_usual_error", "_usual_distance"),
)


class AutoencoderDetector(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, OutlierMixin, BaseEstimator
):
    """Outlier detection by an autoencoder, for tables and flattened images.

    A dense network learns to reproduce the training rows through a bottleneck.  Rows that it
    reproduces badly, or whose latent codes lie far from those of the training rows, are
    outliers.

    Parameters
    ----------
    contamination : float, default 0.1
        Share of outliers in the training rows, in (0, 0.5]; it sets the threshold, not the
        scores.
    hidden_layer_sizes : sequence of int, default (64, 32)
        Widths of the encoder's hidden layers, from input to bottleneck; the decoder's are the
        reverse.  May be empty.
    latent_dim : int or None, default None
        Width of the bottleneck, at most the number of features.  None takes as many values as
        principal components are needed for 95 % of the training rows' variance.
    anomaly_score : {"combined", "reconstruction"}, default "combined"
        ``"reconstruction"`` is the mean squared error of the scaled features.  ``"combined"``
        adds the squared Mahalanobis distance of the latent code from the mean of the training
        codes (Denouden et al. 2018); each of the two is divided by its mean over the training
        rows, so that neither outweighs the other.  Named so because scikit-learn takes an
        attribute ``score`` for a method.
    standardize : bool, default True
        Whether each feature is divided by its own standard deviation, which a table of mixed
        units needs.  False divides all by one common number, which pixels need: a pixel that
        is hardly ever lit would otherwise weigh as much as all others together.
    noise : float, default 0.15
        Standard deviation of the Gaussian noise that is added to the scaled rows in training
        and that the network learns to remove, a guard against learning single rows by heart
        (Vincent et al. 2010).
    epochs : int, default 50
        Most epochs; training stops earlier when the validation loss has not fallen for 10.
    batch_size : int, default 32
        Rows a training step.
    learning_rate : float, default 0.005
        Of the Adam optimizer.
    validation_fraction : float or "auto", default "auto"
        Share of the training rows, in [0, 1), set aside for early stopping; where it comes to
        no row, the loss on the training rows takes its place.  ``"auto"`` sets 0.1 aside if
        that gives at least 50 rows, and none otherwise: fewer are missed in training more than
        they help to stop it.
    random_state : int, numpy.random.RandomState or None, default None
        Source of the initial weights, the validation rows and the order of the rows.  An
        integer gives the same scores again on the same machine.
    verbose : bool, default False
        Whether to show a progress bar.

    Attributes
    ----------
    offset_ : float
        Threshold on `score_samples`: a share `contamination` of the training rows is below it.
    coefs_, intercepts_ : list of numpy.ndarray
        Kernel, shape (n_in, n_out), and bias, shape (n_out,), of each layer, float64.
    latent_dim_ : int
        Width of the bottleneck.
    mean_, scale_ : numpy.ndarray of shape (n_features,)
        What is subtracted from the features, and what they are divided by.
    history_ : dict of str to list of float
        ``loss`` and ``val_loss`` of each epoch.
    n_iter_ : int
        Number of epochs run.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : numpy.ndarray of str
        Names of the features, where the training rows had any.

    Notes
    -----
    Keras and its backend are loaded by ``fit`` and by nothing else; on TensorFlow small tables are
    trained fastest.  Scores are computed by NumPy in float64, so that a row has the same score
    alone and among others, and a stored detector needs no Keras.

    References
    ----------
    Denouden et al., "Improving Reconstruction Autoencoder Out-of-distribution Detection with
    Mahalanobis Distance", 2018, arXiv:1812.02765.

    Vincent et al., "Stacked Denoising Autoencoders: Learning Useful Representations in a Deep
    Network with a Local Denoising Criterion", JMLR 11, 2010.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from aeutils import AutoencoderDetector
    >>> x, y = load_wine(return_X_y=True)
    >>> detector = AutoencoderDetector(random_state=0).fit(x[y == 0])
    >>> bool(detector.score_samples(x[y == 0]).mean() > detector.score_samples(x[y == 2]).mean())
    True
    """

    _parameter_constraints: ClassVar = {
        "contamination": [Interval(Real, 0, 0.5, closed="right")],
        "hidden_layer_sizes": ["array-like"],
        "latent_dim": [Interval(Integral, 1, None, closed="left"), None],
        "anomaly_score": [StrOptions({"combined", "reconstruction"})],
        "standardize": ["boolean"],
        "noise": [Interval(Real, 0, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left"), StrOptions({"auto"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        contamination=0.1,
        hidden_layer_sizes=(64, 32),
        latent_dim=None,
        anomaly_score="combined",
        standardize=True,
        noise=0.15,
        epochs=50,
        batch_size=32,
        learning_rate=0.005,
        validation_fraction="auto",
        random_state=None,
        verbose=False,
    ):
        self.contamination = contamination
        self.hidden_layer_sizes = hidden_layer_sizes
        self.latent_dim = latent_dim
        self.anomaly_score = anomaly_score
        self.standardize = standardize
        self.noise = noise
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self):
        """Tell scikit-learn that sparse rows are taken too."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X, y=None):
        """Train on rows that are normal, or mostly so.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Training rows, at least two.  Sparse ones are made dense.
        y : ignored
            There for scikit-learn's pipelines.

        Returns
        -------
        AutoencoderDetector
            The detector itself.

        Raises
        ------
        ValueError
            If a parameter or the rows are not as described, or the training diverges.
        """
        self._validate_params()
        hidden = self._hidden_widths()
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, ensure_min_samples=2)
        x = X.toarray() if issparse(X) else X
        random_state = check_random_state(self.random_state)
        self._fit_scale(x)
        x = ((x - self.mean_) / self.scale_).astype(np.float32)
        self.latent_dim_ = self._choose_latent_dim(x, random_state)

        from aeutils.anomalies.training import train  # here, since it loads Keras

        order = random_state.permutation(len(x))
        n_validation = self._n_validation(len(x))
        x_train = x[order[n_validation:]]
        weights, self.history_ = train(
            x_train,
            x[order[:n_validation]] if n_validation else x_train,
            [x.shape[1], *hidden, self.latent_dim_, *reversed(hidden), x.shape[1]],
            noise=float(self.noise),
            epochs=int(self.epochs),
            batch_size=int(self.batch_size),
            learning_rate=float(self.learning_rate),
            patience=PATIENCE,
            random_state=random_state,
            verbose=bool(self.verbose),
        )
        self.coefs_ = [kernel.astype(np.float64) for kernel, _ in weights]
        self.intercepts_ = [bias.astype(np.float64) for _, bias in weights]
        self.n_iter_ = len(self.history_["loss"])
        self._fit_scores(X)
        return self

    def score_samples(self, X):
        """Score rows: the higher, the more normal.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        numpy.ndarray of float64, shape (n_samples,)
            The opposite of the anomaly score that `anomaly_score` names; at most 0.
        """
        return self._score(self._checked(X))

    def decision_function(self, X):
        """Score rows in relation to the threshold: outliers are below 0.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        numpy.ndarray of float64, shape (n_samples,)
            ``score_samples(X) - offset_``.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """Tell outliers from inliers.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to judge.

        Returns
        -------
        numpy.ndarray of int, shape (n_samples,)
            -1 for outliers, +1 for inliers.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def feature_errors(self, X):
        """Tell which features of a row are badly reconstructed.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to explain.

        Returns
        -------
        numpy.ndarray of float64, shape (n_samples, n_features)
            Squared error of each scaled feature; the mean over a row is its reconstruction
            error.
        """
        return self._in_pieces(self._checked(X), self._squared_errors)

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        numpy.ndarray of float64, shape (n_samples, latent_dim)
            Latent codes.
        """
        return self._in_pieces(self._checked(X), self._encode)

    def inverse_transform(self, X):
        """Decode latent codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, latent_dim)
            Latent codes.

        Returns
        -------
        numpy.ndarray of float64, shape (n_samples, n_features)
            Rows, in the units of the training rows.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=np.float64)
        if codes.shape[1] != self.latent_dim_:
            raise AeutilsError(
                f"X has {codes.shape[1]} values a row, but the latent codes of this "
                f"{type(self).__name__} have {self.latent_dim_}."
            )
        return self._decode(codes) * self.scale_ + self.mean_

    def save(self, path):
        """Store the fitted detector in one file, from which :meth:`load` restores it.

        The file holds numbers and text only: unlike a pickle it cannot run code when it is
        loaded, and other versions of Python and of the libraries read it too.

        Parameters
        ----------
        path : str or os.PathLike
            The file, by custom with the ending ``.npz``; replaced where there is one.

        Raises
        ------
        DataFileError
            If the file cannot be written.
        """
        check_is_fitted(self)
        parameters = self.get_params()
        if not isinstance(self.random_state, Integral):
            parameters["random_state"] = None  # a generator's state decides later fits only
        parameters["hidden_layer_sizes"] = self._hidden_widths()
        about = {
            "format": FILE_FORMAT,
            "parameters": parameters,
            "values": {name: getattr(self, name) for name in STORED_VALUES},
            "feature_names": list(getattr(self, "feature_names_in_", [])),
        }
        arrays = {name: getattr(self, name) for name in STORED_ARRAYS}
        for i, (kernel, bias) in enumerate(zip(self.coefs_, self.intercepts_, strict=True)):
            arrays[f"coefs_{i}"], arrays[f"intercepts_{i}"] = kernel, bias
        text = json.dumps(about, default=lambda number: number.item())
        path = Path(path)
        try:
            # a name of its own first, so that nobody ever meets half a file
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as folder:
                partial = Path(folder) / "detector.npz"
                np.savez_compressed(partial, about=np.array(text), **arrays)
                os.replace(partial, path)
        except OSError as error:
            raise DataFileError(f"{path}: cannot be written: {error.strerror}.") from error

    @classmethod
    def load(cls, path):
        """Restore a detector that :meth:`save` stored.

        Parameters
        ----------
        path : str or os.PathLike
            The file.

        Returns
        -------
        AutoencoderDetector
            Fitted, with the scores that it had; Keras is not loaded.

        Raises
        ------
        DataFileError
            If the file cannot be read, or holds no detector of this version.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
                if about["format"] != FILE_FORMAT:
                    raise DataFileError(
                        f"{path}: written in format {about['format']}, while this version of "
                        f"aeutils reads format {FILE_FORMAT}; fit and save the detector again."
                    )
                detector = cls(**about["parameters"])
                n_layers = 2 * len(detector.hidden_layer_sizes) + 2
                detector.coefs_ = [file[f"coefs_{i}"] for i in range(n_layers)]
                detector.intercepts_ = [file[f"intercepts_{i}"] for i in range(n_layers)]
                for name in STORED_ARRAYS:
                    setattr(detector, name, file[name])
                for name in STORED_VALUES:
                    setattr(detector, name, about["values"][name])
                names = about["feature_names"]
        except OSError as error:
            if isinstance(error, DataFileError):
                raise
            raise DataFileError(f"{path}: cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise DataFileError(
                f"{path}: not a detector stored by AutoencoderDetector.save, or damaged."
            ) from error
        if names:
            detector.feature_names_in_ = np.array(names, dtype=object)
        return detector

    def _hidden_widths(self):
        """Return the hidden layers' widths as integers, or raise."""
        widths = list(self.hidden_layer_sizes)
        if not all(
            isinstance(width, Integral) and not isinstance(width, bool) and width >= 1
            for width in widths
        ):
            raise AeutilsError(
                f"hidden_layer_sizes must hold positive integers, not {self.hidden_layer_sizes!r}."
            )
        return [int(width) for width in widths]

    def _fit_scale(self, x):
        """Learn what rows are shifted and divided by."""
        with np.errstate(over="ignore", invalid="ignore"):  # told below, by name
            scaler = StandardScaler().fit(x)
        too_large = ~np.isfinite(scaler.var_)
        if too_large.any():
            raise AeutilsError(
                f"the values of feature {np.argmax(too_large)} are too large to be squared; "
                "rescale them first."
            )
        self.mean_, self.scale_ = scaler.mean_, scaler.scale_
        if not self.standardize:
            overall = np.sqrt(scaler.var_.mean())
            self.scale_ = np.full_like(self.scale_, overall if overall > 0 else 1.0)

    def _n_validation(self, n_samples):
        """Return the number of rows set aside for early stopping."""
        if self.validation_fraction == "auto":
            n_validation = n_samples // 10
            return n_validation if n_validation >= VALIDATION_ROWS_WORTHWHILE else 0
        n_validation = int(self.validation_fraction * n_samples)
        if n_samples - n_validation < 2:
            raise AeutilsError(
                f"validation_fraction={self.validation_fraction} leaves "
                f"{n_samples - n_validation} of {n_samples} rows to train on; 2 are the least."
            )
        return n_validation

    def _choose_latent_dim(self, x, random_state):
        """Return the width of the bottleneck."""
        n_samples, n_features = x.shape
        if self.latent_dim is not None:
            if self.latent_dim > n_features:
                raise AeutilsError(
                    f"latent_dim={self.latent_dim} is wider than the input of n_features="
                    f"{n_features}: nothing would be compressed; choose at most {n_features}."
                )
            return int(self.latent_dim)
        if not x.any():
            return 1  # nothing varies
        if n_samples > ROWS_FOR_LATENT_DIM:
            x = x[random_state.choice(n_samples, ROWS_FOR_LATENT_DIM, replace=False)]
        shares = PCA(random_state=random_state).fit(x).explained_variance_ratio_
        needed = 1 + int(np.searchsorted(np.cumsum(shares), EXPLAINED_VARIANCE))
        return min(needed, max(1, n_features - 1))

    def _fit_scores(self, X):
        """Learn what is usual among the training rows, and from that the threshold."""
        codes = self._in_pieces(X, self._encode)
        self._latent_mean = codes.mean(axis=0)
        # the pseudo-inverse leaves out directions in which the codes do not vary
        self._latent_precision = pinvh(np.atleast_2d(np.cov(codes, rowvar=False, ddof=0)))
        tiny = np.finfo(np.float64).tiny
        self._usual_error = max(float(self._in_pieces(X, self._errors).mean()), tiny)
        self._usual_distance = max(float(self._distances(codes).mean()), tiny)
        self.offset_ = float(np.percentile(self._score(X), 100 * self.contamination))

    def _checked(self, X):
        """Return rows as a float64 array or a sparse matrix, or raise as scikit-learn does."""
        check_is_fitted(self)
        return validate_data(self, X, reset=False, accept_sparse="csr", dtype=np.float64)

    def _in_pieces(self, X, function):
        """Apply a function of scaled dense rows to some thousand rows at a time."""
        pieces = []
        for start in range(0, X.shape[0], ROWS_AT_ONCE):
            piece = X[start : start + ROWS_AT_ONCE]
            piece = piece.toarray() if issparse(piece) else piece
            with np.errstate(over="ignore"):
                scaled = (piece - self.mean_) / self.scale_
            # beyond this squares would overflow, and a NaN is not below any threshold
            pieces.append(function(np.clip(scaled, -LARGEST, LARGEST)))
        return np.concatenate(pieces)

    def _layers(self, h, first, last):
        """Run values through the layers from `first` to before `last`; the last one is linear."""
        for i in range(first, last):
            h = h @ self.coefs_[i] + self.intercepts_[i]
            if i < last - 1:
                h = np.where(h > 0, h, np.expm1(np.minimum(h, 0)))  # elu
        return h

    def _encode(self, rows):
        return self._layers(rows, 0, len(self.coefs_) // 2)

    def _decode(self, codes):
        return self._layers(codes, len(self.coefs_) // 2, len(self.coefs_))

    def _squared_errors(self, rows):
        return np.square(rows - self._decode(self._encode(rows)))

    def _errors(self, rows):
        return self._squared_errors(rows).mean(axis=1)

    def _distances(self, codes):
        """Return the squared Mahalanobis distance of codes from the usual code."""
        away = codes - self._latent_mean
        return np.einsum("ij,jk,ik->i", away, self._latent_precision, away, optimize=True)

    def _score(self, X):
        """Return the opposite of the chosen anomaly score of rows already checked."""
        combined = self.anomaly_score == "combined"
        return -self._in_pieces(X, self._combined if combined else self._errors)

    def _combined(self, rows):
        codes = self._encode(rows)
        errors = np.square(rows - self._decode(codes)).mean(axis=1)
        return errors / self._usual_error + self._distances(codes) / self._usual_distance

    @property
    def _n_features_out(self):
        """Tell scikit-learn how many features `transform` gives."""
        return self.latent_dim_
