"""How many rows a second are scored, by one process and by the workers of engines?

Rows of correlated normal numbers in one Parquet file of 20 row groups, and a model of
its first rows: an autoencoder, and a detector of effort "fast". Answers are a column of
scores, which come back to the process that asks. All is begun and warm before the clock
starts (the seconds to begin are told apart); the ways take turns in every round. Shown
are medians and quartiles by the clock, and the median of rows per second of processor
time of all processes, which hardly depends on what else a machine has to do.

    python benchmarks/cluster.py [--rows N] [--columns N] [--rounds N] [--workers N]
                                 [--quick]

Needs `isthmus[ray,dask]`. ``--quick`` takes a tenth of the rows in one round and keeps
nothing; otherwise results are appended to a file.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import torch
from pyarrow import parquet
from results_file import append

import isthmus
from isthmus.cluster import Answers, dask, ray

GROUPS = 20
MODELS = {
    "autoencoder": lambda: isthmus.Autoencoder(size=8, verbose=0),
    "detector": lambda: isthmus.AnomalyDetector(effort="fast", verbose=0),
}
FIGURES = ["rows_a_second", "lower_quartile", "upper_quartile", "rows_a_cpu_second"]
COLUMNS = [
    *("date", "machine", "versions", "model", "way", "workers", "rows", "columns"),
    *("rounds", *FIGURES, "begin_seconds"),
]


def written(path: Path, rows: int, columns: int) -> None:
    draw, writer = np.random.default_rng(0), None
    mixing = draw.normal(size=(5, columns))
    for _ in range(GROUPS):
        x = draw.normal(size=(rows // GROUPS, 5)) @ mixing
        x += 0.3 * draw.normal(size=x.shape)
        table = pa.table({f"c{j}": x[:, j] for j in range(columns)})
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def by_one(path: Path, answers: Answers) -> np.ndarray:
    return np.concatenate([answers(piece)["score"] for piece in isthmus.stream(path)])


def by_ray(path: Path, answers: Answers) -> np.ndarray:
    found = ray.answer(isthmus.stream(path), answers)
    batches = found.iter_batches(batch_size=None, batch_format="numpy")
    return np.concatenate([batch["score"] for batch in batches])


def by_dask(path: Path, answers: Answers) -> np.ndarray:
    from dask.dataframe import read_parquet  # noqa: PLC0415 - it is one of the ways

    frame = read_parquet(path, split_row_groups=1)
    return dask.answer(frame, answers).compute()["score"].to_numpy()


def ray_here(workers: int):
    return ray.started(workers)


def dask_here(workers: int):
    from distributed import Client  # noqa: PLC0415

    return Client(
        n_workers=workers, threads_per_worker=1, dashboard_address=None, processes=True
    )


WAYS = {"ray": (by_ray, ray_here), "dask": (by_dask, dask_here)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default="benchmarks/results/cluster.csv")
    args = parser.parse_args()
    rows = args.rows // (10 if args.quick else 1) // GROUPS * GROUPS
    rounds = 1 if args.quick else args.rounds
    torch.set_num_threads(1)
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    names = ("isthmus", "torch", "pyarrow", "ray", "dask")
    versions = {name: version(name) for name in names}
    print(machine, versions)
    print(f"{rows:,} rows of {args.columns} columns, {rounds} rounds")
    with ExitStack() as open_things:
        folder = open_things.enter_context(tempfile.TemporaryDirectory())
        path = Path(folder) / "x.parquet"
        written(path, rows, args.columns)
        head = parquet.ParquetFile(path).read_row_group(0).slice(0, 5000)
        asked = {
            m: Answers(make().fit(head), wanted=["score"]) for m, make in MODELS.items()
        }
        ways, begun = {"one process": by_one}, {"one process": 0.0}
        for way, (function, here) in WAYS.items():
            start = time.perf_counter()
            open_things.enter_context(here(args.workers))
            function(path, asked["autoencoder"])
            begun[way], ways[way] = time.perf_counter() - start, function
        for model, answers in asked.items():
            for way, (seconds, busy) in timed(ways, path, answers, rounds).items():
                shares = [0.25, 0.5, 0.75]
                low, middle, high = np.quantile(rows / np.array(seconds), shares)
                busily = np.median(rows / np.array(busy))
                workers = 1 if way == "one process" else args.workers
                print(
                    f"{model:<12} {way:<12} {workers} workers: {middle:>9,.0f} rows/s "
                    f"({low:,.0f} to {high:,.0f}), {busily:,.0f} rows a CPU second, "
                    f"begun in {begun[way]:.1f} s"
                )
                figures = [f"{v:.0f}" for v in (middle, low, high, busily)]
                line = [machine, versions, model, way, workers, rows, args.columns]
                line += [rounds, *figures, f"{begun[way]:.1f}"]
                if not args.quick:
                    append(args.out, COLUMNS, line)


def timed(ways, path, answers, rounds):
    """Seconds of each round by way, by the clock and of processors, all alike."""
    found, first = {way: ([], []) for way in ways}, None
    for k in range(rounds):
        for way in list(ways)[:: -1 if k % 2 else 1]:
            start, busy = time.perf_counter(), cpu_seconds()
            scores = ways[way](path, answers)
            found[way][0].append(time.perf_counter() - start)
            found[way][1].append(cpu_seconds() - busy)
            first = scores if first is None else first
            np.testing.assert_array_equal(scores, first)
    return found


def cpu_seconds():
    """Of this process and all that it has started."""
    here = psutil.Process()
    times = [p.cpu_times() for p in (here, *here.children(recursive=True))]
    return sum(t.user + t.system for t in times)


if __name__ == "__main__":
    main()
