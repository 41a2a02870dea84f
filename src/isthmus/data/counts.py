"""Rows of counts, most of them 0, as sparse entries, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.sparse import csr_matrix, vstack

from isthmus.data.forms import Counts, Text, name_of
from isthmus.data.kinds import Found
from isthmus.data.sparse import Sparse
from isthmus.data.words import OutOfVocabulary
from isthmus.errors import DataError, warn
from isthmus.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from isthmus.data.documents import Documents

LARGEST = 2**24
"""The largest count: whole numbers up to it are exact in float32."""


@dataclass(frozen=True)
class CountRows:
    """Rows of counts, taken out of their container."""

    matrix: csr_matrix
    """(n, columns): without duplicates; what is not stored is 0."""
    names: tuple[str, ...]
    """Of the columns."""
    backend: str | None = None
    """The library of the frame in which answers come; None for an array."""
    documents: Documents | None = None
    """The texts whose words are counted."""
    oov: NDArray[np.int64] | None = None
    """(n,): words of each text outside of the vocabulary."""
    outside: OutOfVocabulary | None = None
    """What fitting has learned of these."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.height

    @property
    def height(self) -> int:
        """Number of rows."""
        return int(self.matrix.shape[0])

    @property
    def num_rows(self) -> int:
        """The same, as a table has it."""
        return self.height

    @property
    def totals(self) -> NDArray[np.float64]:
        """Sum of each row, (n,)."""
        return np.asarray(self.matrix.sum(axis=1), dtype=np.float64).ravel()

    def take(self, picked: NDArray[np.int64]) -> CountRows:
        """The rows at these places, in their order."""
        texts = None if self.documents is None else self.documents.take(picked)
        oov = None if self.oov is None else self.oov[picked]
        return replace(self, matrix=self.matrix[picked], documents=texts, oov=oov)

    @classmethod
    def of(
        cls, cells: Any, names: Sequence[str], backend: str | None = None
    ) -> CountRows:
        """A matrix, sparse or not, of nothing but counts."""
        matrix = csr_matrix(cells)
        if not matrix.has_canonical_format:
            matrix = matrix.copy()  # it may be the user's own
            matrix.sum_duplicates()
        _refuse_what_is_no_count(matrix, names)
        return cls(matrix, tuple(names), backend)

    @classmethod
    def joined(cls, parts: Sequence[CountRows]) -> CountRows:
        """Rows below one another."""
        first = parts[0]
        if any(part.names != first.names for part in parts):
            raise DataError(
                "Counts must have the same columns, in one order, in every piece."
            )
        matrix = csr_matrix(vstack([part.matrix for part in parts]))
        return replace(first, matrix=matrix)


OTHERS = "(other words)"
"""Stands in explanations for words outside of the vocabulary."""


