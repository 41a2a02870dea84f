"""What do recommenders of very many items cost in memory and time?

Users turn to items of their two liked groups, the better known the more often. Each
size is fitted and asked in a process of its own, by `Recommender` with default settings
and two epochs: its peak resident memory, which is what the system counted, whole,
beside that of a process that only makes the data; seconds; recall@10 of new users.
Above 50,000 items a step is computed on those of the batch and on others by lot.

    python benchmarks/recommend_large.py [--quick] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from importlib.metadata import version

import numpy as np
import torch
from results_file import append, known
from scipy.sparse import csr_matrix

import isthmus

GROUPS = 50
SIZES = {  # users, items, interactions of a user
    "wide": (50_000, 20_000, 40),
    "wider": (50_000, 100_000, 40),
    "more users": (200_000, 100_000, 40),
}
COLUMNS = ["date", "machine", "versions", "users", "items", "interactions", "seed"]
COLUMNS += ["what", "epochs", "peak_mb", "seconds", "recall@10"]


def interactions(users: int, items: int, each: int, seed: int) -> csr_matrix:
    """A sparse matrix of ones, (users, items)."""
    rng = np.random.default_rng(seed)
    liked = rng.integers(0, GROUPS, (users, 2))
    group = np.take_along_axis(liked, rng.integers(0, 2, (users, each)), 1)
    fame = (rng.random((users, each)) ** 4 * (items // GROUPS)).astype(np.int64)
    pairs = (
        np.repeat(np.arange(users), each),
        (group * (items // GROUPS) + fame).ravel(),
    )
    found = csr_matrix((np.ones(users * each, np.float32), pairs), (users, items))
    found.data[:] = 1
    return found


def one(what: str, users: int, items: int, each: int, epochs: int) -> None:
    """Fit and ask in this process, and print figures."""
    torch.set_num_threads(1)
    X, new = interactions(users, items, each, 0), interactions(2000, items, each, 1)
    started, recall = time.perf_counter(), float("nan")
    if what == "fit":
        training = isthmus.Training(epochs=epochs)
        model = isthmus.Recommender(training=training, verbose=0).fit(X)
        recall = model.evaluate(new)["recall@10"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.perf_counter() - started
    print(json.dumps([round(peak), round(seconds, 1), round(recall, 4)]))


def main() -> None:
    """Measure every size, and append a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--one", nargs=5, help="one size, in this process")
    parser.add_argument("--quick", action="store_true", help="a trial, not recorded")
    parser.add_argument("--out", default="benchmarks/results/recommend_large.csv")
    args = parser.parse_args()
    if args.one:
        one(args.one[0], *map(int, args.one[1:]))
        return
    packages = {name: version(name) for name in ("isthmus", "torch", "scipy")}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    print(machine, packages, "seed 0")
    sizes = {"quick": (2000, 60_000, 20)} if args.quick else SIZES
    done = {} if args.quick else known(args.out, ["users", "items", "what"], COLUMNS)
    for name, (users, items, each) in sizes.items():
        for what in ("data", "fit"):
            if (users, items, what) in done:
                continue
            said = [what, *map(str, (users, items, each, 1 if args.quick else 2))]
            command = [sys.executable, __file__, "--one", *said]
            told = subprocess.run(  # noqa: S603 - this very file
                command, check=True, capture_output=True, text=True
            )
            found = json.loads(told.stdout.splitlines()[-1])
            print(f"{name}: {users:,} x {items:,}, {what}: {found}", flush=True)
            if not args.quick:
                key = [users, items, users * each, 0, what, int(said[-1])]
                append(args.out, COLUMNS, [machine, str(packages), *key, *found])


if __name__ == "__main__":
    main()
