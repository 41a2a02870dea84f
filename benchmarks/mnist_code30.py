"""How well do thirty numbers hold a digit?

MNIST (LeCun et al., 1998), pixels from 0 to 1; the squared error of a picture, summed
over its 784 pixels, in the mean over the 10,000 test pictures. Of the 60,000 pictures
to train on, 5,000 are kept for validation: they say which epoch is best, and on them
settings were chosen; test pictures are looked at only for the report. Beside PCA of
the same size, on all 60,000: 13.87. Three things are told apart:

- `widths`: 784-1000-500-250-30 and back, as in Hinton & Salakhutdinov (2006), who print
  3.00, without augmentation;
- `any`: thirty numbers by any fully connected network, without augmentation;
- `shifted`: the first network, of pictures shifted by at most a pixel.

Each once by its encoder alone, and once with codes that `isthmus.refine` sent down the
error of their own picture, 50 steps each, the decoder staying as it is.

    python benchmarks/mnist_code30.py --data DIR [--method widths] [--seeds 1] [--quick]

Bar: 2.2 within an hour on two cores. Errors while training are written, epoch by epoch,
to a file beside the figures, and drawn. Trainings leave checkpoints in ``--work``, and
go on from them; figures that are there are not measured again.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch
from curve import Curve
from fresh import train
from pictures import load, options, shifted, surroundings
from results_file import append, known
from sklearn.decomposition import PCA

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.plots._figure import INK, blank, save
from isthmus.training import Training

CODE, HELD_OUT = 30, 5000
WIDTHS = Mlp(hidden=(1000, 500, 250), activation="silu", norm="layer")
TRAINING = Training(
    optimizer="adamw",
    learning_rate=3e-3,
    weight_decay=0.05,
    batch_size=256,
    patience=0,
    schedule="cosine",
)
COLUMNS = ["date", "machine", "versions", "method", "seed", "epochs", "parameters"]
COLUMNS += ["seconds", "train_error", "validation_error", "test_error"]
COLUMNS += ["validation_refined", "test_refined"]


METHODS = {
    "widths": (WIDTHS, None),
    "any": (WIDTHS.changed(hidden=(2000, 1000, 500)), None),
    "shifted": (WIDTHS, shifted),
}
EPOCHS = {"widths": 90, "any": 90, "shifted": 90}


@torch.inference_mode()
def error(module, x):
    """Squared error per picture, summed over its pixels."""
    squares = [(module.reconstruct(b) - b).square().sum() for b in x.split(1000)]
    return float(sum(squares)) / len(x)


def fitted(method, seed, pictures, args):
    """Epochs, parameters, seconds, and the errors of a training."""
    architecture, change = METHODS[method]
    some = [torch.from_numpy(part[:10_000]) for part in pictures]

    def look(epoch):
        errors = (error(epoch.model, part) for part in some)
        return dict(zip(COLUMNS[8:11], errors, strict=True))

    epochs = 2 if args.quick else EPOCHS[method]
    curve = Curve(curves(args), {"method": method, "seed": seed}, 5, look)
    model = isthmus.undercomplete(
        CODE,
        architecture=architecture,
        likelihood="bce",
        training=TRAINING.changed(epochs=epochs),
        random_state=seed,
        callbacks=(curve,),
        verbose=0,
    )
    rows, held_out, _ = pictures
    path = Path(args.work) / f"code30-{method}-{seed}.checkpoint"
    module = train(model, rows, path, change=change, held_out=held_out).module_
    size = sum(p.numel() for p in module.parameters())
    errors = [error(module, part) for part in some]
    for part in pictures[1:]:
        rebuilt = model.inverse_transform(isthmus.refine(model, part))
        errors.append(float(np.square(rebuilt - part).sum(1).mean()))
    return [epochs, size, round(curve.seconds), *(round(e, 3) for e in errors)]


def by_pca(pictures):
    """Squared error per test picture of as many components."""
    pca = PCA(CODE, svd_solver="covariance_eigh").fit(pictures.train)
    rebuilt = pca.inverse_transform(pca.transform(pictures.test))
    return float(np.square(rebuilt - pictures.test).sum(1).mean())


def curves(args):
    return Path(args.out).with_name("mnist_code30_curves.csv")


def main():
    parser = options(__doc__, "mnist_code30.csv")
    parser.add_argument("--method", choices=METHODS, action="append")
    args = parser.parse_args()
    about = surroundings(args)
    pictures = load(args.data)
    print(f"  PCA of {CODE}: {by_pca(pictures):.3f}")
    order = np.random.default_rng(0).permutation(len(pictures.train))
    rows, held_out = pictures.train[order[HELD_OUT:]], pictures.train[order[:HELD_OUT]]
    rows = rows[:5000] if args.quick else rows
    done = known(args.out, ["method", "seed"], COLUMNS[5:])
    for method in args.method or METHODS:
        for seed in range(args.seeds):
            if (method, seed) not in done:
                row = fitted(method, seed, (rows, held_out, pictures.test), args)
                append(args.out, COLUMNS, [*about, method, seed, *row])
                done[method, seed] = row
        show(method, [row for (name, _), row in done.items() if name == method])
    draw(args)


def show(method, rows):
    epochs, size, seconds, *errors = np.array(rows, float).T
    told = [f"{e.mean():.3f} ({np.ptp(e):.3f})" for e in errors]
    print(
        f"  {method:<8} train {told[0]}, validation {told[1]}, test {told[2]}; with "
        f"refined codes {told[3]} and {told[4]}; "
        f"{epochs.mean():.0f} epochs, {seconds.mean():.0f} s, {size.mean():.0f} "
        f"parameters; {len(rows)} seed(s)",
        flush=True,
    )


def draw(args):
    """Test error against time, a line for each training."""
    with curves(args).open(newline="") as file:
        seen = list(csv.DictReader(file))
    figure = blank(7, 4)
    axes = figure.add_subplot()
    for method in dict.fromkeys(row["method"] for row in seen):
        mine = [r for r in seen if (r["method"], r["seed"]) == (method, "0")]
        minutes = [float(row["seconds"]) / 60 for row in mine]
        (line,) = axes.plot(minutes, [float(r["test_error"]) for r in mine])
        line.set_label(method)
        axes.plot(
            minutes,
            [float(r["train_error"]) for r in mine],
            color=line.get_color(),
            linestyle="dotted",
        )
    axes.axhline(3.0, color=INK, linewidth=0.8, label="Hinton & Salakhutdinov (2006)")
    axes.set(xlabel="minutes of training", ylabel="squared error per picture")
    axes.set(ylim=(1, 6), title="Test pictures; dotted: pictures trained on")
    axes.legend()
    save(figure, path := Path(args.out).with_suffix(".png"))
    print(f"  drawn: {path}")


if __name__ == "__main__":
    main()
