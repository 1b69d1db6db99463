"""Five right and five wrong submissions for assignment 04_sequences."""

TRAINED = {"network": ["test-network", "test-network-moments", "test-network-upside-down"]}

RIGHT = [
    {  # as the chapter does it
        "cut": """
def cut(x, width, step):
    x = np.array(x, dtype="float32")
    channels = x.reshape(len(x), -1)
    windows = [channels[i : i + width] for i in range(0, len(x) - width + 1, step)]
    return np.array(windows, dtype="float32").reshape(-1, width, channels.shape[1])
""",
        "scaled": """
def scaled(x, part):
    known = x[part[0] : part[1]]
    level = np.nanmean(known, axis=0)
    size = np.nanstd(known, axis=0)
    size[size == 0] = 1
    return (x - level) / size
""",
        "usable": """
def usable(unusual, width, step, part):
    begins = np.arange(0, len(unusual) - width + 1, step)
    return np.array(
        [
            part[0] <= i and i + width <= part[1] and not unusual[i : i + width].any()
            for i in begins
        ],
        dtype=bool,
    )
""",
        "fold": """
def fold(windows, patch):
    n, channels, width = windows.shape
    if width % patch != 0:
        raise ValueError("patch must divide width")
    return np.swapaxes(windows, 1, 2).reshape(n, width // patch, -1)


def unfold(rows, channels):
    n, time, values = rows.shape
    return np.swapaxes(rows.reshape(n, time * values // channels, channels), 1, 2)
""",
        "network": """
keras.utils.set_random_seed(2)
network = keras.Sequential(
    [
        keras.Input((32, 1)),
        layers.Flatten(),
        layers.Dense(64, activation="elu"),
        layers.Dense(6, name="bottleneck"),
        layers.Dense(64, activation="elu"),
        layers.Dense(32),
        layers.Reshape((32, 1)),
    ]
)
decay = keras.optimizers.schedules.CosineDecay(5e-3, 15 * (len(z_train) // 64 + 1))
network.compile(keras.optimizers.Adam(decay), "mse")
network.fit(z_train, z_train, epochs=15, batch_size=64, verbose=0)
""",
        "moments": """
def moment_scores(scores, width, step, n_steps):
    total, count = np.zeros(n_steps), np.zeros(n_steps)
    for i, score in enumerate(scores):
        inside = slice(i * step, i * step + width)
        total[inside] += score
        count[inside] += 1
    with np.errstate(invalid="ignore"):
        return total / count
""",
        "alarms": """
def alarms(scores, threshold, gap):
    found = []
    for t, score in enumerate(scores):
        if score > threshold:
            if found and t - found[-1][1] <= gap:
                found[-1][1] = t + 1
            else:
                found.append([t, t + 1])
    return [tuple(pair) for pair in found]
""",
        "count": """
def count(events, ranges):
    found = 0
    for a, b in events:
        found += any(c < b and a < d for c, d in ranges)
    false = len(ranges) - sum(any(c < b and a < d for a, b in events) for c, d in ranges)
    return {"found": found, "missed": len(events) - found, "false": false}
""",
    },
    {  # views and cumulative sums
        "cut": """
from numpy.lib.stride_tricks import sliding_window_view


def cut(x, width, step):
    x = np.float32(x)
    if x.ndim == 1:
        x = x[:, None]
    if len(x) < width:
        return np.zeros((0, width, x.shape[1]), "float32")
    return sliding_window_view(x, width, axis=0)[::step].transpose(0, 2, 1).copy()
""",
        "scaled": """
def scaled(x, part):
    known = np.ma.masked_invalid(x[slice(*part)])
    level, size = known.mean(axis=0).filled(0), known.std(axis=0).filled(0)
    return (x - level) / np.where(size == 0, 1, size)
""",
        "usable": """
def usable(unusual, width, step, part):
    bad = np.array(unusual, dtype=bool)
    bad[: part[0]] = True
    bad[part[1] :] = True
    touched = np.convolve(bad, np.ones(width, int), "valid") > 0
    return ~touched[::step]
""",
        "fold": """
def fold(windows, patch):
    n, channels, width = windows.shape
    if width != patch * (width // patch):
        raise ValueError(f"{width} is no multiple of {patch}")
    return np.einsum("ncts->ntsc", windows.reshape(n, channels, -1, patch)).reshape(
        n, -1, patch * channels
    )


def unfold(rows, channels):
    n, time, _ = rows.shape
    return np.einsum("ntsc->ncts", rows.reshape(n, time, -1, channels)).reshape(n, channels, -1)
""",
        "moments": """
def moment_scores(scores, width, step, n_steps):
    change, count = np.zeros(n_steps + 1), np.zeros(n_steps + 1)
    begins = np.arange(len(scores)) * step
    np.add.at(change, begins, scores)
    np.add.at(change, begins + width, -np.asarray(scores))
    np.add.at(count, begins, 1)
    np.add.at(count, begins + width, -1)
    total, n = np.cumsum(change)[:-1], np.cumsum(count)[:-1]
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)
""",
        "alarms": """
from scipy.ndimage import find_objects, label


def alarms(scores, threshold, gap):
    if not len(scores):
        return []
    pairs = [(s.start, s.stop) for (s,) in find_objects(label(np.asarray(scores) > threshold)[0])]
    joined = []
    for start, stop in pairs:
        if joined and start - joined[-1][1] <= gap:
            start = joined.pop()[0]
        joined.append((start, stop))
    return joined
""",
        "count": """
def count(events, ranges):
    meets = np.array([[a < d and c < b for c, d in ranges] for a, b in events], dtype=bool)
    meets = meets.reshape(len(events), len(ranges))
    found = int(meets.any(axis=1).sum())
    return dict(found=found, missed=len(events) - found, false=int((~meets.any(axis=0)).sum()))
""",
    },
    {  # loops
        "cut": """
def cut(x, width, step):
    x = np.asarray(x)
    n_channels = 1 if x.ndim == 1 else x.shape[1]
    n = 0 if len(x) < width else (len(x) - width) // step + 1
    out = np.empty((n, width, n_channels), dtype=np.float32)
    for i in range(n):
        for t in range(width):
            out[i, t] = x[i * step + t]
    return out
""",
        "scaled": """
def scaled(x, part):
    out = np.full(x.shape, np.nan)
    for c in range(x.shape[1]):
        values = [v for v in x[part[0] : part[1], c].tolist() if v == v]
        level = sum(values) / len(values)
        size = (sum((v - level) ** 2 for v in values) / len(values)) ** 0.5
        if max(values) == min(values):
            level, size = values[0], 1
        for t in range(len(x)):
            out[t, c] = (x[t, c] - level) / size
    return out
""",
        "usable": """
def usable(unusual, width, step, part):
    answer = []
    for begin in range(0, len(unusual) - width + 1, step):
        good = begin >= part[0] and begin + width <= part[1]
        for t in range(begin, begin + width):
            if unusual[t]:
                good = False
        answer.append(good)
    return np.array(answer, dtype=bool)
""",
        "fold": """
def fold(windows, patch):
    n, channels, width = windows.shape
    if width % patch:
        raise ValueError("a rest of samples remains")
    rows = np.zeros((n, width // patch, patch * channels), windows.dtype)
    for t in range(width):
        for c in range(channels):
            rows[:, t // patch, (t % patch) * channels + c] = windows[:, c, t]
    return rows


def unfold(rows, channels):
    n, time, values = rows.shape
    patch = values // channels
    windows = np.zeros((n, channels, time * patch), rows.dtype)
    for t in range(time * patch):
        for c in range(channels):
            windows[:, c, t] = rows[:, t // patch, (t % patch) * channels + c]
    return windows
""",
        "moments": """
def moment_scores(scores, width, step, n_steps):
    out = []
    for t in range(n_steps):
        inside = [s for i, s in enumerate(scores) if i * step <= t < i * step + width]
        out.append(sum(inside) / len(inside) if inside else float("nan"))
    return np.array(out)
""",
        "alarms": """
def alarms(scores, threshold, gap):
    above = [i for i in range(len(scores)) if scores[i] > threshold]
    ranges = []
    i = 0
    while i < len(above):
        j = i
        while j + 1 < len(above) and above[j + 1] - above[j] - 1 <= gap:
            j += 1
        ranges.append((above[i], above[j] + 1))
        i = j + 1
    return ranges
""",
        "count": """
def count(events, ranges):
    result = {"found": 0, "missed": 0, "false": 0}
    for event in events:
        steps = set(range(*event))
        if any(steps & set(range(*alarm)) for alarm in ranges):
            result["found"] += 1
        else:
            result["missed"] += 1
    for alarm in ranges:
        if not any(set(range(*alarm)) & set(range(*event)) for event in events):
            result["false"] += 1
    return result
""",
    },
    {  # Keras and pandas
        "cut": """
def cut(x, width, step):
    x = np.asarray(x, "float32").reshape(len(x), -1)
    n = max(0, (len(x) - width) // step + 1)
    places = step * np.arange(n)[:, None] + np.arange(width)
    return np.take(x, places, axis=0)
""",
        "scaled": """
import pandas as pd


def scaled(x, part):
    table = pd.DataFrame(np.array(x, float))
    known = table.iloc[part[0] : part[1]]
    size = known.std(ddof=0).where(known.max() > known.min(), 1.0)
    return ((table - known.mean()) / size).to_numpy()
""",
        "usable": """
def usable(unusual, width, step, part):
    marked = cut(np.asarray(unusual, float), width, step).any(axis=(1, 2))
    begins = step * np.arange(len(marked))
    return ~marked & (begins >= part[0]) & (begins + width <= part[1])
""",
        "fold": """
def fold(windows, patch):
    if windows.shape[-1] % patch:
        raise ValueError("patch does not divide the width")
    time_first = np.moveaxis(windows, 1, -1)
    return np.concatenate([time_first[:, s::patch] for s in range(patch)], axis=-1)


def unfold(rows, channels):
    parts = np.split(rows, rows.shape[-1] // channels, axis=-1)
    together = np.stack(parts, axis=2)
    return np.moveaxis(together.reshape(len(rows), -1, channels), -1, 1)
""",
        "moments": """
def moment_scores(scores, width, step, n_steps):
    table = np.full((max(len(scores), 1), n_steps), np.nan)
    for i, score in enumerate(scores):
        table[i, i * step : i * step + width] = score
    import pandas as pd

    return pd.DataFrame(table).mean(axis=0).to_numpy()
""",
        "alarms": """
def alarms(scores, threshold, gap):
    steps = np.flatnonzero(np.nan_to_num(scores, nan=-np.inf) > threshold)
    groups = np.split(steps, np.flatnonzero(np.diff(steps) > gap + 1) + 1)
    return [(int(g[0]), int(g[-1]) + 1) for g in groups if len(g)]
""",
        "count": """
def count(events, ranges):
    def shares(one, other):
        return max(one[0], other[0]) < min(one[1], other[1])

    missed = [e for e in events if not [r for r in ranges if shares(e, r)]]
    false = [r for r in ranges if not [e for e in events if shares(e, r)]]
    return {"false": len(false), "missed": len(missed), "found": len(events) - len(missed)}
""",
    },
    {  # short
        "cut": """
def cut(x, w, s):
    x = np.float32(x).reshape(len(x), -1)
    return np.float32([x[i : i + w] for i in range(0, len(x) - w + 1, s)]).reshape(-1, w, x.shape[1])
""",
        "scaled": """
def scaled(x, p):
    k = x[p[0] : p[1]]
    return (x - np.nanmean(k, 0)) / [s or 1 for s in np.nanstd(k, 0)]
""",
        "usable": """
def usable(u, w, s, p):
    return np.array([p[0] <= i <= p[1] - w and not u[i : i + w].any() for i in range(0, len(u) - w + 1, s)], bool)
""",
        "fold": """
def fold(x, p):
    if x.shape[2] % p:
        raise ValueError("no whole steps")
    return x.transpose(0, 2, 1).reshape(len(x), x.shape[2] // p, -1)


unfold = lambda r, c: r.reshape(len(r), -1, c).transpose(0, 2, 1)
""",
        "moments": """
def moment_scores(s, w, step, n):
    cover = np.zeros((n, len(s)))
    for i in range(len(s)):
        cover[i * step : i * step + w, i] = 1
    hits = cover.sum(1)
    return np.where(hits, cover @ s / np.where(hits, hits, 1), np.nan)
""",
        "alarms": """
def alarms(s, limit, gap):
    import itertools

    up = [i for i, v in enumerate(s) if v > limit]
    starts = [b for a, b in zip([-gap - 9, *up], up) if b - a > gap + 1]
    ends = [a + 1 for a, b in zip(up, [*up[1:], len(s) + gap + 9]) if b - a > gap + 1]
    return list(zip(starts, ends))
""",
        "count": """
def count(e, r):
    hit = lambda one, all_: any(one[0] < b and a < one[1] for a, b in all_)
    n = [hit(x, r) for x in e].count(True)
    return {"found": n, "missed": len(e) - n, "false": [hit(x, e) for x in r].count(False)}
""",
    },
]

