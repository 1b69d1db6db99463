"""Submissions for assignment 02_anomaly_detector, beside its own solution."""

# a different right approach to every solution cell: earns all autograded points
ALTERNATIVE = {
    "impossible": """
def impossible(scores, n_pixels, kind):
    answer = []
    for score in scores:
        mse = score if kind == "mse" else score**2 / n_pixels
        fine = np.isfinite(score) and score >= 0 and mse <= 1
        answer.append(not fine)
    return np.array(answer)
""",
    "image-scores": """
from aeutils.anomalies import reconstruction_error


def image_scores(model, x):
    output = np.concatenate(
        [np.array(model(x[i : i + 100])) for i in range(0, len(x), 100)]
    )
    if np.isnan(x).any() or (x < 0).any() or (x > 1).any():
        raise ValueError("bad pixels")
    return reconstruction_error(x, output, unit_range=False)
""",
    "train": """
from aeutils.core import dense_autoencoder

detector = dense_autoencoder(latent_dim=4, hidden_layer_sizes=(256, 64))
detector.compile(optimizer="nadam", loss="binary_crossentropy")
detector.fit(x_train, x_train, epochs=12, batch_size=64, verbose=0)
""",
    "rows-to-keep": """
def rows_to_keep(scores, share):
    out = sorted(range(len(scores)), key=lambda i: -scores[i])
    out = set(out[: round(share * len(scores))])
    return [i for i in range(len(scores)) if i not in out]
""",
    "choose-threshold": """
from aeutils.anomalies import threshold_at


def choose_threshold(held_out_scores, false_alarm_rate):
    return threshold_at(held_out_scores, false_alarm_rate)
""",
    "alarm-precision": """
def alarm_precision(detection_rate, false_alarm_rate, anomaly_share):
    odds = anomaly_share / (1 - anomaly_share)
    wrong_for_each_right = false_alarm_rate / (detection_rate * odds)
    return 1 / (1 + wrong_for_each_right)


def needed_false_alarm_rate(detection_rate, anomaly_share, precision):
    odds = anomaly_share / (1 - anomaly_share)
    return detection_rate * odds * (1 / precision - 1)
""",
    "best-detectors": """
from sklearn.metrics import roc_auc_score


def auroc(normal_scores, anomaly_scores):
    truth = np.repeat([0, 1], [len(normal_scores), len(anomaly_scores)])
    return roc_auc_score(truth, np.append(normal_scores, anomaly_scores))


def best_detectors(normal, anomalous):
    return {
        kind: sorted(by, key=lambda name: auroc(normal[name], by[name]))[-1]
        for kind, by in anomalous.items()
    }
""",
    "worst-block": """
def worst_block(x, reconstruction, usual, block):
    answer = np.zeros((len(x), 2), dtype=int)
    for i, (one, other) in enumerate(zip(x, reconstruction)):
        excess = (one - other) ** 2 - usual
        best = -np.inf
        for row in range(excess.shape[0] // block):
            for column in range(excess.shape[1] // block):
                square = excess[
                    row * block : (row + 1) * block,
                    column * block : (column + 1) * block,
                ]
                if square.sum() > best:
                    best = square.sum()
                    answer[i] = row, column
    return answer
""",
}

# the full solution with these cells replaced by typical mistakes …
MISTAKES = {
    # the wrong end of the scores
    "choose-threshold": """
def choose_threshold(held_out_scores, false_alarm_rate):
    return np.quantile(held_out_scores, false_alarm_rate)
""",
    # forgets how rare anomalies are
    "alarm-precision": """
def alarm_precision(detection_rate, false_alarm_rate, anomaly_share):
    return detection_rate / (detection_rate + false_alarm_rate)


def needed_false_alarm_rate(detection_rate, anomaly_share, precision):
    return detection_rate * (1 - precision) / precision
""",
    # does not subtract the usual error
    "worst-block": """
def worst_block(x, reconstruction, usual, block):
    error = np.square(x - reconstruction)
    n, height, width = error.shape
    rows, columns = height // block, width // block
    squares = error.reshape(n, rows, block, columns, block)
    worst = squares.mean(axis=(2, 4)).reshape(n, -1).argmax(axis=1)
    return np.stack(np.divmod(worst, columns), axis=1)
""",
}

# … fails exactly these tests
FAILED_BY_MISTAKES = {
    "test-alarm-precision",
    "test-choose-threshold",
    "test-choose-threshold-edges",
    "test-needed-rate",
    "test-worst-block-usual",
}

# the full solution with these cells replaced by wrong ones, which change what they are tested
# with so that it suits them …
SPOILS = {
    "image-scores": """
def image_scores(model, x):
    if not (np.min(x) >= 0 and np.max(x) <= 1):
        raise ValueError("pixels must be numbers between 0 and 1")
    x[...] = 0
    model.set_weights([0 * weights for weights in model.get_weights()])
    return np.square(np.asarray(model(x))).reshape(len(x), -1).mean(axis=1)
""",
    "train": """
def detector(x):
    x[...] = 1 - x**2
    return x
""",
    "choose-threshold": """
def choose_threshold(held_out_scores, false_alarm_rate):
    allowed = int(false_alarm_rate * len(held_out_scores) + 1e-9)
    if allowed < 1:
        raise ValueError("too few scores for such a small rate")
    held_out_scores[...] = -1
    held_out_scores[:allowed] = 1
    return 0.0
""",
}

# … fails exactly these tests
FAILED_BY_SPOILING = {
    "test-choose-threshold",
    "test-choose-threshold-edges",
    "test-image-scores",
    "test-train",
    "test-train-area",
    "test-train-kinds",
}
