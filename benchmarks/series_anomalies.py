"""Does a detector find what is odd in time series, beside PyOD's on windows?

Four collections: SMD (4 machines, 38 metrics), ASD (6 servers, 19 metrics), SMAP (54
channels of a spacecraft, each with 24 commands) and NAB (35 single series that have
anomalies). A detector is fitted on the training part and scores every time stamp of the
test part. NAB has no such part: there the first 15 % train, as in its probation, and
the whole series is scored. Figures are VUS-PR, whose window is the period of the first
column of what is scored (``series_metrics.py``), and average precision by time stamp.
No score is adjusted by labels, no threshold is chosen by them.

The peers see windows of columns standardised by the training rows, as long as the
period of the first training column, or 100 steps ("100" after the name), but at most a
quarter of the training part; at most 2,000 windows, evenly spaced, train, of PCA 500.
Windows that start every tenth of their length are scored, and a time stamp has the mean
of those that cover it. PyOD's detectors are at their defaults; KMeans has ten centres,
as KMeansAD of TSB-AD, and its score is the distance to the nearest. A peer that fails
leaves a row without figures, and is named. The detector is at its defaults, which judge
a row by what came before it; "around" is the same with ``look_ahead``, as the peers
have it.

    python benchmarks/series_anomalies.py --data DIR [--seeds 1] [--quick]
        [--only smd,asd,...] [--methods KMeans,PCA,...]

DIR (or ISTHMUS_DATA) holds smd/smd.npz, asd/asd.npz, smap/smap.npz with arrays
<entity>__train, __test and __label, and nab/nab.parquet with the columns series, value
and in_window. Results are appended to a file, and what it has is not run again, of a
method by its version. Seconds are of the processor, one thread. MEAN is the mean over
collections, each of which counts alike.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import importlib.util
import inspect
import os
import platform
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.lib.stride_tricks import sliding_window_view
from results_file import append
from series_metrics import period, vus_pr
from sklearn.cluster import KMeans
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import isthmus

COLLECTIONS = ["smd", "asd", "smap", "nab"]
PYOD = {
    "AutoEncoder": "auto_encoder.AutoEncoder",
    "PCA": "pca.PCA",
    "IForest": "iforest.IForest",
    "kNN": "knn.KNN",
}
KINDS = [*PYOD, "KMeans"]
PEERS = [*KINDS, *(f"{name} 100" for name in KINDS)]
DIVIDES = {"PCA"}
OWN = {"isthmus": False, "isthmus around": True}
METHODS = [*OWN, *PEERS]
CENTRES, MOST_WINDOWS, PROBATION, QUICK = 10, 2_000, 0.15, 3
FEWER = {"PCA": 500}
FIGURES = ["vus_pr", "average_precision", "fit_seconds", "score_seconds"]
KEY = ["collection", "entity", "seed", "method", "version"]
COLUMNS = ["date", "machine", *KEY, *FIGURES]


def load(collection, folder):
    """Entity to training rows, rows to score (time, columns) and labels (time,)."""
    if collection == "nab":
        return single_series(Path(folder) / "nab/nab.parquet")
    with np.load(Path(folder) / f"{collection}/{collection}.npz") as arrays:
        names = sorted({name.rpartition("__")[0] for name in arrays.files})
        parts = {
            n: [arrays[f"{n}__{p}"] for p in ("train", "test", "label")] for n in names
        }
    return {
        n: (a.astype(float), b.astype(float), y.astype(int))
        for n, (a, b, y) in parts.items()
    }


def single_series(file):
    """NAB's series that have anomalies."""
    found = {}
    for name, frame in pd.read_parquet(file).groupby("series", sort=False):
        values = frame["value"].to_numpy(float)[:, None]
        labels = frame["in_window"].to_numpy(int)
        if labels.any():
            head = values[: int(PROBATION * len(values))]
            found[Path(name).stem] = head, values, labels
    return found


class NearestCentre:
    """The distance to the nearest of the centres of k-means."""

    def __init__(self, random_state):
        self.centres = KMeans(CENTRES, random_state=random_state)

    def fit(self, windows):
        self.centres.fit(windows)
        return self

    def decision_function(self, windows):
        return self.centres.transform(windows).min(axis=1)


class Own:
    """The detector of series; ``around`` lets it look at what follows a row."""

    def __init__(self, seed, *, around):
        kind = isthmus.Series(look_ahead=around)
        self.detector = isthmus.AnomalyDetector(kind=kind, random_state=seed, verbose=0)

    def fit(self, rows):
        self.detector.fit(rows)

    def score(self, rows):
        return -self.detector.score_samples(rows)


def detector(name, seed, width):
    """A detector of rows with default settings."""
    if name == "KMeans":
        return NearestCentre(seed)
    module, _, kind = PYOD[name].partition(".")
    kind = getattr(importlib.import_module(f"pyod.models.{module}"), kind)
    given = {"random_state": seed, "verbose": 0, "n_features": width}
    known = inspect.signature(kind).parameters
    return kind(**{key: value for key, value in given.items() if key in known})


