"""MNIST (LeCun et al., 1998), Fashion-MNIST (Xiao et al., 2017) as rows of pixels."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

TRAINED = 50_000
"""Pictures to train on, where others are held out."""

NOTED = "isthmus", "torch", "scikit-learn"
"""Packages whose versions stand beside a figure."""


class Pictures(NamedTuple):
    """Pixels from 0 to 1, (n, 784) float32, and the classes of the pictures, (n,)."""

    train: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray
    test_labels: np.ndarray


def load(folder, name="mnist"):
    """60,000 pictures to train on, and 10,000 to test on."""
    path = Path(folder) / name / f"{name}.npz"
    if not path.exists():
        raise SystemExit(
            f"{path}: not found. --data DIR, or ISTHMUS_DATA, names the folder that "
            f"holds {name}/{name}.npz with X_train, y_train, X_test and y_test."
        )
    with np.load(path) as found:
        pixels = [
            found[key].reshape(len(found[key]), -1).astype(np.float32) / 255
            for key in ("X_train", "X_test")
        ]
        return Pictures(*pixels, found["y_train"], found["y_test"])


def split(pictures, *, quick):
    """Pixels and classes: of 50,000 to train on, 10,000 to choose by, those to test on.

    Of a trial, 1,666 and 334, and 2,000.
    """
    x, labels, test, answers = (
        part[:2000] if quick else part
        for part in (
            pictures.train,
            pictures.train_labels,
            pictures.test,
            pictures.test_labels,
        )
    )
    cut = len(x) * TRAINED // 60_000
    return (x[:cut], labels[:cut]), (x[cut:], labels[cut:]), (test, answers)


def shifted(x):
    """Pictures moved by at most a pixel up or down, and to a side."""
    rows = torch.arange(len(x))[:, None, None]
    down, right = torch.randint(0, 3, (2, len(x), 1))
    down, right = (start + torch.arange(28) for start in (down, right))
    wide = functional.pad(x.view(-1, 28, 28), (1, 1, 1, 1))
    return wide[rows, down[:, :, None], right[:, None, :]].flatten(1)


def options(about, out):
    """Options that all of these scripts have."""
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", default="checkpoints", help="folder of checkpoints")
    parser.add_argument("--quick", action="store_true", help="a trial, not recorded")
    parser.add_argument("--out", default=f"benchmarks/results/{out}")
    return parser


def surroundings(args, *more):
    """The machine and the versions, which are printed; threads are set.

    Of ``more`` packages the versions are told where they are installed.
    A trial writes what it finds into a folder of its own.
    """
    if args.quick:
        args.work = tempfile.mkdtemp()
        args.out = f"{args.work}/{Path(args.out).name}"
    torch.set_num_threads(args.threads)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {args.threads} thread(s)"
    packages = {name: version(name) for name in NOTED}
    for name in more:
        with contextlib.suppress(PackageNotFoundError):
            packages[name] = version(name)
    packages = str(packages)
    print(machine, packages)
    return machine, packages
