"""Tell digits apart by a few that have a label, and draw how many it takes.

python examples/pretraining.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

import isthmus

COUNTS = (2, 5, 15)


def some_labels(digits: np.ndarray, count: int) -> np.ndarray:
    """So many labels of each digit; -1 for the others."""
    labels = np.full(len(digits), -1)
    for digit in range(10):
        labels[np.flatnonzero(digits == digit)[:count]] = digit
    return labels


def draw(path: Path, ours: list[float], theirs: list[float]) -> None:
    """Accuracy on new pictures against labels per digit."""
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(COUNTS, ours, "o-", label="pre-trained on all pictures")
    axes.plot(COUNTS, theirs, "s--", label="logistic regression on pixels")
    axes.set(xlabel="labels per digit", ylabel="accuracy on new pictures")
    axes.legend()
    figure.savefig(path, dpi=150)


def main(out: Path) -> tuple[list[float], list[float]]:
    """Accuracies with pre-training, and without."""
    X, y = load_digits(return_X_y=True)
    X = X[:, X.std(axis=0) > 1]  # pixels at the border are blank
    train, test, digits, truth = train_test_split(X, y, test_size=0.3, random_state=0)
    short = isthmus.Training(epochs=40)
    autoencoder = isthmus.Autoencoder(training=short, verbose=0).fit(train)
    ours, theirs = [], []
    for count in COUNTS:
        labels = some_labels(digits, count)
        model = isthmus.PretrainedClassifier(
            autoencoder=autoencoder, frozen=True, spread=True, verbose=0
        ).fit(train, labels)
        plain = LogisticRegression(max_iter=1000)
        plain.fit(train[labels >= 0] / 16, labels[labels >= 0])
        ours.append(model.score(test, truth))
        theirs.append(plain.score(test / 16, truth))
        print(f"{count} labels per digit: {ours[-1]:.3f}, without {theirs[-1]:.3f}")
    out.mkdir(parents=True, exist_ok=True)
    draw(out / "pretraining.png", ours, theirs)
    print(f"wrote {out / 'pretraining.png'}")
    return ours, theirs


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args().out
    main(given or Path(tempfile.mkdtemp()))