class CountTable:
    """Counts as sparse entries, and back.

    ``typical`` is the median total of the rows; None: totals say nothing of a row.
    ``text`` says how texts were cut into the words that are counted, and ``outside``
    what is known of the others.
    """

    aside: ClassVar[list[str]] = []
    missing: ClassVar[bool] = False
    types: ClassVar[dict[str, str]] = {}
    """Columns of frames are read as what they are."""

    def __init__(
        self,
        names: Sequence[str],
        typical: float | None,
        text: Text | None = None,
        outside: OutOfVocabulary | None = None,
    ) -> None:
        self.names, self.typical = tuple(names), typical
        self.text, self.outside = text, outside

    @property
    def form(self) -> str:
        """Counts, or texts whose words are counted."""
        return name_of(self.text or Counts())

    @cached_property
    def found(self) -> tuple[Found, ...]:
        """Name and kind of each column."""
        if self.text is not None:
            return (Found(self.text.column or "text", "text", "text"),)
        return tuple(Found(name, "count", "integer") for name in self.names)

    @property
    def width(self) -> int:
        """Entries of a row."""
        return len(self.names)

    def layout(self) -> Layout:
        """One field of counts."""
        return Layout.of(self.width, content="count")

    def encode(self, rows: CountRows) -> Sparse:
        """Rows of float32 entries."""
        if len(rows.names) != self.width:
            raise DataError(
                f"The counts of fitting have {self.width:,} columns. Got "
                f"{len(rows.names):,}."
            )
        return Sparse.of(rows.matrix)

    def expected(
        self, entries: NDArray[np.float32], rows: CountRows | None = None
    ) -> NDArray[np.float32]:
        """Counts that entries (n, columns) stand for, at the totals of ``rows``.

        Entries are those of rows of the typical total.
        """
        if rows is None or self.typical is None:
            return entries
        share = (rows.totals / self.typical).astype(np.float32)
        return entries * share[:, None]

    def words(self, rows: CountRows) -> NDArray[np.float64]:
        """How many words texts have, in the vocabulary and outside, (n,); 1 of none."""
        assert rows.oov is not None, "texts"
        return np.maximum(rows.totals + rows.oov, 1.0)

    def per_word(
        self, scores: NDArray[np.float64], rows: CountRows
    ) -> NDArray[np.float64]:
        """Means over all words of texts, given log p of those in the vocabulary."""
        assert self.outside is not None, "texts"
        assert rows.oov is not None, "texts"
        _, inside, outside = self.outside
        every = scores + rows.totals * inside + rows.oov * outside
        return np.asarray(every / self.words(rows))

    def with_others(
        self,
        cells: NDArray[np.float64],
        actual: NDArray[Any],
        expected: NDArray[np.float32],
        rows: CountRows,
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Log p of each word, how often it is there, and how often it was expected.

        All by the word (`per_word`), and last of all words outside of the vocabulary
        together, (n, columns + 1).
        """
        assert self.outside is not None, "texts"
        assert rows.oov is not None, "texts"
        _, inside, outside = self.outside
        words, share = self.words(rows), -math.expm1(inside)
        cells = np.column_stack([cells + actual * inside, rows.oov * outside])
        return (
            cells / words[:, None],
            np.column_stack([actual, rows.oov]),
            np.column_stack([expected, words * share]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `from_dict` is the inverse."""
        typical = None if self.typical is None else self.typical.hex()
        found: dict[str, Any] = {
            "form": self.form,
            "names": list(self.names),
            "typical": typical,
        }
        if self.text is not None:
            found["text"] = self.text.to_dict()
        if self.outside is not None:
            frequent, *logs = self.outside
            found["outside"] = [sorted(frequent), *(log.hex() for log in logs)]
        return found

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` wrote."""
        typical, text = data["typical"], data.get("text")
        outside = None
        if "outside" in data:
            frequent, *logs = data["outside"]
            outside = OutOfVocabulary(frozenset(frequent), *map(float.fromhex, logs))
        return cls(
            data["names"],
            None if typical is None else float.fromhex(typical),
            None if text is None else Text(**text),
            outside,
        )


class CountLearner:
    """Learns the totals of rows of counts: `update` in any order, then `finish`."""

    def __init__(
        self, names: Sequence[str], *, totals: bool = True, text: Text | None = None
    ) -> None:
        self.names, self.given, self.text = tuple(names), totals, text
        self.totals: list[NDArray[np.float64]] = []
        self.outside: OutOfVocabulary | None = None

    def update(self, rows: CountRows) -> Self:
        """Learn from some rows."""
        self.totals.append(rows.totals)
        self.outside = rows.outside or self.outside
        return self

    def merge(self, other: Self) -> Self:
        """Learn what another learner has learned from other rows."""
        self.totals += other.totals
        self.outside = other.outside or self.outside
        return self

    def finish(self) -> CountTable:
        """Settle what a typical row is."""
        totals = np.concatenate(self.totals)
        counted = totals[totals > 0]
        if not len(counted):
            raise DataError("All counts are 0: there is nothing to learn.")
        if empty := len(totals) - len(counted):
            what = "count" if self.text is None else "word that counts"
            warn(
                f"{empty:,} of {len(totals):,} rows hold no {what}. They say nothing, "
                f"and share one code. Leave them out."
            )
        typical = float(np.median(counted)) if self.given else None
        return CountTable(self.names, typical, self.text, self.outside)


def _refuse_what_is_no_count(matrix: csr_matrix, names: Sequence[str]) -> None:
    values = matrix.data
    if values.dtype.kind in "bu":
        wrong = values > LARGEST
    elif values.dtype.kind == "i":
        wrong = (values < 0) | (values > LARGEST)
    elif values.dtype.kind == "f":
        wrong = ~((values >= 0) & (values <= LARGEST) & (values == np.rint(values)))
    else:
        raise DataError(f"Counts are whole numbers from 0. Got {values.dtype}.")
    if not wrong.any():
        return
    place = int(np.flatnonzero(wrong)[0])
    row = int(np.searchsorted(matrix.indptr, place, side="right")) - 1
    column, value = names[matrix.indices[place]], values[place]
    advice = "Mend it, or leave the row out."
    if 0 < value < LARGEST:
        advice = "Are these logarithms or shares? Give what they were made of."
    raise DataError(
        f"Row {row}, column {column!r} holds {value:g}, and {int(wrong.sum()):,} cells "
        f"in all are no counts: whole numbers from 0 to {LARGEST:,}. {advice}"
    )
