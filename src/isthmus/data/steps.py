"""Rows in the order of time, and the series that each belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from isthmus.data.rows import Rows

EVEN = 0.9
"""Share of steps that must be whole multiples of the usual one, if steps are equal."""

SLACK = 0.05
"""How far a step may be from such a multiple, in usual steps."""


class Steps(NamedTuple):
    """Rows of one series after another, each in the order of time."""

    rows: Rows
    """The rows as they came."""
    order: NDArray[np.int64]
    """Where the rows of the series stand in ``rows``."""
    lengths: tuple[int, ...]
    """Rows of each series."""
    times: NDArray[np.float64] | None = None
    """(n,): when each row of ``rows`` was; None where nobody says."""
    shape: tuple[int, ...] | str = ()
    """Of an array, what goes back instead of (n, columns).

    "list" is a list of such, and "flat list" one of (n,).
    """
    names: tuple[Any, ...] | None = None
    """(n,): the series of each row of ``rows``; None where there is but one."""

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.rows.height

    @property
    def columns(self) -> Any:
        """Columns of the rows."""
        return self.rows.columns

    def take(self, picked: NDArray[np.int64]) -> Steps:
        """The rows at these places, in the order of time; of no shape."""
        times = None if self.times is None else self.times[picked]
        names = None if self.names is None else [self.names[i] for i in picked]
        return steps_of(self.rows.take(picked), times, names)

    def last(self, count: int) -> NDArray[np.int64]:
        """Places of the last rows of every series, about as many in all."""
        share, stops = count / self.height, np.cumsum(self.lengths)
        ends = zip(stops, self.lengths, strict=True)
        runs = [self.order[stop - round(share * n) : stop] for stop, n in ends]
        return np.sort(np.concatenate(runs))

    @property
    def gone_by(self) -> NDArray[np.float64] | None:
        """(n,): time since the row before, in the order of series; NaN at a start."""
        if self.times is None:
            return None
        since = np.diff(self.times[self.order], prepend=np.nan)
        starts = np.cumsum([0, *self.lengths[:-1]])
        since[starts] = np.nan
        return since

    def parted(self, values: NDArray[Any]) -> list[NDArray[Any]]:
        """What belongs to the rows, (n, ...), series by series."""
        return np.split(values[self.order], np.cumsum(self.lengths)[:-1])


def steps_of(
    rows: Rows,
    times: NDArray[np.float64] | None = None,
    names: Sequence[Any] | None = None,
    shape: tuple[int, ...] | str = (),
) -> Steps:
    """Put rows in order: series by ``names``, as they first come, and then by time."""
    count = rows.height
    which = np.zeros(count, dtype=np.int64)
    if names is not None:
        places: dict[Any, int] = {}
        which = np.array([places.setdefault(n, len(places)) for n in names], np.int64)
    if times is None:
        order = np.argsort(which, kind="stable")
    else:
        if np.isnan(times).any():
            row = int(np.flatnonzero(np.isnan(times))[0])
            raise DataError(f"Row {row}, counted from 0, has no time.")
        order = np.lexsort((times, which))
    lengths = tuple(np.bincount(which[order]).tolist())
    known = None if names is None else tuple(names)
    found = Steps(rows, order, lengths, times, shape, known)
    since = found.gone_by
    if since is not None and (twice := np.flatnonzero(since == 0)).size:
        first, second = order[twice[0] - 1], order[twice[0]]
        raise DataError(
            f"Rows {first} and {second}, counted from 0, have the same time. Name the "
            f"column that tells series apart, with Series(by=...) or --by, or drop one "
            f"of them."
        )
    return found


def usual_step(since: NDArray[np.float64]) -> float:
    """The step of which nearly all are whole multiples; 0 if there is none."""
    steps = since[~np.isnan(since)]
    if not len(steps):
        return 0.0
    usual = float(np.median(steps))
    ratio = steps / usual
    whole = (np.abs(ratio - np.rint(ratio)) <= SLACK) & (ratio >= 1 - SLACK)
    return usual if whole.mean() >= EVEN else 0.0
