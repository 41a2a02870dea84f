"""How long, and in how much memory, is a table of half a million rows fitted?

Ten per cent of KDD Cup 99 (UCI, 494,021 x 42), as the command line takes it.
Bar: three minutes on two cores, and 2 GB.

    python benchmarks/large.py --data DIR [--quick]

DIR (or ISTHMUS_DATA) holds kddcup99/kddcup99_10pct_train.parquet.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from results_file import append

FILE = "kddcup99/kddcup99_10pct_train.parquet"
COLUMNS = ["date", "machine", "versions", "seconds", "gigabytes", "model_kilobytes"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--quick", action="store_true", help="one epoch, not kept")
    parser.add_argument("--out", default="benchmarks/results/large.csv")
    args = parser.parse_args()
    file = Path(args.data) / FILE
    if not file.exists():
        sys.exit(f"{file}: not found")
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    packages = {name: version(name) for name in ("isthmus", "torch", "pyarrow")}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "kdd.isthmus"
        command = ["isthmus", "fit", file, "--label", "label", "--task", "anomaly"]
        command += ["--out", model, "--quiet", *(["--epochs", "1"] * args.quick)]
        started = time.perf_counter()
        subprocess.run(  # noqa: S603 - its own command line
            [sys.executable, "-m", *map(str, command)], check=True
        )
        seconds = time.perf_counter() - started
        size = model.stat().st_size / 1000
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6  # from kB
    print(machine, packages)
    print(f"{seconds:.0f} s, at most {most:.2f} GB, a model of {size:,.0f} kB")
    if args.quick:
        return
    figures = [f"{seconds:.1f}", f"{most:.2f}", f"{size:.0f}"]
    append(args.out, COLUMNS, [machine, packages, *figures])


if __name__ == "__main__":
    main()
