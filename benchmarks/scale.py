"""What do more rows, more columns and larger codes cost, in time and memory?

Rows of correlated normal numbers in a file of float32 (`np.save`), trained on for one
epoch and scored as a stream, each point in a process of its own: seconds of both, and
how far the process grew beyond what it held before (VmHWM). One thing varies at a time,
from 100,000 rows, 30 columns and a code of 8. The slope is that of the last two points
of each line, log to log: 1 is linear.

    python benchmarks/scale.py [--full] [--quick] [--picture scale.png]

``--full`` goes up to 1e7 rows and 10,000 columns; ``--quick`` takes two small points of
each line and keeps nothing. Results are appended to a file; the picture needs
matplotlib.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from results_file import append

BASE = {"rows": 100_000, "columns": 30, "code": 8}
LINES = {
    "rows": [10_000, 100_000, 1_000_000],
    "columns": [10, 100, 1_000],
    "code": [2, 16, 128],
}
FULL = {"rows": 10_000_000, "columns": 10_000}
ROWS_OF_WIDE = 10_000
"""Rows where columns vary, so that the file stays small."""
FIGURES = ["fit_seconds", "score_seconds", "megabytes"]
COLUMNS = ["date", "machine", "versions", "varied", *BASE, *FIGURES]
WORK = """
import json, re, sys, time
import numpy as np
import torch
torch.set_num_threads(1)
import isthmus
def peak():
    status = open("/proc/self/status").read()
    return int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024
small = np.random.default_rng(0).normal(size=(300, 5))
isthmus.Autoencoder(size=2, epochs=1, verbose=0).fit(small).score_samples(small)
idle, code = peak(), int(sys.argv[2])
source = isthmus.stream(np.load(sys.argv[1], mmap_mode="r"))
began = time.perf_counter()
model = isthmus.Autoencoder(size=code, epochs=1, batch_size=256, verbose=0).fit(source)
fitted = time.perf_counter()
for piece in source:
    model.score_samples(piece)
scored = time.perf_counter()
print(json.dumps([fitted - began, scored - fitted, peak() - idle]))
"""


def measured(rows: int, columns: int, code: int) -> list[float]:
    """Seconds to fit and to score, and megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        draw = np.random.default_rng(0)
        mixing = draw.standard_normal((6, columns), dtype=np.float32)
        shape = rows, columns
        x = np.lib.format.open_memmap(path, "w+", np.float32, shape)
        for start in range(0, rows, 10_000):
            here = slice(start, start + 10_000)
            part = draw.standard_normal((len(x[here]), 6), dtype=np.float32) @ mixing
            x[here] = part + 0.3 * draw.standard_normal(part.shape, dtype=np.float32)
        x.flush()
        del x
        words = [sys.executable, "-W", "ignore", "-c", WORK, str(path), str(code)]
        done = subprocess.run(  # noqa: S603 - ourselves
            words, check=True, capture_output=True, text=True
        )
    return json.loads(done.stdout)


def draw(lines: dict[str, list], path: Path) -> None:
    """Time and memory against what varies, log to log."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - for those who want it

    figure = Figure(figsize=(11, 6), dpi=110, layout="constrained")
    panels = figure.subplots(2, len(lines), squeeze=False)
    for column, (name, points) in zip(panels.T, lines.items(), strict=True):
        sizes = [point[0] for point in points]
        for j, label in enumerate(("fit, one epoch", "score")):
            column[0].loglog(sizes, [p[1][j] for p in points], "o-", label=label)
        column[1].loglog(sizes, [p[1][2] for p in points], "o-", color="#d1495b")
        column[0].set_title(name)
        column[0].set_ylabel("seconds")
        column[1].set_ylabel("megabytes above the idle process")
        column[0].legend()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--out", type=Path, default="benchmarks/results/scale.csv")
    args = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    versions = {name: version(name) for name in ("isthmus", "torch", "numpy")}
    print(machine, versions)
    lines: dict[str, list] = {}
    for name, sizes in LINES.items():
        shown = [*sizes, FULL[name]] if args.full and name in FULL else sizes
        if args.quick:
            shown = [size // (10 if name == "rows" else 1) for size in sizes[:2]]
        for size in shown:
            point = BASE | {name: size}
            if name == "columns" or args.quick:
                point["rows"] = min(point["rows"], ROWS_OF_WIDE)
            found = measured(**point)
            lines.setdefault(name, []).append((size, found))
            told = "  ".join(f"{v:.3g}" for v in found)
            print(f"{name} {size:,}: fit s, score s, MB: {told}", flush=True)
            if not args.quick:
                figures = [f"{value:.4g}" for value in found]
                append(
                    args.out,
                    COLUMNS,
                    [machine, versions, name, *point.values(), *figures],
                )
        (a, first), (b, last) = lines[name][-2:]
        slopes = [
            math.log(y / x) / math.log(b / a) for x, y in zip(first, last, strict=True)
        ]
        print(f"  slopes: {', '.join(f'{s:.2f}' for s in slopes)}")
    if args.picture is not None:
        draw(lines, args.picture)


if __name__ == "__main__":
    main()
