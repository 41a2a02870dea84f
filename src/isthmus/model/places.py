"""A bottleneck at each of several places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.parts import BottleneckModule

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.trace import Code


class Places(BottleneckModule):
    """The same bottleneck at P places; their codes lie side by side, (B, P D)."""

    def __init__(self, inner: BottleneckModule, places: int) -> None:
        super().__init__()
        self.inner, self.places = inner, places

    def forward(self, features: Tensor) -> Code:
        """Codes of all places, from features (B, P H)."""
        return _together(self.inner(self._apart(features)))

    def mode(self, features: Tensor) -> Tensor:
        """The most typical code of each place."""
        z: Tensor = self.inner.mode(self._apart(features)).flatten(-2)
        return z

    def typical(self, features: Tensor) -> Code:
        """The same, and what is told beside it."""
        return _together(self.inner.typical(self._apart(features)))

    def sample(self, n: int) -> Tensor:
        """Draw ``n`` codes at each place."""
        apart: Tensor = self.inner.sample(n * self.places).unflatten(0, (n, -1))
        return apart.flatten(1)

    def _apart(self, features: Tensor) -> Tensor:
        apart: Tensor = features.unflatten(-1, (self.places, -1))
        return apart


def _together(code: Code) -> Code:
    """A code of (..., P, D) as one of (..., P D)."""
    side = {
        name: value.flatten(-2)
        for name in ("value", "rate", "mean", "log_scale", "chosen")
        if (value := getattr(code, name)) is not None
    }
    if code.log_ratio is not None:
        side["log_ratio"] = code.log_ratio.sum(-1)
    return code._replace(**side)
