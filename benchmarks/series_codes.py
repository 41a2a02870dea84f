"""How well do codes of series, learned without labels, tell their classes apart?

Sets of the UCR archive (Dau et al., 2019) that are at hand, in their own split: an
autoencoder of the training series, with a code of 64 entries, and a logistic regression
on the codes. Beside it, the same regression on PCA of the same size and on the series
as they are, and, as its authors do it, ridge regression on 1,000 random convolutions
(ROCKET; Dempster et al., 2020: largest value and share of positive values of each). The
strength of the L2 penalty is chosen by cross validation on the training series. Figures
are shares of test series that are right.

    python benchmarks/series_codes.py --data DIR [--seeds 3] [--quick]

DIR (or ISTHMUS_DATA) holds ucr/ucr.npz with NAME__X_train, NAME__y_train and so on
(timeseriesclassification.com).
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from results_file import append, known
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegressionCV, RidgeClassifierCV
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import isthmus

SIZE = 64
COLUMNS = ["date", "machine", "set", "seed", "method", "version", "accuracy", "seconds"]
METHODS = "isthmus", "PCA", "raw", "random convolutions"


def load(folder):
    """Sets by name: training series and labels, test series and labels."""
    path = Path(folder) / "ucr" / "ucr.npz"
    if not path.exists():
        raise SystemExit(f"{path}: not found. Name its folder with --data.")
    with np.load(path) as found:
        names = sorted({key.split("__")[0] for key in found})
        parts = "X_train", "y_train", "X_test", "y_test"
        return {n: [found[f"{n}__{part}"] for part in parts] for n in names}


def accuracy(method, codes, labels, others, truth):
    """Share of the others that a regression on the codes gets right."""
    fewest = np.unique(labels, return_counts=True)[1].min()
    folds = StratifiedKFold(int(min(max(fewest, 2), 5)), shuffle=True, random_state=0)
    penalties = np.logspace(-4, 4, 9)
    probe = LogisticRegressionCV(Cs=penalties, cv=folds, max_iter=500)
    if method == "random convolutions":
        probe = RidgeClassifierCV(alphas=np.logspace(-3, 3, 10))
    if method in {"PCA", "raw"}:  # columns of one unit, which is to stay so
        codes, others = codes / codes.std(), others / codes.std()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("ignore", ConvergenceWarning)
        scaler = StandardScaler(with_std=method not in {"PCA", "raw"})
        found = make_pipeline(scaler, probe).fit(codes, labels)
    return float((found.predict(others) == truth).mean())


def codes(method, train, test, seed, quick):
    """Features of training and test series."""
    if method == "raw":
        return train, test
    if method == "PCA":
        most = len(train) - 1, train.shape[1]  # beyond, components have no variance
        pca = PCA(min(SIZE, *most), random_state=seed).fit(train)
        return pca.transform(train), pca.transform(test)
    if method == "random convolutions":
        kernels = list(random_kernels(train.shape[1], 100 if quick else 1000, seed))
        return convolved(train, kernels), convolved(test, kernels)
    given = {"epochs": 3} if quick else {}
    model = isthmus.Autoencoder(
        kind="series", size=SIZE, random_state=seed, verbose=0, **given
    ).fit(train[:, :, None])
    return model.transform(train[:, :, None]), model.transform(test[:, :, None])


def random_kernels(length, count, seed):
    """Weights, bias, dilation and padding as ROCKET draws them."""
    lots = np.random.default_rng(seed)
    for _ in range(count):
        width = int(lots.choice([7, 9, 11]))
        weights = lots.normal(size=width)
        spread = 2 ** lots.uniform(0, np.log2((length - 1) / (width - 1)))
        padded = bool(lots.integers(2))
        yield weights - weights.mean(), lots.uniform(-1, 1), int(spread), padded


def convolved(series, kernels):
    """Largest value, and share of positive ones, of each kernel, (n, 2 kernels)."""
    x = torch.as_tensor(series, dtype=torch.float32)[:, None]
    x = (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True).clamp_min(1e-8)
    found = []
    for weights, bias, dilation, padded in kernels:
        kernel = torch.as_tensor(weights, dtype=torch.float32)[None, None]
        around = dilation * (len(weights) - 1) // 2 if padded else 0
        y = torch.conv1d(x, kernel, torch.tensor([float(bias)]), 1, around, dilation)
        found += [y.amax(-1), (y > 0).float().mean(-1)]
    return torch.cat(found, 1).numpy()


def main():
    """Print a table, and append a row for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", default="benchmarks/results/series_codes.csv")
    parser.add_argument("--quick", action="store_true", help="a trial, not recorded")
    args = parser.parse_args()
    sets = load(args.data)
    if args.quick:
        sets = dict(list(sets.items())[:2])
        args.seeds, args.out = 1, None
    torch.set_num_threads(args.threads)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {args.threads} thread(s)"
    packages = {n: version(n) for n in ("isthmus", "torch", "scikit-learn")}
    print(machine, packages, f"{args.seeds} seed(s)")
    seen = known(args.out, ["set", "seed", "method", "version"], ["accuracy"])
    rows = []
    for name, (train, labels, test, truth) in sets.items():
        for method in METHODS:
            for seed in range(args.seeds if method not in {"PCA", "raw"} else 1):
                own = packages["isthmus" if method == "isthmus" else "scikit-learn"]
                key = name, seed, method, own
                if key not in seen:
                    started = time.perf_counter()
                    pair = codes(method, train, test, seed, args.quick)
                    figure = accuracy(method, pair[0], labels, pair[1], truth)
                    seconds = time.perf_counter() - started
                    print(*key, f"{figure:.3f}, {seconds:.1f} s", flush=True)
                    if args.out is not None:
                        row = [machine, *key, round(figure, 5), round(seconds, 1)]
                        append(args.out, COLUMNS, row)
                    seen[key] = (figure,)
                rows.append((name, method, seed, seen[key][0]))
    frame = pd.DataFrame(rows, columns=["set", "method", "seed", "accuracy"])
    table = frame.pivot_table(index="set", columns="method", values="accuracy")
    print(table[list(METHODS)].round(3).to_string())
    print("mean", table.mean()[list(METHODS)].round(4).to_dict())
    print("mean rank", table.rank(axis=1, ascending=False).mean().round(2).to_dict())
    spread = frame.groupby(["method", "set"])["accuracy"].std().groupby("method").mean()
    print("spread over seeds", spread.round(4).to_dict())


if __name__ == "__main__":
    main()
