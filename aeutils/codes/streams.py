"""Bits that are real: probabilities of codes that were counted, and streams decoded exactly.

Probabilities depend on codes that the decoder already has, by integers alone, so that every
processor computes the same ones and no stream depends on the machine that wrote it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import plain_array, positive_integer
from aeutils.core.errors import AeutilsError

__all__ = ["IndexPrior", "ValuePrior"]

# a stream begins with height and width, two bytes each
LARGEST_SIDE = 65_535
# and holds at most so many codes, so that a damaged head cannot ask for all memory
MOST = 2**25
# what the frequencies of a context add up to, about
TOTAL = 2**20
# sizes of values are weighed in parts of 256
ONE = 256
# where contexts of expected sizes end, the largest factor 1.2
EDGES = np.unique(np.geomspace(1, 80 * ONE, 63).astype(np.int64))


class IndexPrior:
    """Probabilities of codebook indices, given the index to the left and the one above.

    Codes that have alike neighbours are put into one class by k-means; contexts are pairs of
    classes.  What was counted in a context is mixed with what the two neighbours say apart, so that
    rare contexts have probabilities, too.

    Parameters
    ----------
    n_codes : int
        Length of the codebook; indices run from 0 to `n_codes` - 1.
    n_classes : int, default 24
        Classes of neighbours, at most `n_codes`.
    strength : float, default 30
        What was counted in a context weighs as much as the mixture after so many codes.
    seed : int, default 0
        Of k-means.

    Attributes
    ----------
    classes : numpy.ndarray of int, shape (n_codes + 1,)
        The class of each code; the last entry is that of a neighbour outside of the grid.
    frequencies : numpy.ndarray of int64, shape (n_contexts, n_codes)
        At least 1 each; probabilities are their shares.

    Raises
    ------
    AeutilsError
        If an argument is not a positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> from aeutils.codes import IndexPrior
    >>> grid = np.arange(40).reshape(5, 8) % 4
    >>> prior = IndexPrior(4).fit([grid])
    >>> np.array_equal(prior.decode(prior.encode(grid)), grid)
    True
    """

    def __init__(
        self, n_codes: int, n_classes: int = 24, strength: float = 30, seed: int = 0
    ) -> None:
        self.n_codes = positive_integer("n_codes", n_codes)
        self.n_classes = min(positive_integer("n_classes", n_classes), self.n_codes)
        self.strength, self.seed = float(strength), seed
        self.classes = np.zeros(self.n_codes + 1, np.int64)
        # before fit, all codes are equally likely
        self.frequencies = np.ones((1, self.n_codes), np.int64)

    def fit(self, grids: Sequence[ArrayLike]) -> "IndexPrior":
        """Count the codes of training grids.

        Parameters
        ----------
        grids : sequence of array-like of int, each of shape (height, width)
            Codebook indices of images.

        Returns
        -------
        IndexPrior
            The prior itself.

        Raises
        ------
        AeutilsError
            If there is no grid, or one is not a matrix of indices.
        """
        checked = [self._checked(grid) for grid in grids]
        if not checked:
            raise AeutilsError("grids must hold at least one grid of indices; got none.")
        left, above = (
            np.concatenate([part.ravel() for part in parts])
            for parts in zip(*(self._neighbours(grid) for grid in checked), strict=True)
        )
        codes = np.concatenate([grid.ravel() for grid in checked])
        self.classes = self._classes(codes, left, above)
        n, k = self.n_classes + 1, self.n_codes
        a, b = self.classes[left], self.classes[above]
        both = np.bincount((a * n + b) * k + codes, minlength=n * n * k).reshape(n, n, k)
        alone = both.sum(axis=(0, 1)) + 0.1
        alone = alone / alone.sum()
        sides = []
        for axis in (1, 0):
            counted = both.sum(axis=axis) + self.strength * alone
            sides.append(counted / counted.sum(axis=1, keepdims=True))
        # if left and above say independent things about the code
        mixture = sides[0][:, None] * sides[1][None] / alone
        mixture /= mixture.sum(axis=-1, keepdims=True)
        p = (both + self.strength * mixture).reshape(n * n, k)
        p /= p.sum(axis=1, keepdims=True)
        self.frequencies = np.maximum(1, np.rint(TOTAL * p)).astype(np.int64)
        return self

    def bits(self, grid: ArrayLike) -> float:
        """Return how many bits the probabilities ask for, a stream's length without its head."""
        codes = self._checked(grid)
        contexts = self._contexts(codes)
        return _bits(codes.ravel(), contexts.ravel(), self.frequencies)

    def encode(self, grid: ArrayLike) -> bytes:
        """Return the stream of a grid of indices.

        Raises
        ------
        AeutilsError
            If the grid is not a matrix of indices, or a side is larger than 65,535.
        """
        codes = self._checked(grid)
        contexts = self._contexts(codes)
        return _head(codes.shape) + _encoded(codes.ravel(), contexts.ravel(), self.frequencies)

    def decode(self, stream: bytes) -> NDArray[np.int64]:
        """Return the grid of indices of a stream, exactly as it was encoded.

        Raises
        ------
        AeutilsError
            If the stream cannot be one; of most damaged ones wrong codes are returned.
        """
        (height, width), decoder = _opened(stream)
        models = _models(self.frequencies)
        grid = np.full((height + 1, width + 1), self.n_codes)
        contexts, n = self.classes, self._width()
        for i in range(1, height + 1):
            for j in range(1, width + 1):
                context = contexts[grid[i, j - 1]] * n + contexts[grid[i - 1, j]]
                grid[i, j] = decoder(models[context])
        return grid[1:, 1:]

    def _classes(self, codes: NDArray, left: NDArray, above: NDArray) -> NDArray[np.int64]:
        """Return classes of codes whose next codes are alike."""
        from sklearn.cluster import KMeans
        from sklearn.decomposition import TruncatedSVD

        k = self.n_codes
        if k <= self.n_classes:
            return np.arange(k + 1)
        pairs = [np.bincount(side * k + codes, minlength=(k + 1) * k) for side in (left, above)]
        counts = np.hstack([p.reshape(k + 1, k)[:k] for p in pairs]).astype(float)
        total = counts.sum(axis=1)
        shares = np.sqrt(counts / np.maximum(total, 1)[:, None])
        n_components = min(16, k - 1)
        vectors = TruncatedSVD(n_components, random_state=self.seed).fit_transform(shares)
        means = KMeans(self.n_classes, n_init=1, random_state=self.seed)
        classes = means.fit_predict(vectors, sample_weight=total + 1e-3)
        return np.append(classes, self.n_classes).astype(np.int64)

    def _width(self) -> int:
        """Return how many contexts the class of a left neighbour has."""
        return 1 if len(self.frequencies) == 1 else self.n_classes + 1

    def _neighbours(self, codes: NDArray) -> tuple[NDArray, NDArray]:
        """Return the codes to the left and above; outside it is `n_codes`."""
        padded = np.pad(codes, ((1, 0), (1, 0)), constant_values=self.n_codes)
        return padded[1:, :-1], padded[:-1, 1:]

    def _contexts(self, codes: NDArray) -> NDArray:
        """Return the row of the frequencies for each code."""
        left, above = self._neighbours(codes)
        return self.classes[left] * self._width() + self.classes[above]

    def _checked(self, grid: ArrayLike) -> NDArray[np.int64]:
        """Return a matrix of indices, or raise."""
        return _integers("grid", grid, 2, 0, self.n_codes - 1)


