"""Compare AutoencoderDetector with simpler detectors on ten kinds of anomalies in eight tables.

Every method gets the same rows of the same three splits, and its settings are chosen alike: by the
AUROC on selection rows, which are neither trained nor tested on.  Also measured: p-values and
false discoveries on one table, two simple detectors together, training rows that are not clean,
and the feature that is named.
Writes benchmarks/anomalies.json, which the benchmarks page and chapter 4 show; with names of
parts, those are measured anew and the others kept (about 15 minutes in all).  The part ``rivals``
is the tables without the fits of our own detector, whose stored rows are kept.
"""

import sys
import time
import warnings
from collections import defaultdict

import numpy as np
import pandas as pd
import results
from sklearn import datasets
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import OneClassSVM

from aeutils import AutoencoderDetector, runtime
from aeutils.anomalies import conformal_p_values, discoveries
from aeutils.data import load_penguins, load_table

runtime.quiet_logs()

SEEDS = range(3)
# at most: normal rows to train on, to choose by, to test on; anomalies to choose by, to test on
MOST = {"train": 1000, "select": 1000, "test": 2000, "few": 100, "anomalies": 1000}
OURS = "autoencoder"


# --- mistakes that somebody makes who enters a table


def mixed_rows(rows, rng):
    """Return rows whose every value comes from another row."""
    return rows.apply(lambda column: rng.permutation(column.to_numpy()))


def wrong_word(column):
    """Return a mistake: another of the words that the column holds."""

    def change(rows, rng):
        words = np.sort(rows[column].unique())
        shift = rng.integers(1, len(words), len(rows))
        number = np.searchsorted(words, rows[column])
        return rows.assign(**{column: words[(number + shift) % len(words)]})

    return change


def one_wrong_value(rows, rng):
    """Return rows with one value each from another row, in a column where the two differ."""
    rows = rows.copy()
    other = rows.iloc[rng.permutation(len(rows))]
    differs = rows.to_numpy() != other.to_numpy()
    for i in np.flatnonzero(differs.any(axis=1)):
        j = rng.choice(np.flatnonzero(differs[i]))
        rows.iloc[i, j] = other.iloc[i, j]
    return rows


def tables():
    """Yield name, normal rows, and the kinds of anomalies: rows, or a function that makes them."""
    penguins = load_penguins().dropna().drop(columns="year")
    mistakes = {
        "wrong species": wrong_word("species"),
        "wrong sex": wrong_word("sex"),
        "mixed rows": mixed_rows,
    }
    yield "penguins", penguins, mistakes
    x, y = datasets.load_breast_cancer(return_X_y=True, as_frame=True)
    yield "breast cancer", x[y == 1], {"malignant": x[y == 0]}
    x, _ = datasets.load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    yield "diabetes", x, {"mixed rows": mixed_rows}
    adult = load_table("adult").drop(columns="fnlwgt").sample(6000, random_state=0)
    yield "adult", adult, {"one wrong value": one_wrong_value}
    for name, column, normal, kind in [
        ("ionosphere", "class", ["good"], "bad returns"),
        ("satellite", "class", ["red soil", "grey soil", "very damp grey soil"], "other soils"),
        ("letter", "letter", list("ABCDEFGHIJKLM"), "N to Z"),
        ("shuttle", "class", ["Rad.Flow"], "other states"),
    ]:
        frame = load_table(name)
        is_normal = frame.pop(column).isin(normal)
        yield name, frame[is_normal], {kind: frame[~is_normal]}


# --- methods: each name with its settings, the first of them the default


def settings_of(n_features):
    """Return the settings that every method may choose from."""
    shares = [max(1, round(n_features * share)) for share in (0.25, 0.5, 0.75)]
    return {
        OURS: [{}, {"noise": 0.5}, *({"latent_dim": n} for n in shares)],
        "PCA": [{"keep": share} for share in (0.95, 0.3, 0.5, 0.7, 0.8, 0.9, 0.99, 0.999)],
        "Mahalanobis distance": [
            {"ridge": r} for r in (0.01, 1e-6, 1e-5, 1e-4, 1e-3, 0.1, 0.3, 1.0, 3.0, 10.0)
        ],
        "nearest neighbours": [{"k": k} for k in (5, 1, 2, 10, 20, 50, 100, 200)],
        "local outlier factor": [{"k": k} for k in (20, 1, 2, 3, 5, 10, 30, 50, 80, 120, 200)],
        "isolation forest": [
            {"rows": n, "columns": c} for c in (1.0, 0.5, 0.25) for n in (256, 64, 1024)
        ],
        "one-class SVM": [
            {"nu": nu, "gamma": g}
            for nu in (0.1, 0.001, 0.01)
            for g in (1.0, 0.1, 0.3, 3.0, 10.0, 30.0, 100.0)
        ],
        "largest deviation": [{}],
    }


