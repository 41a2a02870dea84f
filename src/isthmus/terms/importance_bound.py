"""The importance-weighted bound."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from isthmus.parts import Encoder, Term, Trait

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.trace import Trace


class ImportanceBound(Term):
    """-log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x) (Burda et al., 2016).

    K is the bottleneck's ``draws``; one draw gives the sampled ELBO.
    """

    needs: ClassVar[frozenset[Trait]] = frozenset({"drawn at random"})
    replaces: ClassVar[frozenset[str]] = frozenset({"reconstruction", "rate"})

    def __call__(self, trace: Trace, model: Encoder) -> Tensor:
        """Cost of each example, (B,)."""
        assert trace.code.log_ratio is not None  # promised by ``needs``
        log_weights = -trace.distortion - trace.code.log_ratio
        if trace.one(log_weights) is log_weights:
            return -log_weights
        return math.log(len(log_weights)) - log_weights.logsumexp(0)
