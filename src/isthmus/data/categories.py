"""Columns of categories: their levels, and how they become entries and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from isthmus.errors import DataError
from isthmus.layout import Field

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.layout import Content

MOST = 2**18
"""Levels of a column; one with more is no category."""

WIDE = 256
"""A column of more levels is written with two digits."""


class LevelCounts:
    """How often each level of a column occurs."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.cells = self.words = 0
        self.too_many = False

    def update(self, values: pa.ChunkedArray) -> None:
        """Take in the cells of a text column."""
        values = values.drop_null()
        self.cells += len(values)
        blanks = pc.sum(pc.count_substring(values, " "), min_count=0).as_py()
        self.words += blanks + len(values)
        if not self.too_many:
            levels, counts = pc.value_counts(values).flatten()
            self._add(dict(zip(levels.to_pylist(), counts.to_pylist(), strict=True)))

    def merge(self, other: Self) -> None:
        """Take in what another part has seen."""
        self.cells += other.cells
        self.words += other.words
        self.too_many |= other.too_many
        self._add(other.counts)

    def _add(self, counts: dict[str, int]) -> None:
        for level, count in counts.items():
            self.counts[level] = self.counts.get(level, 0) + count
        self.too_many |= len(self.counts) > MOST
        if self.too_many:
            self.counts = {}


class Categories:
    """A column of categories as one entry, or as two digits, or one-hot.

    Levels stand in the order of their frequency, then of their names; level i has the
    index i + 1, and 0 means unknown. More than `WIDE` levels are written with two
    digits to the base ceil(sqrt(levels)), so that memory grows with the root of their
    number (Shi et al., 2020: quotient and remainder embeddings). Each digit has its
    unknown 0. If ``content`` is not "category", entries are one-hot: 1 for the level of
    each digit, else 0.
    """

    def __init__(self, name: str, levels: list[str], content: Content) -> None:
        self.name, self.levels, self.content = name, levels, content
        self.one_hot = content != "category"
        count = len(levels)
        self.bases: tuple[int, ...] = (count,)
        if count > WIDE:
            base = math.isqrt(count - 1) + 1
            self.bases = (-(-count // base), base)
        self._known = pa.array(levels, pa.large_string())

    @classmethod
    def learned(cls, name: str, content: Content, seen: LevelCounts) -> Self:
        """Put the levels in order."""
        levels = sorted(seen.counts, key=lambda level: (-seen.counts[level], level))
        return cls(name, levels, content)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the column."""
        return (self.name,)

    @property
    def field(self) -> Field:
        """Its run of entries."""
        if self.one_hot:
            return Field(content=self.content, shape=(sum(self.bases),))
        shape, levels = (len(self.bases),), max(self.bases) + 1
        return Field(content="category", shape=shape, levels=levels)

    def encode(self, values: pa.ChunkedArray) -> NDArray[np.float32]:
        """Entries (n, digits), or (n, sum of bases) one-hot, of a text column."""
        values = values.cast(pa.large_string())
        index = pc.index_in(values, value_set=self._known).fill_null(-1)
        digits = self._digits(index.to_numpy().astype(np.int64))
        if not self.one_hot:
            return digits.astype(np.float32)
        hot = [
            np.arange(1, base + 1) == digits[:, [j]]
            for j, base in enumerate(self.bases)
        ]
        return np.concatenate(hot, axis=1).astype(np.float32)

    def unseen(self, values: pa.ChunkedArray) -> dict[str, int]:
        """How often levels occur that were not there in fitting."""
        found = pc.value_counts(values.drop_null())
        pairs = zip(found.field(0).to_pylist(), found.field(1).to_pylist(), strict=True)
        known = set(self.levels)
        return {level: count for level, count in pairs if level not in known}

    def decode(self, entries: NDArray[np.float32]) -> NDArray[np.int64]:
        """Which level, (n,), entries stand for; -1 where it is unknown."""
        if self.one_hot:
            stops = np.cumsum(self.bases)[:-1]
            runs = np.split(entries, stops, axis=1)
            digits = np.stack([run.argmax(axis=1) + 1 for run in runs], axis=1)
        else:
            digits = np.rint(entries).astype(np.int64)
        known = np.asarray((digits > 0).all(axis=1))
        index = digits[:, 0] - 1
        if len(self.bases) == 2:
            index = index * self.bases[1] + digits[:, 1] - 1
        # the last quotient may have remainders without a level
        index = np.minimum(index, len(self.levels) - 1)
        return np.where(known, index, -1)

    def trivial_cost(self, seen: LevelCounts) -> tuple[float, float]:
        """What guessing by frequency costs, on average and for the rarest level.

        In nats, or as a squared error of one-hot entries.
        """
        counts = np.array([seen.counts[level] for level in self.levels], dtype=float)
        digits = self._digits(np.arange(len(counts)))
        cost = most = 0.0
        for j, base in enumerate(self.bases):
            share = np.bincount(digits[:, j] - 1, weights=counts, minlength=base)
            share = share[share > 0] / counts.sum()
            each = -np.log(share)
            if self.one_hot:
                each = 1 - 2 * share + np.square(share).sum()
            cost += float((share * each).sum())
            most += float(each.max())
        return cost, most

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `from_dict` is the inverse."""
        return {"name": self.name, "levels": self.levels, "content": self.content}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` wrote."""
        levels = [str(level) for level in data["levels"]]
        if not levels or len(set(levels)) != len(levels) or len(levels) > MOST:
            raise DataError("'levels' must hold different names.")
        return cls(str(data["name"]), levels, data["content"])

    def _digits(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """Digits (n, 1 or 2), counted from 1, of levels (n,); 0 for -1."""
        if len(self.bases) == 1:
            return index[:, None] + 1
        high, low = np.divmod(index, self.bases[1])
        return np.where(index[:, None] < 0, 0, np.stack([high, low], axis=1) + 1)
