"""An autoencoder as a scikit-learn outlier detector."""

import copy
import os
import warnings
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse, sparray, spmatrix
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    OutlierMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from aeutils.anomalies import storage
from aeutils.anomalies.scores import conformal_p_values
from aeutils.core.checks import positive_integers, refuse_masked
from aeutils.core.errors import AeutilsError

__all__ = ["AutoencoderDetector"]

PATIENCE = 10
# of the variance of the training rows, which the default latent size keeps
EXPLAINED_VARIANCE = 0.95
ROWS_FOR_LATENT_DIM = 5000
ROWS_AT_ONCE = 4096
LARGEST = 1e9
VALIDATION_ROWS_WORTHWHILE = 50

Rows: TypeAlias = ArrayLike | spmatrix | sparray
Floats: TypeAlias = NDArray[np.float64]


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
    anomaly_score : {"reconstruction", "combined"}, default "reconstruction"
        ``"reconstruction"`` is the mean squared error of the scaled features.  ``"combined"``
        adds the squared Mahalanobis distance of the latent code from the mean of the training
        codes (Denouden et al. 2018); each of the two is divided by its mean over the training
        rows, so that neither outweighs the other.  By ``benchmarks/detector_score.py`` neither is
        better in general; the default is the simpler one.
    standardize : bool, default True
        Whether each feature is divided by its own standard deviation, which a table of mixed
        units needs.  False divides all by one common number, which pixels need: a pixel that
        is hardly ever lit would otherwise weigh as much as all others together.
    noise : float, default 0.15
        Standard deviation of the Gaussian noise that is added to the scaled rows in training
        and that the network learns to remove, a guard against learning single rows by heart
        (Vincent et al. 2010).
    epochs : int, default 200
        Most epochs; training stops earlier when the validation loss has not fallen for 10, and
        warns where it did not.
    batch_size : int, default 32
        Rows per training step.
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
    calibration_scores_ : numpy.ndarray of shape (n_calibration,)
        Anomaly scores of the rows that `calibrate` was given, in rising order; missing before.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : numpy.ndarray of str
        Names of the features, where the training rows had any.

    Notes
    -----
    `anomaly_scores` are higher for stranger rows, as all measures and figures of ``aeutils`` take
    them; `score_samples` and `decision_function` are higher for normal rows, as scikit-learn
    demands.

    A fit that fails leaves the detector as it was.  One that the user interrupts keeps the best
    weights so far, and warns.

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
    >>> bool(detector.anomaly_scores(x[y == 2]).mean() > detector.anomaly_scores(x[y == 0]).mean())
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "contamination": [Interval(Real, 0, 0.5, closed="right")],
        "hidden_layer_sizes": ["array-like"],
        "latent_dim": [Interval(Integral, 1, None, closed="left"), None],
        "anomaly_score": [StrOptions({"reconstruction", "combined"})],
        "standardize": ["boolean"],
        "noise": [Interval(Real, 0, np.inf, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, np.inf, closed="neither")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left"), StrOptions({"auto"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        contamination: float = 0.1,
        hidden_layer_sizes: Sequence[int] | NDArray[np.integer] = (64, 32),
        latent_dim: int | None = None,
        anomaly_score: Literal["reconstruction", "combined"] = "reconstruction",
        standardize: bool = True,
        noise: float = 0.15,
        epochs: int = 200,
        batch_size: int = 32,
        learning_rate: float = 0.005,
        validation_fraction: float | Literal["auto"] = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
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

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that sparse rows are taken too."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Rows, y: object = None) -> Self:
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
            If a parameter or the rows are not as described, or the training diverges; the
            detector is then as it was before.

        Warns
        -----
        ConvergenceWarning
            If all `epochs` were run and the validation loss was still falling.
        UserWarning
            If the user interrupted the training; the best weights so far are kept.
        """
        fitted = copy.copy(self)
        fitted._fit(X)
        # at the very end and at once
        self.__dict__ = fitted.__dict__
        return self

    def anomaly_scores(self, X: Rows) -> Floats:
        """Score rows: the higher, the stranger.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        numpy.ndarray of float64, shape (n_samples,)
            The score that `anomaly_score` named when the detector was fitted; at least 0.
        """
        return self._scores(self._checked(X))

    def score_samples(self, X: Rows) -> Floats:
        """Score rows: the higher, the more normal.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        numpy.ndarray of float64, shape (n_samples,)
            ``-anomaly_scores(X)``; at most 0.
        """
        return -self.anomaly_scores(X)

    def decision_function(self, X: Rows) -> Floats:
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

    def predict(self, X: Rows) -> NDArray[np.int_]:
        """Label rows as outliers or inliers.

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

    def calibrate(self, X: Rows) -> Self:
        """Keep the scores of normal rows that were not trained on, which `p_values` compares with.

        A later `fit` discards them, since they are another network's.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Normal rows from the source of the new ones, none of them among the training rows:
            the network reproduces those better, and p-values would be too small.

        Returns
        -------
        AutoencoderDetector
            The detector itself.
        """
        self.calibration_scores_ = np.sort(self.anomaly_scores(X))
        return self

    def p_values(self, X: Rows) -> Floats:
        """Compute conformal p-values: how usual each row is among the calibration rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to judge.

        Returns
        -------
        numpy.ndarray of float64, shape (n_samples,)
            (1 + k) / (n + 1), where k of the n calibration rows score at least as high.  A normal
            row's is at most t with probability at most t, while normal rows come from the source
            of the calibration rows.  See :func:`aeutils.anomalies.discoveries` for a limit on the
            share of false alarms.

        Raises
        ------
        NotFittedError
            If the detector has not been fitted, or not been calibrated since.
        """
        check_is_fitted(self)
        check_is_fitted(
            self,
            "calibration_scores_",
            msg="This %(name)s is fitted but not calibrated. Call calibrate(X) with normal rows "
            "that were not trained on before p_values.",
        )
        return conformal_p_values(self.calibration_scores_, self.anomaly_scores(X))

    def feature_errors(self, X: Rows) -> Floats:
        """Compute the reconstruction error of each feature of each row.

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

    def transform(self, X: Rows) -> Floats:
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

    def inverse_transform(self, X: ArrayLike) -> Floats:
        """Decode latent codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, latent_dim)
            Latent codes.

        Returns
        -------
        numpy.ndarray of float64, shape (n_samples, n_features)
            Rows, in the units of the training rows.

        Raises
        ------
        ValueError
            If the codes are of another width, not finite, or so large that the rows are not.
        """
        check_is_fitted(self)
        refuse_masked("X", X)
        codes = check_array(X, dtype=np.float64)
        if codes.shape[1] != self.latent_dim_:
            raise AeutilsError(
                f"X has {codes.shape[1]} values a row, but the latent codes of this "
                f"{type(self).__name__} have {self.latent_dim_}."
            )
        with np.errstate(over="ignore", invalid="ignore"):
            rows = self._decode(codes) * self.scale_ + self.mean_
        return _finite(rows)

    def save(self, path: str | os.PathLike[str]) -> None:
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
            If the file cannot be written, or would be larger than `load` takes (1 GiB).
        """
        check_is_fitted(self)
        self._validate_params()
        parameters = self.get_params()
        if not isinstance(self.random_state, Integral):
            parameters["random_state"] = None  # a generator's state decides later fits only
        parameters["hidden_layer_sizes"] = self._hidden_widths()
        learned = {name: value for name, value in vars(self).items() if name not in parameters}
        storage.write(path, parameters, learned)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Restore a detector that :meth:`save` stored.

        Parameters
        ----------
        path : str or os.PathLike
            The file, at most 1 GiB.

        Returns
        -------
        AutoencoderDetector
            Fitted, with the scores that it had; Keras is not loaded.

        Raises
        ------
        DataFileError
            If the file cannot be read, is damaged, or holds no detector of this version.
        """
        parameters, learned = storage.read(path)
        try:
            detector = cls(**parameters)
            detector._validate_params()
            detector._hidden_widths()
        except (TypeError, ValueError) as error:
            raise storage.damaged(path) from error
        detector.__dict__.update(learned)
        return detector

    def _fit(self, X: Rows) -> None:
        """Fit this copy of the detector, which nobody sees if it fails."""
        self.__dict__.pop("calibration_scores_", None)
        hidden = self._hidden_widths()
        refuse_masked("X", X)
        rows: Any = validate_data(
            self, X, accept_sparse="csr", dtype=np.float64, ensure_min_samples=2
        )
        x = rows.toarray() if issparse(rows) else rows
        random_state = check_random_state(self.random_state)
        self._fit_scale(x)
        x = ((x - self.mean_) / self.scale_).astype(np.float32)
        self.latent_dim_ = self._choose_latent_dim(x, random_state)

        from aeutils.anomalies.training import Task, stopped_early, train  # they load Keras

        order = random_state.permutation(len(x))
        n_validation = self._n_validation(len(x))
        x_train = x[order[n_validation:]]
        task = Task(
            x_train,
            x[order[:n_validation]] if n_validation else x_train,
            [x.shape[1], *hidden, self.latent_dim_, *reversed(hidden), x.shape[1]],
            noise=float(self.noise),
            epochs=int(self.epochs),
            batch_size=min(int(self.batch_size), len(x_train)),
            patience=PATIENCE,
            learning_rate=float(self.learning_rate),
            random_state=random_state,
        )
        weights, self.history_ = train(task, verbose=bool(self.verbose))
        self.coefs_ = [kernel.astype(np.float64) for kernel, _ in weights]
        self.intercepts_ = [bias.astype(np.float64) for _, bias in weights]
        self.n_iter_ = len(self.history_["loss"])
        self._fit_scores(rows)
        if self.n_iter_ == self.epochs and not stopped_early(self.history_, task):
            warnings.warn(
                f"the validation loss was still falling after epochs={self.epochs}; "
                "raise epochs for a better fit.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _hidden_widths(self) -> list[int]:
        """Return the hidden layers' widths as integers, or raise."""
        return positive_integers("hidden_layer_sizes", self.hidden_layer_sizes)

    def _fit_scale(self, x: Floats) -> None:
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

    def _n_validation(self, n_samples: int) -> int:
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

    def _choose_latent_dim(
        self, x: NDArray[np.float32], random_state: np.random.RandomState
    ) -> int:
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

    def _fit_scores(self, X: Any) -> None:
        """Learn what is usual among the training rows, and from that the threshold."""
        codes = self._in_pieces(X, self._encode)
        self._latent_mean = codes.mean(axis=0)
        self._latent_whitening = _whitening(codes)
        tiny = np.finfo(np.float64).tiny
        self._usual_error = max(float(self._in_pieces(X, self._errors).mean()), tiny)
        self._usual_distance = max(float(self._distances(codes).mean()), tiny)
        # by what it was when fitted: a threshold belongs to its score
        self._combines = self.anomaly_score == "combined"
        self.offset_ = float(np.percentile(-self._scores(X), 100 * self.contamination))

    def _checked(self, X: Rows) -> Any:
        """Return rows as a float64 array or a sparse matrix, or raise as scikit-learn does."""
        check_is_fitted(self)
        refuse_masked("X", X)
        return validate_data(self, X, reset=False, accept_sparse="csr", dtype=np.float64)

    def _in_pieces(self, X: Any, function: Callable[[Floats], Floats]) -> Floats:
        """Apply a function of scaled dense rows to some thousand rows at a time."""
        pieces = []
        for start in range(0, X.shape[0], ROWS_AT_ONCE):
            piece = X[start : start + ROWS_AT_ONCE]
            piece = piece.toarray() if issparse(piece) else piece
            with np.errstate(over="ignore", invalid="ignore"):
                scaled = (piece - self.mean_) / self.scale_
                # beyond this squares would overflow
                pieces.append(function(np.clip(scaled, -LARGEST, LARGEST)))
        return _finite(np.concatenate(pieces))

    def _layers(self, h: Floats, first: int, last: int) -> Floats:
        """Run values through the layers from `first` to before `last`; the last one is linear."""
        for i in range(first, last):
            h = h @ self.coefs_[i] + self.intercepts_[i]
            if i < last - 1:
                h = np.where(h > 0, h, np.expm1(np.minimum(h, 0)))  # elu
        return h

    def _encode(self, rows: Floats) -> Floats:
        return self._layers(rows, 0, len(self.coefs_) // 2)

    def _decode(self, codes: Floats) -> Floats:
        return self._layers(codes, len(self.coefs_) // 2, len(self.coefs_))

    def _squared_errors(self, rows: Floats) -> Floats:
        return np.square(rows - self._decode(self._encode(rows)))

    def _errors(self, rows: Floats) -> Floats:
        return self._squared_errors(rows).mean(axis=1)

    def _distances(self, codes: Floats) -> Floats:
        """Return the squared Mahalanobis distance of codes from the usual code."""
        return np.square((codes - self._latent_mean) @ self._latent_whitening).sum(axis=1)

    def _combined(self, rows: Floats) -> Floats:
        codes = self._encode(rows)
        errors = np.square(rows - self._decode(codes)).mean(axis=1)
        return errors / self._usual_error + self._distances(codes) / self._usual_distance

    def _scores(self, X: Any) -> Floats:
        """Return the anomaly scores of rows already checked."""
        return self._in_pieces(X, self._combined if self._combines else self._errors)

    @property
    def _n_features_out(self) -> int:
        """Return how many features `transform` gives, which scikit-learn asks for."""
        return self.latent_dim_


def _whitening(codes: Floats) -> Floats:
    """Return the matrix by which centred codes get a covariance of 1, or 0 where they are constant.

    Its product with its own transpose is the pseudo-inverse of the covariance.
    """
    variances, axes = np.linalg.eigh(np.atleast_2d(np.cov(codes, rowvar=False, ddof=0)))
    negligible = len(variances) * np.finfo(np.float64).eps * np.abs(variances).max()
    varies = variances > negligible
    return axes * np.where(varies, 1 / np.sqrt(np.where(varies, variances, 1)), 0)


def _finite(values: Floats) -> Floats:
    """Return values, or raise where one is NaN or infinite: it would be below any threshold."""
    if not np.isfinite(values).all():
        raise AeutilsError(
            "the network's output is too large for a number; rescale X, or fit the detector again."
        )
    return values