def fitted(method, setting, x, seed):
    """Return the function that scores scaled rows, higher for stranger ones."""
    if method == OURS:
        return AutoencoderDetector(random_state=seed, **setting).fit(x).anomaly_scores
    if method == "PCA":
        pca = PCA(setting["keep"], svd_solver="full").fit(x)
        return lambda z: np.square(z - pca.inverse_transform(pca.transform(z))).mean(axis=1)
    if method == "Mahalanobis distance":
        inverse = np.linalg.inv(np.cov(x, rowvar=False) + setting["ridge"] * np.eye(x.shape[1]))
        return lambda z: np.einsum("ij,jk,ik->i", z - x.mean(0), inverse, z - x.mean(0))
    if method == "nearest neighbours":
        near = NearestNeighbors(n_neighbors=min(setting["k"], len(x))).fit(x)
        return lambda z: near.kneighbors(z)[0][:, -1]
    if method == "local outlier factor":
        k = min(setting["k"], len(x) - 1)
        lof = LocalOutlierFactor(n_neighbors=k, novelty=True).fit(x)
        return lambda z: -lof.score_samples(z)
    if method == "isolation forest":
        rows = min(setting["rows"], len(x))
        forest = IsolationForest(
            max_samples=rows, max_features=setting["columns"], random_state=seed
        ).fit(x)
        return lambda z: -forest.score_samples(z)
    if method == "one-class SVM":
        gamma = setting["gamma"] / (x.shape[1] * x.var())
        svm = OneClassSVM(nu=setting["nu"], gamma=gamma).fit(x)
        return lambda z: -svm.score_samples(z)
    return lambda z: np.abs(z).max(axis=1)


def scaler():
    """Return what turns a table into scaled numbers: a column for each word, a standard deviation.

    Words of fewer than one row in 100 share a column.
    """
    words = OneHotEncoder(
        sparse_output=False, min_frequency=0.01, handle_unknown="infrequent_if_exist"
    )
    chosen = (words, make_column_selector(dtype_exclude="number"))
    return make_pipeline(make_column_transformer(chosen, remainder="passthrough"), StandardScaler())


def auroc(score, normal, anomalous):
    """Return the area under the ROC curve."""
    s = np.r_[score(normal), score(anomalous)]
    return float(roc_auc_score(np.arange(len(s)) >= len(normal), s))


