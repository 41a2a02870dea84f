"""What a column is to the network: what it tells, and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.compression.exact import FINE
from isthmus.compression.symbols import Symbols

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.compression.coder import Reader, Writer

    Whole = NDArray[np.int64]

UNIT = 16
"""Steps of what a column tells in 1, in one standard deviation say."""

FAR = 4
"""Standard deviations beyond which numbers are told no further."""

COARSE = FINE // 4
"""Steps of the logarithm of a frequency: a quarter of a nat costs .003 nats a cell."""


@dataclass
class Column:
    """Whole numbers, or names by their number, as symbols; perhaps with missing cells.

    A column tells others that it is a certain name, or, of numbers, how far it is from
    ``center`` in ``scale``, and whether it is the most frequent one, ``usual``. It is
    asked, in return, how much more likely each of its symbols is than usually: of
    numbers by a slope, a curvature and the odds of ``usual``.
    """

    named: bool
    symbols: Symbols
    missing: bool
    center: int
    scale: int
    usual: int
    follows: bool
    """Whether it holds steps from the row before, and is asked nothing."""
    base: Whole
    """(L,): logarithms of the frequencies of its symbols, in steps of 1 / FINE."""

    @property
    def count(self) -> int:
        """Symbols, with that of a missing cell, which is the last."""
        return self.symbols.number + self.missing

    @property
    def told(self) -> int:
        """Entries that it tells."""
        if self.count < 2:
            return 0
        return self.count if self.named else 2 + self.missing

    @property
    def asked(self) -> int:
        """Entries that it asks for."""
        if self.count < 2 or self.follows:
            return 0
        return self.count if self.named else 3 + self.missing

    def tell(self, k: Whole, gone: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What cells (n,) tell, (n, told), in steps of 1 / UNIT."""
        if not self.told:
            return np.empty((len(k), 0))
        if self.named:
            index = np.where(gone, self.symbols.number, k)
            return UNIT * np.eye(self.count)[index]
        told = [self._apart(k) * ~gone, UNIT * ((k == self.usual) & ~gone)]
        if self.missing:
            told.append(UNIT * gone)
        return np.stack(told, axis=1).astype(np.float64)

    def asks(self) -> NDArray[np.float64]:
        """How it moves each symbol, (asked, L), in steps of 1 / UNIT^2."""
        if self.named:
            return UNIT**2 * np.eye(self.count)
        u = self._apart(self.symbols.middles)
        index = self.symbols.split(np.array([self.usual]))[0]
        odds = UNIT**2 * (np.arange(len(u)) == index)
        lines = np.stack([UNIT * u, u * u // 4, odds]).astype(np.float64)
        if not self.missing:
            return lines
        wide = np.zeros((4, self.count))
        wide[:3, :-1], wide[3, -1] = lines, UNIT**2
        return wide

    def _apart(self, k: Whole) -> Whole:
        """How far numbers are from the center."""
        far = FAR * UNIT
        return np.clip((k - self.center) * UNIT // self.scale, -far, far)

    def transcribe(self, coder: Writer | Reader) -> None:
        """Send the arrays through a coder."""
        if not self.named:
            gaps = np.diff(self.symbols.starts, prepend=0) - 1
            starts = np.cumsum(coder.parameters(gaps) + 1)
            sizes = coder.parameters(self.symbols.sizes - 1) + 1
            self.symbols = Symbols(starts, starts + sizes)
        steps = np.diff(self.base // COARSE, prepend=0)
        self.base = COARSE * np.cumsum(coder.parameters(steps))

    def plain(self) -> dict[str, Any]:
        """All but the arrays."""
        found = {name: getattr(self, name) for name in _PLAIN}
        return found | {"count": self.symbols.number}

    @classmethod
    def blank(cls, plain: dict[str, Any]) -> Column:
        """A column whose arrays are yet to be read."""
        names = {name: plain[name] for name in _PLAIN}
        starts = np.arange(plain["count"], dtype=np.int64)
        symbols = Symbols(starts, starts + 1)
        base = np.zeros(plain["count"] + plain["missing"], dtype=np.int64)
        return cls(symbols=symbols, base=base, **names)


_PLAIN = ("named", "missing", "center", "scale", "usual", "follows")
