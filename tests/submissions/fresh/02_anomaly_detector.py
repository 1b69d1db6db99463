"""Five right and five wrong submissions for assignment 02_anomaly_detector."""

TRAINED = {"train": ["test-train", "test-train-kinds", "test-train-area"]}

RIGHT = [
    {  # as the chapter does it
        "impossible": """
def impossible(scores, n_pixels, kind):
    if kind == "mse":
        limit = 1
    else:
        limit = n_pixels**0.5
    return np.isnan(scores) | (scores < 0) | (scores > limit)
""",
        "image-scores": """
from aeutils.anomalies import reconstruction_error


def image_scores(model, x):
    if np.isnan(x).any():
        raise ValueError("x holds NaN")
    return reconstruction_error(x, np.clip(model.predict(x, verbose=0), -1e9, 1e9), unit_range=False) if (
        x.min() >= 0 and x.max() <= 1
    ) else refuse()


def refuse():
    raise ValueError("pixels below 0 or above 1")
""",
        "train": """
keras.utils.set_random_seed(5)
detector = keras.Sequential(
    [
        keras.Input(shape=(784,)),
        layers.Dense(256, activation="elu"),
        layers.Dense(64, activation="elu"),
        layers.Dense(10, name="bottleneck"),
        layers.Dense(64, activation="elu"),
        layers.Dense(256, activation="elu"),
        layers.Dense(784, activation="sigmoid"),
    ]
)
detector.compile(keras.optimizers.Adam(2e-3), "mse")
detector.fit(x_train, x_train, epochs=10, batch_size=64, verbose=0)
""",
        "rows-to-keep": """
def rows_to_keep(scores, share):
    order = np.argsort(scores)[::-1]
    n_out = round(share * len(scores))
    return np.sort(order[n_out:])
""",
        "choose-threshold": """
def choose_threshold(held_out_scores, false_alarm_rate):
    n = len(held_out_scores)
    if n < 1 / false_alarm_rate - 1e-9:
        raise ValueError("too few scores")
    k = int(np.ceil((n + 1) * (1 - false_alarm_rate) - 1e-9))
    return np.sort(held_out_scores)[k - 1]
""",
        "alarm-precision": """
def alarm_precision(detection_rate, false_alarm_rate, anomaly_share):
    real = anomaly_share * detection_rate
    return real / (real + (1 - anomaly_share) * false_alarm_rate)


def needed_false_alarm_rate(detection_rate, anomaly_share, precision):
    real = anomaly_share * detection_rate
    return (real / precision - real) / (1 - anomaly_share)
""",
        "best-detectors": """
def auroc(normal_scores, anomaly_scores):
    wins = 0.0
    for a in anomaly_scores:
        wins += np.sum(a > normal_scores) + np.sum(a == normal_scores) / 2
    return wins / (len(normal_scores) * len(anomaly_scores))


def best_detectors(normal, anomalous):
    best = {}
    for kind in anomalous:
        highest = -1
        for name in normal:
            area = auroc(normal[name], anomalous[kind][name])
            if area > highest:
                highest, best[kind] = area, name
    return best
""",
        "worst-block": """
def worst_block(x, reconstruction, usual, block):
    excess = (x - reconstruction) ** 2 - usual
    n, height, width = excess.shape
    sums = np.add.reduceat(excess, np.arange(0, height, block), axis=1)
    sums = np.add.reduceat(sums, np.arange(0, width, block), axis=2)
    return np.array([np.unravel_index(s.argmax(), s.shape) for s in sums])
""",
    },
    {  # the book's functions and scikit-learn's
        "impossible": """
def impossible(scores, n_pixels, kind):
    limits = {"mse": 1.0, "length": float(n_pixels) ** 0.5}
    return np.array([not (0 <= s <= limits[kind]) for s in scores])
""",
        "image-scores": """
def image_scores(model, x):
    for name, bad in (("NaN", np.isnan(x)), ("below 0", x < 0), ("above 1", x > 1)):
        if bad.any():
            raise ValueError(f"{bad.sum()} pixels are {name}")
    back = np.asarray(model.predict(x, verbose=0))
    return ((x - back) ** 2).reshape(len(x), -1).mean(1)
""",
        "rows-to-keep": """
def rows_to_keep(scores, share):
    n_keep = len(scores) - round(share * len(scores))
    if n_keep == 0:
        return np.zeros(0, dtype=int)
    return np.sort(np.argpartition(scores, n_keep - 1)[:n_keep])
""",
        "choose-threshold": """
def choose_threshold(held_out_scores, false_alarm_rate):
    if len(held_out_scores) * false_alarm_rate < 1 - 1e-9:
        raise ValueError("so few scores cannot show such a rate")
    return np.quantile(held_out_scores, 1 - false_alarm_rate, method="higher")
""",
        "alarm-precision": """
def alarm_precision(detection_rate, false_alarm_rate, anomaly_share):
    alarms = detection_rate * anomaly_share + false_alarm_rate * (1 - anomaly_share)
    return detection_rate * anomaly_share / alarms


def needed_false_alarm_rate(detection_rate, anomaly_share, precision):
    low, high = 0.0, 1e9
    for _ in range(200):
        middle = (low + high) / 2
        if alarm_precision(detection_rate, middle, anomaly_share) > precision:
            low = middle
        else:
            high = middle
    return middle
""",
        "best-detectors": """
from scipy.stats import mannwhitneyu


def auroc(normal_scores, anomaly_scores):
    u = mannwhitneyu(anomaly_scores, normal_scores).statistic
    return u / (len(normal_scores) * len(anomaly_scores))


def best_detectors(normal, anomalous):
    def best(scores):
        return max(scores, key=lambda name: auroc(normal[name], scores[name]))

    return {kind: best(scores) for kind, scores in anomalous.items()}
""",
        "worst-block": """
from skimage.util import view_as_blocks


def worst_block(x, reconstruction, usual, block):
    answer = []
    for image, back in zip(x, reconstruction):
        blocks = view_as_blocks((image - back) ** 2 - usual, (block, block))
        means = blocks.mean(axis=(2, 3))
        answer.append(divmod(int(means.argmax()), means.shape[1]))
    return np.array(answer)
""",
    },
    {  # loops and sorting
        "impossible": """
def impossible(scores, n_pixels, kind):
    out = []
    for score in np.asarray(scores).tolist():
        squared = score * n_pixels if kind == "mse" else score * abs(score)
        out.append(bool(score != score or squared < 0 or squared > n_pixels))
    return np.array(out)
""",
        "image-scores": """
def image_scores(model, x):
    if not np.all((x >= 0) & (x <= 1)):
        raise ValueError("a pixel is not a number between 0 and 1")
    scores = []
    for start in range(0, len(x), 16):
        some = x[start : start + 16]
        error = some - np.asarray(model(some))
        scores += [float(np.mean(e * e)) for e in error]
    return np.array(scores)
""",
        "rows-to-keep": """
def rows_to_keep(scores, share):
    ranks = np.empty(len(scores), int)
    ranks[np.argsort(scores)] = np.arange(len(scores))
    return np.flatnonzero(ranks < len(scores) - round(share * len(scores)))
""",
        "choose-threshold": """
def choose_threshold(held_out_scores, false_alarm_rate):
    scores = sorted(held_out_scores)
    if len(scores) < round(1 / false_alarm_rate, 6):
        raise ValueError("more scores are needed")
    for i in range(len(scores)):
        above = len(scores) - 1 - i
        if above <= false_alarm_rate * len(scores) + 1e-9:
            return scores[i]
""",
        "alarm-precision": """
def alarm_precision(detection_rate, false_alarm_rate, anomaly_share):
    n = 1e6
    found = n * anomaly_share * detection_rate
    false = n * (1 - anomaly_share) * false_alarm_rate
    return found / (found + false)


def needed_false_alarm_rate(detection_rate, anomaly_share, precision):
    n = 1e6
    found = n * anomaly_share * detection_rate
    alarms = found / precision
    return (alarms - found) / (n * (1 - anomaly_share))
""",
        "best-detectors": """
def auroc(normal_scores, anomaly_scores):
    known = np.sort(normal_scores)
    below = np.searchsorted(known, anomaly_scores, "left")
    not_above = np.searchsorted(known, anomaly_scores, "right")
    return np.mean(below + not_above) / 2 / len(known)


def best_detectors(normal, anomalous):
    names = list(normal)
    return {
        kind: names[int(np.argmax([auroc(normal[n], by[n]) for n in names]))]
        for kind, by in anomalous.items()
    }
""",
        "worst-block": """
def worst_block(x, reconstruction, usual, block):
    places = []
    for i in range(len(x)):
        means = {}
        for top in range(0, x.shape[1], block):
            for left in range(0, x.shape[2], block):
                part = np.s_[top : top + block, left : left + block]
                error = (x[i][part] - reconstruction[i][part]) ** 2 - usual[part]
                means[top // block, left // block] = error.mean()
        places.append(max(means, key=means.get))
    return np.array(places)
""",
    },
    {  # Keras and its operations
        "impossible": """
def impossible(scores, n_pixels, kind):
    largest = 1 if kind == "mse" else np.linalg.norm(np.ones(n_pixels))
    return np.logical_not(np.logical_and(np.greater_equal(scores, 0), np.less_equal(scores, largest)))
""",
        "image-scores": """
def image_scores(model, x):
    good = keras.ops.logical_and(x >= 0, x <= 1)
    if not bool(keras.ops.all(good)):
        raise ValueError("pixels must lie between 0 and 1")
    error = keras.ops.square(model(x) - x)
    return keras.ops.mean(error, axis=tuple(range(1, len(x.shape))))
""",
        "rows-to-keep": """
def rows_to_keep(scores, share):
    n_out = round(share * len(scores))
    out = set(np.argsort(-np.asarray(scores), kind="stable")[:n_out].tolist())
    return np.array([i for i in range(len(scores)) if i not in out], dtype=int)
""",
        "choose-threshold": """
import math


def choose_threshold(held_out_scores, false_alarm_rate):
    n = len(held_out_scores)
    alarms = math.floor(false_alarm_rate * n * (1 + 1e-12))
    if alarms == 0:
        raise ValueError("the rate is too small for so few scores")
    return np.partition(held_out_scores, n - alarms - 1)[n - alarms - 1]
""",
        "alarm-precision": """
def alarm_precision(detection_rate, false_alarm_rate, anomaly_share):
    return 1 - false_alarm_rate * (1 - anomaly_share) / (
        false_alarm_rate * (1 - anomaly_share) + detection_rate * anomaly_share
    )


def needed_false_alarm_rate(detection_rate, anomaly_share, precision):
    return np.divide(
        detection_rate * anomaly_share * (1 - precision), precision * (1 - anomaly_share)
    )
""",
        "best-detectors": """
from aeutils.anomalies import detection_report


def auroc(normal_scores, anomaly_scores):
    return float(np.mean([(a > normal_scores).mean() + 0.5 * (a == normal_scores).mean() for a in anomaly_scores]))


def best_detectors(normal, anomalous):
    table = {kind: {} for kind in anomalous}
    for kind, scores in anomalous.items():
        for name, values in scores.items():
            table[kind][name] = auroc(normal[name], values)
    return {kind: sorted(row.items(), key=lambda item: item[1])[-1][0] for kind, row in table.items()}
""",
        "worst-block": """
def worst_block(x, reconstruction, usual, block):
    error = keras.ops.cast((x - reconstruction) ** 2 - usual, "float32")[..., None]
    means = np.asarray(keras.ops.average_pool(error, block, block))[..., 0]
    flat = means.reshape(len(means), -1).argmax(axis=1)
    return np.stack(np.unravel_index(flat, means.shape[1:]), axis=-1)
""",
    },
    {  # short
        "impossible": """
def impossible(s, n, kind):
    return ~(np.abs(s - (h := 0.5 * (1 if kind == "mse" else n**0.5))) <= h)
""",
        "image-scores": """
def image_scores(model, x):
    if np.any(~((0 <= x) & (x <= 1))):
        raise ValueError(f"pixels from {np.nanmin(x)} to {np.nanmax(x)}, NaN: {np.isnan(x).sum()}")
    return np.mean((x - model.predict(x, verbose=0)) ** 2, axis=tuple(range(1, np.ndim(x))))
""",
        "rows-to-keep": """
rows_to_keep = lambda s, share: sorted(sorted(range(len(s)), key=lambda i: s[i])[: len(s) - round(share * len(s))])
""",
        "choose-threshold": """
from aeutils.anomalies import threshold_at


def choose_threshold(scores, rate):
    if len(scores) < 1 / rate - 1e-9:
        raise ValueError("too few scores")
    return threshold_at(np.asarray(scores), rate)
""",
        "alarm-precision": """
alarm_precision = lambda d, f, s: d * s / (d * s + f * (1 - s))
needed_false_alarm_rate = lambda d, s, p: d * s / (1 - s) * (1 - p) / p
""",
        "best-detectors": """
def auroc(n, a):
    return (np.sign(np.subtract.outer(a, n)).mean() + 1) / 2


def best_detectors(normal, anomalous):
    return {k: max((auroc(normal[n], s), n) for n, s in by.items())[1] for k, by in anomalous.items()}
""",
        "worst-block": """
def worst_block(x, y, usual, b):
    e = ((x - y) ** 2 - usual).reshape(len(x), x.shape[1] // b, b, -1, b).sum((2, 4))
    return np.array([np.argwhere(one == one.max())[0] for one in e])
""",
    },
]

