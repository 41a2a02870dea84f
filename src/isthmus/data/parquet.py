"""Parquet files of one table, read piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
from pyarrow import fs, parquet

from isthmus.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

BUFFER = 2**18
"""Bytes of a column that are read at a time."""


class RowGroup(NamedTuple):
    """Rows that can be read apart from others."""

    file: str
    number: int
    rows: int


class ParquetFiles:
    """One table in one or more files, with the columns of all of them."""

    def __init__(self, system: fs.FileSystem, names: list[str]) -> None:
        self.system, self.names = system, names
        self.groups: list[RowGroup] = []
        schemas = []
        for name in names:
            with _opened(system, name) as file:
                schemas.append(file.schema_arrow.remove_metadata())
                for k in range(file.num_row_groups):
                    rows = file.metadata.row_group(k).num_rows
                    self.groups.append(RowGroup(name, k, rows))
        self.schema = _common(names, schemas)

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(group.rows for group in self.groups)

    def pieces(
        self, rows: int, columns: list[str] | None, group: RowGroup | None = None
    ) -> Iterator[pa.Table]:
        """Tables of so many ``rows``; of all columns or some, all row groups or one."""
        wanted = self.schema.names if columns is None else columns
        kinds = pa.schema([self.schema.field(name) for name in wanted])
        some = None if group is None else [group.number]
        for name in self.names if group is None else [group.file]:
            with _opened(self.system, name) as file:
                for batch in file.iter_batches(rows, some, wanted, use_threads=False):
                    table = pa.Table.from_batches([batch]).select(wanted)
                    yield table if table.schema == kinds else table.cast(kinds)
            pa.default_memory_pool().release_unused()  # it keeps a hundred megabytes


def _opened(system: fs.FileSystem, name: str) -> parquet.ParquetFile:
    try:
        # a row group is read and decoded bit by bit, and not fetched whole before
        file = system.open_input_file(name)
        return parquet.ParquetFile(file, pre_buffer=False, buffer_size=BUFFER)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name}: {error}") from None


def _common(names: list[str], schemas: list[pa.Schema]) -> pa.Schema:
    """The schema that all files can be read as."""
    first = schemas[0]
    for name, other in zip(names, schemas, strict=True):
        if set(other.names) != set(first.names):
            differing = sorted(set(other.names) ^ set(first.names))
            raise DataError(f"{name}: differs from {names[0]} in {differing[:10]}.")
    try:
        return pa.unify_schemas(schemas, promote_options="permissive")
    except pa.ArrowException as error:
        raise DataError(f"{names[0]} and others do not fit together: {error}") from None
