"""See what the entries of a code mean, and whether two models agree.

python examples/codes.py --out FOLDER
"""

import argparse
import tempfile
from itertools import product
from pathlib import Path

import numpy as np

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.metrics import mutual_information_gap
from isthmus.plots import plot_traversal

SIDE, FINE = 12, 4


def boxes() -> tuple[np.ndarray, np.ndarray]:
    """Pictures of boxes, (n, pixels), and width, height and place of each."""
    at = (np.arange(SIDE * FINE) + 0.5) / FINE
    factors = np.array(list(product(range(3), range(3), range(4), range(8))))
    pictures = []
    for width, height, y, x in factors:
        across = abs(at[None] - 2.5 - x) < 1.2 + 0.8 * width
        down = abs(at[:, None] - 4.5 - y) < 1.2 + 0.8 * height
        ink = (across & down).reshape(SIDE, FINE, SIDE, FINE).mean((1, 3))
        pictures.append(ink.ravel())
    return np.array(pictures), factors


def main(out: Path) -> tuple[float, float, float]:
    """The gap of a VAE, that of a beta-VAE, and how well two of the latter agree."""
    out.mkdir(parents=True, exist_ok=True)
    pictures, factors = boxes()

    def model(beta: float, seed: int) -> isthmus.Autoencoder:
        made = isthmus.variational(
            size=5,
            beta=beta,
            likelihood="bce",
            architecture=Mlp(hidden=(64, 64), activation="relu"),
            training=isthmus.Training(epochs=250, patience=0),
            batch_size=32,
            learning_rate=2e-3,
            random_state=seed,
            verbose=0,
        )
        return made.fit(pictures)

    plain, strong, other = model(1, 0), model(2, 0), model(2, 1)
    gaps = [
        mutual_information_gap(m.transform(pictures), factors) for m in (plain, strong)
    ]
    print(f"mutual information gap: VAE {gaps[0]:.2f}, beta-VAE {gaps[1]:.2f}")

    print(alike := isthmus.align(strong, other, pictures))
    _, places = isthmus.nearest(strong, pictures, pictures[:1], n_neighbors=4)
    print(f"nearest to {factors[0]}: {factors[places[0]].tolist()}")

    plot_traversal(strong, pictures, out / "codes.png", pixels=(SIDE, SIDE))
    print(f"wrote {out / 'codes.png'}")
    return gaps[0], gaps[1], alike.linear_r2


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="See what codes mean.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
