"""What does it cost to learn from a disk and not from memory?

Rows of 50 correlated normal numbers in Parquet files of 2.5 million rows, row groups of
100,000, a gigabyte each.

- *memory*: ``isthmus fit FOLDER`` and ``isthmus score MODEL FOLDER --out FILE`` in
  processes of their own: seconds, and their peak resident memory, which is what the
  system counted, whole, Python and torch included;
- *throughput*: fit (``--epochs``) and score of 1 million rows as a stream and in
  memory, reading counted in both, one after the other in rounds, on one thread: rows
  per second of the stream over those in memory, median and quartiles;
- *shuffling*: rows in the order of their first factor, the worst that there is; buckets
  of 1 MB, so that there are many. What validation rows cost after training as a stream
  and in memory, over seeds, and the same where buckets hold neighbours.

    python benchmarks/out_of_core.py [--gigabytes 10] [--only memory,...] [--quick]

Results are appended to a file. The disk must hold twice the gigabytes, where temporary
files lie (TMPDIR).
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from pyarrow import parquet
from results_file import append

import isthmus
from isthmus.data import store
from isthmus.estimator import streams

COLUMNS, GROUP, GROUPS = 50, 100_000, 25
KEY = ["what", "method", "rows", "epochs", "seed"]
HEADER = ["date", "machine", "versions", *KEY, "figure", "value", "low", "high"]


def rows(count: int, seed: int) -> np.ndarray:
    """Normal numbers that share six factors, sorted by the first of these."""
    mixing = np.random.default_rng(0).normal(size=(6, COLUMNS))
    draw = np.random.default_rng(seed)
    z = draw.normal(size=(count, 6))
    z[:, 0].sort()
    return z @ mixing + 0.3 * draw.normal(size=(count, COLUMNS))


def write(folder: Path, groups: int) -> None:
    """Files of `GROUPS` row groups."""
    for first in range(0, groups, GROUPS):
        writer = None
        for k in range(first, min(first + GROUPS, groups)):
            x = rows(GROUP, k + 1)
            table = pa.table({f"c{j}": x[:, j] for j in range(COLUMNS)})
            name = folder / f"{first:04}.parquet"
            writer = writer or parquet.ParquetWriter(name, table.schema)
            writer.write_table(table)
        writer.close()


def command(*words: object) -> tuple[float, float]:
    """Seconds, and peak resident gigabytes, of one of our commands."""
    began = time.perf_counter()
    program = [sys.executable, "-m", "isthmus", *map(str, words)]
    done = subprocess.Popen(program)  # noqa: S603 - our own
    _, status, usage = os.wait4(done.pid, 0)
    assert status == 0, words
    return time.perf_counter() - began, usage.ru_maxrss / 2**20


def memory(options: argparse.Namespace, tell) -> None:
    groups = options.groups
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        data.mkdir()
        write(data, groups)
        size = sum(f.stat().st_size for f in data.iterdir()) / 2**30
        print(f"{groups * GROUP:,} rows, {size:.1f} GB of Parquet")
        model, out = Path(name) / "m.isthmus", Path(name) / "scores.parquet"
        said = ["--size", 8, "--epochs", 1, "--out", model]
        tasks = {"fit": ["fit", data, *said], "score": ["score", model, data]}
        tasks["score"] += ["--out", out]
        for what, words in tasks.items():
            seconds, peak = command(*words)
            key = [f"{what}, {size:.1f} GB", "stream", groups * GROUP, 1, 0]
            tell(key, "seconds", seconds)
            tell(key, "peak gigabytes", peak)
        assert parquet.read_metadata(out).num_rows == groups * GROUP


def fitted(source: object, epochs: int, seed: int = 0) -> isthmus.Autoencoder:
    model = isthmus.Autoencoder(size=8, epochs=epochs, random_state=seed, verbose=0)
    return model.fit(source)


def throughput(options: argparse.Namespace, tell) -> None:
    torch.set_num_threads(1)
    count, epochs = 10 * GROUP // options.smaller, options.epochs
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "x.parquet"
        x = np.concatenate([rows(GROUP, k + 1) for k in range(10)])[:count]
        table = pa.table({f"c{j}": x[:, j] for j in range(COLUMNS)})
        parquet.write_table(table, path, row_group_size=GROUP)
        read = {"stream": lambda: isthmus.stream(path), "memory": None}
        read["memory"] = lambda: parquet.read_table(path, use_threads=False)
        seconds: dict = {(m, w): [] for m in read for w in ("fit", "score")}
        for k in range(-1, options.rounds):
            for method in list(read)[:: 1 if k % 2 else -1]:
                began = time.perf_counter()
                model = fitted(read[method](), epochs)
                done = time.perf_counter()
                model.score_samples(read[method]())
                if k >= 0:
                    seconds[method, "fit"].append(done - began)
                    seconds[method, "score"].append(time.perf_counter() - done)
    for what, passes in {"fit": epochs, "score": 1}.items():
        ratio = np.divide(seconds["memory", what], seconds["stream", what])
        for method in read:
            rate = count * passes / np.median(seconds[method, what])
            tell([what, method, count, passes, 0], "rows/s", rate)
        low, middle, high = np.quantile(ratio, [0.25, 0.5, 0.75])
        key = [what, "stream / memory", count, passes, 0]
        tell(key, "ratio", middle, low, high)


class Neighbours(store.Store):
    """Buckets that hold rows as they come, shuffled within alone: for comparison."""

    def _lots(self, rows):
        width = -(-self.planned // len(self.sizes))
        first = int(self.sizes.sum())
        lots = np.arange(first, first + rows) // width
        return lots, np.bincount(lots, minlength=len(self.sizes))

    def __init__(self, entries, rows, **more):
        super().__init__(entries, rows, **more)
        self.planned = rows


def shuffling(options: argparse.Namespace, tell) -> None:
    count, epochs = GROUP // options.smaller, 5
    store.BUCKET = 2**20
    x = rows(count, 1)
    checked = rows(GROUP // 10, 2)
    ways = {"memory": store.Store, "stream": store.Store, "neighbours": Neighbours}
    for seed in range(options.seeds):
        for method, kind in ways.items():
            streams.Store = kind
            source = x if method == "memory" else isthmus.stream(lambda: pieces(x))
            model = isthmus.Autoencoder(
                size=8, epochs=epochs, random_state=seed, verbose=0, validation=0
            ).fit(source)
            key = ["shuffling", method, count, epochs, seed]
            tell(key, "loss of new rows", -model.score(checked))
    streams.Store = store.Store


def pieces(x: np.ndarray):
    return (x[i : i + 5000] for i in range(0, len(x), 5000))


PARTS = {"memory": memory, "throughput": throughput, "shuffling": shuffling}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--only", default=",".join(PARTS))
    for name, value in {"rounds": 5, "epochs": 5, "seeds": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--quick", action="store_true", help="small; nothing is kept")
    parser.add_argument("--out", default="benchmarks/results/out_of_core.csv")
    options = parser.parse_args()
    options.groups = 2 if options.quick else round(options.gigabytes * GROUPS)
    options.smaller = 10 if options.quick else 1
    packages = "isthmus", "torch", "pyarrow"
    about = [f"{platform.machine()}, {os.cpu_count()} cores"]
    about.append(str({name: version(name) for name in packages}))
    print(*about, sep="; ")

    def tell(key, figure, value, low=None, high=None):
        spread = "" if low is None else f" [{low:.3f}, {high:.3f}]"
        print(*key, f"{figure}: {value:,.3f}{spread}", sep=", ", flush=True)
        if not options.quick:
            ends = ["" if v is None else f"{v:.4f}" for v in (low, high)]
            append(options.out, HEADER, [*about, *key, figure, f"{value:.4f}", *ends])

    for name in options.only.split(","):
        PARTS[name](options, tell)


if __name__ == "__main__":
    main()
