"""Does the explanation of a row point at the one cell of it that is wrong?

The ten tables of `tables.py`. The default detector learns at most 3,000 rows. Then one
cell at a time is made wrong in rows that it has not learned:

- a number, or a time, is set five robust standard deviations (of the training rows:
  interquartile range / 1.349) from its conditional value, which is what `explain`
  expects of it; up or down by chance, but within the range of training if only one of
  both lies there;
- a category, or a number of two values, is set to a known level whose probability,
  given all other cells, is below 1 % by a random forest that learned up to 20,000 rows,
  in leaves of ten or more, so that a level is not held for impossible by chance.

How often is the planted cell the first to blame (found; `Explanation.top`), and how
often is it among the first three? The bar is 90 % found, on average over the
tables. "By rank" is what a search without a model finds: the cell whose value is
rarest in its column.

    python benchmarks/planted.py --data DIR [--quick] [--only titanic,german_credit]

DIR (or ISTHMUS_DATA) holds the tables as `tables.py` wants them. ``--quick`` takes the
small networks of ``effort="fast"`` and fewer cells; its figures are not for keeps.
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
from results_file import append
from sklearn.ensemble import RandomForestClassifier
from tables import SHIPPED, TABLES, load

import isthmus
from isthmus.errors import IsthmusWarning

MOST_ROWS, MOST_KNOWN = 3000, 20_000
DISTANCE = 5.0
RARE = 0.01
FOUND = ["found", "among_three", "by_rank", "numbers", "categories"]
COLUMNS = ["date", "machine", "versions", "table", "seed", "cells", *FOUND, "seconds"]


class Planter:
    """Makes cells wrong, by what the training rows say of their columns."""

    def __init__(self, train, more, chance):
        self.train, self.more, self.chance = train, more, chance
        kinds = train.dtypes
        self.times = {c for c in train if kinds[c].kind == "M"}
        numeric = {c for c in train if pd.api.types.is_numeric_dtype(kinds[c])}
        few = {c for c in numeric if train[c].nunique() <= 2}
        self.numbers = self.times | (numeric - few)
        self.levels = {
            c: np.sort(train[c].dropna().unique().astype(object), kind="stable")
            for c in train
            if c not in self.numbers
        }
        self.forests = {}

    def number(self, column, expected, rows):
        """Cells five spreads from what was expected of them."""
        known = as_floats(self.train[column].dropna())
        low, high = np.quantile(known, [0.25, 0.75])
        spread = (high - low) / 1.349 or known.std()
        middle = as_floats(expected[column].iloc[rows])
        way = self.chance.choice([-1.0, 1.0], len(rows))
        inside = [
            (known.min() <= v) & (v <= known.max())
            for v in (middle - DISTANCE * spread, middle + DISTANCE * spread)
        ]
        way = np.where(inside[0] == inside[1], way, np.where(inside[1], 1.0, -1.0))
        made = middle + way * DISTANCE * spread
        dtype = self.train[column].dtype
        if column in self.times:
            return list(pd.to_datetime(np.rint(made), unit="s").astype(dtype))
        if dtype.kind in "iu":
            most = np.iinfo(dtype)
            return list(np.clip(np.rint(made), most.min, most.max).astype(dtype))
        return list(made)

    def category(self, column, held, rows):
        """Cells of a level that the forest holds for all but impossible, or None."""
        if column not in self.forests:
            known = self.more[self.more[column].isin(self.levels[column])]
            self.forests[column] = RandomForestClassifier(
                100, min_samples_leaf=10, random_state=0
            ).fit(self.codes(known, column), place_of(known[column], self.levels))
        forest = self.forests[column]
        shares = forest.predict_proba(self.codes(held.iloc[rows], column))
        levels, cells = self.levels[column][forest.classes_], []
        for share, now in zip(shares, held[column].iloc[rows], strict=True):
            rare = [v for v, p in zip(levels, share, strict=True) if p < RARE]
            rare = [v for v in rare if v != now]
            cells.append(rare[self.chance.integers(len(rare))] if rare else None)
        return cells

    def codes(self, frame, target):
        """The other columns as numbers: levels by their place, -1 for a missing one."""
        parts = [
            as_floats(cells) if c in self.numbers else place_of(cells, self.levels)
            for c, cells in frame.items()
            if c != target
        ]
        return np.nan_to_num(np.column_stack(parts), nan=-1.0).astype(np.float32)


def as_floats(cells):
    """Numbers, and times as seconds since 1970."""
    if cells.dtype.kind != "M":
        return cells.to_numpy(dtype=float, na_value=np.nan)
    since = cells - pd.Timestamp(0, tz=cells.dt.tz)
    return since.dt.total_seconds().to_numpy()


def place_of(cells, levels):
    """Which of the levels of its column each cell is, -1 for none."""
    return pd.Index(levels[cells.name]).get_indexer(cells.astype(object))


def planted(planter, held, expected, columns, cells):
    """Copies of rows with one cell made wrong each, and its column, (m,)."""
    made, where = [], []
    for column in columns:
        present = np.flatnonzero(held[column].notna())
        rows = planter.chance.permutation(present)[: cells * 3]
        if column in planter.numbers:
            values = planter.number(column, expected, rows)
        else:
            values = planter.category(column, held, rows)
        pairs = [(r, v) for r, v in zip(rows, values, strict=True) if v is not None]
        for row, value in pairs[:cells]:
            one = held.iloc[[row]].copy()
            one[column] = pd.Series([value], index=one.index, dtype=held[column].dtype)
            made.append(one)
            where.append(column)
    return pd.concat(made, ignore_index=True), np.array(where)


def rarest(train, frame, columns):
    """Place of the cell of which the value is farthest out or rarest, (m,)."""
    found = []
    for column in columns:
        known, cells = train[column].dropna(), frame[column]
        if known.dtype.kind in "iufM" and known.nunique() > 2:
            order, asked = np.sort(as_floats(known)), as_floats(cells)
            below = np.searchsorted(order, asked, "right") / len(order)
            above = 1 - np.searchsorted(order, asked, "left") / len(order)
            share = 2 * np.minimum(below, above)
        else:
            counts = known.value_counts(normalize=True)
            share = cells.map(counts).astype(float).fillna(0).to_numpy()
        found.append(np.where(cells.isna(), np.inf, share))
    return np.argmin(np.stack(found, axis=1), axis=1)


def measure(frame, seed, quick):
    """(cells, figures of `FOUND`, seconds) of one table."""
    chance = np.random.default_rng(seed)
    order = chance.permutation(len(frame))
    count = min(MOST_ROWS, round(0.7 * len(frame)))
    train = frame.iloc[order[:count]].reset_index(drop=True)
    held = frame.iloc[order[count : count + 1000]].reset_index(drop=True)
    started = time.perf_counter()
    detector = isthmus.AnomalyDetector(
        effort="fast" if quick else "default", random_state=seed, verbose=0
    ).fit(train)
    seconds = time.perf_counter() - started
    columns = [c for c in train if len(train[c].dropna().unique()) > 1]
    usual = detector.explain(held)
    columns = [c for c in columns if (usual.contributions[c] != 0).any()]
    more = frame.iloc[np.setdiff1d(order, order[count : count + 1000])[:MOST_KNOWN]]
    planter = Planter(train, more, chance)
    cells = 10 if quick else 25
    wrong, where = planted(planter, held, usual.expected, columns, cells)
    blamed = [[cell.column for cell in row] for row in detector.explain(wrong).top(3)]
    first = np.array([row[0] == c for row, c in zip(blamed, where, strict=True)])
    three = np.array([c in row for row, c in zip(blamed, where, strict=True)])
    number = np.isin(where, list(planter.numbers))
    place = np.array([columns.index(c) for c in where])
    figures = [first, three, rarest(train, wrong, columns) == place]
    parts = [first[number], first[~number]]
    means = [float(f.mean()) if len(f) else np.nan for f in (*figures, *parts)]
    return len(wrong), means, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--only", default="", help="tables, such as titanic,bank")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="small networks")
    parser.add_argument("--out", default="benchmarks/results/planted.csv")
    args = parser.parse_args()
    warnings.simplefilter("ignore", IsthmusWarning)
    torch.set_num_threads(1)
    packages = {name: version(name) for name in ("isthmus", "torch", "scikit-learn")}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    print(machine, packages)
    everything = []
    for name in args.only.split(",") if args.only else [*TABLES, *SHIPPED]:
        data = load(name, args.data)
        if data is None:
            print(f"{name}: not found in {args.data}, left out")
            continue
        for seed in range(args.seeds):
            count, means, seconds = measure(data[0], seed, args.quick)
            everything.append(means)
            told = "   ".join(
                f"{label.replace('_', ' ')} {mean:.3f}"
                for label, mean in zip(FOUND, means, strict=True)
            )
            print(f"{name:<14} {count:>5} cells   {told}   {seconds:.0f} s", flush=True)
            if not args.quick:
                row = [name, seed, count, *(round(m, 4) for m in means), round(seconds)]
                append(args.out, COLUMNS, [machine, str(packages), *row])
    if everything:
        mean = np.mean([means[0] for means in everything])
        print(f"\nmean found: {mean:.3f} (the bar: 0.9)")


if __name__ == "__main__":
    main()
