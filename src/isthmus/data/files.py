"""Tables from and to CSV and Parquet files."""

from __future__ import annotations

import difflib
import io
import sys
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import csv, parquet

from isthmus.data.delimited import read_delimited, refuse_repeats
from isthmus.data.dialect import typed
from isthmus.data.sparse_files import is_sparse_file
from isthmus.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection

BUDGET = 2 * 2**30
"""Bytes to which a compressed file may grow, however small it is."""

RATIO = 100
"""Times its size to which a compressed file may grow, if that is more than `BUDGET`."""

PARQUET_BUDGET = 64 * 2**30
"""Bytes that the cells of a Parquet file may take, at 8 bytes each."""

COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_PIECE = 2**20  # bytes that are unpacked at a time


def read_table(source: str | Path, keep: Collection[str] = ()) -> pa.Table:
    """Read CSV or Parquet: a file, a pattern such as ``data/*.csv``, or ``-``.

    The files of a pattern are pieces of one table, in the order of their names. ``-``
    is standard input. docs/csv.md says what is made of the words in a CSV file; the
    columns called in ``keep`` stay the words that they are.
    """
    if is_sparse_file(source):
        raise DataError(f"{source}: holds a sparse matrix, and this takes tables.")
    table = _joined([(name, _piece(name)) for name in names_of(str(source))])
    if table.num_rows == 0:
        raise DataError(f"{source}: there is a header and no row.")
    return typed(table, keep)


def write_table(table: pa.Table, path: str | Path) -> None:
    """Write a CSV or Parquet file, by its suffix."""
    path = Path(path)
    suffix = path.suffix.lower()
    squeezed = COMPRESSED.get(suffix)
    kind = Path(path.stem).suffix.lower() if squeezed else suffix
    if is_parquet(path):
        parquet.write_table(table, path)
    elif kind in {".csv", ".tsv"}:
        mark = tab_of(path) or ","
        options = csv.WriteOptions(quoting_style="needed", delimiter=mark)
        with pa.output_stream(str(path), compression=squeezed) as file:
            csv.write_csv(table, file, options)
    else:
        raise DataError(
            f"{path}: a table is written to .csv, .tsv (also with .gz, .bz2 or .zst "
            f"behind it), .parquet or .pq."
        )


def names_of(source: str) -> list[str]:
    """The files that a path or a pattern means, in their order."""
    path = Path(source)
    if path.is_dir():
        raise DataError(f"{path}: is a folder. Give a file, or '{path / '*.csv'}'.")
    if source == "-" or path.exists():
        return [source]
    matches = glob(source, recursive=True)  # noqa: PTH207 - it may be absolute
    if found := sorted(name for name in matches if Path(name).is_file()):
        return found
    others = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, others, n=1)
    hint = f" Did you mean {str(path.parent / near[0])!r}?" if near else ""
    hint = hint or (" Texts are given as a list of them." if " " in source else "")
    raise DataError(f"{source}: there is no such file.{hint}")


def _piece(name: str) -> pa.Table:
    """One file; if it is CSV, as columns of text."""
    path = Path(name)
    if name == "-":
        name, data = "standard input", sys.stdin.buffer.read()
    elif is_parquet(path):
        return _parquet(name, name)
    else:
        data = _bytes(path)
    if data[:4] == data[-4:] == b"PAR1":
        return _parquet(pa.BufferReader(data), name)
    return read_delimited(data, name, tab_of(path))


def _joined(pieces: list[tuple[str, pa.Table]]) -> pa.Table:
    """Pieces below one another; their columns are found by name."""
    (first, table), *others = pieces
    names, schema = table.column_names, table.schema
    for name, piece in others:
        if differing := sorted(set(names) ^ set(piece.column_names)):
            shown = ", ".join(map(repr, differing[:10]))
            raise DataError(f"{name}: differs from {first} in the columns {shown}.")
        try:
            both = [schema, piece.select(names).schema]
            schema = pa.unify_schemas(both, promote_options="permissive")
        except pa.ArrowException as error:
            raise DataError(f"{name}: does not fit {first}: {error}") from None
    tables = [piece.select(names) for _, piece in pieces]
    return pa.concat_tables(tables, promote_options="permissive")


def is_parquet(path: Path) -> bool:
    """Whether a table of this name is written as Parquet."""
    return path.suffix.lower() in {".parquet", ".pq"}


def tab_of(path: Path) -> str | None:
    """The mark between cells that a name tells."""
    return "\t" if ".tsv" in map(str.lower, path.suffixes) else None


def _parquet(source: str | pa.NativeFile, name: str) -> pa.Table:
    try:
        with parquet.ParquetFile(source) as file:  # takes repeated names, too
            size = 8 * file.metadata.num_rows * file.metadata.num_columns
            if size > PARQUET_BUDGET:
                raise DataError(
                    f"{name}: claims cells of {size:,} bytes. If that is true, raise "
                    f"isthmus.data.files.PARQUET_BUDGET, now {PARQUET_BUDGET:,}."
                )
            table = file.read()
        refuse_repeats(table.column_names, name)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{name}: {error}") from None
    return table


def _bytes(path: Path) -> bytes:
    """The content of a file, unpacked as its suffix says."""
    kind = COMPRESSED.get(path.suffix.lower())
    try:
        if kind is None:
            return path.read_bytes()
        most = max(BUDGET, RATIO * path.stat().st_size)
        data = io.BytesIO()
        with pa.input_stream(str(path), compression=kind) as file:
            while piece := file.read(_PIECE):
                data.write(piece)
                if data.tell() > most:
                    raise DataError(
                        f"{path}: grows beyond {most:,} bytes when unpacked. If you "
                        f"trust it, unpack it or raise isthmus.data.files.BUDGET."
                    )
        return data.getvalue()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