class ValuePrior:
    """Probabilities of whole numbers in several channels, given the sizes of their neighbours.

    The expected size of a value, its distance from 0, is a sum of the sizes of what is known: all
    channels to the left and above, and the channels before it at the same place.  The weights are
    fitted by least squares.  Values of equal expected size share their frequencies.  The first
    channel, the brightness of a patch, is predicted from its neighbours, and the difference is
    coded.

    Parameters
    ----------
    n_channels : int
        Values at each place.
    limit : int, default 127
        Values run from -`limit` to `limit`.

    Attributes
    ----------
    weights : numpy.ndarray of int64, shape (n_channels, 2 * n_channels + 2)
        In parts of 256: of the sizes to the left and above by channel, of those at the same place,
        of the own channel at the upper corners, and a constant.
    frequencies : numpy.ndarray of int64, shape (n_contexts, 4 * limit + 1)
        At least 1 each.

    Raises
    ------
    AeutilsError
        If an argument is not a positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> from aeutils.codes import ValuePrior
    >>> grid = np.random.default_rng(0).integers(-3, 4, (5, 8, 2))
    >>> prior = ValuePrior(2).fit([grid])
    >>> np.array_equal(prior.decode(prior.encode(grid)), grid)
    True
    """

    def __init__(self, n_channels: int, limit: int = 127) -> None:
        self.n_channels = positive_integer("n_channels", n_channels)
        self.limit = positive_integer("limit", limit)
        self.weights = np.zeros((self.n_channels, 2 * self.n_channels + 2), np.int64)
        # before fit, all values are equally likely
        self.frequencies = np.ones((len(EDGES) + 1, 4 * self.limit + 1), np.int64)

    def fit(self, grids: Sequence[ArrayLike], most: int = 40_000, seed: int = 0) -> "ValuePrior":
        """Fit the weights and count the values of training grids.

        Parameters
        ----------
        grids : sequence of array-like of int, each of shape (height, width, n_channels)
            Values of images.
        most : int, default 40_000
            Places that the weights are fitted to, drawn at random.
        seed : int, default 0
            Of the draws.

        Returns
        -------
        ValuePrior
            The prior itself.

        Raises
        ------
        AeutilsError
            If there is no grid, or one is not of that shape and range.
        """
        from scipy.optimize import nnls

        checked = [_without_prediction(self._checked(grid)) for grid in grids]
        if not checked:
            raise AeutilsError("grids must hold at least one grid of values; got none.")
        parts = [_known(np.abs(grid)) for grid in checked]
        around, corners, sizes = (
            np.concatenate([p[i].reshape(-1, self.n_channels) for p in parts]) for i in range(3)
        )
        if len(sizes) > most:
            some = np.random.default_rng(seed).choice(len(sizes), most, replace=False)
            around, corners, sizes = around[some], corners[some], sizes[some]
        around, corners, sizes = (a.astype(np.float64) for a in (around, corners, sizes))
        n = self.n_channels
        self.weights[:] = 0
        for c in range(n):
            # enough to be positive where all is quiet
            columns = [around, sizes[:, :c], corners[:, c : c + 1], np.ones((len(sizes), 1))]
            x, y = np.hstack(columns), sizes[:, c]
            expected = np.full(len(y), y.mean())
            for _ in range(2):
                # the spread of a size grows with the size
                w = 1 / (expected + 0.02)
                xw, yw = x * w[:, None], y * w
                gram = xw.T @ xw + 1e-6 * len(y) * np.eye(x.shape[1])
                root = np.linalg.cholesky(gram)
                solution, _ = nnls(root.T, np.linalg.solve(root, xw.T @ yw))
                expected = x @ solution
            solution = np.rint(ONE * solution).astype(np.int64)
            self.weights[c, :n] = solution[:n]
            self.weights[c, n : n + c] = solution[n : n + c]
            self.weights[c, -2:] = solution[-2:]
        self._count(checked)
        return self

    def _count(self, grids: list[NDArray]) -> None:
        """Count values by their contexts."""
        m, k = 2 * self.limit, 4 * self.limit + 1
        counts = np.zeros((len(EDGES) + 1, k))
        for grid in grids:
            rows = self._contexts(grid).ravel() * k + grid.ravel() + m
            counts += np.bincount(rows, minlength=counts.size).reshape(counts.shape)
        # neither sign is likelier
        counts = (counts + counts[:, ::-1]) / 2
        middle = np.append(EDGES, 1.2 * EDGES[-1]) / ONE
        n = counts.sum(axis=1)
        mean = (counts @ np.abs(np.arange(-m, m + 1)) + 4 * middle) / (n + 4)
        # two-sided geometric of that mean size, for what was seen rarely
        ratio = (np.sqrt(1 + mean**2) - 1) / mean
        smooth = ratio[:, None] ** np.abs(np.arange(-m, m + 1))
        smooth /= smooth.sum(axis=1, keepdims=True)
        p = (counts + 20 * smooth) / (n + 20)[:, None]
        self.frequencies = np.maximum(1, np.rint(TOTAL * p)).astype(np.int64)

    def bits(self, grid: ArrayLike) -> float:
        """Return how many bits the probabilities ask for, a stream's length without its head."""
        values = _without_prediction(self._checked(grid))
        symbols = values.ravel() + 2 * self.limit
        return _bits(symbols, self._contexts(values).ravel(), self.frequencies)

    def encode(self, grid: ArrayLike) -> bytes:
        """Return the stream of a grid of values.

        Raises
        ------
        AeutilsError
            If the grid is not of shape (height, width, n_channels), holds other than whole numbers
            from -`limit` to `limit`, or a side is larger than 65,535.
        """
        values = _without_prediction(self._checked(grid))
        symbols, contexts = values.ravel() + 2 * self.limit, self._contexts(values).ravel()
        return _head(values.shape[:2]) + _encoded(symbols, contexts, self.frequencies)

    def decode(self, stream: bytes) -> NDArray[np.int64]:
        """Return the grid of values of a stream, exactly as it was encoded.

        Raises
        ------
        AeutilsError
            If the stream cannot be one; of most damaged ones wrong codes are returned.
        """
        (height, width), decoder = _opened(stream, self.n_channels)
        n, m = self.n_channels, 2 * self.limit
        models, edges = _models(self.frequencies), EDGES
        around, same = self.weights[:, :n], self.weights[:, n : 2 * n].T.copy()
        corner, constant = self.weights[:, -2], self.weights[:, -1]
        # a frame of zeros on three sides
        sizes = np.zeros((height + 1, width + 2, n), np.int64)
        values = np.zeros((height, width, n), np.int64)
        for i in range(1, height + 1):
            corners = sizes[i - 1, :-2] + sizes[i - 1, 2:]
            for j in range(1, width + 1):
                known = sizes[i, j - 1] + sizes[i - 1, j]
                expected = around @ known + corner * corners[j - 1] + constant
                contexts = edges.searchsorted(expected, side="right")
                for c in range(n):
                    value = decoder(models[contexts[c]]) - m
                    if value:
                        values[i - 1, j - 1, c] = value
                        sizes[i, j, c] = abs(value)
                        expected += same[c] * abs(value)
                        contexts = edges.searchsorted(expected, side="right")
        return _with_prediction(values)

    def _contexts(self, values: NDArray) -> NDArray:
        """Return the row of the frequencies for each value."""
        n = self.n_channels
        around, corners, sizes = _known(np.abs(values))
        expected = around @ self.weights[:, :n].T + sizes @ self.weights[:, n : 2 * n].T
        expected += self.weights[:, -2] * corners + self.weights[:, -1]
        return EDGES.searchsorted(expected, side="right")

    def _checked(self, grid: ArrayLike) -> NDArray[np.int64]:
        """Return a grid of values, or raise."""
        values = _integers("grid", grid, 3, -self.limit, self.limit)
        if values.shape[2] != self.n_channels:
            raise AeutilsError(
                f"grid must have {self.n_channels} channels; got shape {values.shape}."
            )
        return values


