"""Parquet files of one table, read piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import fs, parquet

from isthmus.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isthmus.ranks import Ranks

BUFFER = 2**18
"""Bytes of a column that are read at a time."""


class ParquetFiles:
    """One table in one or more files, with the columns of all of them."""

    def __init__(self, system: fs.FileSystem, names: list[str]) -> None:
        self.system, self.names, self.rows = system, names, 0
        schemas = []
        for name in names:
            with _opened(system, name) as file:
                schemas.append(file.schema_arrow.remove_metadata())
                self.rows += file.metadata.num_rows
        self.schema = _common(names, schemas)

    def pieces(self, rows: int, columns: list[str] | None) -> Iterator[pa.Table]:
        """Tables of so many ``rows``, of some columns or of all."""
        for name in self.names:
            with _opened(self.system, name) as file:
                groups = list(range(file.num_row_groups))
                yield from self._read(file, groups, rows, columns)
            pa.default_memory_pool().release_unused()  # it keeps a hundred megabytes

    def shares(
        self, rows: int, columns: list[str] | None, ranks: Ranks
    ) -> Iterator[pa.Table | int]:
        """The same of the row groups of one process; how many rows others have."""
        past = 0
        for name in self.names:
            with _opened(self.system, name) as file:
                for k in range(file.num_row_groups):
                    if (past + k) % ranks.count == ranks.number:
                        yield from self._read(file, [k], rows, columns)
                    else:
                        yield file.metadata.row_group(k).num_rows
                past += file.num_row_groups
            pa.default_memory_pool().release_unused()

    def _read(
        self,
        file: parquet.ParquetFile,
        groups: list[int],
        rows: int,
        columns: list[str] | None,
    ) -> Iterator[pa.Table]:
        wanted = self.schema.names if columns is None else columns
        kinds = pa.schema([self.schema.field(name) for name in wanted])
        for batch in file.iter_batches(rows, groups, wanted, use_threads=False):
            table = pa.Table.from_batches([batch]).select(wanted)
            yield table if table.schema == kinds else table.cast(kinds)


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
