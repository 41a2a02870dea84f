"""Between files and models: which columns go in, and how answers come out."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


class Opened(NamedTuple):
    """A model, and the columns of a file that it takes or leaves."""

    model: Any
    rows: pa.Table
    """The columns that the model was trained on."""
    beside: pa.Table
    """Identifiers and labels."""
    notes: dict[str, Any]


def open_for_model(path: Path, model: Path, label: str | None = None) -> Opened:
    """Load a model and a file; columns that the model does not know are set aside."""
    from isthmus.artifacts import inspect, load
    from isthmus.data.files import read_table, take_out

    document = inspect(model)
    notes, state = document["notes"], document["state"]
    names = state.get("autoencoder", state)["feature_names"]
    table = read_table(path)
    left_out = {*notes.get("ignore", []), *notes.get("id", []), *notes.get("label", [])}
    aside = [name for name in table.column_names if name not in names]
    if label is not None and label not in aside:
        aside.append(label)  # take_out says if there is no such column
    beside, rows = take_out(table, aside)
    if strange := [name for name in aside if name not in {*left_out, label}]:
        shown = ", ".join(map(repr, strange[:10]))
        sys.stderr.write(f"Set aside, because the model does not know it: {shown}\n")
    return Opened(load(model), rows, beside, notes)


def identifiers(opened: Opened) -> dict[str, Any]:
    """The row number, counted from 0, and the columns that say which row it is."""
    kept = [n for n in opened.notes.get("id", []) if n in opened.beside.column_names]
    numbers = list(range(opened.rows.num_rows))
    return {"row": numbers} | {n: opened.beside[n].to_pylist() for n in kept}


def answer(columns: dict[str, Any], out: Path | None, *, as_json: bool) -> None:
    """Write a table to a file, or as CSV or JSON lines to standard output."""
    import pyarrow as pa
    from pyarrow import csv

    from isthmus.data.files import write_table

    table = pa.table(columns)
    if out is not None:
        write_table(table, out)
        sys.stderr.write(f"Wrote {table.num_rows:,} rows to {out}\n")
    elif as_json:
        for row in table.to_pylist():
            print(json.dumps(_finite(row), default=str))
    else:
        csv.write_csv(
            table, sys.stdout.buffer, csv.WriteOptions(quoting_style="needed")
        )
        sys.stdout.flush()


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no NaN: a missing cell is null."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in row.items()
    }
