"""Fill the gaps of a survey of homes, and say how sure an answer is that needs them.

python examples/impute.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import isthmus
from isthmus.plots import draw_filled


def homes(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Area, rooms, kind, heating, and when a home was built; the rent follows."""
    area = rng.lognormal(4.2, 0.4, rows).clip(18, 300)
    kind = np.where(area + rng.normal(0, 30, rows) > 100, "house", "flat")
    built = 1900 + rng.integers(0, 125, rows)
    new = built + rng.normal(0, 15, rows) > 1990
    heating = np.where(new, "heat pump", np.where(kind == "flat", "district", "gas"))
    rent = 8 * area**0.95 + 3 * (built - 1900) + rng.normal(0, 60, rows)
    return pd.DataFrame(
        {
            "area": area.round(1),
            "rooms": np.rint(area / 25 + rng.normal(0, 0.4, rows)).clip(1, 9),
            "kind": kind,
            "heating": heating,
            "built": pd.to_datetime(pd.Series(built).astype(str)),
            "rent": rent.round(),
        }
    )


def main(out: Path) -> tuple[float, float, float]:
    """Errors of the mean rent: of known ones, filled ones, and their 90 % interval."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    whole = homes(800, rng)
    gone = rng.random(whole.shape) < 0.15
    rent = whole.columns.get_loc("rent")  # who pays much is silent more often
    gone[:, rent] = rng.random(len(whole)) < 0.6 * whole["rent"].rank(pct=True)
    given = whole.mask(gone)

    imputer = isthmus.Imputer(verbose=0, training=isthmus.Training(epochs=20))
    filled = imputer.fit(given).transform(given)
    right = (filled["heating"] == whole["heating"])[gone[:, 3]].mean()
    print(f"{right:.0%} of the missing heatings were filled in right")

    tables = imputer.sample(given, 20)
    means = np.array([table["rent"].mean() for table in tables])
    within = np.mean([table["rent"].var() / len(table) for table in tables])
    spread = np.sqrt(within + (1 + 1 / len(means)) * means.var(ddof=1))  # Rubin, 1987
    truth, known, found = whole["rent"].mean(), given["rent"].mean(), means.mean()
    print(f"mean rent {truth:.0f}; of those who told it {known:.0f}")
    print(f"of 20 tables without gaps {found:.0f} +- {1.645 * spread:.0f} (90 %)")

    draw_filled(out / "impute.png", given, tables, imputer.missing(given))
    print(f"wrote {out / 'impute.png'}")
    return truth - known, truth - found, 1.645 * spread


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Fill the gaps of a survey.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
