"""How soon does it rebuild rows it has not met as well as PyOD's AutoEncoder ends up?

The tables of `reconstruction.py`, at most 10,000 rows of numbers, a fifth of them kept
for validation, in standard deviations of the training rows. PyOD's AutoEncoder is
fitted at its defaults (64 and 32 units, ten epochs in batches of 32); its seconds run
from the call of ``fit`` to the end of its last epoch, without the scoring that follows.
Then isthmus's Autoencoder with a code of the same 32, else at its defaults, and once
more with numbers scaled as PyOD scales them, until its squared error on the validation
rows is no larger; its seconds run from the call of ``fit`` to its return, and include
preparation, recording and a look at the validation rows after every epoch. Bar: a tenth
of PyOD's time.

    python benchmarks/time_to_quality.py --data DIR [--seeds 3] [--quick]

DIR (or ISTHMUS_DATA) is that of `reconstruction.py`, and a table that is not there is
left out. Where the tables come from: adult, archive.ics.uci.edu/dataset/2; bank
marketing, archive.ics.uci.edu/dataset/222; Ames housing, De Cock, 2011; diamonds, the
package ggplot2 (as in seaborn-data); breast cancer, scikit-learn. Results are appended
to a file.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from importlib.metadata import version

import numpy as np
import torch
from pyod.models.auto_encoder import AutoEncoder
from reconstruction import TABLES, load
from results_file import append

import isthmus

SIZE = 32
"""Entries of PyOD's code at its defaults."""
SETTINGS = {
    f"Autoencoder(size={SIZE})": {},
    f"Autoencoder(size={SIZE}, scaling='standard')": {"scaling": "standard"},
}
COLUMNS = ["date", "machine", "versions", "table", "seed", "method", "error", "goal"]
COLUMNS += ["epochs", "seconds", "pyod_seconds", "share"]


class Watched(AutoEncoder):
    """PyOD's, with the moment at which its training ended."""

    def train(self, train_loader):
        super().train(train_loader)
        self.ended = time.perf_counter()


def by_pyod(train, test, seed):
    """Squared error per cell of the test rows, and seconds."""
    started = time.perf_counter()
    model = Watched(random_state=seed, device=torch.device("cpu"), verbose=0).fit(train)
    distance = model.decision_function(test)
    return float(np.square(distance).mean()) / test.shape[1], model.ended - started


def by_isthmus(train, test, seed, goal, setting):
    """Squared error per cell, at the goal or at the end; epochs; seconds."""
    errors = []

    def good_enough(_epoch):
        errors.append(float(np.square(model.reconstruct(test) - test).mean()))
        return errors[-1] <= goal

    model = isthmus.Autoencoder(
        size=SIZE, random_state=seed, verbose=0, callbacks=(good_enough,), **setting
    )
    started = time.perf_counter()
    model.fit(train)
    return errors[-1], len(errors), time.perf_counter() - started


def measure(values, seed):
    """Yield the figures of each setting, beside PyOD's in the same run."""
    order = np.random.default_rng(seed).permutation(len(values))[:10_000]
    cut = int(0.8 * len(order))
    train, test = values[order[:cut]], values[order[cut:]]
    varied = train.std(0) > 0
    mean, spread = train[:, varied].mean(0), train[:, varied].std(0)
    train, test = ((rows[:, varied] - mean) / spread for rows in (train, test))
    goal, theirs = by_pyod(train, test, seed)
    for name, setting in SETTINGS.items():
        error, epochs, ours = by_isthmus(train, test, seed, goal, setting)
        yield name, error, goal, epochs, ours, theirs, ours / theirs


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one seed, 1,000 rows")
    parser.add_argument("--out", default="benchmarks/results/time_to_quality.csv")
    args = parser.parse_args()
    torch.set_num_threads(1)
    packages = {n: version(n) for n in ("isthmus", "torch", "pyod", "scikit-learn")}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    print(machine, packages)
    list(measure(np.random.default_rng(0).normal(size=(500, 5)), 0))  # warms up
    for table in ("breast_cancer", *TABLES):
        values = load(table, args.data)
        if values is None:
            print(f"{table}: not found in {args.data}, left out")
            continue
        rows = []
        for seed in range(1 if args.quick else args.seeds):
            for name, *figures in measure(values[: 1000 if args.quick else None], seed):
                rows.append([table, seed, name, *(round(f, 5) for f in figures)])
                if not args.quick:
                    append(args.out, COLUMNS, [machine, str(packages), *rows[-1]])
        show(table, values.shape, rows)


def show(table, shape, rows):
    print(f"\n{table}, {shape[0]} x {shape[1]}: medians [least, most] of the seeds")
    for method in SETTINGS:
        mine = np.array([row[3:] for row in rows if row[2] == method])
        error, goal, epochs, seconds, theirs, share = np.median(mine, 0)
        missed = int((mine[:, 0] > mine[:, 1]).sum())
        print(
            f"  {method:42} error {error:.4f}, PyOD's {goal:.4f}; {epochs:.0f} epochs; "
            f"{seconds:.2f} s of PyOD's {theirs:.2f} s: {share:.1%} "
            f"[{mine[:, 5].min():.1%}, {mine[:, 5].max():.1%}]"
            + (f"; not reached in {missed}" if missed else "")
        )


if __name__ == "__main__":
    main()
