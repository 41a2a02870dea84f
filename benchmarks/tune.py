"""Is what a search finds better than the default, on rows that it has not seen?

Ten tables (those of tables.py), at most 4,000 rows of each, 30 % of them kept out of
everything. `isthmus.tune` searches on the others without labels (a number of trials and
one seed, so that a run can be repeated); then the recipe that it gave, the default, the
preset `masked` and PCA learn these rows, and are asked about the rows kept out:

- *hidden*: error of hidden cells (each cell is hidden once, with a fifth of its row) in
  multiples of guessing, with the standard error over rows;
- *probe*: a linear model on the codes predicts the target, which no search has seen
  (accuracy; R2 where it is a number).

PCA is probabilistic PCA, of the number of components that suits hidden cells of the
training rows best; its probe is on as many components.

    python benchmarks/tune.py --data DIR [--trials 6] [--quick] [--only adult,bank]
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
from sklearn.model_selection import train_test_split
from tables import REGRESSION, SHIPPED, TABLES, load

import isthmus
from isthmus.errors import IsthmusWarning
from isthmus.estimator.reading import read_rows
from isthmus.tuning.cells import Cells
from isthmus.tuning.objectives import HiddenCells, Probe

MOST = 4000
COLUMNS = [
    *("date", "machine", "versions", "table", "seed", "trials", "method", "recipe"),
    *("hidden", "hidden_se", "gain", "gain_se", "probe", "size", "seconds"),
]


def measure(name, data, seed, trials, quick):
    """Yield figures of every method."""
    frame, y = data
    if len(frame) > MOST:
        frame = frame.sample(MOST, random_state=seed)
        y = y.loc[frame.index]
    classes = None if name in REGRESSION else y
    train, test, *targets = train_test_split(
        frame, y, test_size=0.3, random_state=seed, stratify=classes
    )
    fixed = {"epochs": 2} if quick else {}
    started = time.perf_counter()
    search = isthmus.tune(
        train, fixed=fixed, trials=trials, random_state=seed, verbose=0
    )
    searched = time.perf_counter() - started
    ask = Questions(train, test, targets, seed)
    rows = {"default": isthmus.Autoencoder(**fixed), "masked": isthmus.masked(**fixed)}
    first = None
    for method, model in {**rows, "tuned": search.estimator}.items():
        began = time.perf_counter()
        errors, probe = ask.model(model.set_params(verbose=0, random_state=seed))
        first = errors if first is None else first
        took = time.perf_counter() - began + searched * (method == "tuned")
        recipe = search.best.name if method == "tuned" else method
        size = model.recipe_.bottleneck.width
        yield method, recipe, *figures(errors, first), probe, size, took
    size = min(search.pca, key=lambda found: found[1])[0]
    began = time.perf_counter()
    errors, probe = ask.pca(size)
    took = time.perf_counter() - began
    yield "PCA", "PCA", *figures(errors, first), probe, size, took


class Questions:
    """Asks of rows kept out: their hidden cells, and their labels."""

    def __init__(self, train, test, targets, seed):
        base = isthmus.Autoencoder(verbose=0)
        self.train, both = train, pd.concat([train, test])
        self.rows = read_rows(base, both, reset=True).rows
        learned = self.rows.take(np.arange(len(train)))
        cells = Cells(learned, base).on(self.rows)
        index = np.arange(len(both))
        self.split = index[: len(train)], index[len(train) :]
        self.hidden = HiddenCells(cells, seed + 100)
        self.probe = Probe(np.concatenate([t.to_numpy() for t in targets]), cells)

    def model(self, model):
        model.fit(self.train)
        model.data_ = model._converter.encode(self.rows)  # noqa: SLF001
        asked = model, model.module_, self.split
        return self.hidden.errors(*asked), 1 - self.probe.errors(*asked).mean()

    def pca(self, size):
        probe = 1 - self.probe.pca(size, self.split).mean()
        return self.hidden.pca(size, self.split), probe


def figures(errors, first):
    """Mean and standard error, of the errors and of the gain over the default."""
    found = []
    for values in (errors, first - errors):
        known = values[~np.isnan(values)]
        found += [known.mean(), known.std(ddof=1) / np.sqrt(len(known))]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="tables, such as adult,bank")
    parser.add_argument("--quick", action="store_true", help="two epochs, two trials")
    parser.add_argument("--out", default="benchmarks/results/tune.csv")
    args = parser.parse_args()
    warnings.simplefilter("ignore", IsthmusWarning)
    torch.set_num_threads(1)
    names = "isthmus", "torch", "scikit-learn", "optuna"
    packages = str({name: version(name) for name in names})
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    print(machine, packages)
    trials = 2 if args.quick else args.trials
    known = pd.DataFrame(columns=COLUMNS)
    if Path(args.out).exists() and not args.quick:
        known = pd.read_csv(args.out)
        known = known[(known["seed"] == args.seed) & (known["trials"] == trials)]
        known = known[known["versions"] == packages]
    rows = known[COLUMNS[3:]].to_numpy().tolist()
    for name in args.only.split(",") if args.only else [*TABLES, *SHIPPED]:
        if name not in set(known["table"]):
            data = load(name, args.data)
            if data is None:
                print(f"{name}: not found in {args.data}, left out")
                continue
            for found in measure(name, data, args.seed, trials, args.quick):
                plain = [round(f, 5) if isinstance(f, float) else f for f in found]
                rows.append([name, args.seed, trials, *plain])
            if not args.quick:
                whole = [row for row in rows if row[0] == name]
                append(args.out, COLUMNS, *([machine, packages, *r] for r in whole))
        show(name, [row for row in rows if row[0] == name])
    summarize(pd.DataFrame(rows, columns=COLUMNS[3:]))


def show(name, rows):
    print(f"\n{name}")
    for row in rows:
        found = dict(zip(COLUMNS[3:], row, strict=True))
        print(
            f"  {found['method']:<8} hidden {found['hidden']:.4f} "
            f"({found['hidden_se']:.4f})   gain {found['gain']:+.4f} "
            f"({found['gain_se']:.4f})   probe {found['probe']:.4f}   size "
            f"{found['size']:<3} {found['seconds']:6.1f} s   {found['recipe']}",
            flush=True,
        )


def summarize(frame):
    """Tables on which the search is better and worse than what stands beside it."""
    table = frame.pivot_table(["hidden", "gain", "gain_se", "probe"], "table", "method")
    gain, spread = table["gain"]["tuned"], table["gain_se"]["tuned"]
    print(
        f"\nof {len(table)} tables, beside the default: hidden cells better on ", end=""
    )
    print(f"{(gain > 0).sum()}, worse by more than one standard error on ", end="")
    print(f"{(gain < -spread).sum()}")
    for other in ("masked", "PCA"):
        ahead = table["hidden"]["tuned"] < table["hidden"][other]
        print(f"hidden cells better than {other} on {ahead.sum()}")
    for other in ("default", "masked", "PCA"):
        ahead = table["probe"]["tuned"] > table["probe"][other]
        print(f"probe better than {other} on {ahead.sum()}")


if __name__ == "__main__":
    main()
