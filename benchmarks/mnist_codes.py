"""Do codes of 64 numbers tell digits and clothes apart, and still hold the pictures?

MNIST (LeCun et al., 1998) and Fashion-MNIST (Xiao et al., 2017), pixels from 0 to 1, as
in Sainburg et al. (2021): 50,000 pictures to train on, 10,000 to choose settings and
epochs by, 10,000 to test on. Of one model: the share of test pictures whose nearest
neighbour among the training codes is of their class, and the squared error per
pixel of the test pictures; once by the encoder alone, and once with codes that went
down the error of their own picture, 50 steps each. Beside PCA of the same size, and the
pixels themselves. "shifted": every picture is moved by at most a pixel, anew in every
epoch, 50 epochs for 25; "variational" is shifted, too, with a beta of .02 (the best of
.02, .1 and none on held-out pictures); "denoising" takes 50 epochs without shifts.

    python benchmarks/mnist_codes.py --data DIR [--method dense] [--seeds 1] [--quick]

They print .9785 (VAE) and .001617 (AE) for MNIST, .8747 (VAE) and .005404 (AE) for
Fashion-MNIST, by convolutional networks. Bar: .982 at .0015, and above .8747. Trainings
leave checkpoints in ``--work``, and go on from them; figures that are there are not
measured again.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
from fresh import train
from pictures import load, options, shifted, split, surroundings
from results_file import append, known
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.corruptions.masking import Masking
from isthmus.plots._figure import INK, blank, save
from isthmus.training import Training

CODE = 64
BARS = {"mnist": (0.0015, 0.982), "fashion_mnist": (None, 0.8747)}
"""Error per pixel at most, and share of right neighbours at least."""
SHARED = {
    "likelihood": "bce",
    "architecture": Mlp(hidden=(1000, 500, 250), activation="silu", norm="layer"),
    "training": Training(
        optimizer="adamw",
        learning_rate=3e-3,
        weight_decay=0.05,
        batch_size=256,
        patience=0,
        epochs=25,
    ),
}
LONG = {**SHARED, "training": SHARED["training"].changed(epochs=50)}
METHODS = {
    "dense": lambda size, **given: isthmus.undercomplete(size, **SHARED, **given),
    "shifted": lambda size, **given: isthmus.undercomplete(size, **LONG, **given),
    "denoising": lambda size, **given: isthmus.denoising(
        size, corruption=Masking(rate=0.25, told=False), **LONG, **given
    ),
    "variational": lambda size, **given: isthmus.variational(
        size, beta=0.02, **LONG, **given
    ),
}
CHANGES = {"shifted": shifted, "variational": shifted}
COLUMNS = ["date", "machine", "versions", "data", "method", "seed", "epochs", "seconds"]
COLUMNS += ["validation_1nn", "validation_mse", "test_1nn", "test_mse"]


def neighbours(codes, labels, asked, answers):
    """Share of codes whose nearest neighbour is of their class."""
    return KNeighborsClassifier(1).fit(codes, labels).score(asked, answers)


class Refined:
    """An estimator whose codes went down the error of their own picture."""

    def __init__(self, model):
        self.model, self.inverse_transform = model, model.inverse_transform

    def transform(self, x):
        return isthmus.refine(self.model, x)


class Pixels:
    """Pictures as they are: what neighbours are worth without a code."""

    def transform(self, x):
        return x

    inverse_transform = transform


def judged(model, parts):
    """Accuracy and squared error per pixel, of validation and of test pictures."""
    (x, labels), *others = parts
    codes, figures = model.transform(x), []
    for rows, answers in others:
        found = model.transform(rows)
        rebuilt = model.inverse_transform(found)
        figures.append(neighbours(codes, labels, found, answers))
        figures.append(float(np.square(rebuilt - rows, dtype=np.float64).mean()))
    return [round(figure, 6) for figure in figures]


def fitted(data, method, seed, parts, args):
    """A fitted model, how many epochs that took, and how many seconds."""
    (x, _), (held_out, _), _ = parts
    started = time.perf_counter()
    if method == "pixels":
        return Pixels(), 0, 0
    if method == "PCA":
        model = PCA(CODE, svd_solver="covariance_eigh").fit(x)
        return model, 0, round(time.perf_counter() - started)
    model = METHODS[method](CODE, random_state=seed, verbose=0)
    if args.quick:
        model.set_params(training__epochs=1)
    path = Path(args.work) / f"codes-{data}-{method}-{seed}.checkpoint"
    train(model, x, path, change=CHANGES.get(method), held_out=held_out)
    return model, len(model.history_), round(time.perf_counter() - started)


def main():
    parser = options(__doc__, "mnist_codes.csv")
    parser.add_argument("--method", choices=METHODS, action="append")
    parser.add_argument("--only", choices=["mnist", "fashion_mnist"], action="append")
    args = parser.parse_args()
    about = surroundings(args)
    done = known(args.out, ["data", "method", "seed"], COLUMNS[6:])
    for data in args.only or ["mnist", "fashion_mnist"]:
        parts = split(load(args.data, data), quick=args.quick)
        for method in ("pixels", "PCA", *(args.method or METHODS)):
            for seed in range(args.seeds if method in METHODS else 1):
                if (data, method, seed) in done:
                    continue
                model, *cost = fitted(data, method, seed, parts, args)
                asked = {method: model}
                if method in METHODS:  # the refined first: who resumes may miss none
                    asked = {f"{method}, refined": Refined(model)} | asked
                for name, one in asked.items():
                    row = [*cost, *judged(one, parts)]
                    append(args.out, COLUMNS, [*about, data, name, seed, *row])
                    done[data, name, seed] = row
        show(data, {key: row for key, row in done.items() if key[0] == data})
    draw(args.out)


def show(data, rows):
    print(f"\n{data}: means (spreads) over the seeds, of test pictures")
    for method in dict.fromkeys(key[1] for key in rows):
        mine = np.array([row for key, row in rows.items() if key[1] == method], float)
        epochs, seconds, _, _, right, error = mine.T
        print(
            f"  {method:<32} 1-NN {right.mean():.4f} ({np.ptp(right):.4f}), error per "
            f"pixel {error.mean():.6f} ({np.ptp(error):.6f}); {epochs.mean():.0f} "
            f"epochs, {seconds.mean():.0f} s; {len(mine)} seed(s)"
        )


def draw(path):
    """Neighbours against error on test pictures; hollow: refined codes."""
    with Path(path).open(newline="") as file:
        seen = [row for row in csv.DictReader(file) if row["seed"] == "0"]
    figure = blank(9, 4)
    for axes, data in zip(figure.subplots(1, 2), BARS, strict=True):
        found = {
            row["method"]: (float(row["test_mse"]), float(row["test_1nn"]))
            for row in seen
            if row["data"] == data
        }
        for place, method in enumerate(("PCA", *METHODS)):
            pair = [found[n] for n in (method, f"{method}, refined") if n in found]
            if not pair:
                continue
            (line,) = axes.plot(*zip(*pair, strict=True), color=f"C{place}")
            line.set(label=method, marker="o", markevery=[0])
            if len(pair) > 1:
                axes.plot(*pair[1], "o", color=line.get_color(), fillstyle="none")
        error, right = BARS[data]
        axes.axhline(right, color=INK, linewidth=0.8, label="goal")
        if error is not None:
            axes.axvline(error, color=INK, linewidth=0.8)
        axes.set(xlabel="squared error per pixel", title=data.replace("_", "-"))
    figure.axes[0].set_ylabel("accuracy of the nearest neighbour")
    figure.axes[0].legend(fontsize=8)
    save(figure, drawn := Path(path).with_suffix(".png"))
    print(f"  drawn: {drawn}")


if __name__ == "__main__":
    main()