WRONG = [
    {
        "what": "a network that copies, windows that are counted too far",
        "answers": {
            "cut": """
def cut(x, width, step):
    x = np.asarray(x, dtype="float32").reshape(len(x), -1)
    n = len(x) // step
    padded = np.concatenate([x, np.zeros((width, x.shape[1]), "float32")])
    return np.stack([padded[i * step : i * step + width] for i in range(n)])
""",
            "network": """
network = keras.Sequential([keras.Input((32, 1)), layers.Activation("linear")])
""",
            "count": """
def count(events, ranges):
    found = sum(any(a <= d and c <= b for c, d in ranges) for a, b in events)
    return {"found": found, "missed": len(events) - found, "false": len(ranges) - found}
""",
        },
        "fails": [
            "test-cut",
            "test-cut-edges",
            "test-network",
            "test-network-moments",
            "test-network-upside-down",
            "test-count",
        ],
    },
    {
        "what": "a network that answers with the mean, gaps that spread",
        "answers": {
            "scaled": """
def scaled(x, part):
    known = x[part[0] : part[1]]
    return (x - known.mean(axis=0)) / known.std(axis=0)
""",
            "network": """
network = keras.Sequential(
    [keras.Input((32, 1)), layers.Conv1D(1, 1, kernel_initializer="zeros")]
)
""",
            "moments": """
def moment_scores(scores, width, step, n_steps):
    total, count = np.zeros((2, n_steps))
    for i, score in enumerate(scores):
        total[i * step : i * step + width] += score
        count[i * step : i * step + width] += 1
    return total / np.maximum(count, 1)
""",
        },
        "fails": [
            "test-scaled-gaps",
            "test-moments-gaps",
            "test-network",
            "test-network-moments",
            "test-network-upside-down",
        ],
    },
    {
        "what": "one epoch, a scale for all channels, the part forgotten",
        "answers": {
            "scaled": """
def scaled(x, part):
    known = x[part[0] : part[1]]
    size = np.nanstd(known)
    return (x - np.nanmean(known)) / (size if size > 0 else 1)
""",
            "usable": """
def usable(unusual, width, step, part):
    begins = np.arange(0, len(unusual) - width + 1, step)
    return np.array([not unusual[i : i + width].any() for i in begins])
""",
            "network": """
keras.utils.set_random_seed(0)
network = keras.Sequential(
    [
        keras.Input((32, 1)),
        layers.Reshape((8, 4)),
        layers.LSTM(16, unroll=True),
        layers.RepeatVector(8),
        layers.LSTM(16, return_sequences=True, unroll=True),
        layers.Dense(4),
        layers.Reshape((32, 1)),
    ]
)
network.compile("adam", "mse")
network.fit(z_train, z_train, epochs=1, batch_size=128, verbose=0)
""",
        },
        "fails": [
            "test-scaled",
            "test-scaled-gaps",
            "test-usable-part",
            "test-network",
            "test-network-moments",
            "test-network-upside-down",
        ],
    },
    {
        "what": "no nonlinear layer with too wide a code, and alarms at the threshold",
        "answers": {
            "fold": """
def fold(windows, patch):
    n, channels, width = windows.shape
    parts = windows.reshape(n, channels, width // patch, patch)
    return parts.transpose(0, 2, 1, 3).reshape(n, -1, channels * patch)


def unfold(rows, channels):
    n = len(rows)
    return rows.transpose(0, 2, 1).reshape(n, channels, -1)
""",
            "network": """
from sklearn.decomposition import PCA

pca = PCA(24, random_state=0).fit(z_train[..., 0])
network = keras.Sequential(
    [
        keras.Input((32, 1)),
        layers.Flatten(),
        layers.Dense(24, name="bottleneck"),
        layers.Dense(32),
        layers.Reshape((32, 1)),
    ]
)
network.set_weights(
    [
        pca.components_.T,
        -pca.components_ @ pca.mean_,
        pca.components_,
        pca.mean_,
    ]
)
""",
            "alarms": """
def alarms(scores, threshold, gap):
    ranges = []
    for step in np.flatnonzero(np.asarray(scores) >= threshold).tolist():
        if ranges and step - ranges[-1][1] <= gap:
            ranges[-1] = (ranges[-1][0], step + 1)
        else:
            ranges.append((step, step + 1))
    return ranges
""",
        },
        "fails": [
            "test-fold",
            "test-unfold",
            "test-alarms",
            "test-alarms-gaps",
            "test-network",
            "test-network-moments",
            "test-network-upside-down",
        ],
    },
    {
        "what": "stops that are the last step, gaps one too large, typed in answers",
        "answers": {
            "alarms": """
def alarms(scores, threshold, gap):
    ranges = []
    for step in np.flatnonzero(np.asarray(scores) > threshold).tolist():
        if ranges and step - ranges[-1][1] < gap:
            ranges[-1] = (ranges[-1][0], step + 1)
        else:
            ranges.append((step, step + 1))
    return ranges
""",
            "usable": """
def usable(unusual, width, step, part):
    begins = np.arange(0, len(unusual) - width + 1, step)
    inside = (begins >= part[0]) & (begins + width <= part[1])
    return inside & ~np.asarray(unusual)[begins]
""",
            "moments": """
def moment_scores(scores, width, step, n_steps):
    if n_steps == 5:
        return np.array([2, 3, 5, 6.5, 9])
    return np.array([1, 1, 3, 3, 5, 5, np.nan])
""",
            "count": """
def count(events, ranges):
    found = sum(any(c < b and a < d for c, d in ranges) for a, b in events)
    return {"found": found, "missed": len(events) - found, "false": max(0, len(ranges) - found)}
""",
        },
        "fails": [
            "test-alarms",
            "test-alarms-gaps",
            "test-usable",
            "test-usable-part",
            "test-moments",
            "test-moments-gaps",
            "test-count",
        ],
    },
]
