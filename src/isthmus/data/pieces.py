"""What comes piece by piece, as often as it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from isthmus.data.frames import as_arrow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from isthmus.ranks import Ranks


@dataclass(frozen=True)
class Stream:
    """A table in pieces, which may be larger than memory."""

    pieces: Callable[[list[str] | None], Iterable[Any]] = field(repr=False)
    """A fresh pass over frames or arrays, of some columns or of all."""
    schema: pa.Schema | None = None
    """What the columns are, where the source knows; else the pieces must say."""
    rows: int | None = None
    """How many there are, where the source knows."""
    words: bool = False
    """Whether all cells are words, of which a column's type is to be made."""
    files: tuple[str, ...] = field(default=(), repr=False)
    """Of pictures and sound, the file of each."""
    form: str = "table"
    """What the rows are."""
    parts: tuple[Stream, ...] = field(default=(), repr=False)
    """The same rows in parts that can be read apart: files, row groups of Parquet."""

    @property
    def num_rows(self) -> int:
        """How many rows there are, counted if need be."""
        return sum(map(len, self)) if self.rows is None else self.rows

    @property
    def column_names(self) -> list[str]:
        """The columns, as the source or its first piece has them."""
        if self.schema is not None:
            return list(self.schema.names)
        return list(as_arrow(next(iter(self))))

    def take(self, places: Any) -> Any:
        """Rows at these places, in their order; columns of text as they are."""
        places = np.asarray(places, dtype=np.int64)
        order, found, start = np.argsort(places, kind="stable"), [], 0
        rising = places[order]
        for piece in self:
            first, last = np.searchsorted(rising, [start, start + len(piece)])
            if self.files:
                found += [piece[place - start] for place in rising[first:last]]
            else:
                some = pa.table(as_arrow(piece)).take(rising[first:last] - start)
                found.append(some)
            start += len(piece)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        if self.files:
            return [found[place] for place in back]
        return pa.concat_tables(found, promote_options="permissive").take(back)

    def select(self, names: list[str]) -> Stream:
        """The same rows, of these columns."""
        schema = self.schema and pa.schema([self.schema.field(n) for n in names])
        pieces, parts = self.pieces, tuple(part.select(names) for part in self.parts)
        return replace(
            self, pieces=lambda some: pieces(some or names), schema=schema, parts=parts
        )

    def changed(self, change: Callable[[Any], Any]) -> Stream:
        """The same rows, each piece as ``change`` makes it."""
        pieces, parts = self.pieces, tuple(part.changed(change) for part in self.parts)
        return replace(self, pieces=lambda some: map(change, pieces(some)), parts=parts)

    def share(self, ranks: Ranks, columns: list[str] | None = None) -> Iterator[Any]:
        """Pieces that one of several processes reads; of others, how many rows.

        Row groups of Parquet files go around in turn; of other sources, which must be
        read to be counted, pieces.
        """
        if ranks.world_size == 1:
            yield from self.pieces(columns)
        elif self.parts and all(part.rows is not None for part in self.parts):
            for k, part in enumerate(self.parts):
                mine = k % ranks.world_size == ranks.rank
                yield from part.pieces(columns) if mine else [part.rows]
        else:
            for k, piece in enumerate(self.pieces(columns)):
                yield piece if k % ranks.world_size == ranks.rank else len(piece)

    def __iter__(self) -> Iterator[Any]:
        """All columns, piece by piece."""
        return iter(self.pieces(None))
