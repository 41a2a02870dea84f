"""How well do default settings rebuild numeric tables, beside PCA of the same size?

The numeric columns of the five tables adult (UCI), bank marketing (UCI,
bank-additional-full), Ames housing (De Cock, 2011), diamonds (ggplot2) and breast
cancer (scikit-learn), at most 10,000 rows, a fifth of them kept for testing; a code of
a quarter of the columns. Errors are mean squared errors per cell in standard deviations
of the training rows. Bar: on its own training rows, ``linear()`` lies within 1 % of
PCA, which no linear map can beat there.

    python benchmarks/reconstruction.py --data DIR [--seeds 3] [--quick]

DIR (or ISTHMUS_DATA) holds adult/adult_train.parquet,
bank_marketing/bank_additional_full.parquet, ames_housing/ames_housing.csv.gz and
seaborn_tables/diamonds.csv.gz; a table that is not there is left out, and said so.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from results_file import append
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA

import isthmus
from isthmus.architectures.mlp import Mlp

TABLES = {
    "adult": ("adult/adult_train.parquet", ["income", "fnlwgt"]),
    "bank": ("bank_marketing/bank_additional_full.parquet", ["y", "duration"]),
    "ames": ("ames_housing/ames_housing.csv.gz", ["SalePrice", "Order", "PID"]),
    "diamonds": ("seaborn_tables/diamonds.csv.gz", ["price"]),
}
METHODS = {
    "linear()": isthmus.linear,
    "Autoencoder(), plain layers": lambda **given: isthmus.Autoencoder(
        architecture=Mlp(), **given
    ),
    "Autoencoder()": isthmus.Autoencoder,
}


def load(name, folder):
    if name == "breast_cancer":
        return load_breast_cancer().data
    path, drop = TABLES[name]
    file = Path(folder) / path
    if not file.exists():
        return None
    read = pd.read_parquet if file.suffix == ".parquet" else pd.read_csv
    numbers = read(file).drop(columns=drop, errors="ignore").select_dtypes("number")
    return numbers.fillna(numbers.median()).to_numpy(float)


def errors(fitted, rows):
    x = fitted.standardize(rows)
    rebuilt = fitted.standardize(fitted.reconstruct(rows))
    return float(np.square(rebuilt - x, dtype=np.float64).mean())


def measure(values, seed, quick, known):
    """Yield (method, train error, test error, seconds) of what is not known yet."""
    order = np.random.default_rng(seed).permutation(len(values))[:10_000]
    cut = int(0.8 * len(order))
    train, test = values[order[:cut]], values[order[cut:]]
    size = max(values.shape[1] // 4, 1)
    for name, make in METHODS.items():
        if name in known:
            continue
        started = time.perf_counter()
        given = {"scaling": "standard"} | ({"epochs": 5} if quick else {})
        # the linear bar is about the training rows: nothing is held out
        held_out = {"validation": 0} if name == "linear()" else {}
        fitted = make(size=size, random_state=seed, verbose=0, **given, **held_out)
        fitted.fit(train)
        seconds = time.perf_counter() - started
        yield name, errors(fitted, train), errors(fitted, test), seconds
    if "PCA" in known:
        return
    scale = isthmus.linear(epochs=1, verbose=0).fit(train)
    x, unseen = (scale.standardize(rows).astype(float) for rows in (train, test))
    started = time.perf_counter()
    pca = PCA(size).fit(x)
    seconds = time.perf_counter() - started
    both = [
        float(np.square(r - pca.inverse_transform(pca.transform(r))).mean())
        for r in (x, unseen)
    ]
    yield "PCA", *both, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="five epochs, one seed")
    parser.add_argument("--out", default="benchmarks/results/reconstruction.csv")
    args = parser.parse_args()
    torch.set_num_threads(1)
    packages = {name: version(name) for name in ("isthmus", "torch", "scikit-learn")}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    print(machine, packages)
    rows = [] if args.quick else known_rows(args.out, str(packages))
    for table in ("breast_cancer", *TABLES):
        values = load(table, args.data)
        if values is None:
            print(f"{table}: not found in {args.data}, left out")
            continue
        for seed in range(1 if args.quick else args.seeds):
            known = {row[2] for row in rows if row[:2] == [table, seed]}
            for method, *figures in measure(values, seed, args.quick, known):
                rows.append([table, seed, method, *(round(f, 5) for f in figures)])
                if not args.quick:
                    append(args.out, COLUMNS, [machine, str(packages), *rows[-1]])
        show(table, values.shape, [row for row in rows if row[0] == table])


def show(table, shape, rows):
    print(f"\n{table}, {shape[0]} x {shape[1]}: mean (spread) over the seeds")
    pca = np.mean([row[3] for row in rows if row[2] == "PCA"])
    for method in dict.fromkeys(row[2] for row in rows):
        train, test, seconds = np.array([row[3:] for row in rows if row[2] == method]).T
        print(
            f"  {method:<28} train {train.mean():.4f} ({np.ptp(train):.4f}), "
            f"{train.mean() / pca:6.1%} of PCA's;  test {test.mean():.4f} "
            f"({np.ptp(test):.4f});  {seconds.mean():.1f} s"
        )


ABOUT = ["date", "machine", "versions"]
COLUMNS = [*ABOUT, "table", "seed", "method", "train_mse", "test_mse", "seconds"]


def known_rows(path, packages):
    """Rows of an earlier run with the same versions."""
    if not Path(path).exists():
        return []
    with Path(path).open(newline="") as file:
        return [
            [
                row["table"],
                int(row["seed"]),
                row["method"],
                *(float(row[name]) for name in COLUMNS[6:]),
            ]
            for row in csv.DictReader(file)
            if row["versions"] == packages
        ]


if __name__ == "__main__":
    main()
