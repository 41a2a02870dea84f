"""L2 on the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from pydantic import NonNegativeFloat

from isthmus.parts import Encoder, Term

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.trace import Trace


class WeightL2(Term):
    """sum of w^2 over the weights of encoder and decoder (Krogh & Hertz, 1991).

    Biases and normalisation are spared. The loss is in nats per example, so
    ``weight`` is lambda / n where a paper writes lambda |w|^2 beside a sum over n rows.
    """

    weight: NonNegativeFloat = 1e-4

    def __call__(self, trace: Trace, model: Encoder) -> Tensor:
        """Cost of the batch, ()."""
        rows = trace.x.shape[: trace.features.dim() - 2]
        squares = [w.reshape(*rows, -1).square().sum(-1) for w in model.weights()]
        return torch.stack(squares).sum(0)
