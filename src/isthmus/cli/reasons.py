"""Reasons and changes as columns, a line per row and cell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from isthmus.cli.tables import Opened
    from isthmus.scores.reasons import Reason


def told_of(opened: Opened, order: Any) -> Any:
    """Why some rows have their scores; those of series among all the others."""
    if opened.series is None:
        return opened.model.explain(opened.rows.take(order))
    told = opened.model.explain(opened.rows)
    known = {name: part for name, part in told._asdict().items() if part is not None}
    return told._replace(**{name: part.take(order) for name, part in known.items()})


def table_of(found: list[list[Reason]]) -> tuple[list[int], dict[str, list[Any]]]:
    """The place of the row of each line, and the columns."""
    places = [place for place, row in enumerate(found) for _ in row]
    cells = [cell for row in found for cell in row]
    columns = {
        name: [getattr(cell, name) for cell in cells]
        for name in ("column", "contribution", "tail", "actual", "expected")
        if name != "tail" or not all(math.isnan(cell.tail) for cell in cells)
    }
    for name in ("actual", "expected"):
        columns[name] = one_type(columns[name])
    for name in ("actual_probability", "expected_probability"):
        columns[name] = [getattr(cell, name) for cell in cells]
    return places, columns


def changed_cells(found: Any, rows: pa.Table) -> tuple[list[int], dict[str, list[Any]]]:
    """The same of what the smallest changes of rows would change."""
    changed, after = (table.to_pydict() for table in (found.changed, found.table))
    cells = [
        (place, name)
        for place in range(rows.num_rows)
        for name in changed
        if changed[name][place]
    ]
    actual = [rows[name][place].as_py() for place, name in cells]
    return [place for place, _ in cells], {
        "column": [name for _, name in cells],
        "actual": one_type(actual),
        "instead": one_type([after[name][place] for place, name in cells]),
        "normal": [int(found.normal[place]) for place, _ in cells],
    }


def one_type(cells: list[Any]) -> list[Any]:
    """Cells of several columns, below one another: numbers, or else words."""
    from isthmus.scores.reasons import in_words

    if all(isinstance(cell, int | float) for cell in cells):
        return [round(float(cell), 6) for cell in cells]
    return [in_words(cell) for cell in cells]
