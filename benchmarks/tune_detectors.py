"""Is a detector that was searched with labels better, on rows that nobody has seen?

Sets of ADBench (Han et al., 2022) of at most 100 columns, at most 4,000 rows of each,
anomalies in proportion, if 40 of them or more are left. One half of the rows,
stratified, is searched with its labels (``isthmus.tune`` with ``task="anomaly"``, a
number of trials and one seed); then the recipe that it gave and the default learn this
half without labels, and score the other half. Isolation Forest (100 trees) of the same
rows and the default at ``effort="high"`` stand beside them. ROC-AUC and average
precision; the gain in AUC over the default has a standard error by bootstrap over the
rows of the other half.

    python benchmarks/tune_detectors.py --data DIR [--trials 8] [--quick] [--only ...]

DIR (or ISTHMUS_DATA) holds adbench/*.npz of https://github.com/Minqi824/ADBench.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from results_file import append
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split

import isthmus
from isthmus.errors import IsthmusWarning

MOST, WIDEST, FEWEST, DRAWS = 4000, 100, 40, 200
COLUMNS = [
    *("date", "machine", "versions", "set", "seed", "trials", "method", "recipe"),
    *("auc", "ap", "gain", "gain_se", "seconds"),
]


def halves(file, seed, most):
    """Rows to search with and their labels, and the others; None if that cannot be."""
    data = np.load(file)
    x, y = data["X"], data["y"].astype(int)
    if len(x) > most:
        x, _, y, _ = train_test_split(
            x, y, train_size=most, random_state=seed, stratify=y
        )
    if x.shape[1] > WIDEST or min(y.sum(), len(y) - y.sum()) < FEWEST:
        return None
    train, test, *labels = train_test_split(
        x, y, test_size=0.5, random_state=seed, stratify=y
    )
    return train, labels[0], test, labels[1]


def measure(rows, seed, trials, quick):
    """Yield the figures of every method."""
    train, known, test, y = rows
    fixed = {"task": "anomaly"} | ({"epochs": 2, "effort": "fast"} if quick else {})
    began = time.process_time()
    search = isthmus.tune(
        train, known, fixed=fixed, trials=trials, random_state=seed, verbose=0
    )
    searched = time.process_time() - began
    quiet = {"random_state": seed, "verbose": 0}
    methods = {
        "default": isthmus.AnomalyDetector(**quiet),
        "tuned": search.estimator.set_params(**quiet),
        "high": isthmus.AnomalyDetector(**quiet, effort="fast" if quick else "high"),
        "IForest": IsolationForest(random_state=seed),
    }
    first = None
    for name, model in methods.items():
        began = time.process_time()
        odd = -model.fit(train).score_samples(test)
        took = time.process_time() - began + searched * (name == "tuned")
        first = odd if first is None else first
        recipe = search.best.name if name == "tuned" else name
        figures = roc_auc_score(y, odd), average_precision_score(y, odd)
        yield name, recipe, *figures, *gained(y, odd, first), took


def gained(y, odd, first):
    """Gain in AUC over the first, and its standard error by the bootstrap."""
    rng, gains = np.random.default_rng(0), []
    for _ in range(DRAWS):
        rows = rng.integers(0, len(y), len(y))
        if 0 < y[rows].sum() < len(y):
            pair = (roc_auc_score(y[rows], s[rows]) for s in (odd, first))
            gains.append(next(pair) - next(pair))
    return roc_auc_score(y, odd) - roc_auc_score(y, first), np.std(gains, ddof=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="sets, such as 6_cardio,47_yeast")
    parser.add_argument("--quick", action="store_true", help="two epochs, two trials")
    parser.add_argument("--out", default="benchmarks/results/tune_detectors.csv")
    args = parser.parse_args()
    warnings.simplefilter("ignore", IsthmusWarning)
    torch.set_num_threads(1)
    names = "isthmus", "torch", "scikit-learn", "optuna"
    packages = str({name: version(name) for name in names})
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    print(machine, packages)
    trials, most = (2, 500) if args.quick else (args.trials, MOST)
    known = pd.DataFrame(columns=COLUMNS)
    if Path(args.out).exists() and not args.quick:
        known = pd.read_csv(args.out)
        known = known[(known["seed"] == args.seed) & (known["trials"] == trials)]
        known = known[known["versions"] == packages]
    rows = known[COLUMNS[3:]].to_numpy().tolist()
    files = sorted(Path(args.data, "adbench").glob("*.npz"))
    wanted = args.only.split(",") if args.only else [file.stem for file in files]
    for file in files:
        if file.stem not in wanted or file.stem in set(known["set"]):
            continue
        given = halves(file, args.seed, most)
        if given is None:
            continue
        fresh = [
            [file.stem, args.seed, trials, *found]
            for found in measure(given, args.seed, trials, args.quick)
        ]
        if not args.quick:
            append(args.out, COLUMNS, *([machine, packages, *row] for row in fresh))
        show(fresh)
        rows += fresh
    summarize(pd.DataFrame(rows, columns=COLUMNS[3:]))


def show(rows):
    for row in rows:
        found = dict(zip(COLUMNS[3:], row, strict=True))
        print(
            f"{found['set']:<20} {found['method']:<8} AUC {found['auc']:.4f}  AP "
            f"{found['ap']:.4f}  gain {found['gain']:+.4f} ({found['gain_se']:.4f})  "
            f"{found['seconds']:6.1f} s  {found['recipe']}",
            flush=True,
        )


def summarize(frame):
    """Means over sets, and on how many the search is better and worse."""
    print(frame.groupby("method")[["auc", "ap", "seconds"]].mean().round(4))
    tuned = frame[frame["method"] == "tuned"]
    gain, spread = tuned["gain"], tuned["gain_se"]
    kept = (tuned["recipe"] == "default").sum()
    print(
        f"of {len(tuned)} sets the default was kept on {kept}; beside it the search is "
        f"ahead by a standard error on {(gain > spread).sum()}, behind on "
        f"{(gain < -spread).sum()}"
    )


if __name__ == "__main__":
    main()
