"""Figures of a fitted model on given rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from isthmus.training import check, seeded

if TYPE_CHECKING:
    from isthmus.estimator.preparation import Data
    from isthmus.model import AutoencoderModule

MOST = 65_536
"""Rows that the reports of terms look at."""

CELLS = 2**27
"""Entries of these rows, at most."""


def evaluate(module: AutoencoderModule, batch: Data, seed: int) -> dict[str, Any]:
    """Loss, terms and metric, and the report of every term as numpy arrays."""
    figures: dict[str, Any] = dict(check(module, batch, seed))
    most = min(MOST, max(CELLS // batch.event.numel(), 1))
    few = batch.slice(0, min(len(batch), most))
    with seeded(seed, batch.x.device), torch.no_grad():
        trace = module(few, chance=True)
    for name, term in module.costs.items():
        for figure, value in term.report(trace).items():
            plain = value.cpu().numpy()
            figures[f"{name}.{figure}"] = plain if plain.ndim else plain.item()
    return figures
