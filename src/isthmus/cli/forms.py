"""What a file holds: a table, images, a series, texts; and what is said of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from isthmus.cli.options import kinds, names

if TYPE_CHECKING:
    import pyarrow as pa

    from isthmus.data.forms import Series

FORMS = ["table", "images", "series", "counts", "audio", "text"]

FEW = 100
"""Rows from which a table may be taken for a series."""


def said(
    kind: str | None, time: str | None, by: str | None, column: str | None = None
) -> dict[str, Any]:
    """What the options say of the data, as a layer of a recipe."""
    words = names(kind)
    forms = [word for word in words if "=" not in word]
    if len(forms) > 1 or set(forms) - set(FORMS):
        raise typer.BadParameter(
            f"--kind wants {' or '.join(FORMS)}, or COLUMN=KIND. Got {forms[-1]!r}."
        )
    form: Any = forms[0] if forms else None
    more = {n: v for n, v in (("time", time), ("by", by)) if v is not None}
    if more and form in {None, "series"}:
        form = {"form": "series", **more}
    elif more:
        raise typer.BadParameter(f"--{min(more)} names a column of a series.")
    if column is not None:
        if form not in {None, "text"}:
            raise typer.BadParameter("--column names the column of the texts.")
        form = {"form": "text", "column": column}
    layer: dict[str, Any] = {} if form is None else {"kind": form}
    columns = kinds(",".join(word for word in words if "=" in word))
    return layer | ({} if columns is None else {"columns": columns})


def told(source: Any, rows: Any, *, quiet: bool) -> dict[str, Any]:
    """What the data looks like, where nothing is said of it, and said aloud."""
    from isthmus.data.counts import CountRows

    if getattr(source, "files", ()):
        if source.form == "audio" and not quiet:
            sys.stderr.write(f"Read as sound: {len(source.files):,} WAV files.\n")
        return {"kind": source.form}
    if isinstance(rows, CountRows):
        if not quiet:
            sys.stderr.write("Read as counts, as sparse matrices of a file are.\n")
        return {"kind": "counts"}
    if _is_text(rows):
        if not quiet:
            sys.stderr.write(
                f"Read as text: each {rows.column_names[0]!r} is a document. For a "
                f"table, say --kind table.\n"
            )
        return {"kind": "text"}
    name = _times(rows)
    if name is None or not _even(rows[name]):
        return {}
    if not quiet:
        sys.stderr.write(
            f"Read as a series: {name!r} rises in equal steps. For rows that have "
            f"nothing to do with each other, say --kind table.\n"
        )
    return {"kind": {"form": "series", "time": name}}


def _is_text(rows: Any) -> bool:
    """Whether a table is one column of free text, or the lines of a file."""
    from isthmus.data.documents import are_documents
    from isthmus.data.lines import NAME

    lines = rows.column_names == [NAME] and str(rows.schema[0].type) == "string"
    return lines or are_documents(rows)


def timed(said: Series, rows: pa.Table, *, quiet: bool) -> Series:
    """A series by the only column of times, where none is named, and said aloud."""
    name = _times(rows)
    if said.time is not None or name is None:
        return said
    if not quiet:
        sys.stderr.write(f"The time of a row is {name!r}; --time names another.\n")
    return said.changed(time=name)


def _times(rows: pa.Table) -> str | None:
    """The only column of times."""
    from pyarrow import types

    found = [
        f.name
        for f in rows.schema
        if types.is_timestamp(f.type) or types.is_date(f.type)
    ]
    return found[0] if len(found) == 1 else None


def _even(times: pa.ChunkedArray) -> bool:
    """Whether times rise in steps that are equal but for gaps."""
    import numpy as np

    from isthmus.data.steps import usual_step

    if len(times) < FEW or times.null_count:
        return False
    moments = times.cast("timestamp[us]").cast("int64").to_numpy()
    steps = np.diff(moments).astype(np.float64)
    return bool((steps > 0).all() and usual_step(steps))
