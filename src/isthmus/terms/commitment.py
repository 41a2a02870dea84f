"""The commitment of features to their codebook vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import NonNegativeFloat

from isthmus.parts import Encoder, Term, Trait

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.trace import Trace


class Commitment(Term):
    """|sg(h) - e|^2 + c |h - sg(e)|^2, sg stops the gradient (van den Oord, 2017).

    The first addend moves the chosen vector e, the second the features h; c is
    ``cost``.
    """

    needs: ClassVar[frozenset[Trait]] = frozenset({"from a codebook"})

    cost: NonNegativeFloat = 0.25

    def __call__(self, trace: Trace, model: Encoder) -> Tensor:
        """Cost of each example, (B,)."""
        chosen, features = trace.code.chosen, trace.features
        assert chosen is not None  # promised by ``needs``
        learn = (features.detach() - chosen).square().sum(-1)
        commit = (features - chosen.detach()).square().sum(-1)
        return learn + self.cost * commit

    def report(self, trace: Trace) -> dict[str, Tensor]:
        """How many codebook vectors these examples use."""
        assert trace.code.indices is not None  # promised by ``needs``
        used = trace.code.indices.unique().numel()
        return {"codes_used": trace.features.new_tensor(float(used))}
