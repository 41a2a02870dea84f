"""A file that no model has been fitted to yet."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

if TYPE_CHECKING:
    import pyarrow as pa


Kinds = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="A=KIND,...|table",
        help="What columns are, where their cells mislead: zip=category. Or table, for "
        "rows that look like something else.",
    ),
]


class Unfitted(NamedTuple):
    """The columns of a table to learn, and the label that is kept out."""

    rows: pa.Table
    labels: Any
    """(n,), or None."""


def unfitted(
    data: str, ignored: list[str], label: str | None, fixed: dict[str, Any]
) -> Unfitted:
    """Read a table; of one that is larger than memory, rows by lot."""
    from isthmus.cli.large import is_large, looked_at
    from isthmus.cli.tables import set_aside
    from isthmus.data.files import read_table
    from isthmus.data.streams import stream
    from isthmus.errors import DataError

    left_out = {"ignore": ignored, "label": [label] if label else []}
    kinds = fixed.get("columns", {}).get("kinds", {})
    words = {name for name, kind in kinds.items() if kind in {"category", "identifier"}}
    if is_large(data):
        source = stream(data)
        if source.files:
            raise DataError(f"{data}: holds {source.form}, and this takes tables.")
        table, count = looked_at(source)
        sys.stderr.write(
            f"{data}: read in pieces; {table.num_rows:,} of {count:,} rows are taken.\n"
        )
    else:
        table = read_table(
            data, words | {n for some in left_out.values() for n in some}
        )
    beside, rows = set_aside(table, left_out)
    return Unfitted(rows, None if label is None else labels_of(beside[label]))


def fixed_by(
    options: dict[str, Any], kind: str | None, setting: list[str]
) -> dict[str, Any]:
    """One layer of a recipe of all that options say."""
    from isthmus.cli.forms import said
    from isthmus.cli.options import settings
    from isthmus.tuning.space import merged

    return merged(options, said(kind, None, None), *settings(setting))


def labels_of(column: Any) -> Any:
    """Labels as an array: numbers where all are, else words; NaN or None where none."""
    import numpy as np

    cells = column.to_pylist()
    try:
        found = np.array([np.nan if cell is None else float(cell) for cell in cells])
    except (TypeError, ValueError):
        words = [cell if cell is None else str(cell) for cell in cells]
        return np.array(words, dtype=object if None in words else str)
    return found.astype(np.int64) if (found == np.rint(found)).all() else found
