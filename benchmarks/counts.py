"""Do codes of counts find the types of cells, and what do large counts cost?

Cells: 700 blood cells by 765 genes (Zheng et al., 2017; the reduced set of scanpy).
Codes of 10 entries from a variational autoencoder with negative-binomial likelihood and
given totals; beside it PCA of log(1 + count) at the median total, with 10 components,
of genes as they are and scaled to variance 1. k-means finds 10 clusters in each, and
Louvain's method (Blondel et al., 2008) others in the graph of 15 nearest neighbours;
normalised mutual information (NMI) and adjusted Rand index (ARI) compare them with the
10 types, which nothing else has seen. The settings are those of the best held-out
bound: docs/notes/counts.md.

The file has logarithms of counts per 10,000 of a cell's n_counts. With these they are
turned back into counts, which are refused unless all are whole within 0.1, and the
smallest of every cell is 1.

Large: a generated matrix, 1 % filled. Rows per second in an epoch of 2,048 of them, all
in; then training on all, ended after a minute, and codes of all. Each method has a
process of its own, whose largest resident memory is given less what it was after a
small fit.

    python benchmarks/counts.py cells --data DIR [--seeds 5] [--picture FILE] [--quick]
    python benchmarks/counts.py large [--quick]

DIR (or ISTHMUS_DATA) holds pbmc68k_reduced/pbmc68k_reduced.npz.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import networkx as nx
import numpy as np
import torch
from results_file import append, known
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.neighbors import kneighbors_graph

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.plots import draw_codes

SIZE, CLUSTERS, NEIGHBORS = 10, 10, 15
METHODS = "isthmus", "PCA", "PCA, scaled genes"
FIGURES = ["nmi", "ari", "louvain_nmi", "louvain_ari"]
COLUMNS = ["date", "machine", "method", "seed", "version", *FIGURES, "seconds"]
LARGE = ["date", "machine", "rows", "columns", "stored", "method", "version"]
LARGE += ["fit_rows_per_s", "encode_rows_per_s", "peak_mb", "matrix_mb"]


def load(folder):
    """Counts (cells, genes), whole numbers, and the type of each cell."""
    path = Path(folder) / "pbmc68k_reduced" / "pbmc68k_reduced.npz"
    if not path.exists():
        raise SystemExit(f"{path}: not found. Name its folder with --data.")
    with np.load(path) as file:
        share = np.expm1(file["X_lognorm"].astype(float)) / 1e4
        counts = share * file["n_counts"].astype(float)[:, None]
        types = file["bulk_labels"]
    off = np.abs(counts - np.rint(counts)).max()
    least = np.array([row[row > 0.5].min() for row in np.rint(counts)])
    if off > 0.1 or (least != 1).any():
        raise SystemExit(f"{path}: these are no counts (off by {off:.2f}).")
    print(f"counts are whole within {off:.3f}; {np.rint(counts).max():.0f} at most")
    return np.rint(counts).astype(np.int32), types


def autoencoder(seed, **more):
    """Chosen by the held-out bound: see docs/notes/counts.md."""
    return isthmus.variational(
        kind="counts",
        size=SIZE,
        architecture=Mlp(hidden=(128, 64), norm="layer", dropout=0.1),
        batch_size=64,
        validation=0.2,
        random_state=seed,
        verbose=0,
        **{"epochs": 400, **more},
    )


def codes(method, counts, seed, quick):
    """(cells, 10)."""
    if method == "isthmus":
        model = autoencoder(seed, **({"epochs": 3} if quick else {}))
        return model.fit(sparse.csr_array(counts)).transform(counts)
    totals = counts.sum(1, keepdims=True)
    x = np.log1p(counts * np.median(totals) / totals)
    if method == "PCA, scaled genes":
        x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-8)
    return PCA(SIZE, random_state=seed).fit_transform(x)


def louvain(z, seed):
    """Communities of the graph of nearest neighbours, (n,)."""
    edges = kneighbors_graph(z, NEIGHBORS)
    graph = nx.from_scipy_sparse_array(edges.maximum(edges.T))
    found = np.empty(len(z), dtype=int)
    for k, nodes in enumerate(nx.community.louvain_communities(graph, seed=seed)):
        found[list(nodes)] = k
    return found


def figures(z, types, seed):
    """NMI and ARI of k-means, then of Louvain."""
    means = KMeans(CLUSTERS, n_init=10, random_state=seed).fit_predict(z)
    return [
        float(measure(types, clusters))
        for clusters in (means, louvain(z, seed))
        for measure in (normalized_mutual_info_score, adjusted_rand_score)
    ]


def cells(args, machine):
    """Print a table of means and spreads, and append a row for each fit."""
    counts, types = load(args.data)
    packages = {n: version(n) for n in ("isthmus", "torch", "scikit-learn", "networkx")}
    print(machine, packages, f"{args.seeds} seeds")
    out = None if args.quick else f"{args.out}.csv"
    seen, table = known(out, ["method", "seed", "version"], FIGURES), {}
    for method in METHODS:
        own = packages["isthmus" if method == "isthmus" else "scikit-learn"]
        for seed in range(args.seeds):
            key = method, seed, own
            if key not in seen:
                started = time.perf_counter()
                found = figures(codes(method, counts, seed, args.quick), types, seed)
                seconds = round(time.perf_counter() - started, 1)
                print(*key, *(f"{f:.3f}" for f in found), f"{seconds} s", flush=True)
                if out is not None:
                    row = [machine, *key, *(round(f, 4) for f in found), seconds]
                    append(out, COLUMNS, row)
                seen[key] = tuple(found)
            table.setdefault(method, []).append(seen[key])
    print(f"\n| codes of {SIZE} | " + " | ".join(FIGURES) + " |")
    print("| --- " * (len(FIGURES) + 1) + "|")
    for method, found in table.items():
        mean, spread = np.mean(found, 0), np.std(found, 0, ddof=min(1, len(found) - 1))
        cells = (f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, spread, strict=True))
        print(f"| {method} | {' | '.join(cells)} |")
    if args.picture is not None:
        draw_codes(args.picture, codes("isthmus", counts, 0, args.quick), types)


def generated(rows, columns):
    """Counts of which one in a hundred is not 0, row by row at random places."""
    rng = np.random.default_rng(0)
    per = columns // 100
    places = np.sort(rng.integers(columns, size=(rows, per), dtype=np.int32), axis=1)
    values = rng.poisson(1.0, rows * per).astype(np.int32) + 1
    starts = np.arange(0, rows * per + 1, per)
    matrix = sparse.csr_matrix((values, places.ravel(), starts), (rows, columns))
    matrix.sum_duplicates()
    return matrix


def peak():
    """Bytes, since the process began."""
    return 1024 * int(
        re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]
    )


def fitted(method, matrix, size, **more):
    """A model of a sparse matrix, and the codes that it gives."""
    if method == "isthmus":
        training = isthmus.Training(epochs=1, **more)
        model = isthmus.Autoencoder(
            kind="counts", size=size, hidden=(128,), training=training, verbose=0
        )
        return model.fit(matrix), model.transform
    model = TruncatedSVD(size, random_state=0)
    logs = lambda m: m.astype(np.float32).log1p()  # noqa: E731
    return model.fit(logs(matrix)), lambda m: model.transform(logs(m))


def measured(method, rows, columns, seconds):
    """One method on one matrix, in this process: a line of JSON."""
    fitted(method, generated(64, 500), 2)[1](generated(64, 500))
    idle, some = peak(), generated(2048, columns)
    clock = time.perf_counter
    started = clock()
    fitted(method, some, SIZE)
    rate = len(some.indptr) / (clock() - started)
    matrix = generated(rows, columns)
    own = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    limit = {"seconds": seconds} if method == "isthmus" else {}
    _, encode = fitted(method, matrix, SIZE, **limit)
    started = clock()
    encode(matrix)
    encoded = rows / (clock() - started)
    found = {"fit": rate, "encode": encoded, "peak": peak() - idle, "matrix": own}
    print(json.dumps({"stored": matrix.nnz, **found}))


def large(args, machine):
    """Time and memory, and a row for each method."""
    rows, columns = (2_000, 5_000) if args.quick else (100_000, 20_000)
    for method in ("isthmus", "truncated SVD"):
        own = version("isthmus" if method == "isthmus" else "scikit-learn")
        words = [sys.executable, __file__, "one", "--method", method]
        words += ["--rows", str(rows), "--columns", str(columns)]
        done = subprocess.run(  # noqa: S603 - this file
            words, check=True, capture_output=True, text=True
        )
        found = json.loads(done.stdout.splitlines()[-1])
        rates = [round(found[name]) for name in ("fit", "encode")]
        sizes = [round(found[name] / 1e6) for name in ("peak", "matrix")]
        row = [machine, rows, columns, found["stored"], method, own, *rates, *sizes]
        print(dict(zip(LARGE[1:], row, strict=True)), flush=True)
        if not args.quick:
            append(f"{args.out}_large.csv", LARGE, row)


def main():
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["cells", "large", "one"])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", default="benchmarks/results/counts")
    parser.add_argument("--picture", help="where the map of the codes goes")
    parser.add_argument("--quick", action="store_true", help="a trial, not recorded")
    parser.add_argument("--method", help="of one measurement")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--columns", type=int)
    parser.add_argument(
        "--seconds", type=float, default=60, help="of training, at most"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {args.threads} thread(s)"
    if args.what == "one":
        measured(args.method, args.rows, args.columns, args.seconds)
        return
    args.seeds = 1 if args.quick else args.seeds
    {"cells": cells, "large": large}[args.what](args, machine)


if __name__ == "__main__":
    main()
