"""Rows of numbers: what their columns hold, and how they become tensors and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch

from isthmus.data.exact import Moments
from isthmus.errors import DataError
from isthmus.layout import Content, Field, Layout
from isthmus.trace import Batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLIP = 1e4
"""Standardised values beyond this many standard deviations are brought back to it, so
that no cell makes a squared error overflow."""

FLOOR = 1e-6
"""Smallest standard deviation, as a share of the largest absolute value: below it a
column counts as constant, and is not blown up."""

LARGEST = 1e150
"""Largest absolute value: the square of a larger one overflows."""


class NumericTable:
    """Numbers in columns: each shifted and scaled as its ``content`` asks for.

    ``real`` columns get mean 0 and standard deviation 1, ``unit`` columns are brought
    from [smallest, largest] to [0, 1] unless they lie there already, and ``count`` and
    ``level`` columns stay as they are. Missing cells (NaN) become 0, invisible.

    Learning is incremental: `update` with any pieces of the rows in any order, `merge`,
    then `finish`: the same rows give the same bits.
    """

    def __init__(self, names: tuple[str, ...], content: Content) -> None:
        self.names = names
        self.content = content
        self.moments: Moments | None = Moments(len(names))
        self.shift = np.zeros(len(names))
        self.scale = np.ones(len(names))
        self.low = np.zeros(len(names))
        self.high = np.zeros(len(names))
        self.missing = False

    def update(self, values: NDArray[np.float64]) -> Self:
        """Learn from the rows of ``values``, (n, columns)."""
        assert self.moments is not None, "finish was called"
        self._refuse_the_infinite(values)
        self.moments.update(values)
        self.missing |= bool(np.isnan(values).any())
        return self

    def merge(self, other: Self) -> Self:
        """Learn what another converter has learned from other rows."""
        assert self.moments is not None, "finish was called"
        assert other.moments is not None, "finish was called"
        self.moments.merge(other.moments)
        self.missing |= other.missing
        return self

    def finish(self) -> Self:
        """Settle shift and scale."""
        moments = self.moments
        assert moments is not None, "finish was called"
        seen = moments.count > 0
        self.low = np.where(seen, moments.smallest, 0.0)
        self.high = np.where(seen, moments.largest, 0.0)
        if self.content == "real":
            self.shift, deviation = moments.mean(), moments.deviation()
            size = np.maximum(np.abs(self.low), np.abs(self.high))
            constant = deviation <= FLOOR * size
            self.scale = np.where(constant, np.where(size > 0, size, 1.0), deviation)
        elif self.content == "unit":
            inside = (self.low >= 0) & (self.high <= 1)
            span = self.high - self.low
            self.shift = np.where(inside, 0.0, self.low)
            self.scale = np.where(inside | (span == 0), 1.0, span)
        else:
            self._refuse_what_is_no_count(moments.whole)
        self.moments = None
        return self

    def layout(self) -> Layout:
        """One field of all the columns."""
        levels = int(self.high.max()) + 1 if self.content == "level" else None
        shape = (len(self.names),)
        field = Field(content=self.content, shape=shape, levels=levels)
        return Layout(fields=(field,))

    def to_batch(self, values: NDArray[np.float64]) -> Batch:
        """Rows (n, columns) as float32 tensors; missing cells are invisible zeros."""
        self._refuse_the_infinite(values)
        if self.content in {"count", "level"}:
            self._refuse_the_unseen(values)
        with np.errstate(over="ignore"):  # clipped below
            scaled = (values - self.shift) / self.scale
        low = {"real": -CLIP}.get(self.content, 0.0)
        high = {"real": CLIP, "unit": 1.0}.get(self.content, np.inf)
        np.clip(scaled, low, high, out=scaled)
        hidden = np.isnan(scaled)
        if not hidden.any():
            return Batch(torch.from_numpy(scaled.astype(np.float32)))
        scaled[hidden] = 0.0
        visible = torch.from_numpy((~hidden).astype(np.float32))
        return Batch(torch.from_numpy(scaled.astype(np.float32)), visible)

    def from_entries(self, entries: NDArray[np.float32]) -> NDArray[np.float64]:
        """Entries of the model (n, columns) in the units of the data."""
        return entries.astype(np.float64) * self.scale + self.shift

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `from_dict` is the inverse. Numbers as hexadecimal, exactly."""
        return {
            "names": list(self.names),
            "content": self.content,
            "missing": self.missing,
            **{key: [float(v).hex() for v in getattr(self, key)] for key in _LEARNED},
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild a finished converter."""
        made = cls(tuple(data["names"]), data["content"])
        made.moments, made.missing = None, bool(data["missing"])
        for key in _LEARNED:
            learned = np.array([float.fromhex(v) for v in data[key]])
            if len(learned) != len(made.names) or not np.isfinite(learned).all():
                raise DataError(f"{key!r} must hold one finite number per column.")
            setattr(made, key, learned)
        if (made.scale <= 0).any():
            raise DataError("'scale' must hold positive numbers.")
        return made

    def _refuse_the_infinite(self, values: NDArray[np.float64]) -> None:
        wrong = np.abs(values) > LARGEST
        if wrong.any():
            row, column = map(int, np.argwhere(wrong)[0])
            raise DataError(
                f"Input X contains infinity or a value too large: column "
                f"{self.names[column]!r} holds {values[row, column]} in row {row}. "
                f"Values must lie between -1e150 and 1e150."
            )

    def _refuse_what_is_no_count(self, whole: NDArray[np.bool_]) -> None:
        wrong = ~whole | (self.low < 0)
        if wrong.any():
            raise DataError(
                f"Column {self.names[int(wrong.argmax())]!r} must hold the numbers 0, "
                f"1, 2, ... for this likelihood, and holds others. Choose another "
                f"likelihood, such as 'mse'."
            )

    def _refuse_the_unseen(self, values: NDArray[np.float64]) -> None:
        high = self.high.max() if self.content == "level" else np.inf
        wrong = (values < 0) | (values > high) | (values != np.rint(values))
        wrong &= ~np.isnan(values)
        if wrong.any():
            row, column = map(int, np.argwhere(wrong)[0])
            raise DataError(
                f"Column {self.names[column]!r} holds {values[row, column]} in row "
                f"{row}, and must hold whole numbers from 0 to {high:g}."
            )


_LEARNED = ("shift", "scale", "low", "high")
