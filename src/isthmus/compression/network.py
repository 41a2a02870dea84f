"""A masked autoencoder of the symbols of a row, trained to be short."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn

from isthmus.compression.column import UNIT
from isthmus.compression.exact import FINE
from isthmus.trace import Batch, Code, Context, Corrupted, Progress, Trace
from isthmus.training import Trainer, Training, progress, seeded

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from isthmus.compression.coder import Reader, Writer
    from isthmus.compression.column import Column

PRECISION = 32
"""Steps of a weight in 1."""

LARGEST = 2047
"""No weight has more steps."""

PRICE = 7.0
"""Nats that a weight of 1 costs: weights of about 1 / PRICE are usual."""

NEVER = 1e4
"""Nats of a symbol that a column does not have."""

ROWS, ENTRIES, STEPS = 2**16, 2**26, 2000
"""At most so many rows, and entries of rows, train; in about so many steps."""


class Weights(NamedTuple):
    """Whole numbers, in steps of 1 / PRECISION."""

    inward: NDArray[np.float64]
    """(H, told): from what columns tell to hidden units."""
    shift: NDArray[np.float64]
    """(H,)."""
    outward: NDArray[np.float64]
    """(asked, H): from hidden units to what columns ask for."""
    straight: NDArray[np.float64]
    """(asked, told): past the hidden units."""


class Places(NamedTuple):
    """Which entries and units belong to which column, in the order of coding."""

    told: NDArray[np.int64]
    asked: NDArray[np.int64]
    units: NDArray[np.int64]
    """(H,): the last column that each hidden unit sees."""

    @classmethod
    def of(cls, columns: list[Column], hidden: int) -> Places:
        """Hidden units are spread over the columns."""
        count = len(columns)
        told = np.repeat(np.arange(count), [c.told for c in columns])
        asked = np.repeat(np.arange(count), [c.asked for c in columns])
        return cls(told, asked, np.arange(hidden) * max(count - 1, 1) // max(hidden, 1))

    def masks(self) -> Weights:
        """1 where a weight may stand: nothing that comes later is ever seen."""
        return Weights(
            (self.told[None] <= self.units[:, None]).astype(np.float64),
            np.ones(len(self.units)),
            (self.units[None] < self.asked[:, None]).astype(np.float64),
            (self.told[None] < self.asked[:, None]).astype(np.float64),
        )


def transcribe(
    weights: Weights | None, places: Places, coder: Writer | Reader
) -> Weights:
    """Send weights through a coder, or read them: only where one may stand."""
    found = []
    for j, mask in enumerate(places.masks()):
        made = np.zeros(mask.shape)
        known = made if weights is None else weights[j]
        here = mask > 0
        made[here] = coder.parameters(known[here].astype(np.int64))
        found.append(made)
    return Weights(*found)


def train(
    columns: list[Column],
    rows: NDArray[np.float32],
    hidden: int,
    total: int,
    *,
    seed: int,
    verbose: int,
) -> Weights:
    """Weights that make ``total`` rows and themselves as short as they can be.

    ``rows`` (n, told + columns) hold what columns tell, and then their symbols.
    """
    with seeded(seed, torch.device("cpu")):
        network = Network(columns, hidden, total)
    count = len(rows)
    size = max(min(count // 16, 512), 16)
    epochs = max(STEPS * size // count, 4)
    training = Training(epochs=epochs, batch_size=size, learning_rate=8e-3, patience=0)
    with progress(count, verbose=verbose) as tell:
        data = Batch(torch.from_numpy(rows))
        Trainer(network, training, seed).fit(data, tell=tell)
    return network.rounded_weights()


class Group:
    """Columns of about as many symbols, which are computed at once."""

    def __init__(self, columns: list[Column], places: Places, which: list[int]) -> None:
        some = [columns[j] for j in which]
        shape = max(c.asked for c in some), max(c.count for c in some)
        base = np.full((len(some), shape[1]), -NEVER)
        asks = np.zeros((len(some), *shape))
        entries = np.zeros((len(some), shape[0]), dtype=np.int64)
        for i, column in enumerate(some):
            base[i, : column.count] = column.base / FINE
            asks[i, : column.asked, : column.count] = column.asks() / UNIT**2
            here = np.flatnonzero(places.asked == which[i])
            entries[i, : column.asked] = here
        self.base, self.asks = (torch.from_numpy(a).float() for a in (base, asks))
        self.entries, self.which = torch.from_numpy(entries), torch.tensor(which)

    def nats(self, asked: Tensor, symbols: Tensor) -> Tensor:
        """-log p of the symbols of these columns, (B,)."""
        wide = asked[:, self.entries].transpose(0, 1)
        logits = self.base[:, None] + wide @ self.asks
        truth = symbols[:, self.which].long().T
        cost: Tensor = nn.functional.cross_entropy(
            logits.flatten(0, 1), truth.flatten(), reduction="none"
        )
        total: Tensor = cost.view(truth.shape).sum(0)
        return total


class Network(nn.Module):
    """log p(x) = sum_j log p(x_j | x_1, ..., x_j-1) (MADE; Germain et al., 2015).

    logits_j = base_j + (W h + V x)_j A_j with h = relu(U x + c), where masks keep away
    what comes later, A_j says what a column asks for, and all weights are rounded.
    """

    replayable = True

    def __init__(self, columns: list[Column], hidden: int, total: int) -> None:
        super().__init__()
        self.columns, self.total = columns, total
        places = Places.of(columns, hidden)
        self.width = len(places.told)
        masks = [torch.from_numpy(mask).float() for mask in places.masks()]
        self.masks = masks
        spread = max(self.width, 1) ** -0.5
        scales = (spread, 0.0, 0.01, 0.0)
        self.weights = nn.ParameterList(
            scale * torch.randn_like(mask)
            for mask, scale in zip(masks, scales, strict=True)
        )
        kinds: dict[tuple[bool, int], list[int]] = {}
        for j, column in enumerate(columns):
            if column.asked:
                kind = column.named, (column.count - 1).bit_length()
                kinds.setdefault(kind, []).append(j)
        self.groups = [Group(columns, places, which) for which in kinds.values()]

    def mixing(self) -> list[str]:
        """Rows make no difference to others."""
        return []

    def forward(
        self,
        batch: Batch,
        progress: Progress,
        *,
        chance: bool | None = None,
        corrupted: Corrupted | None = None,
    ) -> Trace:
        """Nats of each row."""
        told, symbols = batch.x.tensor_split([self.width], dim=1)
        inward, shift, outward, straight = self._rounded()
        hidden = torch.relu(told @ inward.T + shift)
        asked = hidden @ outward.T + told @ straight.T
        nats = torch.stack([g.nats(asked, symbols) for g in self.groups]).sum(0)
        return Trace(
            x=batch.x,
            visible=None,
            corrupted=batch.x,
            context=Context(),
            features=hidden,
            code=Code(hidden),
            params=asked,
            judged=None,
            distortion=nats,
            progress=progress,
        )

    def loss(
        self, trace: Trace, cutoff: float | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Nats a row, and the share of a row in what the weights cost."""
        size = torch.stack([w.abs().sum() for w in self._masked()]).sum()
        parts = {
            "cells": trace.distortion.mean(),
            "weights": PRICE / self.total * size,
        }
        return parts["cells"] + parts["weights"], parts

    def metric(self, trace: Trace) -> tuple[str, Tensor, Tensor | int]:
        """Nats a cell."""
        cells = len(trace.x) * len(self.columns)
        return "nll", trace.distortion.detach().sum(), cells

    def rounded_weights(self) -> Weights:
        """In whole steps."""
        with torch.no_grad():
            steps = [(w * PRECISION).round() for w in self._masked()]
        kept = [s.clamp(-LARGEST, LARGEST).double().numpy() + 0.0 for s in steps]
        return Weights(*kept)

    def _masked(self) -> list[Tensor]:
        return [w * mask for w, mask in zip(self.weights, self.masks, strict=True)]

    def _rounded(self) -> list[Tensor]:
        """Gradients pass as if nothing were rounded."""
        return [
            w + ((w * PRECISION).round() / PRECISION - w).detach()
            for w in self._masked()
        ]
