"""No corruption."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from isthmus.parts import Corruption
from isthmus.trace import Corrupted

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.layout import Layout


class Identity(Corruption):
    """x -> x."""

    draws: ClassVar[bool] = False

    def __call__(
        self, x: Tensor, layout: Layout, visible: Tensor | None = None
    ) -> Corrupted:
        """Return ``x`` itself."""
        del layout
        return Corrupted(x)
