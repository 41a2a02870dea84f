"""A way to find anomalies in series, tried before it is built: docs/notes/series.md.

Autoencoders of windows of two lengths. The error of a cell, over what its column has in
training, is averaged over columns and over time, the longer the fewer the columns; the
two lengths are added, each over a high quantile of its training scores. Columns of two
values, such as commands, weigh together as much as one column of numbers. To be
replaced by the product's detector.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import nn

VERSION = "2"
LENGTHS, SIZE, WIDTH, STEPS, BATCH, RATE = (20, 100), 16, 192, 500, 64, 2e-3
PARTS, NEAR, FLOOR, QUANTILE, BLOCK = 4, 2.0, 1e-3, 0.99, 256


class View(nn.Module):
    """An autoencoder of windows (B, length, columns), and what errors are usual."""

    def __init__(self, length, columns):
        super().__init__()
        self.length, cells = length, length * columns
        widths = [cells, WIDTH, WIDTH, SIZE, WIDTH, WIDTH, cells]
        layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
        gelu = [nn.GELU(), nn.GELU(), nn.Identity()]
        both = zip(layers, gelu + gelu, strict=True)
        self.net = nn.Sequential(*(part for pair in both for part in pair))

    def forward(self, windows):
        """Squared errors of windows: (B, length, columns)."""
        found = self.net(windows.flatten(1)).view_as(windows)
        return (found - windows) ** 2

    def fit(self, rows, weights, generator):
        """Train on windows drawn at random of rows (time, columns)."""
        windows = rows.unfold(0, self.length, 1).transpose(1, 2)
        adam = torch.optim.AdamW(self.parameters(), RATE, weight_decay=1e-4)
        plan = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, STEPS, pct_start=0.1)
        for _ in range(STEPS):
            drawn = torch.randint(len(windows), (BATCH,), generator=generator)
            adam.zero_grad()
            self(windows[drawn]).mean().backward()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            adam.step()
            plan.step()
        errors = self.errors(rows)
        self.over = weights / (errors.mean(0) + FLOOR)
        # an error of few columns is rough: it takes more time to make it as smooth
        self.near = max(int(NEAR * self.length * np.sqrt((weights**2).sum())), 1)
        self.high = np.quantile(self.smooth(errors @ self.over), QUANTILE) + FLOOR**2

    @torch.no_grad()
    def errors(self, rows):
        """The mean error of a cell over windows that cover it: (time, columns)."""
        last, stride = len(rows) - self.length, max(self.length // PARTS, 1)
        starts = np.unique([*range(0, last, stride), last])
        windows = rows.unfold(0, self.length, 1).transpose(1, 2)
        total, count = np.zeros(rows.shape), np.zeros((len(rows), 1))
        for some in np.array_split(starts, -(-len(starts) // BLOCK)):
            for start, errors in zip(some, self(windows[some]).numpy(), strict=True):
                total[start : start + self.length] += errors
                count[start : start + self.length] += 1
        return total / count

    def smooth(self, errors):
        """The mean of errors (time,) over what is near; over fewer at the ends."""
        sums = np.cumsum(np.concatenate([[0.0], errors]))
        at = np.arange(len(errors))
        first = np.maximum(at - self.near // 2, 0)
        last = np.minimum(at + (self.near + 1) // 2, len(errors))
        return (sums[last] - sums[first]) / (last - first)

    def score(self, rows):
        return self.smooth(self.errors(rows) @ self.over) / self.high


class WindowAutoencoders:
    """Views of two lengths on one series of rows (time, columns)."""

    def __init__(self, seed):
        self.seed = seed

    def fit(self, rows):
        spread = rows.std(axis=0)
        self.mean, self.spread = rows.mean(axis=0), np.where(spread > 0, spread, 1.0)
        few = np.array([len(np.unique(column)) <= 2 for column in rows.T])
        weights = np.where(few, 1 / max(few.sum(), 1), 1.0)
        weights = weights / weights.sum()
        seen, self.views = self.scaled(rows), []
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            for length in sorted({max(min(n, len(rows) // 4), 1) for n in LENGTHS}):
                view = View(length, rows.shape[1])
                view.fit(seen, weights, torch.Generator().manual_seed(self.seed))
                self.views.append(view)

    def scaled(self, rows):
        return torch.as_tensor((rows - self.mean) / self.spread, dtype=torch.float32)

    def score(self, rows):
        """(time,), higher where odder."""
        return sum(view.score(self.scaled(rows)) for view in self.views)


TRIALS = {"trial:windows": WindowAutoencoders}
