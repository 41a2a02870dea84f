"""``isthmus demo``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write.")] = Path(
        "demo"
    ),
) -> None:
    """Run ordinary commands on two small tables.

    isthmus demo

    Tumours of scikit-learn's breast-cancer table: trained on benign ones only, the
    detector meets malignant ones. Handwritten digits: rebuilt, and drawn as codes.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_tumours(out)
    write_digits(out)
    say("Tumours: learn the benign ones, then find the malignant ones among new ones")
    benign, new, detector = (
        out / n for n in ("benign.csv", "tumours.csv", "tumours.isthmus")
    )
    scores, reasons = out / "scores.png", out / "reasons.png"
    truth = ["--label", "malignant"]
    fast = ["--task", "anomaly", "--effort", "fast"]
    run("fit", benign, *fast, "--fpr", "0.05", "--out", detector)
    run("score", detector, new, "--top", "5", "--explain", *truth, "--picture", scores)
    run("explain", detector, new, "--top", "4", "--picture", reasons)
    run("evaluate", detector, new, *truth, "--positive", "1")
    say("Digits: squeeze 64 pixels into 10 numbers, and rebuild them")
    digits, model, pictures = (
        out / n for n in ("digits.csv", "digits.isthmus", "digits.png")
    )
    pixels = ["--label", "digit", "--set", "likelihood=bce"]
    run("fit", digits, *pixels, "--size", "10", "--out", model)
    run("evaluate", model, digits)
    run("reconstruct", model, digits, "--picture", pictures, "--pixels", "8x8")
    say("Digits: a map of two numbers, learned without knowing which digit is which")
    model, codes = out / "map.isthmus", out / "codes.png"
    few = ["--preset", "variational", "--size", "2"]
    run("fit", digits, *pixels, *few, "--out", model)
    run("encode", model, digits, "--picture", codes, "--label", "digit")
    say(f"Look at {scores}, {reasons}, {pictures} and {codes}")


def write_tumours(folder: Path) -> None:
    """Half of the benign tumours to train on; the others and the malignant as new."""
    import numpy as np
    import pyarrow as pa
    from sklearn.datasets import load_breast_cancer

    from isthmus.data.files import write_table

    bunch = load_breast_cancer()
    names = [name.replace(" ", "_") for name in bunch.feature_names]
    table = pa.table(dict(zip(names, bunch.data.T, strict=True)))
    benign = np.random.default_rng(0).permutation(np.flatnonzero(bunch.target == 1))
    train, rest = np.array_split(benign, 2)
    new = np.concatenate([rest, np.flatnonzero(bunch.target == 0)])
    malignant = pa.array((bunch.target[new] == 0).astype(int))
    write_table(table.take(train), folder / "benign.csv")
    write_table(
        table.take(new).append_column("malignant", malignant), folder / "tumours.csv"
    )


def write_digits(folder: Path) -> None:
    """1,797 digits of 8 x 8 pixels, and which digit each is."""
    import pyarrow as pa
    from sklearn.datasets import load_digits

    from isthmus.data.files import write_table

    bunch = load_digits()
    names = [f"pixel_{i}_{j}" for i in range(8) for j in range(8)]
    table = pa.table(dict(zip(names, bunch.data.astype(int).T, strict=True)))
    write_table(
        table.append_column("digit", pa.array(bunch.target)), folder / "digits.csv"
    )


def say(text: str) -> None:
    """Print a heading."""
    sys.stdout.write(f"\n== {text}\n")
    sys.stdout.flush()


def run(*arguments: object) -> None:
    """Print a command as one would type it, and run it."""
    from isthmus.cli import program

    words = [str(argument) for argument in arguments]
    sys.stdout.write(f"\n$ isthmus {shlex.join(words)}\n")
    sys.stdout.flush()
    if code := program.run(words):
        raise typer.Exit(code)
