"""How many bytes is a table, if its numbers may be a little off?

Five tables (adult, bank marketing, Ames housing, diamonds, breast cancer), whole, with
their targets; errors as shares of the range of each column of numbers, all else exact.

- *isthmus*: all bytes of `isthmus.compress`: network, names, types, checksums;
- *no network*: the same with the frequencies of each column alone;
- *Parquet*: zstd at level 22, after the numbers were rounded to the very grid that the
  error allows (whole numbers to odd steps, others to steps of twice the error); the
  smallest of several files: rounded numbers, or places on the grid in the smallest
  type of whole numbers; with and without dictionaries; in pages as large as can be;
  without statistics or a second schema. Names are dictionaries.

Every cell is compared with what comes back, and must not be further off.

    python benchmarks/compress.py --data DIR [--quick] [--only adult,bank]

DIR (or ISTHMUS_DATA) holds the tables, as for benchmarks/tables.py.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import time
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from matplotlib.figure import Figure
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from pyarrow import parquet
from results_file import append, known
from tables import load

import isthmus
from isthmus.compression import network, table

TABLES = "adult", "bank", "ames", "diamonds", "breast_cancer"
ERRORS = 0.01, 0.0
METHODS = "Parquet", "no network", "isthmus"
KEY = ("table", "error", "method")
FIGURES = "bytes", "compress_seconds", "decompress_seconds"
COLUMNS = ["date", "machine", "versions", "rows", "columns", *KEY, *FIGURES]


def rounded(cells, error):
    """Cells of a column on its grid: as numbers, and as places on it."""
    if not is_numeric_dtype(cells) or is_bool_dtype(cells):
        words = cells.astype(object).where(cells.notna(), None)
        made = pa.array(words).dictionary_encode()
        return made, made
    values = cells.to_numpy(float)
    gone = np.isnan(values)
    low, reach = np.nanmin(values), error * np.ptp(values[~gone])
    whole = (values[~gone] == np.rint(values[~gone])).all()
    step = 2 * int(reach) + 1 if whole else 2 * reach
    if not step:  # exact, and no whole numbers
        made = pa.array(values, mask=gone)
        return made, made
    places = np.where(gone, 0, np.rint((values - low) / step)).astype(np.int64)
    kind = next(
        k for k in ("uint8", "uint16", "uint32") if places.max() < 2 ** int(k[4:])
    )
    numbers = low + places * step
    if whole:
        numbers = np.where(gone, 0, numbers).astype(np.int64)
    return pa.array(numbers, mask=gone), pa.array(places.astype(kind), mask=gone)


def parquet_bytes(frame, error):
    """The smallest Parquet file."""
    columns = {name: rounded(frame[name], error) for name in frame}
    sizes = []
    for form in range(2):
        rows = pa.table({name: made[form] for name, made in columns.items()})
        for dictionary in (True, False):
            file = io.BytesIO()
            parquet.write_table(
                rows,
                file,
                compression="zstd",
                compression_level=22,
                use_dictionary=dictionary,
                data_page_size=2**26,
                write_statistics=False,
                store_schema=False,
            )
            sizes.append(file.tell())
    return min(sizes)


def check(frame, back, error):
    """Refuse a cell that is further off than it may be."""
    assert (back.dtypes == frame.dtypes).all()
    for name in frame:
        was, now = frame[name], back[name]
        if is_numeric_dtype(was) and not is_bool_dtype(was):
            reach = error * (was.max() - was.min())
            assert abs(was - now).max() <= reach, name
            assert (was.isna() == now.isna()).all(), name
        else:
            pd.testing.assert_series_equal(was, now)


def measure(frame, error, method):
    """Bytes, and seconds to compress and to decompress."""
    started = time.perf_counter()
    if method == "Parquet":
        return parquet_bytes(frame, error), time.perf_counter() - started, np.nan
    fewest = table.FEWEST
    table.FEWEST = np.inf if method == "no network" else fewest
    data = isthmus.compress(frame, error, verbose=0)
    table.FEWEST = fewest
    between = time.perf_counter()
    back = isthmus.decompress(data)
    ended = time.perf_counter()
    check(frame, back, error)
    return len(data), between - started, ended - between


def draw(found, path):
    """Bytes of each table as a share of those of Parquet, at the first error."""
    error = ERRORS[0]
    names = [n for n in TABLES if all((n, error, m) in found for m in METHODS)]
    figure = Figure(figsize=(7, 3), dpi=120, layout="constrained")
    axes = figure.subplots()
    for i, method in enumerate(METHODS[1:]):
        sizes = [[found[n, error, m][0] for m in (method, "Parquet")] for n in names]
        shares = [size / beside for size, beside in sizes]
        places = np.arange(len(names)) + (i - 0.5) * 0.4
        bars = axes.bar(places, shares, 0.38, label=method)
        axes.bar_label(bars, fmt="%.2f", fontsize=8)
    axes.axhline(1, color="0.4", lw=1)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("bytes / bytes of Parquet")
    axes.set_title(f"Largest error {error:.0%} of the range", fontsize=10)
    axes.legend(fontsize=8)
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--only", default="", help="tables, such as adult,bank")
    parser.add_argument("--quick", action="store_true", help="100 steps, error .01")
    parser.add_argument("--out", default="benchmarks/results/compress.csv")
    args = parser.parse_args()
    torch.set_num_threads(1)
    names = "isthmus", "torch", "pyarrow", "constriction"
    packages = {name: version(name) for name in names}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    print(machine, packages)
    network.STEPS = 100 if args.quick else network.STEPS
    there = {} if args.quick else known(args.out, KEY, FIGURES)
    chosen = args.only.split(",") if args.only else TABLES
    for error, name in product((0.01,) if args.quick else ERRORS, chosen):
        data = load(name, args.data)
        if data is None:
            print(f"{name}: not found in {args.data}, left out")
            continue
        frame = data[0].assign(target=data[1])
        found = {}
        for method in METHODS:
            key = name, error, method
            if key not in there:
                figures = [round(f, 2) for f in measure(frame, error, method)]
                if not args.quick:
                    about = machine, str(packages), *frame.shape
                    append(args.out, COLUMNS, [*about, *key, *figures])
                there[key] = figures
            found[method] = there[key]
        share = found["isthmus"][0] / found["Parquet"][0]
        print(f"{name} {error:g}: {found} {share:.3f}", flush=True)
    if not args.quick:
        draw(there, Path(args.out).with_suffix(".png"))


if __name__ == "__main__":
    main()
