"""How long does a detector take to fit, and how many rows does it score per second?

Rows of a correlated normal distribution, 30 columns; 10,000 to fit, 100,000 to score
(10,000 of the slower ones). All in one run, one after the other; wall clock, all cores;
the median of ``--repeats``. Bars: ``effort="default"`` fits within 60 s and scores at
least 5,000 rows a second on two cores, ``effort="fast"`` within 10 s and 100,000 rows.
Beside them: scikit-learn's isolation forest and local outlier factor at their defaults.

    python benchmarks/anomaly_speed.py [--repeats 3] [--quick]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from importlib.metadata import version

import numpy as np
import torch
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor

from isthmus import AnomalyDetector

METHODS = {
    "isthmus fast": lambda: AnomalyDetector(effort="fast", verbose=0, random_state=0),
    "isthmus": lambda: AnomalyDetector(verbose=0, random_state=0),
    "isolation forest": lambda: IsolationForest(random_state=0, n_jobs=-1),
    "local outlier factor": lambda: LocalOutlierFactor(novelty=True, n_jobs=-1),
}
ROWS, COLUMNS = 10_000, 30


def data(rows, seed):
    """Standard normal codes of 8 numbers, mixed, with noise."""
    mix = np.random.default_rng(0).standard_normal((8, COLUMNS))
    rng = np.random.default_rng(seed)
    noise = 0.3 * rng.standard_normal((rows, COLUMNS))
    return rng.standard_normal((rows, 8)) @ mix + noise


def seconds(function, *args):
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    args = parser.parse_args()
    rows = ROWS // 10 if args.quick else ROWS
    names = ("isthmus", "torch", "scikit-learn")
    print(f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()}")
    print(time.strftime("%Y-%m-%d"), {name: version(name) for name in names})
    train = data(rows, 1)
    for name, make in METHODS.items():
        many = data(rows * (10 if name == "isthmus fast" else 1), 2)
        make().fit(train[:300]).score_samples(many[:300])  # loads and compiles
        fits, rates = [], []
        for _ in range(args.repeats):
            model = make()
            fits.append(seconds(model.fit, train))
            rates.append(len(many) / seconds(model.score_samples, many))
        print(
            f"{name:22s} fit {statistics.median(fits):6.1f} s "
            f"({min(fits):.1f} to {max(fits):.1f})   "
            f"{statistics.median(rates):9,.0f} rows/s scored"
        )


if __name__ == "__main__":
    main()
