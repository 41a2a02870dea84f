"""Do single entries of a code mean something?

Two questions whose answers are known, because the data are made here.

*Factors.* 2,048 pictures of 16 x 16 pixels: a box or an ellipse, of 4 widths, 4
heights, 8 places across and 8 down, each combination once. A code of six numbers (MLP
128-128, Bernoulli, 2,000 steps of 128 pictures) is learned by a VAE (beta 1), by
beta-VAEs, and with a total correlation term (beta-TCVAE, beta 1 + weight). Figures: the
mutual information gap (Chen et al., 2018) and DCI disentanglement, completeness and
informativeness (Eastwood & Williams, 2018) of mean codes, and nats of the pictures.

*Atoms.* 8,000 rows of 32 numbers, each a sum of three of 64 random unit atoms on
average (each is there with probability 3 / 64, with a factor from .5 to 1.5), plus
noise of .01. A linear, tied autoencoder with a code of 128 is held to be sparse by KL
(of a sigmoid code, target 3 / 128), by L1 (of a rectified one) or by top-k. Figures:
mean max cosine similarity of true atoms with what the decoder makes of each entry,
share of atoms that are found (cosine above .9), and share of entries that are never
active.

    python benchmarks/interpret.py [--seeds 4] [--quick]

Every method at every strength; figures that are in the CSV file are not measured again.
A picture of the curves is drawn beside it.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from results_file import append, known

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.bottlenecks.gaussian import Gaussian
from isthmus.bottlenecks.top_k import TopK
from isthmus.metrics import dci, mean_max_cosine, mutual_information_gap
from isthmus.terms.l1 import L1
from isthmus.terms.rate import Rate
from isthmus.terms.reconstruction import Reconstruction
from isthmus.terms.sparsity_kl import SparsityKl
from isthmus.terms.total_correlation import TotalCorrelation

STRENGTHS = {
    "beta": (1, 2, 4, 8),
    "total correlation": (1, 3, 7, 15),
    "KL": (0.3, 1, 3, 10),
    "L1": (0.3, 0.7, 1, 1.4, 2),
    "top-k": (2, 4, 6, 8, 16),
}
FACTORS, ATOMS = ("beta", "total correlation"), ("KL", "L1", "top-k")
FIGURES = {
    "factors": ("mig", "disentanglement", "completeness", "informativeness", "nats"),
    "atoms": ("mmcs", "found", "idle"),
}
KEY = ("method", "strength", "seed")
NUMBERS = [*FIGURES["factors"], *FIGURES["atoms"]]
COLUMNS = ["date", "machine", "versions", *KEY, "seconds", *NUMBERS]
SIDE, FINE = 16, 4
TRUE, ENTRIES, ACTIVE, WIDTH = 64, 128, 3, 32


def shapes():
    """Pictures (n, pixels) from 0 to 1, and their factors (n, 5)."""
    pictures, factors = [], []
    at = (np.arange(SIDE * FINE) + 0.5) / FINE
    grid = map(range, (2, 4, 4, 8, 8))
    for kind, width, height, x, y in itertools.product(*grid):
        across = abs(at[None] - 4.5 - x) / (1.5 + 0.8 * width)
        down = abs(at[:, None] - 4.5 - y) / (1.5 + 0.8 * height)
        reach = across**2 + down**2 if kind else np.maximum(across, down)
        ink = (reach < 1).reshape(SIDE, FINE, SIDE, FINE).mean((1, 3))
        pictures.append(ink.ravel())
        factors.append((kind, width, height, x, y))
    return np.array(pictures), np.array(factors)


def mixtures(seed):
    """Atoms (64, 32), and rows that are sums of few of them."""
    rng = np.random.default_rng(seed)
    atoms = rng.normal(size=(TRUE, WIDTH))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    active = rng.random((8000, TRUE)) < ACTIVE / TRUE
    shares = active * rng.uniform(0.5, 1.5, active.shape)
    return atoms, shares @ atoms + rng.normal(scale=0.01, size=(len(shares), WIDTH))


def factor_figures(method, strength, seed, quick):
    """What a code of pictures says of their factors."""
    pictures, factors = shapes()
    terms = (Reconstruction(), Rate(weight=strength))
    if method != "beta":
        terms = (Reconstruction(), Rate(), TotalCorrelation(weight=strength))
    model = isthmus.Autoencoder(
        size=6,
        bottleneck=Gaussian(),
        architecture=Mlp(hidden=(128, 128), activation="relu"),
        likelihood="bce",
        terms=terms,
        training=isthmus.Training(epochs=2 if quick else 125, patience=0),
        batch_size=128,
        learning_rate=2e-3,
        validation=0.0,
        random_state=seed,
        verbose=0,
    ).fit(pictures)
    codes = model.transform(pictures)
    gap = mutual_information_gap(codes, factors)
    return gap, *dci(codes, factors)[:3], -model.score(pictures)


def atom_figures(method, strength, seed, quick):
    """What a code of mixtures says of their atoms."""
    true, rows = mixtures(seed)
    terms = (Reconstruction(),)
    if method == "top-k":
        bottleneck = TopK(size=ENTRIES, k=strength)
    elif method == "L1":
        bottleneck = Dense(size=ENTRIES, activation="relu")
        terms = (Reconstruction(), L1(weight=strength))
    else:
        bottleneck = Dense(size=ENTRIES, activation="sigmoid")
        sparse = SparsityKl(weight=strength, target=ACTIVE / ENTRIES)
        terms = (Reconstruction(), sparse)
    model = isthmus.Autoencoder(
        bottleneck=bottleneck,
        architecture=Mlp(hidden=(), tied=True),
        likelihood="mse",
        scaling="standard",
        terms=terms,
        training=isthmus.Training(epochs=2 if quick else 60, patience=0),
        batch_size=256,
        learning_rate=3e-3,
        validation=0.0,
        random_state=seed,
        verbose=0,
    ).fit(rows)
    ones = np.vstack([np.zeros((1, ENTRIES)), np.eye(ENTRIES)])
    answers = model.inverse_transform(ones.astype("float32"))
    found = answers[1:] - answers[0]
    best = [mean_max_cosine(atom, found) for atom in true]
    codes = model.transform(rows)
    active = abs(codes) > 1e-3 if method != "KL" else codes > 0.5
    idle = np.mean(~active.any(axis=0))
    return mean_max_cosine(true, found), np.mean(np.array(best) > 0.9), idle


def draw(table, path):
    """A curve of each method against its strength."""
    figure = Figure(figsize=(13, 3.2), dpi=120, layout="constrained")
    panels = figure.subplots(1, len(STRENGTHS))
    for axes, (method, strengths) in zip(panels, STRENGTHS.items(), strict=True):
        rows = table[table["method"] == method]
        shown = ("mig", "disentanglement") if method in FACTORS else ("mmcs", "found")
        for name in shown:
            found = rows.groupby("strength")[name]
            places = np.arange(found.ngroups)
            axes.errorbar(places, found.mean(), found.std(), marker="o", label=name)
        axes.set_xticks(range(len(strengths)), [f"{s:g}" for s in strengths])
        axes.set_xlabel("k" if method == "top-k" else f"weight ({method})")
        axes.set_ylim(0, 1.02 if method in ATOMS else 0.6)
        axes.legend(fontsize=8)
    panels[0].set_title("Factors: 1 is the VAE", fontsize=10)
    panels[2].set_title("Atoms", fontsize=10)
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--only", default="", help="methods, such as beta,top-k")
    parser.add_argument("--quick", action="store_true", help="two epochs, one seed")
    parser.add_argument("--out", default="benchmarks/results/interpret.csv")
    args = parser.parse_args()
    torch.set_num_threads(1)
    packages = {name: version(name) for name in ("isthmus", "torch", "scikit-learn")}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    print(machine, packages)
    there = {} if args.quick else known(args.out, KEY, NUMBERS)
    rows = [(*key, *figures) for key, figures in there.items()]
    chosen = args.only.split(",") if args.only else list(STRENGTHS)
    for seed in range(1 if args.quick else args.seeds):
        for method, strength in ((m, s) for m in chosen for s in STRENGTHS[m]):
            if (method, strength, seed) in there:
                continue
            started = time.perf_counter()
            measure = factor_figures if method in FACTORS else atom_figures
            figures = measure(method, strength, seed, args.quick)
            found = [round(float(figure), 4) for figure in figures]
            seconds = round(time.perf_counter() - started, 1)
            nothing = [np.nan] * (len(NUMBERS) - len(found))
            line = [*found, *nothing] if method in FACTORS else [*nothing, *found]
            rows.append((method, strength, seed, *line))
            print(method, strength, seed, found, f"{seconds} s", flush=True)
            if not args.quick:
                about = machine, str(packages), method, strength, seed, seconds
                append(args.out, COLUMNS, [*about, *line])
    table = pd.DataFrame(rows, columns=[*KEY, *NUMBERS])
    groups = table.groupby(["method", "strength"])[NUMBERS]
    for name in ("mean", "std"):
        print(name, groups.agg(name).round(3).to_string(), sep="\n")
    if not args.quick:
        draw(table, Path(args.out).with_suffix(".png"))


if __name__ == "__main__":
    main()
