"""Put presets side by side, search for a better recipe, and train it.

python examples/search.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import isthmus


def vanes(rows: int = 600) -> tuple[pd.DataFrame, pd.Series]:
    """Readings that follow from where the wind comes from and how strong it is."""
    rng = np.random.default_rng(0)
    turn, wind = rng.uniform(0, 2 * np.pi, rows), rng.uniform(0.2, 1, rows)
    table = pd.DataFrame(
        {
            "north": wind * np.cos(turn),
            "east": wind * np.sin(turn),
            "pressure": wind**2,
            "eddies": np.sin(2 * turn),
            "power": wind**3 * (1.5 + np.cos(turn)),
            "noise": np.exp(wind) + np.sin(turn) ** 2,
        }
    )
    table += rng.normal(0, 0.05, table.shape)
    return table, pd.Series(np.where(wind > 0.6, "strong", "weak"))


def main(out: Path) -> tuple[float, float]:
    """Errors of hidden cells: of the default, and of what the search gave."""
    out.mkdir(parents=True, exist_ok=True)
    table, kinds = vanes()

    presets = ["undercomplete", "masked", "variational"]
    short = {"epochs": 150, "batch_size": 32}
    print(isthmus.compare(table, kinds, presets=presets, fixed=short, verbose=0))

    space = isthmus.tuning.propose(table, fixed=short)
    space["hidden"] = [[128], [128, 64]]
    space["size"] = {"low": 2, "high": 6}
    found = isthmus.tune(table, space=space, fixed=short, trials=4, verbose=0)
    print(found)
    (out / "best.toml").write_text(found.to_toml(), encoding="utf-8")

    model = found.estimator.set_params(verbose=0).fit(table)
    print(f"codes of the best recipe: {model.transform(table).shape}")
    found.plot(out / "search.png")
    print(f"wrote {out / 'search.png'}")
    return found.default.error, found.best.error


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Search for a recipe.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
