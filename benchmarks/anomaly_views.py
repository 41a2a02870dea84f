"""Which questions to ask about a row find anomalies best? A trial, not the product.

ADBench's classical sets, leak-free, at most 10,000 rows, one seed: *one-class* (train
on a random half of the normal rows, test on the rest) and *unsupervised* (score the
rows that were fitted on). Views of a row, each a plain network written here:

- ``hidden``: rebuild hidden cells from the visible ones; the squared error of each
  cell when it is hidden, divided by its median over the training rows, at most 100,
  averaged;
- ``pull S``: how far a denoiser for noise of scale S moves the clean row;
- ``margin``: surprise of each cell by a histogram of its column, a guess without
  looking at the other cells.

In the unsupervised setting a row is scored by networks of the two thirds that it does
not belong to, and each batch drops its worst 15 % of rows. Views are brought to robust
z-scores of their logarithm among training rows, and added with the weights of
`WEIGHTS`.

    python benchmarks/anomaly_views.py --data DIR --work FOLDER [--only 47_yeast,...]

FOLDER keeps the views of each set, so that other weights cost nothing.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors
from torch import nn

MOST = 10_000
SCALES = (0.1, 0.2, 0.36, 0.66, 1.2, 2.2, 4.0)
WEIGHTS = {
    "hidden": {"hidden": 1},
    "margin": {"margin": 1},
    "pull 0.66": {"pull 0.66": 1},
    "pull 4.0": {"pull 4.0": 1},
    "hidden + 0.3 margin": {"hidden": 1, "margin": 0.3},
    "hidden + 0.6 margin": {"hidden": 1, "margin": 0.6},
    "hidden + margin": {"hidden": 1, "margin": 1},
    "hidden + 0.3 margin + 0.3 pull 4": {"hidden": 1, "margin": 0.3, "pull 4.0": 0.3},
    "hidden + 0.3 pull 4": {"hidden": 1, "pull 4.0": 0.3},
    "hidden + 0.3 margin + 0.3 pull 1.2": {"hidden": 1, "margin": 0.3, "pull 1.2": 0.3},
}


class Residual(nn.Module):
    def __init__(self, inputs, outputs, width=192):
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width),
                nn.Linear(width, width),
                nn.SiLU(),
                nn.Linear(width, width),
            )
            for _ in range(2)
        )
        self.last = nn.Sequential(
            nn.LayerNorm(width), nn.SiLU(), nn.Linear(width, outputs)
        )

    def forward(self, x):
        h = self.first(x)
        for block in self.blocks:
            h = h + block(h)
        return self.last(h)


class Hider(nn.Module):
    """Rebuilds hidden cells; told which."""

    def __init__(self, columns):
        super().__init__()
        self.net = Residual(2 * columns, columns)

    def forward(self, x, visible):
        return self.net(torch.cat([x * visible, visible], 1))

    def loss(self, x):
        share = torch.empty(len(x), 1).uniform_(0.1, 0.6)
        visible = (torch.rand_like(x) >= share).float()
        errors = (self(x, visible) - x).square().clamp(max=50) * (1 - visible)
        return errors.sum(1) / (1 - visible).sum(1).clamp(min=1)

    @torch.no_grad()
    def view(self, x, rounds=6, parts=4):
        """Squared error of each cell when it is hidden with a quarter of the others."""
        order, columns = torch.Generator().manual_seed(0), x.shape[1]
        errors = torch.zeros_like(x)
        for _ in range(rounds):
            shuffled = torch.randperm(columns, generator=order)
            for hidden in shuffled.chunk(min(parts, columns)):
                visible = torch.ones_like(x)
                visible[:, hidden] = 0
                errors[:, hidden] += (self(x, visible) - x).square()[:, hidden]
        return (errors / rounds).numpy()


class Denoiser(nn.Module):
    """Predicts the noise; told its scale."""

    def __init__(self, columns):
        super().__init__()
        self.net = Residual(columns + 16, columns)
        self.register_buffer("waves", torch.exp(torch.linspace(-1, 3, 8)))

    def forward(self, x, scale):
        angle = scale.log()[:, None] * self.waves
        shrunk = x / (1 + scale.square())[:, None].sqrt()
        return self.net(torch.cat([shrunk, angle.sin(), angle.cos()], 1))

    def loss(self, x):
        scale = torch.empty(len(x)).uniform_(np.log(0.05), np.log(5.0)).exp()
        noise = torch.randn_like(x)
        return (self(x + scale[:, None] * noise, scale) - noise).square().mean(1)

    @torch.no_grad()
    def view(self, x):
        moved = [self(x, torch.full((len(x),), s)).square().sum(1) for s in SCALES]
        return torch.stack(moved, 1).numpy()


def trained(net, x, steps, trim):
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3, fused=True)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(steps):
        losses = net.loss(x[torch.randint(len(x), (256,))])
        if trim:
            losses = losses.topk(int(len(losses) * (1 - trim)), largest=False).values
        losses.mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        rate.step()
    return net.eval()


def load(path):
    with np.load(path, allow_pickle=False) as file:
        x, y = file["X"].astype(float), file["y"].astype(int)
    if len(x) <= MOST:
        return x, y
    chance = np.random.default_rng(0)
    odd, usual = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    count = min(len(odd), max(20, round(MOST * len(odd) / len(x))))
    picked = [
        chance.choice(odd, count, replace=False),
        chance.choice(usual, MOST - count, replace=False),
    ]
    rows = chance.permutation(np.concatenate(picked))
    return x[rows], y[rows]


def settings(x, y):
    usual = np.random.default_rng(100).permutation(np.flatnonzero(y == 0))
    half = len(usual) // 2
    test = np.concatenate([usual[half:], np.flatnonzero(y == 1)])
    yield "one-class", *standardised(x[usual[:half]], x[test]), y[test]
    yield "unsupervised", *standardised(x, x), y


def standardised(train, test):
    mean, scale = train.mean(0), train.std(0)
    scale[scale == 0] = 1
    return [np.clip((rows - mean) / scale, -30, 30) for rows in (train, test)]


def views(train, test, setting):
    """Errors of hidden cells and pulls, of training rows and of test rows."""
    rows = [torch.tensor(r, dtype=torch.float32) for r in (train, test)]
    columns = train.shape[1]
    if setting == "one-class":
        nets = [
            trained(make(columns), rows[0], steps, 0.0)
            for make, steps in ((Hider, 2000), (Denoiser, 1500))
        ]
        return {
            f"{type(net).__name__} {name}": net.view(r)
            for net in nets
            for name, r in zip(("train", "test"), rows, strict=True)
        }
    fold = np.random.default_rng(0).permutation(len(train)) % 3
    found = {}
    for make in (Hider, Denoiser):
        answer = None
        for k in range(3):
            net = trained(make(columns), rows[0][fold != k], 600, 0.15)
            part = net.view(rows[0][fold == k])
            if answer is None:
                answer = np.zeros((len(train), part.shape[1]), np.float32)
            answer[fold == k] = part
        found |= {f"{make.__name__} {name}": answer for name in ("train", "test")}
    return found


def margin(train, rows):
    """-log of a histogram's share, and beyond it the log of the distance, averaged."""
    total = np.zeros(len(rows))
    bins = min(20, max(5, int(len(train) ** 0.33)))
    for j in range(train.shape[1]):
        counts, edges = np.histogram(train[:, j], bins)
        width = max(edges[1] - edges[0], 1e-12)
        place = np.floor((rows[:, j] - edges[0]) / width).astype(int)
        share = (counts + 0.5) / (len(train) + 0.5 * bins)
        beyond = np.maximum(edges[0] - rows[:, j], rows[:, j] - edges[-1])
        outside = (place < 0) | (place > bins)
        found = share[np.clip(place, 0, bins - 1)]
        found[outside] = 0.5 / (len(train) + 1)
        total += -np.log(found) + np.log1p(np.maximum(beyond, 0) / width)
    return total / train.shape[1]


