"""How far do a few labels go, with an autoencoder trained on the rows without one?

*Tables*: adult, bank marketing, Ames, diamonds and breast cancer, 30 % of the rows kept
for testing. The autoencoder sees all training rows and no label; then a share of them,
20 rows at least, gets its label (two of each class at least; the rest by lot).
Accuracy, or R2, on the test rows of

- *isthmus*: `PretrainedClassifier` or `PretrainedRegressor`, and *frozen*, its encoder
  left as pre-training left it;
- *untrained*: the same estimator around the same network with its weights as drawn: a
  linear head on inputs and random features, then tuned;
- *scratch*: the same network with its weights as drawn and a head of zeros, all layers
  trained at one step size (1e-3) by the same rule for stopping;
- *boosting*: scikit-learn's HistGradientBoosting at its defaults, categories told.

*Steps*: of scratch, the first look at the held-out labels at which their loss is as low
as that of the pre-trained network before its first step.

*Steps to equal accuracy* (the part ``steps``, into pretrain_steps.csv): of the same
tables, test accuracy (or R2) is looked at whenever the held-out labels are. Of two, the
pre-trained network and scratch, it is the lower of their best that both reach: how many
steps does each take to it? The pre-trained one starts with a head that is solved for.

*MNIST*: 60,000 pictures without labels, four labels a class; accuracy on the 10,000
test pictures. A variational autoencoder (400 units, 20 numbers, 30 epochs) says which
pictures are neighbours. *frozen, no spread* is a linear head on its features.

    python benchmarks/pretrain.py tables --data DIR [--seeds 3] [--shares 0.01,0.1]
    python benchmarks/pretrain.py steps --data DIR [--seeds 3] [--shares 0.01,0.1]
    python benchmarks/pretrain.py mnist --data DIR [--seeds 3] [--quick]

Published for MNIST with four labels a class (Sainburg et al., 2021): a convolutional
network .8143, with augmentation .9280, with a UMAP loss .9785. Bar: .95. Pre-trained
autoencoders are kept in ``--work``, and rows of figures that are there are not measured
again.
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
from results_file import append, known
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from tables import REGRESSION, load

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.errors import IsthmusWarning
from isthmus.pretraining import learner
from isthmus.pretraining.learner import NETWORKS, Learned, entries, parts_of
from isthmus.pretraining.network import Network
from isthmus.pretraining.tuning import Pace, Tuner

T5 = ("breast_cancer", "ames", "diamonds", "bank", "adult")
LEAST = 20
ABOUT = ["date", "machine", "versions"]
KEY = ["data", "share", "seed", "method"]
COLUMNS = [*ABOUT, *KEY, "labels", "score", "steps", "seconds"]
STEPS = [*ABOUT, *KEY[:3], "level", "pretrained", "scratch", "best", "best_scratch"]
NOTHING = isthmus.Training(epochs=1, learning_rate=1e-12)


def kept(path, make, rows):
    """An autoencoder from a file, or trained and written to it."""
    if not path.exists():
        started = time.perf_counter()
        path.parent.mkdir(parents=True, exist_ok=True)
        isthmus.save(make().fit(rows), path)
        print(f"{path.name}: {time.perf_counter() - started:.0f} s", flush=True)
    return isthmus.load(path)


def drawn(y, share, seed, *, regression):
    """Labels of a share of the rows, None for the others."""
    lots = np.random.default_rng(seed)
    order, cells = lots.permutation(len(y)), y.to_numpy(dtype=object)
    count = max(LEAST, round(share * len(y)))
    first = []
    if not regression:
        for label in np.unique(cells.astype(str)):
            first += [i for i in order if cells[i] == label][:2]
    chosen = set(first)
    rest = [i for i in order if i not in chosen][: count - len(first)]
    labels = np.full(len(y), None, dtype=object)
    labels[first + rest] = cells[first + rest]
    return labels


def boosting(train, labels, test, *, regression):
    """Predictions of gradient boosting on the labelled rows."""
    train, test = train.copy(), test.copy()
    for name in train.columns:
        if pd.api.types.is_datetime64_any_dtype(train[name]):
            train[name], test[name] = (f[name].astype("int64") for f in (train, test))
        elif not pd.api.types.is_numeric_dtype(train[name]):
            said = train[name].map(str), test[name].map(str)
            kind = pd.CategoricalDtype(pd.unique(said[0])[:255])
            train[name], test[name] = (cells.astype(kind) for cells in said)
    make = (
        HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    )
    rows = labels != None  # noqa: E711 - cell by cell
    target = labels[rows].astype(float if regression else str)
    model = make(categorical_features="from_dtype", random_state=0)
    return model.fit(train[rows], target).predict(test)


class Scratch:
    """The same network, its weights as drawn, trained on the labelled rows alone."""

    def __init__(self, task, model, seed):
        self.task, self.model, self.seed = task, model, seed

    def fit(self, X, y):
        labels = self.task._labels(X, y)  # noqa: SLF001
        goal, center, scale = self.task._goal(labels)  # noqa: SLF001
        data, parts = entries(self.model, X), parts_of(labels, self.seed)
        networks = [Network(self.model.module_, goal.outputs) for _ in parts]
        for network in networks:
            network.standardize(data)
            torch.nn.init.zeros_(network.head.weight)
            torch.nn.init.zeros_(network.head.bias)
        some = data.rows(torch.from_numpy(labels.rows))
        pace = Pace(rate=1e-3, decay=1.0, seed=self.seed)
        course = Tuner(networks, some, goal, parts, pace).run()
        steps = zip(course.steps, course.losses, strict=True)
        self.history_ = [{"step": step, "loss": loss} for step, loss in steps]
        self.learned = Learned(self.model, networks, center, scale)
        return self

    def predict(self, X):
        answers = self.learned.answers(X).numpy()
        if answers.shape[1] == 1:
            return answers[:, 0]
        return self.task.classes_[answers.argmax(axis=1)]


def methods(name, model, untrained, seed):
    """Estimators by name."""
    kind = (
        isthmus.PretrainedRegressor
        if name in REGRESSION
        else isthmus.PretrainedClassifier
    )
    options = {"verbose": 0, "random_state": seed}
    return {
        "isthmus": kind(autoencoder=model, **options),
        "frozen": kind(autoencoder=model, frozen=True, **options),
        "untrained": kind(autoencoder=untrained, **options),
        "scratch": Scratch(kind(**options), untrained, seed),
        "boosting": None,
    }


def tables(args, about, done):
    for name in args.only.split(",") if args.only else T5:
        found = load(name, args.data)
        if found is None:
            print(f"{name}: not found in {args.data}, left out")
            continue
        regression = name in REGRESSION
        frame, y = found
        train, test, known_y, test_y = train_test_split(
            frame,
            y,
            test_size=0.3,
            random_state=0,
            stratify=None if regression else y,
        )
        model = kept(
            args.work / f"{name}.isthmus",
            lambda: isthmus.Autoencoder(**NETWORKS["table"], verbose=0),
            train,
        )
        untrained = isthmus.Autoencoder(
            **NETWORKS["table"], verbose=0, training=NOTHING
        ).fit(train)
        for share in map(float, args.shares.split(",")):
            for seed in range(args.seeds):
                labels = drawn(known_y, share, seed, regression=regression)
                count = int((labels != None).sum())  # noqa: E711
                start = None
                for method, made in methods(name, model, untrained, seed).items():
                    key = (name, share, seed, method)
                    if key in done:
                        continue
                    started = time.perf_counter()
                    if made is None:
                        guess = boosting(train, labels, test, regression=regression)
                    else:
                        guess = made.fit(train, labels).predict(test)
                    seconds = time.perf_counter() - started
                    score = (
                        r2_score(test_y, guess)
                        if regression
                        else float((guess == test_y.to_numpy()).mean())
                    )
                    steps = ""
                    told = method == "isthmus" and made.history_
                    if told and not made.learned_.spread:
                        start = made.history_[0]["loss"]
                    if method == "scratch" and start is not None:
                        steps = reached(made.history_, start)
                    row = [*key, count, round(score, 5), steps, round(seconds, 2)]
                    append(args.out, COLUMNS, [*about, *row])
                    print(*row, flush=True)


class Watched(Tuner):
    """A tuner that looks at test rows, too; what it sees decides nothing."""

    def loss(self):
        found = super().loss()  # which leaves the networks as they answer
        self.scores = [*getattr(self, "scores", ()), self.ask(self.networks)]
        return found

    def run(self):
        course = super().run()
        Watched.course = [*zip(course.steps, self.scores, strict=True)]
        return course


def watched(made, model, rows, labels):
    """Test scores of one method, (step, score) at every look."""
    train, X, y = rows
    task = getattr(made, "task", made)

    def ask(networks):
        known = task._labels(train, labels)  # noqa: SLF001 - as `fit` does
        _, center, scale = task._goal(known)  # noqa: SLF001
        answers = Learned(model, networks, center, scale).answers(X).numpy()
        if answers.shape[1] == 1:
            return float(r2_score(y, answers[:, 0]))
        return float((task.classes_[answers.argmax(axis=1)] == y.to_numpy()).mean())

    Watched.ask, Watched.course = staticmethod(ask), []
    made.fit(train, labels)
    return Watched.course


def steps(args, about, done):
    learner.Tuner = globals()["Tuner"] = Watched
    for name in args.only.split(",") if args.only else T5:
        (frame, y), regression = load(name, args.data), name in REGRESSION
        train, test, known_y, test_y = train_test_split(
            frame,
            y,
            test_size=0.3,
            random_state=0,
            stratify=None if regression else y,
        )
        make = lambda: isthmus.Autoencoder(**NETWORKS["table"], verbose=0)  # noqa: E731
        model = kept(args.work / f"{name}.isthmus", make, train)
        untrained = isthmus.Autoencoder(
            **NETWORKS["table"], verbose=0, training=NOTHING
        ).fit(train)
        for share in map(float, args.shares.split(",")):
            for seed in range(args.seeds):
                if (name, share, seed) in done:
                    continue
                labels = drawn(known_y, share, seed, regression=regression)
                pair = methods(name, model, untrained, seed)
                pair["isthmus"].set_params(spread=False) if not regression else None
                both = [
                    watched(pair[m], whose, (train, test, test_y), labels)
                    for m, whose in (("isthmus", model), ("scratch", untrained))
                ]
                level = min(max(score for _, score in course) for course in both)
                took = [next(s for s, score in c if score >= level) for c in both]
                best = [max(score for _, score in course) for course in both]
                row = [name, share, seed, level, *took, *best]
                append(args.out, STEPS, [*about, *row])
                print(*row, flush=True)


def reached(history, loss):
    """The first step at which a loss is reached; "never" if it is not."""
    return next((row["step"] for row in history if row["loss"] <= loss), "never")


def mnist(args, about, done):
    with np.load(Path(args.data) / "mnist" / "mnist.npz") as file:
        X, y, new, new_y = (file[n] for n in ("X_train", "y_train", "X_test", "y_test"))
    if args.quick:
        X, y = X[:5000], y[:5000]
    model = kept(
        args.work / ("mnist_quick.isthmus" if args.quick else "mnist.isthmus"),
        lambda: isthmus.variational(
            size=20,
            likelihood="bce",
            architecture=Mlp(hidden=(400,)),
            training=isthmus.Training(
                epochs=2 if args.quick else 30,
                batch_size=128,
                patience=0,
                learning_rate=1e-3,
            ),
            verbose=0,
        ),
        X,
    )
    for seed in range(args.seeds):
        lots = np.random.default_rng(seed)
        places = [np.flatnonzero(y == digit) for digit in range(10)]
        few = np.concatenate([lots.choice(p, 4, replace=False) for p in places])
        labels = np.full(len(y), -1)
        labels[few] = y[few]
        for method, options in {
            "isthmus": {},
            "frozen, no spread": {"frozen": True, "spread": False},
        }.items():
            key = ("mnist", 40 / len(y), seed, method)
            if key in done:
                continue
            started = time.perf_counter()
            made = isthmus.PretrainedClassifier(
                autoencoder=model, random_state=seed, verbose=0, **options
            ).fit(X, labels)
            score = float((made.predict(new) == new_y).mean())
            seconds = time.perf_counter() - started
            row = [*key, 40, round(score, 5), "", round(seconds, 2)]
            append(args.out, COLUMNS, [*about, *row])
            print(*row, flush=True)


def show(path):
    """Mean and spread over the draws of labels."""
    frame = pd.read_csv(path)
    table = frame.groupby(["data", "share", "method"], sort=False)["score"]
    print(table.agg(["mean", "std", "count"]).round(4).to_string())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("part", choices=["tables", "steps", "mnist"])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--shares", default="0.01")
    parser.add_argument("--only", default="", help="tables, such as adult,bank")
    parser.add_argument("--work", type=Path, default=Path("pretrained"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    file = "pretrain_steps.csv" if args.part == "steps" else "pretrain.csv"
    args.out = args.out or f"benchmarks/results/{file}"
    if args.quick:
        args.seeds, args.only, args.out = 1, "breast_cancer", "/dev/null"
    warnings.simplefilter("ignore", IsthmusWarning)
    torch.set_num_threads(1)
    packages = {name: version(name) for name in ("isthmus", "torch", "scikit-learn")}
    about = [f"{platform.machine()}, {os.cpu_count()} cores, one thread", str(packages)]
    print(*about)
    key, figure = (KEY[:3], "level") if args.part == "steps" else (KEY, "score")
    done = {} if args.quick else known(args.out, key, [figure])
    {"tables": tables, "steps": steps, "mnist": mnist}[args.part](args, about, done)
    if not args.quick and args.part != "steps":
        show(args.out)


if __name__ == "__main__":
    main()
