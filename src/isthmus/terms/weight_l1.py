"""L1 on the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from pydantic import NonNegativeFloat

from isthmus.parts import Encoder, Term

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.trace import Trace


class WeightL1(Term):
    """sum of |w| over the weights of encoder and decoder (Tibshirani, 1996).

    Biases and normalisation are spared. The loss is in nats per example, so
    ``weight`` is lambda / n where a paper writes lambda |w| beside a sum over n rows.
    """

    weight: NonNegativeFloat = 1e-5

    def __call__(self, trace: Trace, model: Encoder) -> Tensor:
        """Cost of the batch, ()."""
        rows = trace.x.shape[: trace.features.dim() - 2]
        sizes = [w.reshape(*rows, -1).abs().sum(-1) for w in model.weights()]
        return torch.stack(sizes).sum(0)
