"""The L1 sparsity penalty on the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.parts import Encoder, Term

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.trace import Trace


class L1(Term):
    """sum_j |z_j|, averaged over the draws of the code (Olshausen & Field, 1996)."""

    def __call__(self, trace: Trace, model: Encoder) -> Tensor:
        """Cost of each example, (B,)."""
        return trace.average(trace.code.value.abs().sum(-1))