def standing(score, reference):
    """Robust z-score of the logarithm of a score among reference scores."""
    usual = np.log(reference + 1e-9)
    low, middle, high = np.quantile(usual, [0.25, 0.5, 0.75])
    return (np.log(score + 1e-9) - middle) / ((high - low) / 1.349 + 1e-6)


def standings(found, train, test):
    typical = np.median(found["Hider train"], axis=0) + 1e-3
    hidden = [
        np.minimum(found[f"Hider {part}"] / typical, 100).mean(1)
        for part in ("test", "train")
    ]
    pulls = {
        f"pull {scale}": (found["Denoiser test"][:, i], found["Denoiser train"][:, i])
        for i, scale in enumerate(SCALES)
    }
    sides = margin(train, test), margin(train, train)
    every = {"hidden": hidden, "margin": sides, **pulls}
    return {name: standing(*pair) for name, pair in every.items()}


def peers(train, test):
    same = int(train.shape == test.shape and np.array_equal(train, test))
    near = NearestNeighbors(n_neighbors=5 + same).fit(train).kneighbors(test)[0]
    forest = IsolationForest(random_state=0).fit(train).score_samples(test)
    return {"kNN (k = 5)": near[:, -1], "isolation forest": -forest}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--work", default="anomaly-views", type=Path)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.work.mkdir(exist_ok=True)
    files = sorted((Path(args.data) / "adbench").glob("*.npz"))
    chosen = args.only.split(",") if args.only else [f.stem for f in files]
    figures = {}
    for file in (f for f in files if f.stem in chosen):
        for setting, train, test, y in settings(*load(file)):
            started = time.perf_counter()
            kept = args.work / f"{setting}-{file.stem}.npz"
            if not kept.exists():
                np.savez(kept, **views(train, test, setting))
            found = standings(dict(np.load(kept)), train, test)
            scores = peers(train, test) | {
                name: sum(w * found[v] for v, w in weights.items())
                for name, weights in WEIGHTS.items()
            }
            for name, score in scores.items():
                pair = roc_auc_score(y, score), average_precision_score(y, score)
                figures.setdefault((setting, name), []).append(pair)
            print(setting, file.stem, f"{time.perf_counter() - started:.0f} s")
    for (setting, name), pairs in figures.items():
        auc, precision = 100 * np.mean(pairs, axis=0)
        print(f"{setting:<13} {name:<36} ROC-AUC {auc:.2f}  AP {precision:.2f}")


if __name__ == "__main__":
    main()
