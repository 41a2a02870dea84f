"""What do gaps, and anomalies among the training rows, cost a default detector?

Ten sets of ADBench (Han et al., 2022): those of `SETS`, at most 5,000 rows each.

- *gaps*: one-class as in `anomaly.py`, as it is, and with 20 % of the cells missing, at
  random, in training and in test. The bar is a loss of at most 2 points of ROC-AUC on
  average over the sets.
- *contamination*: half of the normal rows train, with anomalies among them, up to 30 %
  of the rows; the other halves test. The number of normal rows is the same at every
  share. Beside it: scikit-learn's isolation forest, at its defaults.

    python benchmarks/anomaly_robust.py --data DIR [--seeds 3] [--quick] [--only SET]

DIR (or ISTHMUS_DATA) holds adbench/*.npz. Results are appended to a file, and what it
has is not run again. ``--quick`` takes ``effort="fast"`` and no file.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from anomaly import load, one_class, thin
from results_file import append, known
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

from isthmus import AnomalyDetector

SETS = [
    "6_cardio",
    "7_Cardiotocography",
    "18_Ionosphere",
    "28_pendigits",
    "29_Pima",
    "31_satimage-2",
    "32_shuttle",
    "37_Stamps",
    "38_thyroid",
    "43_WDBC",
]
MOST, MISSING = 5_000, 0.2
SHARES = [0.0, 0.01, 0.05, 0.1, 0.2, 0.3]
KEY = ["trial", "set", "seed", "method"]
COLUMNS = ["date", "machine", "versions", *KEY, "roc_auc", "average_precision"]


class Forest:
    """An isolation forest, the lower the odder like ours."""

    def __init__(self, seed):
        self.model = IsolationForest(random_state=seed)

    def fit(self, rows):
        self.model.fit(rows)

    def score_samples(self, rows):
        return self.model.score_samples(rows)


def gaps(x, y, seed):
    """The same split twice: as it is, and with cells missing."""
    train, test = one_class(y, seed, MOST)
    yield "whole", x[train], x[test], y[test]
    holes = np.random.default_rng(seed).random(x.shape) < MISSING
    holed = np.where(holes, np.nan, x.astype(float))
    yield "gaps", holed[train], holed[test], y[test]


def contaminated(x, y, seed):
    """Ever more anomalies among the same normal rows."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(thin(y, rng, MOST))
    normal, odd = rows[y[rows] == 0], rows[y[rows] == 1]
    here, there = np.array_split(odd, 2)
    top = SHARES[-1]
    count = min(len(normal) // 2, round(len(here) * (1 - top) / top))
    test = np.concatenate([normal[len(normal) // 2 :], there])
    for share in SHARES:
        some = here[: round(count * share / (1 - share))]
        train = np.concatenate([normal[:count], some])
        yield f"{share:g} anomalies", x[train], x[test], y[test]


def run(args, kept):
    methods = {"isthmus": lambda s: detector(args, s)}
    for name in args.only:
        x, y = load("one-class", name, args.data)
        for seed in range(args.seeds):
            trials = [*gaps(x, y, seed), *contaminated(x, y, seed)]
            for trial, train, test, truth in trials:
                both = "anomalies" in trial
                made = methods | ({"isolation forest": Forest} if both else {})
                for method, make in made.items():
                    key = (trial, name, seed, method)
                    if key in kept:
                        continue
                    start = time.perf_counter()
                    model = make(seed)
                    model.fit(train)
                    odd = -model.score_samples(test)
                    kept[key] = (
                        roc_auc_score(truth, odd),
                        average_precision_score(truth, odd),
                    )
                    if args.out is not None:
                        figures = [f"{v:.5f}" for v in kept[key]]
                        append(args.out, COLUMNS, [*about(), *key, *figures])
                    took = time.perf_counter() - start
                    print(*key, *(f"{100 * v:.1f}" for v in kept[key]), f"{took:.0f} s")


def detector(args, seed):
    effort = "fast" if args.quick else "default"
    return AnomalyDetector(effort=effort, random_state=seed, verbose=0)


def about():
    """Machine and versions."""
    versions = {n: version(n) for n in ("isthmus", "torch", "scikit-learn")}
    return f"{platform.machine()}, {torch.get_num_threads()} threads", versions


def show(kept, args):
    """Means over sets, and their standard errors over seeds."""
    rows = [(*key, *v) for key, v in kept.items() if key[1] in args.only]
    frame = pd.DataFrame(rows, columns=[*KEY, "ROC-AUC", "AP"])
    frame[["ROC-AUC", "AP"]] *= 100
    by_seed = frame.groupby(["method", "trial", "seed"])[["ROC-AUC", "AP"]].mean()
    found = by_seed.groupby(["method", "trial"]).agg(["mean", "sem"])
    print(f"\n{frame['set'].nunique()} sets, {frame['seed'].nunique()} seeds")
    print(found.round(2).to_string())
    pair = frame[frame.trial.isin(["whole", "gaps"])]
    pair = pair.pivot_table(index="set", columns="trial", values="ROC-AUC")
    lost = pair["whole"] - pair["gaps"]
    print(f"\n20 % of the cells missing cost {lost.mean():.2f} points of ROC-AUC:")
    print(lost.round(1).to_string())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", type=lambda s: s.split(","), default=SETS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--out", type=Path, default=Path("benchmarks/results/anomaly_robust.csv")
    )
    args = parser.parse_args()
    if args.quick:
        args.out, args.seeds = None, 1
    kept = known(args.out, KEY, ("roc_auc", "average_precision"))
    run(args, kept)
    show(kept, args)


if __name__ == "__main__":
    main()
