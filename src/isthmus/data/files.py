"""Tables from and to CSV and Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import csv, parquet

from isthmus.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"]
"""Words that mean a missing cell in a CSV file."""


def read_table(path: str | Path) -> pa.Table:
    """Read a CSV (.csv, .csv.gz, .tsv) or Parquet (.parquet, .pq) file with names."""
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file.")
    try:
        if _is_parquet(path):
            table = parquet.ParquetFile(path).read()  # takes repeated names, too
        else:
            options = csv.ConvertOptions(null_values=MISSING, strings_can_be_null=True)
            parse = csv.ParseOptions(delimiter=_delimiter(path))
            table = csv.read_csv(path, parse_options=parse, convert_options=options)
        names = table.column_names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {error}") from None
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"{path}: more than one column is called {twice[0]!r}.")
    if table.num_rows == 0:
        raise DataError(f"{path}: there is a header and no row.")
    return table


def write_table(table: pa.Table, path: str | Path) -> None:
    """Write a CSV or Parquet file, by its suffix."""
    path = Path(path)
    if _is_parquet(path):
        parquet.write_table(table, path)
    else:
        mark = _delimiter(path)
        options = csv.WriteOptions(quoting_style="needed", delimiter=mark)
        with pa.output_stream(str(path)) as file:  # compresses by the suffix
            csv.write_csv(table, file, options)


def take_out(table: pa.Table, names: Iterable[str]) -> tuple[pa.Table, pa.Table]:
    """Split a table into the columns called ``names`` and the rest."""
    names = list(dict.fromkeys(names))
    if absent := [name for name in names if name not in table.column_names]:
        known = ", ".join(table.column_names[:20])
        raise DataError(f"There is no column {absent[0]!r}. The columns are: {known}.")
    return table.select(names), table.drop_columns(names)


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in {".parquet", ".pq"}


def _delimiter(path: Path) -> str:
    return "\t" if ".tsv" in map(str.lower, path.suffixes) else ","
