"""Total correlation of the code."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import NonNegativeFloat

from isthmus.parts import Encoder, Term, Trait

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.trace import Trace


class TotalCorrelation(Term):
    """KL(q(z) || prod_j q(z_j)): 0 where the code entries are independent.

    q is estimated from the batch: log q(z_i) ~ log (1/B) sum_k q(z_i|x_k). The paper
    divides by N more, N training rows (Chen et al., 2018, eq. S4); left out here, as
    it adds the constant (D - 1) log N. Beside a Rate of weight 1, ``weight`` is the
    beta - 1 of the beta-TCVAE.
    """

    needs: ClassVar[frozenset[Trait]] = frozenset({"Gaussian"})

    weight: NonNegativeFloat = 5.0

    def mixes(self) -> bool:
        """It compares the rows of a batch."""
        return True

    def __call__(self, trace: Trace, model: Encoder) -> Tensor:
        """Cost of each example, (B,)."""
        code = trace.code
        assert code.mean is not None  # promised by ``needs``
        assert code.log_scale is not None
        z, mean, log_scale = (
            trace.one(code.value).unsqueeze(-2),
            code.mean.unsqueeze(-3),
            code.log_scale.unsqueeze(-3),
        )
        error = (z - mean) * (-log_scale).exp()
        pairs = -0.5 * (error.square() + math.log(2 * math.pi)) - log_scale
        size, log_batch = pairs.shape[-1], math.log(pairs.shape[-2])
        joint = pairs.sum(-1).logsumexp(-1) - log_batch
        marginals = pairs.logsumexp(-2).sum(-1) - size * log_batch
        return joint - marginals
