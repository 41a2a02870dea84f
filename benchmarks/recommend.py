"""How well are held-out interactions found, beside peers of the literature?

*ml-1m*: ratings of 3 and more of MovieLens 1M, every user's interactions split by lot
8:1:1, as RecBole does; all items that are not in training or validation are ranked, and
the items of training alone are the input. RecBole-GNN publishes for this protocol (with
one seed of its own) NDCG@10 .2538 of LightGCN and .2750 of XSimGCL, recall@10 .1861 and
.2116.

*diffrec*: ratings of 4 and more, split by time 7:1:2 as DiffRec has it (Wang et al.,
2023): the same ranking. It publishes recall@20 .1787 and NDCG@20 .1148, over all users;
here means are over users who have test items, and ``share`` says which share these are.
Its lists keep the order of time: the blend *in time* is told, and all others are not.

Everything is chosen on validation interactions, by NDCG@10 and, as DiffRec does, by
recall@20; nothing is learned from them. ``EASE``
is Steck's of 2019, its penalty chosen so. The three rows of isthmus are one fit of
`Recommender()` with default settings: the blend, and the two models in it. Peers are
ALS, BPR and the item neighbours of ``implicit``, where it is installed.

    python benchmarks/recommend.py --data DIR [--seeds 3] [--quick] [--only diffrec]

DIR (or ISTHMUS_DATA) holds rec/ml_1m.npz and ml_1m_diffrec_clean/ml_1m_clean.npz: pairs
of users and items, as LightGCN++ and DiffRec publish them. Seconds are of processor
time, and include the choice of settings.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import time
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from results_file import append, known
from scipy.sparse import csr_matrix

import isthmus
from isthmus.recommendation.metrics import figures
from isthmus.recommendation.ranking import first
from isthmus.recommendation.recency import recent

FILES = {
    "ml-1m": "rec/ml_1m.npz",
    "diffrec": "ml_1m_diffrec_clean/ml_1m_clean.npz",
}
PARTS = "train", "valid", "test"
FIGURES = [
    *("recall@10", "ndcg@10", "mrr@10", "hit@10", "coverage@10"),
    *("recall@20", "ndcg@20"),
]
COLUMNS = [
    *("date", "machine", "versions", "data", "split", "method"),
    *(*FIGURES, "share", "seconds", "chosen"),
]
PUBLISHED = {
    "ml-1m": "published: LightGCN recall@10 .1861, ndcg@10 .2538; XSimGCL .2116, .2750",
    "diffrec": "published, over all users: DiffRec recall@20 .1787, ndcg@20 .1148",
}
MEASURES = {"ml-1m": "ndcg@10", "diffrec": "recall@20"}
BARS = {
    "ml-1m": {"recall@10": 0.217, "ndcg@10": 0.295},
    "diffrec": {"recall@20": 0.186, "ndcg@20": 0.118},
}


def load(name, folder, seed):
    """Training, validation and test interactions, (users, items) each."""
    file = np.load(Path(folder) / FILES[name])
    pairs = {part: file[part].astype(np.int64) for part in PARTS}
    everything = np.concatenate(list(pairs.values()))
    shape = tuple(everything.max(axis=0) + 1)
    if name == "ml-1m":
        everything = np.unique(everything, axis=0)
        places = drawn(everything[:, 0], seed)
        pairs = {part: everything[places == k] for k, part in enumerate(PARTS)}
    made = [together(pairs[part], shape) for part in PARTS]
    if name == "diffrec":  # its lists are in the order of time
        made[0].order = made[0].data.copy()
    for part in made:
        part.data[:] = 1
    return made


def together(pairs, shape):
    """A matrix that says which pair it was, from 1."""
    count = np.arange(1, len(pairs) + 1, dtype=np.float32)
    return csr_matrix((count, pairs.T), shape=shape)


def drawn(users, seed):
    """0, 1 or 2 for each interaction: a tenth of each user's, or one, in 1 and in 2.

    RecBole rounds so: a part that would have less than one interaction gets one, as
    long as training keeps more than one.
    """
    chance = np.random.default_rng(seed).random(len(users))
    order = np.lexsort((chance, users))
    many = np.bincount(users)
    place = np.arange(len(users)) - np.repeat(np.cumsum(many) - many, many)
    held = np.where(many < 3, 0, np.maximum(many // 10, 1))
    left = np.repeat(many, many) - place
    held = np.repeat(held, many)
    parts = np.empty(len(users), dtype=int)
    parts[order] = np.where(left <= held, 2, np.where(left <= 2 * held, 1, 0))
    return parts


def judge(scores, train, valid, test):
    """Figures of scores of all users and items."""
    best = first(scores, 20, train + valid).items
    found = figures(best, test, 20) | figures(best, test, 10)
    return [round(found[name], 5) for name in FIGURES]


def fitted(train, valid, seed, measure, quick):
    """A recommender with default settings, its seconds, and what it chose."""
    training = isthmus.Training(epochs=1) if quick else None
    words = {"random_state": seed, "training": training, "measure": measure}
    began = time.process_time()
    model = isthmus.Recommender(**words).fit(train, validation=valid)
    seconds = time.process_time() - began
    chosen = {n: round(v, 3) for n, v in model.figures_.items() if "@" not in n}
    return model, seconds, chosen


def ours(train, valid, seed, measure, quick):
    """The blend, and the two models in it."""
    model, *told = fitted(train, valid, seed, measure, quick)
    blend = model.model_
    yield "isthmus, blend", blend.scores(train), *told
    yield "isthmus, its linear model", blend.linear.scores(train), np.nan, {}
    yield "isthmus, its Mult-VAE", blend.deep.scores(train), np.nan, {}


def in_time(train, valid, seed, measure, quick):
    """The blend, given the order in which users turned to items."""
    if not hasattr(train, "order"):
        return
    times = csr_matrix((train.order, train.indices, train.indptr), shape=train.shape)
    known = long(train, train.order)
    model, *told = fitted(known, long(valid, 0), seed, measure, quick)
    rows = recent(train, times, model.recency_)[:, model.items_]
    found = np.full(train.shape, -np.inf, dtype=np.float32)
    found[:, model.items_] = model.model_.scores(rows)
    yield "isthmus, blend in time", found, *told


def long(matrix, times):
    """A row per interaction."""
    users, items = matrix.nonzero()
    return pd.DataFrame({"user": users, "item": items, "time": times})


def ease(train, valid, seed, measure, _quick):
    """Plain EASE; the ridge penalty is chosen on validation interactions."""
    began = time.process_time()
    plain = {"evenness": 0, "dropout": 0, "discount": 0}
    words = {"random_state": seed, "measure": measure, "verbose": 0}
    model = isthmus.Recommender("ease", **plain, **words)
    model.fit(train, validation=valid)
    seconds = time.process_time() - began
    yield (
        "EASE",
        model.model_.scores(train),
        seconds,
        {"ridge": model.figures_["ridge"]},
    )


def popular(train, _valid, _seed, _measure, _quick):
    """What most users turned to."""
    many = train.getnnz(axis=0).astype(np.float32)
    yield "most popular", np.repeat(many[None], train.shape[0], axis=0), 0.0, {}


def peers(train, valid, seed, measure, quick):
    """The models of implicit, each with the best of a few settings."""
    try:
        als = importlib.import_module("implicit.als").AlternatingLeastSquares
        bpr = importlib.import_module("implicit.bpr").BayesianPersonalizedRanking
        near = importlib.import_module("implicit.nearest_neighbours").CosineRecommender
    except ImportError:
        print("implicit is not installed, and left out")
        return
    shared = {"num_threads": 1, "random_state": seed}
    few = shared | {"factors": 64, "iterations": 2 if quick else 15}
    many = shared | {"factors": 64, "iterations": 2 if quick else 60}
    pairs = ((0.1, 1.0), (10.0, 1.0), (10.0, 4.0))
    tried = {
        "implicit, ALS": [
            als(regularization=one, alpha=two, **few) for one, two in pairs
        ],
        "implicit, BPR": [bpr(learning_rate=rate, **many) for rate in (0.01, 0.05)],
        "implicit, item neighbours": [near(K=k, num_threads=1) for k in (50, 200)],
    }
    for name, models in tried.items():
        began, found = time.process_time(), []
        for model in models:
            model.fit(train, show_progress=False)
            if hasattr(model, "user_factors"):
                scores = model.user_factors @ model.item_factors.T
            else:
                scores = (train @ model.similarity).toarray().astype(np.float32)
            k = int(measure.partition("@")[2])
            top = first(scores, k, train).items
            found.append((figures(top, valid, k)[measure], scores))
        worth = [one for one, _ in found]
        best = int(np.argmax(worth))
        seconds = time.process_time() - began
        yield name, found[best][1], seconds, {"setting": best}


METHODS = {
    "most popular": popular,
    "EASE": ease,
    "isthmus, blend": ours,
    "isthmus, blend in time": in_time,
    "implicit, item neighbours": peers,
}
"""What each function is known by: its last row, but for ours the first."""


def rows_of(args, name, seed, about, done):
    """Rows of the methods that are not in the file yet."""
    train, valid, test = load(name, args.data, seed)
    if args.quick:
        order = getattr(train, "order", None)
        train, valid, test = (part[:500] for part in (train, valid, test))
        if order is not None:
            train.order = order[: train.nnz]
    share = float((test.getnnz(axis=1) > 0).mean())
    measure, rows = MEASURES[name], []
    for key, method in METHODS.items():
        if (name, seed, key) in done:
            continue
        for label, scores, seconds, chosen in method(
            train, valid, seed, measure, args.quick
        ):
            found = judge(scores, train, valid, test)
            row = [name, seed, label, *found, round(share, 4), round(seconds, 1)]
            rows.append([*about, *row, str(chosen)])
            print(*rows[-1][2:], flush=True)
        if not args.quick:
            append(args.out, COLUMNS, *rows)
            rows = []
    return rows


def versions():
    """Those of what is measured, as far as it is installed."""
    found = {}
    for name in ("isthmus", "torch", "scipy", "implicit"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=3, help="splits of ml-1m")
    parser.add_argument("--only", choices=FILES)
    parser.add_argument("--quick", action="store_true", help="500 users, one epoch")
    parser.add_argument("--out", default="benchmarks/results/recommend.csv")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    about = [machine, str(versions())]
    print(*about)
    key = ["data", "split", "method", "versions"]
    before = known(None if args.quick else args.out, key, ["ndcg@10"])
    done = {found[:3] for found in before if found[3] == about[1]}
    rows = []
    for name in [args.only] if args.only else FILES:
        for seed in range(args.seeds if name == "ml-1m" and not args.quick else 1):
            rows += rows_of(args, name, seed, about, done)
    if not args.quick:
        rows = pd.read_csv(args.out).query("versions == @about[1]").iloc[:, 1:]
    show(pd.DataFrame(np.array(rows, dtype=object), columns=COLUMNS[1:]))


def show(frame):
    """Means over the splits, and standard errors where there are several."""
    for name, part in frame.groupby("data"):
        splits = part["split"].nunique()
        print(
            f"\n{name}: {PUBLISHED[name]}\nmean over {splits} splits (standard error)"
        )
        numbers = part[[*FIGURES, "seconds"]].astype(float)
        groups = numbers.groupby(part["method"], sort=False)
        mean, error = groups.mean(), groups.sem()
        for method, line in mean.iterrows():
            told = "  ".join(_figure(v, error.loc[method, n]) for n, v in line.items())
            print(f"  {method:<26} {told}")
        for method in mean.index[mean.index.str.startswith("isthmus, blend")]:
            told = [
                f"{n} {mean.loc[method, n]:.4f} of {v}" for n, v in BARS[name].items()
            ]
            print(f"  race, {method}: {', '.join(told)}")


def _figure(mean, error):
    return f"{mean:.4f}" + ("" if np.isnan(error) else f" ({error:.4f})")


if __name__ == "__main__":
    main()
