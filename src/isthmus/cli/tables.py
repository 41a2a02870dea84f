"""Between files and models: which columns go in, and how answers come out."""

from __future__ import annotations

import json
import math
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from isthmus.cli import written

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from isthmus.data.forms import Series
    from isthmus.data.pieces import Stream


FILES = {"images": "pictures", "audio": "sound"}
"""What lies in files of its own."""


class Opened(NamedTuple):
    """A model, and the columns of a file that it takes or leaves."""

    model: Any
    rows: pa.Table | Stream
    """The columns that the model was trained on; of a large file, a stream."""
    beside: pa.Table | Stream
    """Identifiers and labels."""
    notes: dict[str, Any]

    @property
    def in_files(self) -> bool:
        """Whether each row is a file, of a picture or of sound."""
        return getattr(self.rows, "form", "table") in FILES

    @property
    def series(self) -> Series | None:
        """What was said of the series that the model knows; None if it knows none."""
        from isthmus.estimator.wishes import series_of

        return series_of(self.model)

    @property
    def in_pieces(self) -> bool:
        """Whether the file is too large to be held."""
        from isthmus.data.streams import is_stream

        return is_stream(self.rows)


def open_for_model(
    source: str, model: Path, label: str | None = None, *, recommends: bool = False
) -> Opened:
    """Load a model and a file; columns that the model does not know are set aside.

    A recommender is refused unless ``recommends`` says that it can be asked this.
    """
    import pyarrow as pa

    from isthmus.artifacts import inspect, load
    from isthmus.data.sparse_files import is_sparse_file, read_sparse
    from isthmus.errors import ModelFileError
    from isthmus.recommendation.reading import read_file

    notes, loaded = inspect(model)["notes"], load(model)
    if hasattr(loaded, "recommend"):
        if not recommends:
            raise ModelFileError(
                f"{model} holds a recommender. Ask it by `isthmus recommend`, "
                f"`evaluate` or `encode`."
            )
        return Opened(loaded, read_file(source), pa.table({}), notes)
    autoencoder = getattr(loaded, "autoencoder_", loaded)
    left_out = {n for kind in ("ignore", "id", "label") for n in notes.get(kind, [])}
    words = {found.name for found in autoencoder.columns_ if found.type == "text"}
    converter = autoencoder._converter  # noqa: SLF001
    if (form := getattr(converter, "form", "table")) in FILES or is_sparse_file(source):
        refuse_columns(source, {"label": [label] if label else []})
    if form in FILES:
        return _of_files(source, form, loaded, notes)
    if is_sparse_file(source):
        return Opened(loaded, read_sparse(source), pa.table({}), notes)
    table = _table(source, converter, words | left_out)
    names = getattr(autoencoder, "feature_names_in_", None)
    known = table.column_names if names is None else names  # trained on a bare array
    aside = [name for name in table.column_names if name not in known]
    beside, rows = set_aside(table, {"label": [label] if label else [], "": aside})
    if strange := [name for name in aside if name not in {*left_out, label}]:
        shown = ", ".join(map(repr, strange[:10]))
        sys.stderr.write(f"Set aside, because the model does not know it: {shown}\n")
    return Opened(loaded, rows, beside, notes)


def refuse_columns(source: str, named: dict[str, list[str]]) -> None:
    """Refuse options that name columns of what has none."""
    from isthmus.errors import DataError

    for option, columns in named.items():
        if columns:
            raise DataError(f"{source}: has no column names, so leave out --{option}.")


def _table(source: str, converter: Any, words: set[str]) -> Any:
    """A table for a model, or a stream of one; ``words`` are columns that stay such."""
    from isthmus.cli.large import is_large, opened
    from isthmus.data.files import read_table
    from isthmus.data.lines import is_lines, read_lines

    form = getattr(converter, "form", "table")
    if is_large(source) and form != "table":
        return _one_thing(source)
    if is_large(source):
        sys.stderr.write(f"{source}: read in pieces\n")
        return opened(source, converter.columns)
    if form == "text" and is_lines(source):
        return read_lines(source)
    return read_table(source, words)


