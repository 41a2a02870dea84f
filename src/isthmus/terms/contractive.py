"""The contractive penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

import torch
from pydantic import PositiveInt

from isthmus.errors import RecipeError
from isthmus.parts import Encoder, Term, Trait
from isthmus.trace import Batch

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.layout import Layout
    from isthmus.trace import Trace


class Contractive(Term):
    """|dz/dx|_F^2 at the clean x, z at its mode (Rifai et al., 2011).

    Over the entries of x that vary continuously and are not missing. Exact, at one
    backward pass per code entry; with ``probes`` an unbiased estimate E_v |J^T v|^2
    from that many random sign vectors v (Hutchinson, 1990), for wide codes.
    """

    needs: ClassVar[frozenset[Trait]] = frozenset({"differentiable"})
    draws: ClassVar[bool] = True

    probes: PositiveInt | None = None

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Exact, and estimated."""
        return cls(), cls(probes=2)

    def check(self, layout: Layout) -> None:
        """Refuse data without a continuous entry: there is no derivative to shrink."""
        if not layout.contents & {"real", "unit", "binary"}:
            raise RecipeError(
                f"{self!r} needs entries that vary continuously, and the data holds "
                f"{sorted(layout.contents)}. Leave the term out."
            )

    def __call__(self, trace: Trace, model: Encoder) -> Tensor:
        """Cost of each example, (B,)."""
        with torch.enable_grad():
            x = trace.x.detach().requires_grad_()
            z = model.encode(Batch(x, trace.visible))
            pulled = [
                torch.autograd.grad(z, x, v, create_graph=True)[0]
                for v in self._directions(z)
            ]
        counted = model.continuous()
        if trace.visible is not None:
            counted = counted * trace.visible
        rows = z.dim() - 1
        costs = [(p * counted).square().flatten(rows).sum(-1) for p in pulled]
        total = torch.stack(costs).sum(0)
        return total if self.probes is None else total / self.probes

    def _directions(self, z: Tensor) -> list[Tensor]:
        """Unit vectors, or random sign vectors, each like ``z``."""
        if self.probes is None:
            eye = torch.eye(z.shape[-1], dtype=z.dtype, device=z.device)
            return [row.expand_as(z) for row in eye]
        return [2 * torch.rand_like(z).round() - 1 for _ in range(self.probes)]
