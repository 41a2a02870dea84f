"""How well are gaps of tables filled, beside the imputers of scikit-learn?

The ten tables of `tables.py`, at most 1,000 rows of each: two thirds to fit, one third
as new rows. Cells of both are hidden, in each of four settings: 10, 30 and 50 % of the
cells at random, and 30 % not at random, where a cell is missing with probability .6
times its rank in its column (from 0 to 1: large numbers are likelier to be missing than
small ones, rare categories than frequent ones). Imputers are fitted to the first rows
with their gaps, and judged on the hidden cells of the others:

- *RMSE* of numbers, in standard deviations of the whole column, the mean over columns;
- *accuracy* of categories, the mean over columns;
- *seconds* of the processor to fit and to fill, in one process on one thread.

Peers see numbers standardised, dates as seconds. `SimpleImputer` (mean and mode),
`KNNImputer` (10 neighbours, weighted by distance) and `IterativeImputer` with `Ridge`
(at most 3 rounds) see categories one-hot, and the largest entry decides; with forests
(20 trees, 3 rounds, a third of the columns for a number, their root for a category, as
in missForest; Stekhoven and Buehlmann, 2012) it sees codes, and those of a category are
classified. isthmus sees the table as it is, with default settings.

Of isthmus, *coverage* as well: the share of hidden numbers (dates apart; of the first
200 new rows) that lie from the smallest to the largest of 19 draws, which for draws
from the truth is 90 %. Of a
column whose values repeat, ends of the range hold more than the 5 % beyond them, so
*coverage (ties by lot)* puts a value that equals drawn ones among them by lot.

    python benchmarks/impute.py --data DIR [--seeds 1] [--quick] [--only adult,bank]

`--trees 100`: a forest as large as scikit-learn's and missForest's defaults (which grow
it in up to ten rounds), and isthmus once more beside it, for the time that both take.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
import torch
from results_file import append, known
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import Ridge
from tables import SHIPPED, TABLES, TIMES, load

import isthmus

ROWS = 1000
SETTINGS = {
    "10 % at random": ("random", 0.1),
    "30 % at random": ("random", 0.3),
    "50 % at random": ("random", 0.5),
    "30 % not at random": ("by value", 0.3),
}
DRAWS, DRAWN = 19, 200
FIRST_CODE, TREES = -1000, 20


def prepared(name, folder, seed):
    """Rows to fit and new rows; words are objects, and numbers float64."""
    data = load(name, folder)
    if data is None:
        return None
    frame = data[0].sample(frac=1, random_state=seed)[:ROWS].reset_index(drop=True)
    for column in frame.columns.difference(TIMES):
        cells = frame[column]
        if pd.api.types.is_bool_dtype(cells) or not pd.api.types.is_numeric_dtype(
            cells
        ):
            words = [np.nan if pd.isna(c) else str(c).lower() for c in cells]
            frame[column] = pd.Series(words, dtype=object)
        else:
            frame[column] = cells.astype(float)
    fitted = 2 * len(frame) // 3
    return frame[:fitted], frame[fitted:].reset_index(drop=True)


def hidden(frame, setting, seed):
    """A mask of the cells that are hidden."""
    how, rate = SETTINGS[setting]
    luck = np.random.default_rng(seed).random(frame.shape)
    if how == "random":
        return luck < rate
    chance = np.zeros(frame.shape)
    for j, column in enumerate(frame):
        cells = frame[column]
        if cells.dtype == object:
            cells = cells.map(-cells.value_counts())
        chance[:, j] = 2 * rate * cells.rank(pct=True).fillna(0.5)
    return luck < chance


def numbers(frame):
    return [c for c in frame if frame[c].dtype != object]


def cells(column):
    """Numbers as they are, dates as seconds."""
    if column.dtype == float:
        return column.to_numpy()
    return ((column - pd.Timestamp(0)) / pd.Timedelta("1s")).to_numpy()


class OneHot:
    """Numbers standardised, categories one-hot."""

    def __init__(self, frame):
        self.numbers = numbers(frame)
        self.words = [c for c in frame if c not in self.numbers]
        self.scale = {c: _scale(cells(frame[c])) for c in self.numbers}
        self.levels = {
            c: np.array(sorted(frame[c].dropna().unique())) for c in self.words
        }

    def encode(self, frame):
        parts = [
            ((cells(frame[c]) - mean) / spread)[:, None]
            for c, (mean, spread) in self.scale.items()
        ]
        return np.concatenate(parts + [self.word(frame[c]) for c in self.words], axis=1)

    def word(self, column):
        hot = (column.to_numpy()[:, None] == self.levels[column.name]).astype(float)
        hot[column.isna().to_numpy()] = np.nan
        return hot

    def decode(self, x):
        """Numbers, and categories, by column."""
        found, start = {}, len(self.scale)
        for j, (name, (mean, spread)) in enumerate(self.scale.items()):
            found[name] = x[:, j] * spread + mean
        for name, levels in self.levels.items():
            stop = start + self.width(levels)
            found[name] = levels[self.level(x[:, start:stop], levels)]
            start = stop
        return found

    def width(self, levels):
        return len(levels)

    def level(self, x, levels):
        return x.argmax(axis=1)


class Codes(OneHot):
    """Numbers standardised, categories as codes that no number is as small as."""

    def word(self, column):
        codes = pd.Categorical(column, categories=self.levels[column.name]).codes
        return np.where(codes < 0, np.nan, FIRST_CODE - codes.astype(float))[:, None]

    def width(self, levels):
        return 1

    def level(self, x, levels):
        return np.clip(np.rint(FIRST_CODE - x[:, 0]), 0, len(levels) - 1).astype(int)


def _scale(x):
    mean, spread = np.nan_to_num(np.nanmean(x)), np.nan_to_num(np.nanstd(x))
    return mean, spread or 1.0


class Forest(RegressorMixin, BaseEstimator):
    """Classifies codes, and regresses numbers."""

    def __init__(self, seed=0, trees=TREES):
        self.seed, self.trees = seed, trees

    def fit(self, x, y):
        kind, share = RandomForestRegressor, 1 / 3
        if (y <= FIRST_CODE).all():
            kind, share = RandomForestClassifier, "sqrt"
        made = kind(self.trees, max_features=share, random_state=self.seed)
        self.forest_ = made.fit(x, y)
        return self

    def predict(self, x):
        return self.forest_.predict(x).astype(float)


def peers(seed, trees):
    """An encoding and an imputer by name."""
    keep = {"keep_empty_features": True}
    forest = IterativeImputer(
        Forest(seed, trees),
        max_iter=3,
        tol=0,
        initial_strategy="median",
        skip_complete=True,
        random_state=seed,
        **keep,
    )
    if trees != TREES:
        return {f"iterative forest, {trees} trees": (Codes, forest)}
    return {
        "mean, mode": (OneHot, SimpleImputer(**keep)),
        "neighbours": (OneHot, KNNImputer(n_neighbors=10, weights="distance", **keep)),
        "iterative ridge": (
            OneHot,
            IterativeImputer(
                Ridge(1.0), max_iter=3, tol=1e-2, random_state=seed, **keep
            ),
        ),
        "iterative forest": (Codes, forest),
    }


def of_peer(kind, imputer, fitted, new):
    coder = kind(fitted)
    imputer.fit(coder.encode(fitted))
    return coder.decode(imputer.transform(coder.encode(new)))


def errors(found, new, mask, whole):
    """RMSE of numbers and accuracy of categories over the hidden cells."""
    rmse, right = [], []
    for j, name in enumerate(new):
        gone = mask[:, j] & new[name].notna().to_numpy()
        if not gone.any():
            continue
        if new[name].dtype == object:
            right.append(np.mean(found[name][gone] == new[name].to_numpy()[gone]))
        elif spread := np.nanstd(cells(whole[name])):
            off = (found[name] - cells(new[name]))[gone] / spread
            rmse.append(np.sqrt(np.square(off).mean()))
    return [float(np.mean(e)) if e else np.nan for e in (rmse, right)]


def coverage(tables, new, mask, rng):
    """Share of hidden numbers within the draws; and with ties by lot."""
    inside, by_lot = [], []
    for j, name in enumerate(new):
        gone = mask[:, j] & new[name].notna().to_numpy()
        if name in TIMES or new[name].dtype == object or not gone.any():
            continue
        drawn = np.stack([cells(t[name])[gone] for t in tables])
        actual = cells(new[name])[gone]
        below, equal = (drawn < actual).sum(0), (drawn == actual).sum(0)
        inside.append((below + equal > 0) & (below < len(drawn)))
        rank = below + rng.integers(equal + 1)
        by_lot.append((rank > 0) & (rank < len(drawn)))
    if not inside:
        return np.nan, np.nan
    return tuple(float(np.concatenate(x).mean()) for x in (inside, by_lot))


def measure(data, setting, seed, done, options):
    """Yield (method, *figures) of what is not known yet; or of other trees."""
    training, trees = options
    masks = [hidden(rows, setting, 10 * seed + i) for i, rows in enumerate(data)]
    whole = pd.concat(data)
    fitted, new = (rows.mask(mask) for rows, mask in zip(data, masks, strict=True))
    for method, (kind, imputer) in peers(seed, trees).items():
        if method not in done:
            began = time.process_time()
            found = of_peer(kind, imputer, fitted, new)
            seconds = time.process_time() - began
            figures = errors(found, data[1], masks[1], whole)
            yield method, *figures, seconds, np.nan, np.nan
    own = "isthmus" if trees == TREES else f"isthmus beside {trees} trees"
    if own in done:
        return
    imputer = isthmus.Imputer(training=training, random_state=seed, verbose=0)
    began = time.process_time()
    filled = imputer.fit(fitted).transform(new)
    seconds = time.process_time() - began
    found = {
        name: filled[name].to_numpy()
        if filled[name].dtype == object
        else cells(filled[name])
        for name in filled
    }
    covered = np.nan, np.nan
    if trees == TREES:
        drawn = imputer.sample(new[:DRAWN], DRAWS)
        luck = np.random.default_rng(seed)
        covered = coverage(drawn, data[1][:DRAWN], masks[1][:DRAWN], luck)
    yield own, *errors(found, data[1], masks[1], whole), seconds, *covered


FIGURES = ["rmse", "accuracy", "seconds", "coverage", "coverage_ties_by_lot"]
KEY = ["table", "setting", "seed", "method"]
COLUMNS = ["date", "machine", "versions", *KEY, *FIGURES]
SMALL_FIRST = [
    *("titanic", "german_credit", "breast_cancer", "diamonds", "adult"),
    *("bank", "taxis", "census", "digits", "ames"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", default="", help="tables, such as adult,bank")
    parser.add_argument("--trees", type=int, default=TREES, help="of the forest")
    parser.add_argument("--quick", action="store_true", help="one small training")
    parser.add_argument("--out", default="benchmarks/results/impute.csv")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    packages = {name: version(name) for name in ("isthmus", "torch", "scikit-learn")}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    print(machine, packages)
    rows = {} if args.quick else known(args.out, KEY, FIGURES)
    chosen = args.only.split(",") if args.only else SMALL_FIRST
    assert set(SMALL_FIRST) == {*TABLES, *SHIPPED}
    for name in chosen[: 1 if args.quick else None]:
        for seed in range(args.seeds):
            if (data := prepared(name, args.data, seed)) is None:
                print(f"{name}: not found in {args.data}, left out")
                continue
            for setting in SETTINGS:
                key = name, setting, seed
                done = {k[3] for k in rows if k[:3] == key}
                training = isthmus.Training(epochs=2) if args.quick else None
                options = training, args.trees
                for method, *figures in measure(data, setting, seed, done, options):
                    rows[*key, method] = [round(f, 5) for f in figures]
                    print(*key, method, *rows[*key, method], flush=True)
                    if not args.quick:
                        told = [machine, str(packages), *key, method]
                        append(args.out, COLUMNS, [*told, *rows[*key, method]])
    summarize(rows)


def summarize(rows):
    """Ranks by method, seconds, and how many numbers the draws cover."""
    frame = pd.DataFrame(
        [[*key, *figures] for key, figures in rows.items()], columns=[*KEY, *FIGURES]
    )
    more = frame["method"].str.endswith("trees")
    print(frame[more].groupby("method")[["rmse", "accuracy", "seconds"]].mean())
    frame = frame[~more]
    place = KEY[:3]
    errors_ = pd.concat(
        [
            frame.pivot_table("rmse", place, "method").assign(figure="rmse"),
            (-frame.pivot_table("accuracy", place, "method")).assign(figure="accuracy"),
        ]
    ).dropna()
    ranks = errors_.drop(columns="figure").rank(axis=1)
    ranks["figure"] = errors_["figure"]
    print("\nmean rank over tables, settings and seeds; how many contests")
    print(
        ranks.groupby("figure")
        .mean()
        .T.assign(both=ranks.drop(columns="figure").mean())
    )
    print(ranks["figure"].value_counts().to_string())
    print("\nmean rank by setting")
    print(ranks.drop(columns="figure").groupby("setting").mean().T.round(2))
    print("\nmeans of the errors, and seconds")
    print(frame.groupby("method")[["rmse", "accuracy", "seconds"]].mean().round(4))
    ours = frame[frame["method"] == "isthmus"]
    print("\ncoverage of 90 % intervals")
    print(ours.groupby("setting")[FIGURES[3:]].mean().round(3))
    print(ours.groupby("table")[FIGURES[3:]].mean().round(3))


if __name__ == "__main__":
    main()
