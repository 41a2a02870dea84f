"""Keep the readings of a plant in a fraction of their bytes.

python examples/compression.py --out FOLDER
"""

import argparse
import io
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import isthmus

ERRORS = 0.05, 0.01, 0.002


def readings(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Speed and load decide nearly all else; a valve is open or shut."""
    load, speed = rng.beta(2, 3, rows), rng.normal(1500, 100, rows)
    open_ = rng.random(rows) < 0.2 + 0.6 * load
    table = pd.DataFrame(
        {
            "at": pd.date_range("2024-05-01", periods=rows, freq="min"),
            "load": load,
            "speed": speed,
            "power": load * speed / 15 + rng.normal(0, 1, rows),
            "heat": 40 + 35 * load - 5 * open_ + rng.normal(0, 0.5, rows),
            "flow": np.where(open_, 3 + 8 * load, 0) + rng.normal(0, 0.1, rows),
            "valve": pd.Categorical(np.where(open_, "open", "shut")),
        }
    )
    table.loc[rng.random(rows) < 0.02, "heat"] = np.nan
    return table


def parquet(table: pd.DataFrame, error: float) -> int:
    """Bytes of a Parquet file with zstd, of numbers rounded as the error allows."""
    numbers = table.select_dtypes("number")
    step = 2 * error * (numbers.max() - numbers.min())
    file = io.BytesIO()
    rounded = table.assign(**(numbers / step).round() * step)
    rounded.to_parquet(file, compression="zstd", compression_level=22)
    return file.tell()


def main(out: Path) -> tuple[float, float]:
    """Share of the bytes of Parquet, and the largest error as a share of that asked."""
    out.mkdir(parents=True, exist_ok=True)
    table = readings(2000, np.random.default_rng(0))
    packed = {error: isthmus.compress(table, error, verbose=0) for error in ERRORS}
    others = {error: parquet(table, error) for error in ERRORS}
    for error, data in packed.items():
        print(f"error {error:.1%}: {len(data):,} bytes, Parquet {others[error]:,}")

    back = isthmus.decompress(packed[0.01])
    assert back.dtypes.equals(table.dtypes)
    assert back["at"].equals(table["at"])
    assert back["valve"].equals(table["valve"])
    numbers = table.select_dtypes("number")
    reach = numbers.max() - numbers.min()
    worst = ((back[numbers.columns] - numbers).abs().max() / reach).max() / 0.01

    figure = Figure(figsize=(6, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    for name, sizes in (
        ("isthmus.compress", [len(data) for data in packed.values()]),
        ("Parquet, zstd, rounded", others.values()),
    ):
        axes.plot([8 * size / table.size for size in sizes], marker="o", label=name)
    axes.set_xticks(range(len(ERRORS)), [f"{error:.1%}" for error in ERRORS])
    axes.set_xlabel("largest error, as a share of the range")
    axes.set_ylabel("bits a cell")
    axes.set_ylim(0)
    axes.legend()
    figure.savefig(out / "compression.png")
    print(f"wrote {out / 'compression.png'}")
    return len(packed[0.01]) / others[0.01], worst


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compress a table.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
