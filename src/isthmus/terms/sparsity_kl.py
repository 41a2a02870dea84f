"""The KL sparsity penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field

from isthmus.parts import Encoder, Term, Trait

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.trace import Trace


class SparsityKl(Term):
    """sum_j KL(Bernoulli(t) || Bernoulli(a_j)), a_j the batch mean of z_j (Ng, 2011).

    ``target`` is t, the wanted share of the time that an entry is active.
    """

    needs: ClassVar[frozenset[Trait]] = frozenset({"between 0 and 1"})

    target: Annotated[float, Field(gt=0, lt=1)] = 0.05

    def mixes(self) -> bool:
        """It compares the rows of a batch."""
        return True

    def __call__(self, trace: Trace, model: Encoder) -> Tensor:
        """Cost of the batch, ()."""
        mean = trace.average(trace.code.value).mean(-2)
        t, a = self.target, mean.clamp(1e-6, 1 - 1e-6)
        on, off = t * torch.log(t / a), (1 - t) * torch.log((1 - t) / (1 - a))
        return (on + off).sum(-1)

    def report(self, trace: Trace) -> dict[str, Tensor]:
        """Mean activation of each code entry, (D,)."""
        return {"mean_activation": trace.average(trace.code.value).mean(-2)}
