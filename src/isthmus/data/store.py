"""Entries of more rows than memory holds, on a disk."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from isthmus.errors import DataError
from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    rows come. The files lie where temporary files do (TMPDIR), and vanish with the
    store.
    """

    def __init__(self, entries: int, rows: int, *, missing: bool, seed: int) -> None:
        self.entries, self.missing = entries, missing
        width = entries * (5 if missing else 4)
        count = min(max(-(-rows * width // BUCKET), 1), MOST_BUCKETS)
        self.sizes: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self.lots = np.random.Generator(np.random.PCG64(seed))
        self.folder = Path(tempfile.mkdtemp(prefix="isthmus-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.files = [self._path(k, "x").open("wb") for k in range(count)]
        self.masks = [
            self._path(k, "visible").open("wb") for k in range(count if missing else 0)
        ]

    def append(self, batch: Batch) -> None:
        """Take in some rows."""
        lots = self.lots.integers(len(self.sizes), size=len(batch))
        order = np.argsort(lots, kind="stable")
        counts = np.bincount(lots, minlength=len(self.sizes))
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
        self.sizes += counts

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
        for file in (*self.files, *self.masks):
            file.close()
        return self

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.sizes.sum())

    def bucket(self, k: int) -> Batch:
        """The rows of one bucket, in the order in which they came."""
        shape = -1, self.entries
        x = np.fromfile(self._path(k, "x"), np.float32).reshape(shape)
        if not self.missing:
            return Batch(torch.from_numpy(x))
        seen = np.fromfile(self._path(k, "visible"), np.uint8).reshape(shape)
        visible = torch.from_numpy(seen.astype(np.float32))
        return Batch(torch.from_numpy(x), visible)

    def shuffled(self, order: torch.Generator, sizes: list[int]) -> Iterator[Batch]:
        """Every row once, in batches of these sizes, bucket by bucket."""
        waiting, rest = iter(sizes), None
        wanted = next(waiting, 0)
        for k in torch.randperm(len(self.sizes), generator=order).tolist():
            rows = self.bucket(k)
            rows = rows.rows(torch.randperm(len(rows), generator=order))
            rows = rows if rest is None else Batch.joined([rest, rows])
            start = 0
            while wanted and len(rows) - start >= wanted:
                yield rows.slice(start, start + wanted)
                start += wanted
                wanted = next(waiting, 0)
            rest = rows.slice(start, len(rows))

    def some(self) -> Batch:
        """The rows of the first bucket that has any."""
        return self.bucket(int(np.flatnonzero(self.sizes)[0]))

    def _path(self, k: int, what: str) -> Path:
        return self.folder / f"{k:03}.{what}"
