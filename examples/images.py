"""Squeeze pictures of digits into eight numbers, clean them, and find the odd ones.

python examples/images.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import isthmus
from isthmus.plots import draw_before_and_after

SCALE = 60
"""Of the noise, of 255."""


def main(out: Path) -> tuple[float, float, float]:
    """Share of digits that codes tell apart, noise that is left, share of odd ones."""
    out.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    pictures = (digits.images * 15).astype(np.uint8)  # (1797, 8, 8)
    seen, new = pictures[:1400], pictures[1400:]

    model = isthmus.Autoencoder(size=8, epochs=8, verbose=0).fit(seen)
    probe = LogisticRegression(max_iter=2000)
    probe.fit(model.transform(seen), digits.target[:1400])
    told = probe.score(model.transform(new), digits.target[1400:])
    print(f"eight numbers tell {told:.0%} of new digits apart")

    rng = np.random.default_rng(0)
    noisy = np.clip(new + rng.normal(0, SCALE, new.shape), 0, 255).astype(np.uint8)
    denoiser = isthmus.Denoiser(
        noise=(20, 100), training=isthmus.Training(epochs=4), verbose=0
    )
    clean = denoiser.fit(seen).transform(noisy)
    before, after = (np.square(x - new.astype(float)).mean() for x in (noisy, clean))
    left = after / before
    print(f"{left:.0%} of the squared error of noisy digits is left")

    odd = np.concatenate([np.rot90(new[:20], axes=(1, 2)), 255 - new[20:40]])
    mixed = np.concatenate([new[40:], odd])
    short = isthmus.Autoencoder(epochs=5)
    model = isthmus.AnomalyDetector(contamination=0, autoencoder=short, verbose=0)
    model.fit(seen)
    lowest = model.score_samples(mixed).argsort()[: len(odd)]
    found = float(np.mean(lowest >= len(new) - 40))
    print(f"{found:.0%} of the {len(odd)} oddest pictures were turned or inverted")
    draw_before_and_after(
        out / "images.png", list(zip(noisy[:10], clean[:10], strict=True))
    )
    print(f"wrote {out / 'images.png'}")
    return told, left, found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Clean pictures, and find odd ones.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
