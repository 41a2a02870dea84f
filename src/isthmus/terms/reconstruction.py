"""The reconstruction term."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.parts import Encoder, Term

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.trace import Trace


class Reconstruction(Term):
    """-E_q[log p(x|z)], averaged over the draws of the code."""

    def __call__(self, trace: Trace, model: Encoder) -> Tensor:
        """Cost of each example, (B,)."""
        return trace.average(trace.distortion)