def _known(sizes: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Return sizes to the left and above, those at the upper corners, and the sizes."""
    height, width, n = sizes.shape
    padded = np.zeros((height + 1, width + 2, n), np.int64)
    padded[1:, 1:-1] = sizes
    return (
        padded[1:, :-2] + padded[:-1, 1:-1],
        padded[:-1, :-2] + padded[:-1, 2:],
        sizes.astype(np.int64),
    )


def _predicted(left: Any, above: Any, corner: Any) -> Any:
    """Return the median of left, above and left + above - corner."""
    low, high = np.minimum(left, above), np.maximum(left, above)
    return np.clip(left + above - corner, low, high)


def _without_prediction(values: NDArray) -> NDArray:
    """Return values whose first channel is the difference from its prediction."""
    padded = np.pad(values[..., 0], ((1, 0), (1, 0)))
    differences = values.copy()
    differences[..., 0] -= _predicted(padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1])
    return differences


def _with_prediction(differences: NDArray) -> NDArray:
    """Undo :func:`_without_prediction`."""
    first = differences[..., 0].tolist()
    above = [0] * (len(first[0]) + 1) if first else []
    for row in first:
        before = [0]
        for j, difference in enumerate(row, 1):
            left, up = before[-1], above[j]
            guess = left + up - above[j - 1]
            before.append(difference + min(max(guess, min(left, up)), max(left, up)))
        row[:] = before[1:]
        above = before
    values = differences.copy()
    values[..., 0] = first
    return values


def _integers(name: str, grid: ArrayLike, ndim: int, low: int, high: int) -> NDArray[np.int64]:
    """Return whole numbers within limits, or raise."""
    array = plain_array(name, grid)
    if array.ndim != ndim or 0 in array.shape:
        raise AeutilsError(
            f"{name} must have {ndim} dimensions and not be empty; got shape {array.shape}."
        )
    if max(array.shape[:2]) > LARGEST_SIDE:
        raise AeutilsError(f"{name} must have sides of at most {LARGEST_SIDE}; got {array.shape}.")
    if array.size > MOST:
        raise AeutilsError(f"{name} must hold at most {MOST} codes; got {array.size}. Cut it.")
    if array.dtype.kind not in "iu":
        raise AeutilsError(f"{name} must hold integers; got type {array.dtype}. Round it first.")
    if array.min() < low or array.max() > high:
        raise AeutilsError(
            f"{name} must hold integers from {low} to {high}; got {array.min()} to {array.max()}."
        )
    return array.astype(np.int64)


def _bits(symbols: NDArray, contexts: NDArray, frequencies: NDArray) -> float:
    """Return the sum of -log2 of the symbols' probabilities."""
    totals = frequencies.sum(axis=1)
    return float(np.log2(totals[contexts] / frequencies[contexts, symbols]).sum())


def _constriction() -> Any:
    """Return the module of entropy coders, or raise."""
    try:
        import constriction
    except ImportError as cause:
        raise AeutilsError(
            "streams need the package constriction; install aeutils with its extra `codes`, or "
            "`pip install constriction`."
        ) from cause
    return constriction.stream


def _head(shape: tuple[int, ...]) -> bytes:
    """Return height and width, two bytes each."""
    return np.array(shape, "<u2").tobytes()


def _encoded(symbols: NDArray, contexts: NDArray, frequencies: NDArray) -> bytes:
    """Return the words of a range coder."""
    stream = _constriction()
    family, encoder = stream.model.Categorical(perfect=False), stream.queue.RangeEncoder()
    # a row of probabilities for each symbol, so not all at once
    for start in range(0, len(symbols), 20_000):
        some = slice(start, start + 20_000)
        rows = frequencies[contexts[some]].astype(np.float32)
        encoder.encode(symbols[some].astype(np.int32), family, rows)
    return encoder.get_compressed().astype("<u4").tobytes()


def _models(frequencies: NDArray) -> list[Any]:
    """Return one model for each context."""
    model = _constriction().model.Categorical
    return [model(row.astype(np.float32), perfect=False) for row in frequencies]


def _opened(stream: bytes, n_channels: int = 1) -> tuple[tuple[int, int], Callable[[Any], int]]:
    """Return height and width of what a stream holds, and what decodes the next symbol."""
    if not isinstance(stream, bytes) or len(stream) < 4 or len(stream) % 4:
        raise AeutilsError(
            "stream must be bytes that encode returned: four, and four for each word; got "
            f"{len(stream) if isinstance(stream, bytes) else type(stream).__name__}."
        )
    height, width = np.frombuffer(stream[:4], "<u2").tolist()
    if not 1 <= height * width * n_channels <= MOST:
        raise AeutilsError(
            f"stream must hold 1 to {MOST} codes; its head says {height} × {width} × {n_channels}."
        )
    words = np.frombuffer(stream[4:], "<u4").astype(np.uint32)
    decoder = _constriction().queue.RangeDecoder(words)

    def decoded(model: Any) -> int:
        try:
            return decoder.decode(model)
        except AssertionError as cause:
            raise AeutilsError(
                "stream must be bytes that encode returned, with the same prior; no code fits "
                "these."
            ) from cause

    return (height, width), decoded