class Windows:
    """A detector of rows, at work on windows of a series."""

    def __init__(self, method, seed):
        self.name, _, self.length = method.partition(" ")
        self.seed = seed

    def fit(self, rows):
        longest = len(rows) // 4
        wanted = int(self.length) if self.length else period(rows[:, 0])
        self.length = max(min(wanted, longest), 1)
        varies = np.ptp(rows, axis=0) > 0
        # PCA divides by spreads; to the others a constant column may be a sign later
        self.keep = (
            varies if self.name in DIVIDES else np.full(len(varies), fill_value=True)
        )
        self.scale = StandardScaler().fit(rows[:, self.keep])
        starts = len(rows) - self.length + 1
        most = min(starts, FEWER.get(self.name, MOST_WINDOWS))
        chosen = np.linspace(0, starts - 1, most).astype(int)
        windows = self.windows(rows, chosen)
        self.detector = detector(self.name, self.seed, windows.shape[1]).fit(windows)

    def windows(self, rows, starts):
        rows = self.scale.transform(rows[:, self.keep])
        views = sliding_window_view(rows, self.length, axis=0)[starts]
        return views.reshape(len(starts), -1)

    def score(self, rows):
        last = len(rows) - self.length
        starts = np.unique([*range(0, last, max(self.length // 10, 1)), last])
        total, count = np.zeros(len(rows)), np.zeros(len(rows))
        for some in np.array_split(starts, -(-len(starts) // 1_000)):
            scores = self.detector.decision_function(self.windows(rows, some))
            for start, score in zip(some, scores, strict=True):
                total[start : start + self.length] += score
                count[start : start + self.length] += 1
        return total / count


def maker(method):
    """What makes a method from a seed."""
    if method in OWN:
        return functools.partial(Own, around=OWN[method])
    return functools.partial(Windows, method)


def attempt(method, seed, train, test, labels):
    """Figures of a method; none where a peer fails, which is said."""
    try:
        model = maker(method)(seed)
        start = time.process_time()
        model.fit(train)
        fitted = time.process_time()
        scores = model.score(test)
        seconds = fitted - start, time.process_time() - fitted
        if not np.isfinite(scores).all():
            raise ValueError("scores that are not finite")  # noqa: TRY301
    except Exception as error:
        if method in OWN:
            raise
        print(f"  {method}, seed {seed}: {type(error).__name__}: {error}")
        return (np.nan,) * len(FIGURES)
    areas = (
        vus_pr(labels, scores, period(test[:, 0])),
        average_precision_score(labels, scores),
    )
    return (*(round(float(area), 5) for area in areas), *(round(s, 2) for s in seconds))


def edition(method):
    """The version of a method."""
    name = method.partition(" ")[0]
    if method in OWN:
        return version("isthmus")
    return version("pyod" if name in PYOD else "scikit-learn")


def known(path):
    """Rows of earlier runs, by their key."""
    if not path or not path.exists():
        return {}
    rows = pd.read_csv(path, dtype={"version": str, "entity": str}).to_dict("records")
    return {tuple(row[name] for name in KEY): row for row in rows}


def show(rows, methods, seeds):
    """Print means over the entities of a collection, and over collections."""
    found = pd.DataFrame(rows, columns=[*KEY, *FIGURES])
    current = found["version"] == found["method"].map(edition)
    found = found[current & found["method"].isin(methods) & (found["seed"] < seeds)]
    mean = found.pivot_table(FIGURES, "method", "collection")
    for figure, title in zip(FIGURES[:2], ("VUS-PR", "average precision"), strict=True):
        table = 100 * mean[figure]
        table.insert(0, "MEAN", table.mean(axis=1, skipna=False))
        table["series"] = found.groupby("method")["vus_pr"].count()
        print(f"\n{title}, %\n{table.sort_values('MEAN')[::-1].round(1).to_string()}")
    seconds = found.groupby("method")[FIGURES[2:]].mean().round(2)
    print(f"\nseconds a series\n{seconds.to_string()}")


def words(text):
    return [word.strip() for word in text.split(",") if word.strip()]


def options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", type=words, default=COLLECTIONS)
    parser.add_argument("--methods", type=words, default=METHODS)
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK} series each, nothing is kept"
    )
    default = Path("benchmarks/results/series_anomalies.csv")
    parser.add_argument("--out", type=Path, default=default)
    args = parser.parse_args()
    for given, there in (args.only, COLLECTIONS), (args.methods, METHODS):
        if wrong := set(given) - set(there):
            parser.error(f"unknown: {', '.join(wrong)}; there are {', '.join(there)}")
    if importlib.util.find_spec("pyod") is None:
        print("PyOD is not installed: its detectors are left out")
        args.methods = [m for m in args.methods if m.partition(" ")[0] not in PYOD]
    args.out = None if args.quick else args.out
    return args


def main():
    args = options()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    threadpool_limits(1)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    results = known(args.out)
    for collection in args.only:
        entities = load(collection, args.data)
        for entity in list(entities)[: QUICK if args.quick else None]:
            for seed in range(args.seeds):
                for method in args.methods:
                    key = collection, entity, seed, method, edition(method)
                    if key in results:
                        continue
                    figures = attempt(method, seed, *entities[entity])
                    row = *key, *figures
                    results[key] = dict(zip([*KEY, *FIGURES], row, strict=True))
                    if args.out:
                        append(args.out, COLUMNS, [machine, *row])
            print(f"{collection}, {entity}", flush=True)
    show(list(results.values()), args.methods, args.seeds)


if __name__ == "__main__":
    main()
