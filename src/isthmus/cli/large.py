"""Files that are read in pieces, because their cells need more memory than is right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from isthmus.data.pieces import Stream
    from isthmus.data.rows import Column

LARGE = 2**29
"""Bytes of cells from which a file is read in pieces."""

CELLS = 2**22
"""Cells that are looked at for a summary."""

UNPACKED = 5
"""Times its size that a compressed CSV file holds, about."""


def is_large(source: str) -> bool:
    """Whether a table is read in pieces: for its size, or because it lies elsewhere."""
    from isthmus.data.files import names_of
    from isthmus.data.images import SUFFIXES
    from isthmus.data.lines import is_lines
    from isthmus.data.sparse_files import is_sparse_file
    from isthmus.data.wav import SUFFIXES as WAV

    if is_sparse_file(source) or is_lines(source):
        return False
    if "://" in source:
        return True
    if source == "-" or Path(source).is_dir():
        return source != "-"
    if Path(source).suffix.lower() in SUFFIXES | WAV:
        return True
    return sum(_bytes(Path(name)) for name in names_of(source)) > LARGE


def _bytes(path: Path) -> int:
    """What its cells take in memory, about; 0 of what is no file of a table."""
    import pyarrow as pa
    from pyarrow import parquet

    from isthmus.data.files import COMPRESSED, is_parquet

    if not is_parquet(path):
        packed = path.suffix.lower() in COMPRESSED
        return path.stat().st_size * (UNPACKED if packed else 1)
    try:
        with parquet.ParquetFile(path) as file:
            return int(8 * file.metadata.num_rows * file.metadata.num_columns)
    except (pa.ArrowException, OSError):  # who reads it says what is wrong
        return 0


def opened(source: str, columns: tuple[Column, ...]) -> Stream:
    """A file in pieces, words read as what the columns of a model are."""
    from isthmus.data.streams import stream

    found = stream(source)
    if not found.words:
        return found
    return found.changed(lambda table: _read(table, columns))


def _read(table: pa.Table, columns: tuple[Column, ...]) -> pa.Table:
    from isthmus.data import dialect
    from isthmus.data.arrow import parsed

    kinds = {str(dialect.arrow_of(k)): k for k in dialect.TYPES[1:-1]}
    for column in columns:
        kind = kinds.get(str(parsed(column.arrow)))
        if kind is None or column.name not in table.column_names:
            continue
        cells = table[column.name]
        if dialect.join(dialect.type_of(cells), kind) == kind:  # else they are others
            j = table.column_names.index(column.name)
            read = dialect.parse(cells, kind, column.name)
            table = table.set_column(j, column.name, read)
    return table


def looked_at(source: Stream) -> tuple[pa.Table, int]:
    """Rows drawn by lot, and how many there are."""
    from dataclasses import replace

    from isthmus.data.streams import whole

    counted = replace(source, rows=source.num_rows)
    return whole(counted, CELLS), counted.num_rows


def begun(source: Stream) -> pa.Table:
    """The first piece."""
    import pyarrow as pa

    from isthmus.data.frames import as_arrow

    return pa.table(as_arrow(next(iter(source))))