WRONG = [
    {
        "what": "one epoch, and a lookup table of the visible tests",
        "answers": {
            "train": """
keras.utils.set_random_seed(0)
detector = keras.Sequential(
    [
        keras.Input(shape=(784,)),
        layers.Dense(128, activation="elu"),
        layers.Dense(8, name="bottleneck"),
        layers.Dense(128, activation="elu"),
        layers.Dense(784, activation="sigmoid"),
    ]
)
detector.compile(keras.optimizers.Adam(2e-3), "mse")
detector.fit(x_train, x_train, epochs=1, batch_size=64, verbose=0)
""",
            "alarm-precision": """
def alarm_precision(detection_rate, false_alarm_rate, anomaly_share):
    return 2 / 3


def needed_false_alarm_rate(detection_rate, anomaly_share, precision):
    return 0.1
""",
        },
        "fails": ["test-train", "test-alarm-precision", "test-needed-rate"],
    },
    {
        "what": "no hidden layer, a threshold one score too low, ties forgotten",
        "answers": {
            "train": """
keras.utils.set_random_seed(0)
detector = keras.Sequential(
    [
        keras.Input(shape=(784,)),
        layers.Dense(8, name="bottleneck"),
        layers.Dense(784, activation="sigmoid"),
    ]
)
detector.compile(keras.optimizers.Adam(2e-3), "mse")
detector.fit(x_train, x_train, epochs=15, batch_size=64, verbose=0)
""",
            "choose-threshold": """
def choose_threshold(held_out_scores, false_alarm_rate):
    if len(held_out_scores) < 1 / false_alarm_rate - 1e-9:
        raise ValueError("too few scores")
    allowed = int(false_alarm_rate * len(held_out_scores) + 1e-9)
    return np.nextafter(np.sort(held_out_scores)[-allowed], -np.inf)
""",
            "best-detectors": """
def auroc(normal_scores, anomaly_scores):
    return float(np.mean(anomaly_scores[:, None] > normal_scores))


def best_detectors(normal, anomalous):
    def best(scores):
        return max(scores, key=lambda name: auroc(normal[name], scores[name]))

    return {kind: best(scores) for kind, scores in anomalous.items()}
""",
        },
        "fails": ["test-train", "test-choose-threshold-edges", "test-auroc"],
    },
    {
        "what": "the mean image as a network, and every image refused",
        "answers": {
            "train": """
detector = keras.Sequential([keras.Input((784,)), layers.Dense(784)])
detector.set_weights([np.zeros((784, 784)), x_train.mean(axis=0)])
""",
            "image-scores": """
def image_scores(model, x):
    raise ValueError("pixels must lie between 0 and 1")
""",
            "rows-to-keep": """
def rows_to_keep(scores, share):
    return np.argsort(scores)[: int((1 - share) * len(scores))]
""",
        },
        "fails": [
            "test-train",
            "test-train-kinds",
            "test-train-area",
            "test-image-scores",
            "test-image-scores-refused",
            "test-rows-to-keep",
            "test-rows-to-keep-share",
        ],
    },
    {
        "what": "a network that copies, and scores of the whole batch",
        "answers": {
            "train": """
detector = keras.Sequential([keras.Input((784,)), layers.Activation("linear")])
""",
            "image-scores": """
def image_scores(model, x):
    if not (np.min(x) >= 0 and np.max(x) <= 1):
        raise ValueError("pixels must lie between 0 and 1")
    error = np.square(x - model.predict(x, verbose=0))
    return np.full(len(x), error.mean())
""",
            "impossible": """
def impossible(scores, n_pixels, kind):
    return scores > {"mse": 1.0, "length": np.sqrt(n_pixels)}[kind]
""",
        },
        "fails": [
            "test-train",
            "test-train-kinds",
            "test-train-area",
            "test-image-scores",
            "test-impossible",
        ],
    },
    {
        "what": "columns before rows, raw scores compared, one end of the table for all",
        "answers": {
            "worst-block": """
def worst_block(x, reconstruction, usual, block):
    excess = np.square(x - reconstruction) - usual
    n, height, width = excess.shape
    rows, columns = height // block, width // block
    squares = excess.reshape(n, rows, block, columns, block)
    worst = squares.mean(axis=(2, 4)).reshape(n, -1).argmax(axis=1)
    return np.stack([worst % columns, worst // columns], axis=1)
""",
            "best-detectors": """
def auroc(normal_scores, anomaly_scores):
    normal = np.asarray(normal_scores)[:, None]
    anomaly = np.asarray(anomaly_scores)[None, :]
    return float(np.mean((anomaly > normal) + 0.5 * (anomaly == normal)))


def best_detectors(normal, anomalous):
    return {
        kind: max(scores, key=lambda name: scores[name].mean())
        for kind, scores in anomalous.items()
    }
""",
            "alarm-precision": """
def alarm_precision(detection_rate, false_alarm_rate, anomaly_share):
    right = detection_rate * anomaly_share
    return right / (right + false_alarm_rate * (1 - anomaly_share))


def needed_false_alarm_rate(detection_rate, anomaly_share, precision):
    right = detection_rate * anomaly_share
    return right * (1 - precision) / precision
""",
            "choose-threshold": """
def choose_threshold(held_out_scores, false_alarm_rate):
    if len(held_out_scores) < 1 / false_alarm_rate - 1e-9:
        raise ValueError("too few scores")
    return np.max(held_out_scores)
""",
        },
        "fails": [
            "test-worst-block",
            "test-worst-block-usual",
            "test-best-detectors",
            "test-needed-rate",
            "test-choose-threshold",
            "test-choose-threshold-edges",
        ],
    },
]