def divided(normal, seed):
    """Return half of the rows to train on, and a quarter each to choose by and to test on."""
    order = np.random.default_rng(seed).permutation(len(normal))
    parts = np.split(order, [len(order) // 2, 3 * len(order) // 4])
    most = (MOST["train"], MOST["select"], MOST["test"])
    return [normal.iloc[part[:n]] for part, n in zip(parts, most, strict=True)]


def anomalies_of(kind, select, test, seed):
    """Return anomalies to choose by and others to test on."""
    rng = np.random.default_rng(seed)
    if callable(kind):
        return kind(select, rng), kind(test, rng)
    order = rng.permutation(len(kind))
    few = min(MOST["few"], len(kind) // 2)
    return kind.iloc[order[:few]], kind.iloc[order[few : few + MOST["anomalies"]]]


def scaled_parts(normal, seed):
    """Return a split of normal rows, ready for detectors.

    The rows to choose by and to test on; the scaling of the training rows; and scaled: the training
    rows, the rows to choose by, the rows to test on, and the rows to choose by with mixed values.
    """
    train, select, test = divided(normal, seed)
    scaled = scaler().fit(train).transform
    made_up = mixed_rows(select, np.random.default_rng(seed))
    return select, test, scaled, *map(scaled, (train, select, test, made_up))


def run_tables(without=()):
    """Return for every kind of anomaly and method the AUROC of each split, chosen in three ways."""
    measured = {}
    for name, normal, kinds in tables():
        began = time.perf_counter()
        found = {kind: defaultdict(lambda: defaultdict(list)) for kind in kinds}
        for seed in SEEDS:
            select, test, scaled, x, x_select, x_test, made_up = scaled_parts(normal, seed)
            pairs = {
                kind: list(map(scaled, anomalies_of(rows, select, test, seed)))
                for kind, rows in kinds.items()
            }
            for method, settings in settings_of(x.shape[1]).items():
                if method in without:
                    continue
                scores = [fitted(method, setting, x, seed) for setting in settings]
                by_made_up = [auroc(score, x_select, made_up) for score in scores]
                for kind, (few, rest) in pairs.items():
                    chosen = [auroc(score, x_select, few) for score in scores]
                    tested = [auroc(score, x_test, rest) for score in scores]
                    row = found[kind][method]
                    row["tuned"].append(round(tested[int(np.argmax(chosen))], 4))
                    row["default"].append(round(tested[0], 4))
                    row["by mixed rows"].append(round(tested[int(np.argmax(by_made_up))], 4))
                    row["setting"].append(str(settings[int(np.argmax(chosen))]))
        for kind, rows in found.items():
            measured[f"{name}: {kind}"] = {
                "rows": len(x),
                "features": x.shape[1],
                "of": {method: dict(row) for method, row in rows.items()},
            }
            means = {method: round(float(np.mean(row["tuned"])), 3) for method, row in rows.items()}
            print(f"{name}: {kind} {means} {time.perf_counter() - began:.0f} s", flush=True)
    return measured


def run_rivals():
    """Return the same, measured anew for all but our detector, whose stored rows are kept."""
    measured, stored = run_tables(without=(OURS,)), results.read("anomalies")["tables"]
    for kind, rows in measured.items():
        rows["of"] = {OURS: stored[kind]["of"][OURS]} | rows["of"]
    return measured


# --- two simple detectors together

PAIR = ("PCA", "nearest neighbours")


def run_combined():
    """Return as run_tables does, but of the larger of two simple detectors' standardised scores.

    Each is tuned on its own; the mean and the deviation of its logarithm come from the selection
    rows, which are normal.
    """
    measured = {}
    for name, normal, kinds in tables():
        for seed in SEEDS:
            select, test, scaled, x, x_select, x_test, made_up = scaled_parts(normal, seed)
            scores = {
                method: [
                    fitted(method, setting, x, seed) for setting in settings_of(x.shape[1])[method]
                ]
                for method in PAIR
            }
            for kind, rows in kinds.items():
                few, rest = map(scaled, anomalies_of(rows, select, test, seed))
                of = measured.setdefault(f"{name}: {kind}", defaultdict(list))
                for way, judge in (("tuned", few), ("default", None), ("by mixed rows", made_up)):
                    chosen = [best_of(scores[method], x_select, judge) for method in PAIR]
                    score = larger_of(chosen, x_select)
                    of[way].append(round(auroc(score, x_test, rest), 4))
    return measured


def best_of(scores, normal, anomalous):
    """Return the score of the highest AUROC, or the default without anomalies."""
    if anomalous is None:
        return scores[0]
    return scores[int(np.argmax([auroc(score, normal, anomalous) for score in scores]))]


def larger_of(scores, normal):
    """Return the score that is the largest of some, standardised by normal rows."""
    logarithms = [lambda z, score=score: np.log(score(z) + 1e-9) for score in scores]
    usual = [(log(normal).mean(), log(normal).std()) for log in logarithms]
    return lambda z: np.max(
        [(log(z) - mean) / std for log, (mean, std) in zip(logarithms, usual, strict=True)], axis=0
    )


# --- false discoveries

RATES = (0.05, 0.1, 0.2)
BATCHES, NORMAL, STRANGE, CALIBRATION = 100, 950, 50, 2000
CHANGE = 45  # of the shuttle's first column, which is time


def run_false_discoveries():
    """Return the share of false alarms and of anomalies found, of batches of the shuttle's rows."""
    frame = load_table("shuttle")
    is_normal = frame.pop("class") == "Rad.Flow"
    normal, strange = frame[is_normal].to_numpy(float), frame[~is_normal].to_numpy(float)
    early = normal[:, 0] <= CHANGE
    measured = {}
    for method in (OURS, "PCA", "nearest neighbours", "isolation forest"):
        of = defaultdict(lambda: defaultdict(list))
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            for source in ("any time", "early"):
                rows = normal if source == "any time" else normal[early]
                rows = rows[rng.permutation(len(rows))]
                train, rest = rows[:CALIBRATION], rows[CALIBRATION:]
                to_numbers = StandardScaler().fit(train)
                score = fitted(method, settings_of(9)[method][0], to_numbers.transform(train), seed)
                scored = lambda z: score(to_numbers.transform(z))  # noqa: B023, E731
                of_train, of_rest, of_strange = scored(train), scored(rest), scored(strange)
                if source == "any time":
                    cases = {"held out": (of_rest, None), "training rows": (of_rest, of_train)}
                else:
                    of_late = scored(normal[~early])
                    cases = {
                        "early, early": (of_rest, None),
                        "early, late": (of_late, of_rest),
                        "late, late": (of_late, None),
                    }
                for case, (pool, calibration) in cases.items():
                    for key, values in batches(pool, calibration, of_strange, rng).items():
                        of[case][key].append(values)
        measured[method] = {case: dict(rows) for case, rows in of.items()}
        print(method, {c: np.mean(r["false share"], 0).round(3) for c, r in of.items()}, flush=True)
    return measured


def run_without_time():
    """Return the same of the detector for a drift, its first column, time, left out."""
    frame = load_table("shuttle")
    is_normal = frame.pop("class") == "Rad.Flow"
    normal, strange = frame[is_normal].to_numpy(float), frame[~is_normal].to_numpy(float)
    early = normal[:, 0] <= CHANGE
    of = defaultdict(list)
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        rows = normal[early][:, 1:]
        rows = rows[rng.permutation(len(rows))]
        score = AutoencoderDetector(random_state=seed).fit(rows[:CALIBRATION]).anomaly_scores
        of_rest, of_late = score(rows[CALIBRATION:]), score(normal[~early][:, 1:])
        for key, values in batches(of_late, of_rest, score(strange[:, 1:]), rng).items():
            of[key].append(values)
    return dict(of)


def batches(pool, calibration, strange, rng):
    """Return, mean over batches at each target rate, the shares of false alarms and of finds."""
    false_share, found, false_rate = [], [], []
    for _ in range(BATCHES):
        order = rng.permutation(len(pool))
        normal, others = pool[order[:NORMAL]], pool[order[NORMAL:]]
        # a calibration of its own for each batch: the guarantee is an average over both
        known = rng.choice(others if calibration is None else calibration, CALIBRATION, False)
        batch = np.r_[normal, rng.choice(strange, STRANGE, False)]
        p = conformal_p_values(known, batch)
        alarms = [discoveries(p, rate) for rate in RATES]
        false_share.append([a[:NORMAL].sum() / max(1, a.sum()) for a in alarms])
        found.append([a[NORMAL:].mean() for a in alarms])
        false_rate.append([(p[:NORMAL] <= rate).mean() for rate in RATES])
    by_name = {"false share": false_share, "found": found, "false-alarm rate": false_rate}
    return {name: np.mean(rows, axis=0).round(4).tolist() for name, rows in by_name.items()}


# --- training rows that are not clean

SHARES = (0.0, 0.05, 0.1, 0.2)


def run_unclean():
    """Return the AUROC of each split by the share of anomalies among the training rows."""
    measured = {}
    wanted = {"penguins": "wrong species", "satellite": "other soils", "shuttle": "other states"}
    for name, normal, kinds in tables():
        if name not in wanted:
            continue
        of = defaultdict(lambda: [[] for _ in SHARES])
        for seed in SEEDS:
            train, _, test = divided(normal, seed)
            kind = kinds[wanted[name]]
            rng = np.random.default_rng(seed)
            dirt, strange = anomalies_of(kind, train, test, seed)
            if not callable(kind):
                rest = kind.drop(index=strange.index)
                dirt = rest.sample(min(len(rest), len(train)), random_state=seed)
            for i, share in enumerate(SHARES):
                n = round(share / (1 - share) * len(train))
                rows = pd.concat([train, dirt.iloc[rng.permutation(len(dirt))[:n]]])
                to_numbers = scaler().fit(rows)
                x, z, z_strange = map(to_numbers.transform, (rows, test, strange))
                for method, settings in settings_of(x.shape[1]).items():
                    if method == "largest deviation":
                        continue
                    score = fitted(method, settings[0], x, seed)
                    of[method][i].append(round(auroc(score, z, z_strange), 4))
                    if method == OURS:
                        kept = score(x) <= np.quantile(score(x), 1 - share)
                        again = fitted(method, settings[0], x[kept], seed)
                        of["autoencoder, fitted twice"][i].append(
                            round(auroc(again, z, z_strange), 4)
                        )
        measured[f"{name}: {wanted[name]}"] = dict(of)
        print(name, {m: np.mean(v, 1).round(3).tolist() for m, v in of.items()}, flush=True)
    return measured


# --- which feature


def run_which_feature():
    """Return how often the column is named in which one value comes from another row."""
    measured = {}
    for name, normal, _ in tables():
        if name not in ("penguins", "diabetes", "letter", "satellite"):
            continue
        shares = defaultdict(list)
        for seed in SEEDS:
            train, select, test = divided(normal.select_dtypes("number"), seed)
            test = test[:400]
            to_numbers = StandardScaler().fit(train)
            x, x_select, x_test = map(to_numbers.transform, (train, select, test))
            rng = np.random.default_rng(seed)
            columns = rng.integers(x.shape[1], size=len(x_test))
            z = x_test.copy()
            at = np.arange(len(z))
            z[at, columns] = x_test[rng.permutation(len(z)), columns]
            changed = z[at, columns] != x_test[at, columns]
            for method, errors in explainers(x, seed).items():
                # a column of two values may be expected without an error
                usual = np.maximum(np.quantile(errors(x_select), 0.95, axis=0), 0.01)
                named = np.argmax(errors(z) / usual, axis=1)
                shares[method].append(round(float(np.mean((named == columns)[changed])), 4))
        measured[name] = {"features": x.shape[1], "right": dict(shares)}
        print(name, {m: round(float(np.mean(v)), 3) for m, v in shares.items()}, flush=True)
    return measured


def explainers(x, seed):
    """Return functions from scaled rows to one error a column."""
    detector = AutoencoderDetector(random_state=seed).fit(x)
    pca = PCA(0.95, svd_solver="full").fit(x)
    near = NearestNeighbors(n_neighbors=5).fit(x)
    regressions = [Ridge(1.0).fit(np.delete(x, j, axis=1), x[:, j]) for j in range(x.shape[1])]

    def by_regression(z):
        guesses = [r.predict(np.delete(z, j, axis=1)) for j, r in enumerate(regressions)]
        return np.square(z - np.stack(guesses, axis=1))

    return {
        OURS: detector.feature_errors,
        "PCA": lambda z: np.square(z - pca.inverse_transform(pca.transform(z))),
        "mean of 5 neighbours": lambda z: np.square(z - x[near.kneighbors(z)[1]].mean(axis=1)),
        "regression on the others": by_regression,
        "largest deviation": np.square,
    }


def main(parts):
    """Measure everything, or the named parts alone, and store it."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    runs = {
        "tables": run_tables,
        "combined": run_combined,
        "false_discoveries": run_false_discoveries,
        "without_time": run_without_time,
        "which_feature": run_which_feature,
        "unclean": run_unclean,
    }
    measured = {"minutes": {}}
    if parts:
        measured = results.read("anomalies")
    measured |= {"seeds": len(SEEDS), "rates": RATES, "shares": SHARES}
    for part in parts or runs:
        began = time.perf_counter()
        if part == "rivals":
            measured["tables"] = run_rivals()
        else:
            measured[part] = runs[part]()
            measured["minutes"][part] = round((time.perf_counter() - began) / 60, 1)
        results.write("anomalies", measured)


if __name__ == "__main__":
    main(sys.argv[1:])
