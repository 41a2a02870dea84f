"""The maximum mean discrepancy."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from isthmus.parts import Encoder, Term
from isthmus.terms._pairs import squared_distances

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.trace import Trace


class Mmd(Term):
    """MMD^2 between the codes of a batch and N(0, I) (Tolstikhin et al., 2018).

    Biased estimate with as many draws from the prior as codes, and the inverse
    multiquadratic kernel k(a, b) = C / (C + |a - b|^2), C = 2 D.
    """

    draws: ClassVar[bool] = True

    def mixes(self) -> bool:
        """It compares the rows of a batch."""
        return True

    def __call__(self, trace: Trace, model: Encoder) -> Tensor:
        """Cost of the batch, ()."""
        z = trace.one(trace.code.value)
        prior = torch.randn_like(z)
        return _kernel(z, z) + _kernel(prior, prior) - 2 * _kernel(z, prior)


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    """Mean of k over all pairs."""
    width = 2.0 * a.shape[-1]
    return (width / (width + squared_distances(a, b))).mean((-2, -1))
