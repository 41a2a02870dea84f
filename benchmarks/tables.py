"""What do sixteen numbers keep of a mixed table, beside PCA and factor analysis?

Ten tables (adult, bank marketing, Ames housing, diamonds, breast cancer, German credit,
Titanic, census income, New York taxis, digits), 30 % of the rows kept for testing. A
code of 16 numbers is learned from the training rows without the target; then

- *probe*: a linear model on the standardised codes predicts the target of the test rows
  (logistic regression: accuracy; ridge regression: R2);
- *numbers*: squared error of rebuilt test cells, in standard deviations of training,
  each brought to at most 9 (three deviations), so that no single cell decides;
- *categories*: share of rebuilt test cells that are wrong.

The peers see numbers filled with their mean and standardised, dates as seconds, and
categories one-hot, a missing one as a level: PCA of that, and factor analysis of mixed
data (Pages, 2004; for categories alone it is multiple correspondence analysis), which
divides each indicator by the root of its frequency. isthmus sees the table as it is,
with default settings.

    python benchmarks/tables.py --data DIR [--seeds 5] [--quick] [--only adult,bank]

DIR (or ISTHMUS_DATA) holds the tables under the names in `TABLES`; their originals are
in the UCI repository, in seaborn-data and in ADRepository. A table that is not there is
left out, and said so. The target of diamonds, Ames and taxis is a number.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
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
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import isthmus
from isthmus.errors import IsthmusWarning

ALIVE = ["alive", "class", "who", "adult_male", "embark_town"]
TABLES = {
    "adult": ("adult/adult_train.parquet", "income", ["fnlwgt"]),
    "bank": ("bank_marketing/bank_additional_full.parquet", "y", ["duration"]),
    "ames": ("ames_housing/ames_housing.csv.gz", "SalePrice", ["Order", "PID"]),
    "diamonds": ("seaborn_tables/diamonds.csv.gz", "price", []),
    "german_credit": ("german_credit/german_credit.csv.gz", "class", []),
    "titanic": ("seaborn_tables/titanic.csv.gz", "survived", ALIVE),
    "census": ("adrepository/census-income-full-nominal.parquet", "class", []),
    "taxis": ("seaborn_tables/taxis.csv.gz", "total", ["fare", "tip", "tolls"]),
}
SHIPPED = {"breast_cancer": load_breast_cancer, "digits": load_digits}
REGRESSION = {"ames", "diamonds", "taxis"}
TIMES = ["pickup", "dropoff"]
SIZE = 16


def load(name, folder):
    if name in SHIPPED:
        bunch = SHIPPED[name](as_frame=True)
        return bunch.data, bunch.target.astype(str)
    path, target, drop = TABLES[name]
    file = Path(folder) / path
    if not file.exists():
        return None
    frame = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)
    if name == "census":
        frame = frame.sample(20_000, random_state=0).reset_index(drop=True)
    for column in frame.columns.intersection(TIMES):
        frame[column] = pd.to_datetime(frame[column])
    words = frame.select_dtypes(["object", "string"]).columns.difference([target])
    for column in words:  # numbers in words are numbers to everybody
        with contextlib.suppress(ValueError):
            frame[column] = pd.to_numeric(frame[column])
    y = frame[target].astype(float if name in REGRESSION else str)
    return frame.drop(columns=[target, *drop]), y


class Linear:
    """PCA of one-hot columns; with ``famd`` indicators count by their frequency."""

    def __init__(self, *, famd):
        self.famd = famd

    def fit(self, frame):
        kinds = frame.dtypes.map(pd.api.types.is_numeric_dtype)
        self.words = [c for c in frame if not kinds[c] and c not in TIMES]
        self.numbers = [c for c in frame if c not in self.words]
        cells = self.cells(frame)
        self.fill = np.nan_to_num(np.nanmean(cells, axis=0))
        self.scaler = StandardScaler().fit(self._filled(cells))
        self.levels = {c: pd.unique(_words(frame[c])) for c in self.words}
        hot = self._hot(frame)
        self.root = np.sqrt(hot.mean(axis=0)) if self.famd else np.ones(hot.shape[1])
        x = self._matrix(frame)
        self.pca = PCA(min(SIZE, *x.shape), random_state=0).fit(x)
        return self

    def transform(self, frame):
        return self.pca.transform(self._matrix(frame))

    def rebuild(self, frame):
        """Standardised numbers, and words by column."""
        x = self.pca.inverse_transform(self.transform(frame))
        count, words = len(self.numbers), {}
        hot = x[:, count:] * self.root
        for name, levels in self.levels.items():
            part, hot = hot[:, : len(levels)], hot[:, len(levels) :]
            words[name] = levels[part.argmax(axis=1)]
        return x[:, :count], words

    def standardize(self, frame):
        return self.scaler.transform(self._filled(self.cells(frame)))

    def cells(self, frame):
        columns = [
            frame[c].astype("int64") / 1e9 if c in TIMES else frame[c].astype(float)
            for c in self.numbers
        ]
        return np.column_stack(columns) if columns else np.empty((len(frame), 0))

    def _filled(self, cells):
        return np.where(np.isnan(cells), self.fill, cells)

    def _hot(self, frame):
        hot = [
            _words(frame[c])[:, None] == levels[None]
            for c, levels in self.levels.items()
        ]
        return np.concatenate([np.empty((len(frame), 0)), *hot], axis=1).astype(float)

    def _matrix(self, frame):
        return np.concatenate(
            [self.standardize(frame), self._hot(frame) / self.root], axis=1
        )


class Ours:
    """isthmus, with default settings."""

    def __init__(self, make, seed, epochs):
        self.model = make(size=SIZE, random_state=seed, verbose=0, epochs=epochs)

    def fit(self, frame):
        self.model.fit(frame)
        return self

    def transform(self, frame):
        return self.model.transform(frame)

    def rebuild(self, frame, linear):
        rebuilt = self.model.reconstruct(frame)
        words = {c: _words(rebuilt[c]) for c in linear.words}
        return linear.standardize(rebuilt), words


def _words(column):
    return (
        column.astype(object).where(column.notna(), "(missing)").astype(str).to_numpy()
    )


def probe(codes, targets, *, regression):
    scaler = StandardScaler().fit(codes[0])
    train, test = map(scaler.transform, codes)
    if regression:
        return (
            RidgeCV(np.logspace(-3, 3, 7))
            .fit(train, targets[0])
            .score(test, targets[1])
        )
    model = LogisticRegression(max_iter=1000).fit(train, targets[0])
    return model.score(test, targets[1])


def errors(rebuilt, test, linear):
    """Error of numbers and of categories over the cells that are not missing."""
    numbers, words = rebuilt
    seen = ~np.isnan(linear.cells(test))
    squares = np.minimum(np.square(numbers - linear.standardize(test)), 9.0)
    wrong = [
        (words[c] != _words(test[c]))[test[c].notna().to_numpy()].mean()
        for c in linear.words
    ]
    return (
        float(squares[seen].mean()) if seen.any() else np.nan,
        float(np.mean(wrong)) if wrong else np.nan,
    )


def measure(name, data, seed, quick, known):
    """Yield (method, probe, numbers, categories, seconds) of what is not known yet."""
    frame, y = data
    regression = name in REGRESSION
    train, test, *targets = train_test_split(
        frame, y, test_size=0.3, random_state=seed, stratify=None if regression else y
    )
    base = Linear(famd=False).fit(train)
    methods = {
        "isthmus": lambda: Ours(isthmus.Autoencoder, seed, 2 if quick else None),
        "PCA": lambda: Linear(famd=False),
        "FAMD": lambda: Linear(famd=True),
    }
    for method, make in methods.items():
        if method in known:
            continue
        started = time.perf_counter()
        fitted = make().fit(train)
        seconds = time.perf_counter() - started
        codes = fitted.transform(train), fitted.transform(test)
        score = probe(codes, targets, regression=regression)
        own = isinstance(fitted, Ours)
        rebuilt = fitted.rebuild(test, base) if own else fitted.rebuild(test)
        yield method, score, *errors(rebuilt, test, base), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="", help="tables, such as adult,bank")
    parser.add_argument("--quick", action="store_true", help="two epochs, one seed")
    parser.add_argument("--out", default="benchmarks/results/tables.csv")
    args = parser.parse_args()
    warnings.simplefilter("ignore", IsthmusWarning)
    torch.set_num_threads(1)
    packages = {name: version(name) for name in ("isthmus", "torch", "scikit-learn")}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    print(machine, packages)
    rows = [] if args.quick else known_rows(args.out, packages)
    chosen = args.only.split(",") if args.only else [*TABLES, *SHIPPED]
    for name in chosen:
        data = load(name, args.data)
        if data is None:
            print(f"{name}: not found in {args.data}, left out")
            continue
        for seed in range(1 if args.quick else args.seeds):
            known = {row[2] for row in rows if row[:2] == [name, seed]}
            for method, *figures in measure(name, data, seed, args.quick, known):
                rows.append([name, seed, method, *(round(f, 5) for f in figures)])
                if not args.quick:
                    append(args.out, COLUMNS, [machine, str(packages), *rows[-1]])
        show(name, [row for row in rows if row[0] == name])
    summarize(rows)


def show(name, rows):
    print(f"\n{name}: mean (standard error) over the seeds")
    for method in dict.fromkeys(row[2] for row in rows):
        found = np.array([row[3:] for row in rows if row[2] == method], dtype=float)
        mean, spread = found.mean(axis=0), found.std(axis=0) / np.sqrt(len(found))
        print(
            f"  {method:<8} probe {mean[0]:.4f} ({spread[0]:.4f})   numbers "
            f"{mean[1]:.4f} ({spread[1]:.4f})   categories {mean[2]:.4f} "
            f"({spread[2]:.4f})   {mean[3]:.1f} s"
        )


def summarize(rows):
    """On how many tables isthmus is ahead of both."""
    frame = pd.DataFrame(rows, columns=["table", "seed", "method", *COLUMNS[6:]])
    mean = frame.pivot_table(COLUMNS[6:9], "table", "method")
    for figure, sign in (("probe", 1), ("numbers", -1), ("categories", -1)):
        table = (sign * mean[figure]).dropna()
        ahead = table["isthmus"] > table[["PCA", "FAMD"]].max(axis=1)
        names = ", ".join(ahead.index[ahead])
        print(f"\n{figure}: ahead on {ahead.sum()} of {len(ahead)}: {names}")


ABOUT = ["date", "machine", "versions"]
COLUMNS = [
    *(*ABOUT, "table", "seed", "method"),
    *("probe", "numbers", "categories", "seconds"),
]


def known_rows(path, packages):
    """Rows of an earlier run with the same versions; of the peers, of their own."""
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
            if row["method"] != "isthmus" or row["versions"] == str(packages)
        ]


if __name__ == "__main__":
    main()
