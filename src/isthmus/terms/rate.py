"""The rate term."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import NonNegativeFloat

from isthmus.parts import Encoder, Share, Term, Trait

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.trace import Trace


class Rate(Term):
    """sum_j KL(q(z_j|x) || p(z_j)); ``weight`` is the beta of the beta-VAE.

    (Higgins et al., 2017.) ``warm_up`` is the share of training over which the weight
    grows from 0 (Bowman et al., 2016). ``free_nats`` is what each entry may cost, in
    the mean over the batch, before it is charged (Kingma et al., 2016).
    """

    needs: ClassVar[frozenset[Trait]] = frozenset({"priced"})

    warm_up: Share = 0.0
    free_nats: NonNegativeFloat = 0.0

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Plain, and with free nats and a warm-up."""
        return cls(), cls(weight=4.0, warm_up=0.2, free_nats=0.01)

    def mixes(self) -> bool:
        """Free nats are granted to the mean over the batch."""
        return self.free_nats > 0

    def __call__(self, trace: Trace, model: Encoder) -> Tensor:
        """Cost of each example, (B,); of the batch, (), with free nats."""
        rate = trace.code.rate
        assert rate is not None  # promised by ``needs``
        cost = rate.sum(-1)
        if self.free_nats:
            cost = rate.mean(-2).clamp_min(self.free_nats).sum(-1)
        if self.warm_up:
            cost = cost * trace.progress.warmth(self.warm_up)
        return cost

    def report(self, trace: Trace) -> dict[str, Tensor]:
        """Mean KL of each code entry, (D,): those near 0 carry nothing."""
        rate = trace.code.rate
        assert rate is not None  # promised by ``needs``
        return {"rate_per_entry": rate.mean(-2)}
