"""What is a model worth that has learned from made rows, beside TVAE?

Adult, bank marketing and diamonds: 30 % of the rows test. Of the others 6,000 train,
and as many are held out. A sampler learns from the training rows,
target and all, and makes as many; gradient boosting of scikit-learn, at its defaults,
learns from these and predicts the target of the test rows:

- *f1*: mean over both classes, *accuracy* and ROC-*auc* of adult and bank, *r2* of
  diamonds (price); *real* is what it is if the training rows themselves teach;
- *copies*: share of made rows that equal a training row in every column, and
  *coincidences*, that of held-out rows. A sampler has memorised rows if copies are
  more than coincidences;
- *nearer*: share of made rows nearer to a training row than to any of as many held-out
  ones (5,000 each; `isthmus.generation.privacy` says how far); one half is wanted.

TVAE (Xu et al., 2019) is that of the package `ctgan` at its defaults (300 epochs), if
it is installed (its licence is no open one; it is a peer, not a dependency). It takes
no missing category, and gets a level for it, which becomes missing again in what it
makes.

    python benchmarks/sample.py --data DIR [--seeds 1] [--draws 3] [--quick]

DIR (or ISTHMUS_DATA) holds the tables as benchmarks/tables.py wants them.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import time
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
import torch
from results_file import append, known
from sklearn.ensemble import HistGradientBoostingClassifier as Classifier
from sklearn.ensemble import HistGradientBoostingRegressor as Regressor
from sklearn.metrics import accuracy_score, f1_score, r2_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OrdinalEncoder
from tables import load

import isthmus
from isthmus.errors import IsthmusWarning
from isthmus.generation.privacy import privacy

TABLES = ["adult", "bank", "diamonds"]
TARGET = "target"
GONE = "(missing)"
ROWS = 6_000

KEY = ["table", "seed", "method", "draw"]
SCORES = ["f1", "accuracy", "auc", "r2"]
FIGURES = [*SCORES, "copies", "coincidences", "memorised", "nearer", "seconds"]
COLUMNS = ["date", "machine", "versions", *KEY, *FIGURES]


def split(name, folder, seed, rows):
    """Rows to train on, to hold out, and to test on."""
    X, y = load(name, folder)
    frame = X.assign(**{TARGET: y})
    classes = None if name == "diamonds" else y
    rest, test = train_test_split(
        frame, test_size=0.3, random_state=seed, stratify=classes
    )
    rest = rest.reset_index(drop=True)
    return rest[:rows], rest[rows : 2 * rows].reset_index(drop=True), test


def words_of(frame):
    return [c for c in frame if not pd.api.types.is_numeric_dtype(frame[c])]


class Ours:
    """The sampler at its defaults."""

    def fit(self, frame, seed, quick):
        training = isthmus.Training(epochs=2) if quick else None
        self.model = isthmus.Sampler(random_state=seed, training=training, verbose=0)
        self.model.fit(frame)
        return self

    def sample(self, n, draw):
        return self.model.sample(n, random_state=draw)


class Tvae:
    """That of ctgan, at its defaults."""

    def fit(self, frame, seed, quick):
        from ctgan import TVAE  # noqa: PLC0415 - it need not be there

        self.words = words_of(frame)
        filled = frame.copy()
        for name in self.words:
            cells = filled[name].astype(object)
            filled[name] = cells.where(cells.notna(), GONE).astype(str)
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - it draws from there
        self.model = TVAE(epochs=2 if quick else 300)
        self.model.fit(filled, self.words)
        return self

    def sample(self, n, draw):
        self.model.set_random_state(draw)
        made = self.model.sample(n)
        for name in self.words:
            made[name] = made[name].astype(object).where(made[name] != GONE, None)
        return made


class Real:
    """The training rows themselves."""

    def fit(self, frame, seed, quick):
        self.frame = frame
        return self

    def sample(self, n, draw):
        return self.frame


METHODS = {"real": Real, "isthmus": Ours, "TVAE": Tvae}


def scores(train, made, test):
    """How well the target of real rows is predicted by what learned from made ones."""
    words = [name for name in words_of(train) if name != TARGET]
    numbers = [name for name in train if name not in {*words, TARGET}]
    coder = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
    )
    coder.fit(_objects(train, words))

    def inputs(frame):
        cells = frame[numbers].astype(float).to_numpy()
        return np.hstack([cells, coder.transform(_objects(frame, words))])

    categories = [False] * len(numbers) + [True] * len(words)
    options = {"categorical_features": categories, "random_state": 0}
    if pd.api.types.is_numeric_dtype(train[TARGET]):
        model = Regressor(**options).fit(inputs(made), made[TARGET].astype(float))
        return {"r2": r2_score(test[TARGET], model.predict(inputs(test)))}
    model = Classifier(**options).fit(inputs(made), made[TARGET].astype(str))
    chance = model.predict_proba(inputs(test))[:, 1]
    truth = test[TARGET].astype(str) == model.classes_[1]
    found = chance > 0.5
    return {
        "f1": f1_score(truth, found, average="macro"),
        "accuracy": accuracy_score(truth, found),
        "auc": roc_auc_score(truth, chance),
    }


def _objects(frame, words):
    cells = frame[words].astype(object)
    return cells.where(cells.notna(), None)


def cells(frame):
    """Columns as the measures of privacy want them."""
    return {
        name: frame[name].astype(float).to_numpy()
        if pd.api.types.is_numeric_dtype(frame[name])
        else frame[name].astype(object).where(frame[name].notna(), None).to_numpy()
        for name in frame
    }


def measure(method, data, seed, draws, quick):
    """Yield figures of one draw after another."""
    train, held_out, test = data
    started = time.perf_counter()
    fitted = METHODS[method]().fit(train, seed, quick)
    seconds = time.perf_counter() - started
    for draw in range(1 if method == "real" else draws):
        made = fitted.sample(len(train), draw)[list(train)]
        found = scores(train, made, test)
        told = privacy(cells(train), cells(held_out), cells(made))._asdict()
        yield draw, {**found, **told, "seconds": seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--only", default="", help="tables, such as adult,bank")
    parser.add_argument("--methods", default="", help="such as isthmus,TVAE")
    parser.add_argument("--quick", action="store_true", help="two epochs, one seed")
    parser.add_argument("--out", default="benchmarks/results/sample.csv")
    args = parser.parse_args()
    warnings.simplefilter("ignore", IsthmusWarning)
    torch.set_num_threads(1)
    packages = {n: version(n) for n in ("isthmus", "torch", "scikit-learn")}
    methods = args.methods.split(",") if args.methods else list(METHODS)
    if importlib.util.find_spec("ctgan") is None:
        print("ctgan is not installed: TVAE is left out")
        methods = [name for name in methods if name != "TVAE"]
    else:
        packages["ctgan"] = version("ctgan")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    print(machine, packages)
    done = {} if args.quick else known(args.out, KEY, FIGURES)
    for name in args.only.split(",") if args.only else TABLES:
        for seed in range(1 if args.quick else args.seeds):
            data = split(name, args.data, seed, 1000 if args.quick else ROWS)
            for method in methods:
                if (name, seed, method, 0) in done:
                    continue
                draws = measure(method, data, seed, args.draws, args.quick)
                for draw, figures in draws:
                    row = [round(figures.get(f, np.nan), 5) for f in FIGURES]
                    done[name, seed, method, draw] = tuple(row)
                    if not args.quick:
                        key = [name, seed, method, draw]
                        append(args.out, COLUMNS, [machine, str(packages), *key, *row])
                    print(name, seed, method, draw, figures, flush=True)
    show(done)


def show(done):
    """Mean and spread over seeds and draws."""
    frame = pd.DataFrame([(*k, *v) for k, v in done.items()], columns=[*KEY, *FIGURES])
    for name, rows in frame.groupby("table", sort=False):
        print(f"\n{name}: mean (standard deviation over seeds and draws)")
        for method, some in rows.groupby("method", sort=False):
            figures = some[FIGURES].apply(pd.to_numeric).dropna(axis=1, how="all")
            mean, spread = figures.mean(), figures.std(ddof=min(len(figures) - 1, 1))
            told = [f"{n} {mean[n]:.4f} ({spread[n]:.4f})" for n in figures]
            print(f"  {method:<8} {'  '.join(told)}")


if __name__ == "__main__":
    main()
