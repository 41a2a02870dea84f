"""Put presets side by side, search for a better recipe, and train it.

python examples/search.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

from sklearn.datasets import load_wine

import isthmus


def main(out: Path) -> tuple[float, float]:
    """Errors of hidden cells: of the default, and of what the search gave."""
    out.mkdir(parents=True, exist_ok=True)
    wine, kinds = load_wine(return_X_y=True, as_frame=True)

    presets = ["undercomplete", "masked", "variational"]
    short = {"epochs": 200, "batch_size": 32}
    print(isthmus.compare(wine, kinds, presets=presets, fixed=short, verbose=0))

    space = isthmus.tuning.propose(wine, fixed=short)
    space["hidden"] = [[32], [64], [64, 32]]
    space["size"] = {"low": 4, "high": 16, "log": True}
    found = isthmus.tune(wine, space=space, fixed=short, trials=6, verbose=0)
    print(found)
    (out / "best.toml").write_text(found.to_toml(), encoding="utf-8")

    model = found.estimator.set_params(verbose=0).fit(wine)
    print(f"codes of the best recipe: {model.transform(wine).shape}")
    found.plot(out / "search.png")
    print(f"wrote {out / 'search.png'}")
    return found.default.error, found.best.error


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Search for a recipe.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
