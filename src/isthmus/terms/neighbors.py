"""Neighbours in the data stay neighbours in the code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from pydantic import PositiveInt

from isthmus.errors import RecipeError
from isthmus.parts import Encoder, Term
from isthmus.terms._pairs import squared_distances

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.layout import Layout
    from isthmus.trace import Trace


class Neighbors(Term):
    """Cross-entropy, in nats, of finding the nearest rows of x by their codes.

    The mean of -log q(j|i) over the ``k`` rows j of the batch that are nearest to row i
    in x; q(j|i) is in proportion to 1 / (1 + |z_i - z_j|^2) over all j other than i.
    These are t-SNE's heavy tails (van der Maaten & Hinton, 2008), for an encoder that
    learns by batches (van der Maaten, 2009), with equal weights for the nearest
    (Boehm et al., 2022). Near in x is near in the entries that vary continuously, as
    they are after scaling, and that are missing in neither row.

    Of a batch of B among n rows, ``k`` are about the nearest k n / B: large batches
    (2,000) keep what is near, small ones what is far.
    """

    k: PositiveInt = 2

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Of two neighbours, and of one."""
        return cls(), cls(k=1)

    def mixes(self) -> bool:
        """It compares the rows of a batch."""
        return True

    def check(self, layout: Layout) -> None:
        """Refuse data without a continuous entry: nothing says which rows are near."""
        if not layout.contents & {"real", "unit", "binary"}:
            raise RecipeError(
                f"{self!r} compares entries that vary continuously, and the data holds "
                f"{sorted(layout.contents)}. Leave the term out."
            )

    def __call__(self, trace: Trace, model: Encoder) -> Tensor:
        """Cost of each example, (B,)."""
        z = trace.one(trace.code.value)
        others = z.shape[-2] - 1
        if others == 0:
            return z.new_zeros(z.shape[:-1])
        itself = torch.eye(others + 1, dtype=torch.bool, device=z.device)
        far = _distances(trace, model.continuous()).masked_fill(itself, torch.inf)
        near = far.topk(min(self.k, others), largest=False).indices
        apart = squared_distances(z, z).log1p().masked_fill(itself, torch.inf)
        return (-apart).logsumexp(-1) + apart.gather(-1, near).mean(-1)


@torch.no_grad()
def _distances(trace: Trace, counted: Tensor) -> Tensor:
    """Mean squared difference of the counted entries that both rows hold, (B, B)."""
    rows = trace.features.dim() - 1
    x = (trace.x * counted).flatten(rows)
    if trace.visible is None:
        return squared_distances(x, x)
    seen = (trace.visible * counted).flatten(rows)
    squares, cells = x.square(), seen @ seen.mT
    total = squares @ seen.mT + seen @ squares.mT - 2 * x @ x.mT
    nothing = torch.finfo(total.dtype).max
    return (total / cells.clamp_min(1)).masked_fill(cells == 0, nothing)