def _one_thing(source: str) -> Any:
    """All rows of a large file: those of a series, or of counts, are not cut."""
    from isthmus.data.streams import stream, whole
    from isthmus.errors import DataError

    found = stream(source)
    if found.files:
        raise DataError(f"{source}: holds {found.form}, which the model does not know.")
    return whole(found)


def _of_files(source: str, form: str, model: Any, notes: dict[str, Any]) -> Opened:
    """A folder of pictures or sound; beside each stands the name of its file."""
    import pyarrow as pa

    from isthmus.data.pieces import Stream
    from isthmus.data.streams import stream
    from isthmus.errors import DataError

    rows = stream(source)
    if rows.form != form:
        raise DataError(
            f"{source}: the model was fitted to {FILES[form]}, and finds none."
        )

    def named(_: Any) -> Any:
        start = 0
        for piece in rows:
            yield pa.table({"file": rows.files[start : start + len(piece)]})
            start += len(piece)

    beside = Stream(named, pa.schema([("file", pa.string())]), rows.rows)
    return Opened(model, rows, beside, {**notes, "id": ["file"]})


def set_aside(table: Any, chosen: dict[str, list[str]]) -> tuple[Any, Any]:
    """The columns that options name, such as ``{"id": ["name"]}``, and the rest."""
    from difflib import get_close_matches

    from isthmus.errors import DataError, unknown

    known = table.column_names
    for option, name in ((o, name) for o, names in chosen.items() for name in names):
        if name not in known:
            few = known if len(known) <= 20 else get_close_matches(name, known, 20, 0)
            raise DataError(f"--{option}: {unknown('column', name, few)}")
    out = dict.fromkeys(name for names in chosen.values() for name in names)
    return table.select(list(out)), table.select([n for n in known if n not in out])


def identifiers(opened: Opened, rows: Any = None) -> dict[str, Any]:
    """Numbers of rows, from 0, and the columns that say which row it is."""
    kept = [n for n in opened.notes.get("id", []) if n in opened.beside.column_names]
    whole: Any = opened.rows
    rows = list(range(whole.num_rows) if rows is None else rows)
    named = opened.beside.select(kept).take(rows) if kept else {}
    found = {"row": rows} | {name: named[name] for name in kept}
    series = opened.series
    names = [] if series is None else [series.by, series.time]
    return found | {n: whole[n].take(rows) for n in names if n is not None}


def answer(
    columns: dict[str, Any], out: Path | None, *, as_json: bool, raw: bool
) -> None:
    """Write a table to a file, or as CSV or JSON lines to standard output."""
    import pyarrow as pa
    from pyarrow import csv

    from isthmus.cli.spreadsheets import defused
    from isthmus.data.files import is_parquet, write_table

    table = shortened(pa.table(columns))
    as_csv = not as_json if out is None else not is_parquet(out)
    if as_csv and not raw:
        table = defused(table)
    if out is not None:
        write_table(table, out)
        written.files.append(out)
        sys.stderr.write(f"Wrote {table.num_rows:,} rows to {out}\n")
    elif as_json:
        for row in table.to_pylist():
            print(to_json(row))
    else:
        csv.write_csv(
            table, sys.stdout.buffer, csv.WriteOptions(quoting_style="needed")
        )
        sys.stdout.flush()


def shortened(table: pa.Table) -> pa.Table:
    """Times without the six zeros behind whole seconds."""
    import pyarrow as pa

    for j, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            with suppress(pa.ArrowInvalid):  # there are fractions
                cells = table[j].cast(pa.timestamp("s", field.type.tz))
                table = table.set_column(j, field.name, cells)
    return table


def print_figures(found: dict[str, Any], *, as_json: bool) -> None:
    """Print figures by name: a line each, or one JSON object."""
    if as_json:
        print(to_json(found))
        return
    for name, value in found.items():
        shown = f"{value:.6g}" if isinstance(value, float) else value
        print(f"{name:<24} {shown}")


def to_json(value: dict[str, Any]) -> str:
    """One line; JSON knows no NaN, so a missing number is null."""
    return json.dumps(_plain(value), default=str)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
