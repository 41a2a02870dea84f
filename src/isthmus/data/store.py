"""Entries of more rows than memory holds, on a disk."""

from __future__ import annotations

import math
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from isthmus.errors import DataError
from isthmus.ranks import ALONE, Ranks
from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

BUCKET = 2**25
"""Bytes of a bucket: what is in memory at a time, about twice."""

MOST_BUCKETS = 256
"""Of more rows, buckets are larger: each is an open file, or two, while rows come."""


class Store:
    """Rows in buckets, into which they fall by lot; one bucket fits in memory.

    A pass takes the buckets in a fresh order, and the rows of each in a fresh order: an
    order of all rows that is as good as any, but that the rows of a bucket stay near
    each other. The lot of a row depends on its number alone, not on the pieces in which
    rows come, or on how many processes share them: each keeps those of its own, and
    knows where in a bucket they would be. The files lie where temporary files do
    (TMPDIR), and vanish with the store.
    """

    def __init__(
        self,
        event: Sequence[int],
        rows: int,
        *,
        missing: bool,
        seed: int,
        ranks: Ranks = ALONE,
    ) -> None:
        self.event, self.missing, self.ranks = tuple(event), missing, ranks
        width = math.prod(event) * (5 if missing else 4)
        count = min(max(-(-rows * width // BUCKET), 1), MOST_BUCKETS)
        self.sizes: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self.lots = np.random.Generator(np.random.PCG64(seed))
        self.folder = Path(tempfile.mkdtemp(prefix="isthmus-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.kept = np.zeros_like(self.sizes)
        self.files = self._open("x", count)
        self.masks = self._open("visible", count if missing else 0)
        self.places = self._open("places", count if ranks.world_size > 1 else 0)

    def skip(self, rows: int) -> None:
        """Know of rows that another process takes in."""
        self.sizes += self._lots(rows)[1]

    def append(self, batch: Batch) -> None:
        """Take in some rows."""
        lots, counts = self._lots(len(batch))
        order = np.argsort(lots, kind="stable")
        stops = np.cumsum(counts)
        x = batch.x.numpy()[order]
        seen = None
        if self.missing:
            seen = np.ones(x.shape, np.uint8)
            if batch.visible is not None:
                seen = batch.visible.numpy()[order].astype(np.uint8)
        for k in np.flatnonzero(counts):
            here = slice(stops[k] - counts[k], stops[k])
            self._write(self.files[k], x[here])
            if seen is not None:
                self._write(self.masks[k], seen[here])
            if self.places:
                places = np.arange(self.sizes[k], self.sizes[k] + counts[k])
                self._write(self.places[k], places)
        self.sizes += counts
        self.kept += counts

    def _lots(self, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Buckets of the next rows, and how many of these each gets."""
        lots = self.lots.integers(len(self.sizes), size=rows)
        return lots, np.bincount(lots, minlength=len(self.sizes))

    def _open(self, what: str, count: int) -> list[Any]:
        return [self._path(k, what).open("wb") for k in range(count)]

    def _write(self, file: Any, cells: NDArray[Any]) -> None:
        try:
            cells.tofile(file)
        except OSError as error:
            raise DataError(
                f"{self.folder}: {error}. The entries of the stream lie there in "
                f"training; name a larger place in TMPDIR."
            ) from None

    def finish(self) -> Store:
        """No more rows will come."""
        for file in (*self.files, *self.masks, *self.places):
            file.close()
        return self

    def __len__(self) -> int:
        """Return the number of rows, of all processes."""
        return int(self.sizes.sum())

    def bucket(self, k: int) -> Batch:
        """The rows of one bucket that are here, in the order in which they came."""
        shape = -1, *self.event
        x = np.fromfile(self._path(k, "x"), np.float32).reshape(shape)
        if not self.missing:
            return Batch(torch.from_numpy(x))
        seen = np.fromfile(self._path(k, "visible"), np.uint8).reshape(shape)
        visible = torch.from_numpy(seen.astype(np.float32))
        return Batch(torch.from_numpy(x), visible)

    def shuffled(self, order: torch.Generator, sizes: list[int]) -> Iterator[Batch]:
        """Every row once, in batches of these sizes, bucket by bucket.

        Of several processes each gets the rows of a batch that it has.
        """
        waiting, rest, before = iter(sizes), None, torch.zeros(0, dtype=torch.bool)
        wanted = next(waiting, 0)
        for k in torch.randperm(len(self.sizes), generator=order).tolist():
            rows, here = self._drawn(k, order)
            rows = rows if rest is None else Batch.joined([rest, rows])
            here = torch.cat([before, here])
            past = torch.cat([torch.zeros(1, dtype=torch.long), here.cumsum(0)])
            start = 0
            while wanted and len(here) - start >= wanted:
                yield rows.slice(int(past[start]), int(past[start + wanted]))
                start += wanted
                wanted = next(waiting, 0)
            rest, before = rows.slice(int(past[start]), len(rows)), here[start:]

    def _drawn(self, k: int, order: torch.Generator) -> tuple[Batch, torch.Tensor]:
        """Rows of a bucket in a fresh order, and which places of that order they have.

        All processes draw the same order of all rows.
        """
        index = torch.randperm(int(self.sizes[k]), generator=order)
        if self.ranks.world_size > 1:
            number = torch.full_like(index, -1)
            places = np.fromfile(self._path(k, "places"), np.int64)
            number[torch.from_numpy(places)] = torch.arange(len(places))
            index = number[index]
        here = index >= 0
        return self.bucket(k).rows(index[here]), here

    def lengths(self, sizes: list[int]) -> list[int]:
        """Whole batches; of several processes chance decides."""
        return sizes if self.ranks.world_size == 1 else []

    def some(self) -> Batch:
        """The rows of the first bucket that has any."""
        return self.bucket(int(np.flatnonzero(self.kept)[0]))

    def _path(self, k: int, what: str) -> Path:
        return self.folder / f"{k:03}.{what}"
