"""Time series as windows of entries, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
import torch

from isthmus.data.forms import Series
from isthmus.data.steps import Steps, usual_step
from isthmus.data.table import Table
from isthmus.data.windows import Windows
from isthmus.errors import DataError
from isthmus.layout import Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.data.kinds import Found
    from isthmus.data.learner import TableLearner
    from isthmus.data.rows import Column

WINDOW = 96
"""Rows of a window, where nothing is said of it and series are four times as long."""

FEWEST = 8
"""Rows of a window of shorter series, if they have so many."""

LONGEST = 512
"""Rows of series of one length, up to which they are seen whole."""


class Course(NamedTuple):
    """Where the rows of series stand among the places of `Windows`."""

    extents: tuple[int, ...]
    """Places of each stretch without a long gap."""
    places: NDArray[np.int64]
    """(n,): of each row, in the order of the rows as they came."""


class SeriesTable:
    """The rows of series as entries (channels, steps) of windows, and back.

    The cells of a row become entries as those of a table do. ``step`` is the time
    between rows where it is equal: rows that lack are invisible, and a gap of more than
    a window parts a series. Where it is 0 and ``pace`` is not, the logarithm of the
    time since the row before, over ``pace``, is one more channel.
    """

    form: ClassVar[str] = "series"

    def __init__(
        self,
        table: Table,
        window: int,
        *,
        step: float,
        pace: float,
        missing: bool,
        time: str | None = None,
        by: str | None = None,
    ) -> None:
        self.table, self.window, self.missing = table, window, missing
        self.step, self.pace, self.time, self.by = step, pace, time, by

    @property
    def found(self) -> tuple[Found, ...]:
        """Name and kind of each column."""
        roles = {self.time: "the time of a row", self.by: "the series of a row"}
        return tuple(f._replace(why=roles.get(f.name, f.why)) for f in self.table.found)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns as they stood in their container."""
        return self.table.columns

    @property
    def aside(self) -> list[str]:
        """Names of the columns that are set aside, and say nothing of time."""
        return [n for n in self.table.aside if n not in {self.time, self.by}]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.table.names

    @property
    def types(self) -> dict[str, str]:
        """What the cells of each column are read as."""
        return self.table.types

    @property
    def width(self) -> int:
        """Entries of a window."""
        return self.layout().event.numel()

    def layout(self) -> Layout:
        """One field of channels and steps."""
        rows = self.table.layout()
        channels = rows.event.numel() + (self.pace > 0)
        return Layout.of(channels, self.window)

    def encode(self, steps: Steps) -> Windows:
        """Windows of float32 entries; what is missing is an invisible zero."""
        batch = self.table.encode(steps.rows)
        course = self.course(steps)
        x, visible = batch.x, batch.visible
        if self.pace:
            since = steps.gone_by
            assert since is not None  # `course` asked for times
            pace = np.zeros(len(since), np.float32)
            pace[steps.order] = np.log(np.nan_to_num(since, nan=self.pace) / self.pace)
            x = torch.cat([x, torch.from_numpy(pace)[:, None]], 1)
            if visible is not None:
                visible = torch.cat([visible, torch.ones(len(x), 1)], 1)
        total = sum(course.extents)
        if total > len(x):
            shown = torch.ones_like(x) if visible is None else visible
            wider = [x.new_zeros(total, x.shape[1]) for _ in range(2)]
            for new, old in zip(wider, (x, shown), strict=True):
                new[torch.from_numpy(course.places)] = old
            x, visible = wider
        else:
            back = torch.from_numpy(np.argsort(course.places))
            x = x[back]
            visible = None if visible is None else visible[back]
        extents = tuple((n,) for n in course.extents)
        stride = max(self.window // 4, 1)
        return Windows(x, visible, extents, (self.window,), (stride,))

    def course(self, steps: Steps) -> Course:
        """Where rows stand, once gaps are filled and short stretches made longer."""
        since = steps.gone_by
        if since is None:
            if self.step or self.pace:
                raise DataError("The series of fitting have times, and these have not.")
            ahead = np.ones(steps.height, dtype=np.int64)
        elif self.step:
            ahead = np.maximum(np.rint(np.nan_to_num(since, nan=1) / self.step), 1)
        else:
            ahead = np.ones(steps.height, dtype=np.int64)
        begins = np.zeros(steps.height, dtype=bool)
        begins[np.cumsum([0, *steps.lengths[:-1]])] = True
        begins |= ahead > self.window
        ahead = np.where(begins, 0, ahead).astype(np.int64)
        starts = np.flatnonzero(begins)
        here = np.cumsum(ahead)
        here -= np.repeat(here[starts], np.diff([*starts, steps.height]))
        last = np.maximum.reduceat(here, starts) if len(starts) else here
        extents = np.maximum(last + 1, self.window)
        offsets = np.cumsum([0, *extents[:-1]])
        here += np.repeat(offsets, np.diff([*starts, steps.height]))
        places = np.empty(steps.height, dtype=np.int64)
        places[steps.order] = here
        return Course(tuple(extents.tolist()), places)

    def by_row(self, values: NDArray[Any], steps: Steps) -> NDArray[Any]:
        """What belongs to places, (places, ...), as that of the rows, (n, ...)."""
        found: NDArray[Any] = values[self.course(steps).places]
        return found

    def by_column(
        self, entries: NDArray[np.float64], steps: Steps
    ) -> NDArray[np.float64]:
        """Sums of what belongs to entries (places, channels), (n, columns)."""
        return self.table.by_column(self.cells(entries, steps))

    def cells(self, entries: NDArray[Any], steps: Steps) -> NDArray[Any]:
        """Entries (places, channels) as those of the rows' cells, (n, entries)."""
        found = self.by_row(entries, steps)
        return found[:, :-1] if self.pace else found

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `from_dict` is the inverse."""
        return {
            "form": self.form,
            "table": self.table.to_dict(),
            "window": self.window,
            "step": self.step.hex(),
            "pace": self.pace.hex(),
            "missing": self.missing,
            "time": self.time,
            "by": self.by,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` wrote."""
        return cls(
            Table.from_dict(data["table"]),
            int(data["window"]),
            step=float.fromhex(data["step"]),
            pace=float.fromhex(data["pace"]),
            missing=bool(data["missing"]),
            time=data["time"],
            by=data["by"],
        )


class SeriesLearner:
    """Learns the cells of series, and how they go on."""

    def __init__(self, table: TableLearner, wish: Series) -> None:
        self.table, self.wish = table, wish
        self.lengths: list[int] = []
        self.since: list[NDArray[np.float64]] = []
        self.timed = False

    def update(self, steps: Steps) -> Self:
        """Learn from whole series."""
        self.table.update(steps.rows)
        self.lengths += steps.lengths
        since = steps.gone_by
        if since is not None:
            self.timed = True
            self.since.append(since[~np.isnan(since)])
        return self

    def merge(self, other: Self) -> Self:
        """Learn what another learner has learned from other series."""
        self.table.merge(other.table)
        self.lengths += other.lengths
        self.since += other.since
        self.timed |= other.timed
        return self

    def finish(self) -> SeriesTable:
        """Settle how rows become entries, and how long windows are."""
        since = np.concatenate(self.since) if self.timed else np.empty(0)
        step = usual_step(since)
        pace = float(np.median(since)) if len(since) and not step else 0.0
        window = self.wish.window or self._window()
        table = self.table.finish()
        short = min(self.lengths) < window
        gaps = bool(step) and bool((np.rint(since / step) > 1).any())
        missing = table.missing or short or gaps
        return SeriesTable(
            table,
            window,
            step=step,
            pace=pace,
            missing=missing,
            time=self.wish.time,
            by=self.wish.by,
        )

    def _window(self) -> int:
        """Whole series of one length, if they are not long; else `WINDOW` rows."""
        alike = len(set(self.lengths)) == 1 < len(self.lengths)
        if alike and self.lengths[0] <= LONGEST:
            return self.lengths[0]
        longest = max(self.lengths)
        return min(WINDOW, max(longest // 4, FEWEST), longest)
