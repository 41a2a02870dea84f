"""Does a detector with default settings find what is odd, beside PyOD's?

The classical sets of ADBench (Han et al., 2022) in two settings:

- *one-class*: half of the normal rows, drawn at random, train; the other half and all
  anomalies test;
- *unsupervised*: all rows train, and the same rows are scored.

No row is duplicated. A set has at most 10,000 rows, anomalies in proportion, but not
fewer than 20 of them where there are as many. ``--published`` adds the protocol of the
table of Livernoche et al. (ICLR 2024), to be laid beside it and not beside ours: sets
under 1,000 rows are drawn with replacement to 1,000 *before* they are split, which puts
copies of test rows into training; the first half of the normals in the order of the
file trains; at most 50,000 rows; unsupervised trains on a draw with replacement.
``--mixed`` adds four tables of words and numbers, one-class: census income, adult, bank
marketing (anomaly: the rare class) and KDD Cup 99 (anomaly: an attack; without copies
of rows, and attacks thinned to one in thirty normals).

The peers are at their defaults, on columns standardised by their training rows; in
mixed tables words are one-hot, a missing one as a level. isthmus sees the rows as they
are. Rows that a peer was fitted on have the scores that its fit gave them. MCD gets at
most 90 columns, DeepSVDD one seed and two minutes, and PCA no column that is constant
in training: it divides by variances, and all its scores would be infinite. A peer that
fails, or scores that are not finite, leaves a row without figures, and is named.

    python benchmarks/anomaly.py --data DIR [--seeds 5] [--quick] [--only 47_yeast,...]
        [--methods isthmus,kNN,...] [--setting one-class,unsupervised] [--published]
        [--mixed]

DIR (or ISTHMUS_DATA) holds adbench/*.npz, and the tables under the names in `MIXED`.
An environment with both: pip install -e . torch==2.13.0 pyod==3.6.7 pandas. Results are
appended to a file, and what it has is not run again, of isthmus by its version. Without
PyOD the figures of the peers are those of the file. Seconds are of the processor, one
thread, since others may be at work on the machine. The standard error is that of the
mean over sets, by chance of the seeds; ranks are by ROC-AUC, within set and seed, among
the peers and one row of ours. "isthmus clean" was told ``contamination=0``, that all
training rows are normal, as in one-class they are; no peer can be told.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import os
import platform
import signal
import time
import warnings
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from isthmus import AnomalyDetector

CLASSICAL = """1_ALOI 2_annthyroid 3_backdoor 4_breastw 5_campaign 6_cardio
7_Cardiotocography 8_celeba 9_census 10_cover 11_donors 12_fault 13_fraud 14_glass
15_Hepatitis 16_http 17_InternetAds 18_Ionosphere 19_landsat 20_letter 21_Lymphography
22_magic.gamma 23_mammography 24_mnist 25_musk 26_optdigits 27_PageBlocks 28_pendigits
29_Pima 30_satellite 31_satimage-2 32_shuttle 33_skin 34_smtp 35_SpamBase 36_speech
37_Stamps 38_thyroid 39_vertebral 40_vowels 41_Waveform 42_WBC 43_WDBC 44_Wilt 45_wine
46_WPBC 47_yeast"""
ADBENCH = CLASSICAL.split()
CENSUS = "adrepository/census-income-full-nominal.parquet"
MIXED = {  # file, target, its normal value, columns to drop
    "census": (CENSUS, "class", "--50000.", []),
    "adult": ("adult/adult_train.parquet", "income", "<=50K", ["fnlwgt"]),
    "bank": ("bank_marketing/bank_additional_full.parquet", "y", "no", ["duration"]),
    "kddcup99": ("kddcup99/kddcup99_10pct_train.parquet", "label", "normal", []),
}
PEERS = {
    "kNN": "knn.KNN",
    "LOF": "lof.LOF",
    "CBLOF": "cblof.CBLOF",
    "IForest": "iforest.IForest",
    "OCSVM": "ocsvm.OCSVM",
    "PCA": "pca.PCA",
    "ECOD": "ecod.ECOD",
    "HBOS": "hbos.HBOS",
    "MCD": "mcd.MCD",
    "AutoEncoder": "auto_encoder.AutoEncoder",
    "VAE": "vae.VAE",
    "DeepSVDD": "deep_svdd.DeepSVDD",
}
EFFORTS = {
    "isthmus": {},
    "isthmus fast": {"effort": "fast"},
    "isthmus high": {"effort": "high"},
    "isthmus clean": {"contamination": 0},
}
METHODS = [*EFFORTS, *PEERS]
HAVE_PYOD = importlib.util.find_spec("pyod") is not None
MOST_COLUMNS = {"MCD": 90}
SECONDS = {"DeepSVDD": 120}
ONCE = {"DeepSVDD"}
NOT_IN = {
    ("unsupervised", "isthmus clean"),
    ("unsupervised published", "isthmus clean"),
}
DIVIDES = {"PCA"}
MOST, LEAST_ANOMALIES, ATTACKS = 10_000, 20, 1 / 30
BOOTSTRAP, MOST_PUBLISHED = 1_000, 50_000
QUICK = 500


def thin(y, rng, most):
    """Indices of at most ``most`` rows, anomalies in proportion."""
    if len(y) <= most:
        return np.arange(len(y))
    odd, normal = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    count = max(LEAST_ANOMALIES, round(most * len(odd) / len(y)))
    odd = rng.permutation(odd)[:count]
    return np.concatenate([odd, rng.permutation(normal)[: most - len(odd)]])


def halves(y, rows):
    """The first half of the normal rows; the other half and the anomalies."""
    normal = rows[y[rows] == 0]
    half = round(len(normal) / 2)
    return normal[:half], np.concatenate([normal[half:], rows[y[rows] == 1]])


def one_class(y, seed, most):
    rng = np.random.default_rng(seed)
    return halves(y, rng.permutation(thin(y, rng, most or MOST)))


def unsupervised(y, seed, most):
    rows = thin(y, np.random.default_rng(seed), most or MOST)
    return rows, rows


def published(y, seed, most):
    """The rows of the published protocol; the same numbers are drawn for a seed."""
    rng, count = np.random.RandomState(seed), len(y)
    rows = rng.choice(count, BOOTSTRAP) if count < BOOTSTRAP else np.arange(count)
    most = most or MOST_PUBLISHED
    return rng.choice(rows, most, replace=False) if len(rows) > most else rows


def one_class_published(y, seed, most):
    return halves(y, published(y, seed, most))


def unsupervised_published(y, seed, most):
    rows = published(y, seed, most)
    return np.random.default_rng(seed).choice(rows, len(rows)), rows


SPLITS = {
    "one-class": one_class,
    "unsupervised": unsupervised,
    "one-class published": one_class_published,
    "unsupervised published": unsupervised_published,
    "mixed": one_class,
}


def load(setting, name, folder):
    """Rows, and 1 where one is an anomaly; None if the file is not there."""
    path, *about = MIXED[name] if setting == "mixed" else [f"adbench/{name}.npz"]
    file = Path(folder) / path
    if not file.exists():
        return None
    if not about:
        with np.load(file, allow_pickle=False) as arrays:
            return arrays["X"], arrays["y"].astype(int)
    target, normal, drop = about
    frame = pd.read_parquet(file)
    if name == "kddcup99":
        frame = frame.drop_duplicates()
        usual = frame[target] == normal
        attacks = frame[~usual].sample(round(usual.sum() * ATTACKS), random_state=0)
        frame = pd.concat([frame[usual], attacks])
    y = (frame[target] != normal).to_numpy(int)
    return frame.drop(columns=[target, *drop]), y


class Ours:
    """isthmus, with default settings."""

    def __init__(self, method, seed):
        given = EFFORTS[method]
        self.detector = AnomalyDetector(random_state=seed, verbose=0, **given)

    def fit(self, rows):
        self.detector.fit(rows)

    def score(self, rows, *, fitted):
        return -self.detector.score_samples(rows)


class Peer:
    """A detector of PyOD, with default settings, and the preparation that it needs."""

    def __init__(self, method, seed):
        module, _, name = PEERS[method].partition(".")
        self.kind = getattr(importlib.import_module(f"pyod.models.{module}"), name)
        self.known = inspect.signature(self.kind).parameters
        self.given = {"random_state": seed, "verbose": 0}
        self.most = MOST_COLUMNS.get(method, np.inf)

    def fit(self, rows):
        self.prepare = StandardScaler()
        if isinstance(rows, pd.DataFrame):
            number = make_pipeline(SimpleImputer(), StandardScaler())
            word = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
            self.prepare = make_column_transformer(
                (number, make_column_selector(dtype_include="number")),
                (word, make_column_selector(dtype_exclude="number")),
            )
        if self.kind.__name__ in DIVIDES:
            self.prepare = make_pipeline(self.prepare, VarianceThreshold())
        x = self.prepare.fit_transform(rows)
        if x.shape[1] > self.most:
            raise ValueError(f"more than {self.most} columns")
        given = self.given | {"n_features": x.shape[1]}
        given = {name: value for name, value in given.items() if name in self.known}
        self.detector = self.kind(**given).fit(x)

    def score(self, rows, *, fitted):
        scores = self.detector.decision_function(self.prepare.transform(rows))
        # a row that was fitted is no neighbour of itself
        return self.detector.decision_scores_ if fitted else scores


@contextmanager
def limit(seconds):
    """Raise TimeoutError after so many seconds; 0 means never."""

    def stop(*_):
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def measure(model, rows, y, train, test):
    """ROC-AUC, average precision, seconds to fit, rows scored per second."""
    start = time.process_time()
    model.fit(take(rows, train))
    fit = time.process_time() - start
    start = time.process_time()
    scores = model.score(take(rows, test), fitted=test is train)
    rate = len(test) / (time.process_time() - start)
    roc, ap = (f(y[test], scores) for f in (roc_auc_score, average_precision_score))
    return round(roc, 5), round(ap, 5), round(fit, 3), round(rate)


def take(rows, index):
    return rows.iloc[index] if isinstance(rows, pd.DataFrame) else rows[index]


@cache
def warm(method):
    """Fit once on little, so that what is loaded and compiled then is not timed."""
    rows = np.random.default_rng(0).standard_normal((200, 5))
    model = (Ours if method in EFFORTS else Peer)(method, 0)
    model.fit(rows)
    model.score(rows, fitted=True)


def attempt(method, seed, *data):
    """Figures of a method; none where a peer fails, which is said."""
    warm(method)
    if method in EFFORTS:
        return measure(Ours(method, seed), *data)
    try:
        with limit(SECONDS.get(method, 0)):
            return measure(Peer(method, seed), *data)
    except Exception as error:  # noqa: BLE001 - how a peer fails is a result
        print(f"  {method}, seed {seed}: {type(error).__name__}: {error}")
        return (np.nan,) * len(FIGURES)


FIGURES = ["roc_auc", "average_precision", "fit_seconds", "rows_per_second"]
KEY = ["setting", "set", "seed", "method"]
COLUMNS = ["date", "machine", "versions", *KEY, "version", *FIGURES]


class Results:
    """Rows of earlier runs and of this one; a file grows with them, if there is one."""

    def __init__(self, path, versions):
        self.path, self.versions, self.rows = path, versions, {}
        self.machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
        if path and path.exists():
            for row in pd.read_csv(path, dtype={"version": str}).to_dict("records"):
                method = row["method"]
                if method in PEERS or row["version"] == self.version(method):
                    self.rows[tuple(row[name] for name in KEY)] = row

    def version(self, method):
        return self.versions.get("pyod" if method in PEERS else "isthmus")

    def add(self, key, figures):
        about = time.strftime("%Y-%m-%d"), self.machine, str(self.versions)
        values = *about, *key, self.version(key[-1]), *figures
        row = dict(zip(COLUMNS, values, strict=True))
        self.rows[key] = row
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new = not self.path.exists()
            pd.DataFrame([row]).to_csv(self.path, mode="a", header=new, index=False)

    def of(self, setting, names, seeds):
        """Rows that have figures."""
        found = pd.DataFrame(list(self.rows.values()), columns=COLUMNS)
        found = found[found["set"].isin(names) & (found["seed"] < seeds)]
        return found[found["setting"] == setting].dropna(subset=["roc_auc"])


def ranks(roc, method):
    """Among the peers and one of ours: the default, or ``method`` itself."""
    ours = method if method in EFFORTS else "isthmus"
    return roc[[m for m in roc if m in PEERS or m == ours]].rank(
        axis=1, ascending=False
    )


def show(setting, found):
    """Print means over sets, and their standard errors over seeds."""
    roc = found.pivot_table("roc_auc", ["set", "seed"], "method")
    # a method with one seed meets the others with its mean
    roc = roc.fillna(roc.groupby("set").transform("mean"))
    rank = {method: ranks(roc, method)[method] for method in roc}
    rank = pd.DataFrame(rank).stack().rename("rank")  # noqa: PD013
    found = found.join(rank, on=["set", "seed", "method"])
    wanted = [*FIGURES[:2], "rank"]
    by_set = found.groupby(["method", "set"])
    means, errors = by_set[wanted].mean(), by_set[wanted].sem()
    mean = means.groupby("method").mean()
    count = means.groupby("method").size()
    # sets draw apart from each other: the variances of their means add up
    error = (errors**2).groupby("method").sum(skipna=False) ** 0.5
    error = error.div(count, axis=0)
    seconds = by_set["fit_seconds"].mean().groupby("method").mean()
    rate = by_set["rows_per_second"].mean().groupby("method").median()
    print(f"\n{setting}: means over sets (standard errors over the seeds)")
    print(f"{'':14}{'ROC-AUC, %':>15}{'AP, %':>15}{'rank':>15}", end="")
    print(f"{'fit, s':>10}{'rows/s':>11}{'sets':>6}{'seeds':>6}")
    for name in mean.sort_values("rank").index:
        print(f"{name:14}", end="")
        for figure, unit in zip(wanted, (100, 100, 1), strict=True):
            spread = unit * error.loc[name, figure]
            spread = f"({spread:.2f})" if np.isfinite(spread) else ""
            print(f"{unit * mean.loc[name, figure]:8.2f} {spread:6}", end="")
        seeds = found.loc[found["method"] == name, "seed"].nunique()
        print(f"{seconds[name]:10.2f}{rate[name]:11,.0f}{count[name]:6}{seeds:6}")
    for name in count.index[count < count.max()]:
        lacks = roc.index.unique("set").difference(means.loc[name].index)
        print(f"{name} has no figures of {', '.join(lacks)}")


def run(setting, args, results):
    """Measure what is not known yet, and show all that is."""
    names = [n for n in (MIXED if setting == "mixed" else ADBENCH) if n in args.only]
    missing = []
    for name in names:
        data = load(setting, name, args.data)
        if data is None:
            missing.append(name)
            continue
        for seed in range(args.seeds):
            split = SPLITS[setting](data[1], seed, QUICK if args.quick else None)
            for method in args.methods:
                key = (setting, name, seed, method)
                left_out = (setting, method) in NOT_IN or (seed and method in ONCE)
                if key in results.rows or left_out:
                    continue
                results.add(key, attempt(method, seed, *data, *split))
        means = results.of(setting, [name], args.seeds).groupby("method").roc_auc.mean()
        ranked = means.sort_values(ascending=False).items()
        text = "  ".join(f"{method} {100 * mean:.1f}" for method, mean in ranked)
        print(f"{setting}, {name}: {text}", flush=True)
    if missing:
        print(f"{setting}: not found in {args.data}, left out: {', '.join(missing)}")
    if len(found := results.of(setting, names, args.seeds)):
        show(setting, found)


def words(text):
    return [word.strip() for word in text.split(",") if word.strip()]


def options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", type=words, help="sets, such as 47_yeast,6_cardio")
    parser.add_argument("--methods", type=words, default=METHODS)
    parser.add_argument("--setting", type=words, default=["one-class", "unsupervised"])
    parser.add_argument("--published", action="store_true", help="that protocol, too")
    parser.add_argument("--mixed", action="store_true", help="mixed tables, too")
    parser.add_argument(
        "--quick", action="store_true", help=f"one seed, {QUICK} rows, nothing is kept"
    )
    parser.add_argument("--out", type=Path, default="benchmarks/results/anomaly.csv")
    args = parser.parse_args()
    args.seeds = 1 if args.quick else args.seeds
    also = [f"{setting} published" for setting in args.setting if args.published]
    args.setting += [name for name in also if name in SPLITS]
    args.setting += ["mixed"] if args.mixed else []
    sets = [*ADBENCH, *MIXED]
    args.only = args.only or sets
    checks = (args.only, sets), (args.methods, METHODS), (args.setting, SPLITS)
    for given, known in checks:
        if wrong := set(given) - set(known):
            parser.error(f"unknown: {', '.join(wrong)}; there are {', '.join(known)}")
    if not HAVE_PYOD:
        print("PyOD is not installed: its figures are those of earlier runs")
        args.methods = [name for name in args.methods if name in EFFORTS]
    return args


def main():
    args = options()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    threadpool_limits(1)
    packages = ["isthmus", "torch", "scikit-learn", *(["pyod"] if HAVE_PYOD else [])]
    versions = {name: version(name) for name in packages}
    results = Results(None if args.quick else args.out, versions)
    print(results.machine, versions, f"seeds 0 to {args.seeds - 1}")
    for setting in args.setting:
        run(setting, args, results)


if __name__ == "__main__":
    main()
