"""Clean handwritten digits of noise, and find those that are smudged.

python examples/images.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

import isthmus
from isthmus.plots import draw_before_and_after

NOISE = 60
"""Standard deviation of the noise, of 255 shades."""


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 8, 8) of 256 shades, and which digit each shows."""
    data = load_digits()
    return (data.images * 15.9).astype(np.uint8), data.target


def noisy(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same, as a bad camera would see them."""
    seen = images + rng.normal(0, NOISE, images.shape)
    return seen.clip(0, 255).astype(np.uint8)


def smudge(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn a square of 4 x 4 pixels of each into its negative."""
    images = images.copy()
    corners = rng.integers(0, 5, (len(images), 2))
    for image, (top, left) in zip(images, corners, strict=True):
        square = image[top : top + 4, left : left + 4]
        square[:] = 255 - square
    return images


def error(a: np.ndarray, b: np.ndarray) -> float:
    """Mean squared difference, in shades."""
    return float(np.square(a.astype(float) - b).mean())


def main(out: Path) -> dict[str, float]:
    """What share of the noise is left, what codes tell, how well smudges are found."""
    out.mkdir(parents=True, exist_ok=True)
    images, shown = digits()
    known, new, rng = images[:1200], images[1200:], np.random.default_rng(0)

    cleaner = isthmus.Denoiser(
        noise=(20, 120), training=isthmus.Training(epochs=8), verbose=0
    ).fit(known)
    given = noisy(new, rng)
    cleaned = cleaner.transform(given)
    left = error(cleaned, new) / error(given, new)
    print(f"{left:.0%} of the squared noise is left")

    autoencoder = isthmus.Autoencoder(size=8, epochs=20)
    detector = isthmus.AnomalyDetector(fpr=0.05, autoencoder=autoencoder, verbose=0)
    detector.fit(known)
    codes = detector.autoencoder_.transform(new)
    told = cross_val_score(KNeighborsClassifier(5), codes, shown[1200:]).mean()
    print(f"the neighbours of a code of eight numbers tell {told:.0%} of the digits")

    smudged = smudge(new, rng)
    scores = [detector.score_samples(some) for some in (smudged, new)]
    area = roc_auc_score(np.repeat([0, 1], len(new)), np.concatenate(scores))
    found = (scores[0] < detector.offset_).mean()
    print(f"smudged digits: ROC-AUC {area:.3f}, {found:.0%} are flagged")

    why = detector.explain(smudged[:10])
    pairs = zip(smudged[:10], why.expected, strict=True)
    draw_before_and_after(out / "smudged.png", list(pairs))
    pairs = zip(given[:10], cleaned[:10], strict=True)
    draw_before_and_after(out / "images.png", list(pairs))
    print(f"wrote {out / 'images.png'}")
    return {"left": left, "told": told, "area": float(area)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Clean digits, find smudged ones.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
