"""How often does a detector flag a normal row, where it was asked for a rate?

Normal rows of ADBench sets (Han et al., 2022), without copies: 1,000 train, of the
others up to 5,000 test, anew for each seed. *cross* is the default: every row of
training calibrates, scored by a replica that has not seen it, and nothing exact is
known of its rate. *split* keeps a fifth out of training (``calibration=0.2``): the
share of m test rows that is flagged follows a beta-binomial distribution (Vovk, 2012).
The script prints, by asked rate, the mean over seeds and sets of the realised one with
its standard error, the spread over seeds, and the spread that the law of split
conformal has for as many rows of calibration and test.

    python benchmarks/anomaly_rates.py --data DIR [--seeds 20] [--quick] [--only SET]

DIR (or ISTHMUS_DATA) holds adbench/*.npz. Results are appended to a file, and what it
has is not run again. ``--quick`` takes ``effort="fast"``, two seeds and no file.
"""

from __future__ import annotations

import argparse
import os
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from anomaly import load
from results_file import append, known
from scipy.stats import betabinom

from isthmus import AnomalyDetector
from isthmus.scores.conformal import rank

SETS = ["22_magic.gamma", "28_pendigits", "41_Waveform", "44_Wilt"]
RATES = [0.1, 0.05, 0.01]
METHODS = {"cross": {}, "split": {"calibration": 0.2}}
TRAIN, TEST = 1_000, 5_000
KEY = ["set", "seed", "method", "rate"]
COLUMNS = ["date", "machine", "versions", *KEY, "calibration", "tested", "realised"]


def split(x, y, seed):
    """Different normal rows of training and of test."""
    rows = np.unique(x[y == 0], axis=0)
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows[order[:TRAIN]], rows[order[TRAIN : TRAIN + TEST]]


def run(args, kept):
    effort = "fast" if args.quick else "default"
    versions = {n: version(n) for n in ("isthmus", "torch")}
    about = f"{platform.machine()}, {torch.get_num_threads()} threads", versions
    for name in args.only:
        x, y = load("one-class", name, args.data)
        for seed in range(args.seeds):
            train, test = split(x, y, seed)
            for method, options in METHODS.items():
                keys = [(name, seed, method, rate) for rate in RATES]
                if all(key in kept for key in keys):
                    continue
                detector = AnomalyDetector(
                    effort=effort, random_state=seed, verbose=0, fpr=0.1, **options
                ).fit(train)
                p, n = detector.p_values(test), detector.calibration_.rows
                for key in keys:
                    kept[key] = n, len(test), float((p <= key[-1]).mean())
                    if args.out is not None:
                        append(args.out, COLUMNS, [*about, *key, *kept[key]])
                print(*keys[0][:3], *(f"{kept[key][-1]:.4f}" for key in keys))


def law(rate, n, m):
    """Mean and spread of the share flagged of ``m``, with ``n`` rows of calibration."""
    k = rank(rate, n)
    found = betabinom(m, k, n + 1 - k)
    return found.mean() / m, found.std() / m


def show(kept, args):
    rows = [(*key, *v) for key, v in kept.items() if key[0] in args.only]
    frame = pd.DataFrame(rows, columns=[*KEY, "n", "m", "realised"])
    print(f"\n{frame['set'].nunique()} sets, {frame['seed'].nunique()} seeds, percent")
    print("method  asked  realised (s.e.)  spread over seeds   law: mean, spread")
    for (method, rate), part in frame.groupby(["method", "rate"], sort=False):
        by_set = part.groupby("set").realised
        error = np.sqrt((by_set.sem() ** 2).mean() / by_set.ngroups)
        laws = [law(rate, n, m) for n, m in zip(part.n, part.m, strict=True)]
        mean, spread = np.mean(laws, axis=0)
        print(
            f"{method:6s} {100 * rate:6.1f} {100 * part.realised.mean():8.2f} "
            f"({100 * error:.2f}) {100 * by_set.std().mean():15.2f} "
            f"{100 * mean:16.2f} {100 * spread:7.2f}"
        )
    print("\nby set")
    table = 100 * frame.pivot_table(
        index="set", columns=["method", "rate"], values="realised"
    )
    print(table.round(2).to_string())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", type=lambda s: s.split(","), default=SETS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--out", type=Path, default=Path("benchmarks/results/anomaly_rates.csv")
    )
    args = parser.parse_args()
    if args.quick:
        args.out, args.seeds = None, 2
    kept = known(args.out, KEY, ("calibration", "tested", "realised"))
    run(args, kept)
    show(kept, args)


if __name__ == "__main__":
    main()
