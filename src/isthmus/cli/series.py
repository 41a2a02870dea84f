"""A series as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isthmus.cli.tables import Opened


def draw_one(
    picture: Path, opened: Opened, expected: Any, scores: Any = None, offset: Any = None
) -> None:
    """Draw a series, what was expected of it, and scores: that with the oddest row."""
    import numpy as np
    from pyarrow import types

    from isthmus.errors import DataError
    from isthmus.plots import draw_series

    rows: Any = opened.rows
    form = opened.series
    clock, group = (getattr(form, name, None) for name in ("time", "by"))
    places, times, title = np.arange(len(rows)), None, ""
    if group is not None:
        names = np.array(rows.column(group).to_pylist(), dtype=object)
        shown = names[0 if scores is None else np.argmin(scores)]
        places, title = places[names == shown], f"{group} = {shown}"
    if clock is not None:
        times = rows.column(clock).to_numpy()
        places = places[times[places].argsort(kind="stable")]
    numbers = [
        name
        for name, kind in zip(rows.column_names, rows.schema.types, strict=True)
        if (types.is_floating(kind) or types.is_integer(kind))
        and name not in {clock, group}
    ]
    if not numbers:
        raise DataError("The series has no column of numbers that could be drawn.")
    actual, meant = (
        {name: table.column(name).to_numpy()[places] for name in numbers}
        for table in (rows, expected)
    )
    draw_series(
        picture,
        actual,
        meant,
        scores=None if scores is None else scores[places],
        offset=offset,
        times=None if times is None else times[places],
        title=title,
    )
