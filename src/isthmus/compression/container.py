"""A compressed table: one sealed piece of bytes.

    "ISZ1"  checksum (8)  lengths of head and rest (4, 8)  head  rest  coded cells

The head is JSON: what the columns are. The rest is three Arrow streams: the schema,
columns that are kept as they are, and names of categories. Both are packed by lzma. The
checksum is over all that follows it.
"""

from __future__ import annotations

import hashlib
import lzma
import struct
from typing import Any

import pyarrow as pa

from isthmus.errors import DataError
from isthmus.storage import from_json

MAGIC = b"ISZ1"

PACKED = 2**31
"""Bytes that a head or a rest may grow to when it is unpacked."""

_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
_LENGTHS = struct.Struct("<IQ")


def seal(head: bytes, rest: bytes, cells: bytes) -> bytes:
    """Put the pieces together."""
    packed = [lzma.compress(p, lzma.FORMAT_RAW, filters=_FILTERS) for p in (head, rest)]
    body = _LENGTHS.pack(*map(len, packed)) + b"".join(packed) + cells
    return MAGIC + checksum(body) + body


def unseal(data: bytes) -> tuple[dict[str, Any], bytes, bytes]:
    """Take them apart; what is damaged or something else is refused."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise DataError(f"A compressed table is bytes. Got {type(data).__name__}.")
    data = bytes(data)
    start = len(MAGIC) + 8
    if data[: len(MAGIC)] != MAGIC or len(data) < start + _LENGTHS.size:
        raise DataError("This is no table that isthmus.compress wrote.")
    body = data[start:]
    if checksum(body) != data[len(MAGIC) : start]:
        raise DataError("The compressed table is damaged: its checksum differs.")
    first, second = _LENGTHS.unpack(body[: _LENGTHS.size])
    pieces = body[_LENGTHS.size :]
    head, rest = _grown(pieces[:first]), _grown(pieces[first : first + second])
    return from_json(head, "The head of the table"), rest, pieces[first + second :]


def pack(table: pa.Table, kept: list[str], names: dict[str, Any]) -> bytes:
    """Schema of a table, its columns that are ``kept``, and names by column."""
    lists = {n: pa.ListArray.from_arrays([0, len(v)], v) for n, v in names.items()}
    parts = map(_stream, (table.slice(0, 0), table.select(kept), pa.table(lists)))
    return b"".join(len(part).to_bytes(8, "little") + part for part in parts)


def unpack(data: bytes) -> tuple[pa.Schema, pa.Table, dict[str, pa.Array]]:
    """The inverse of `pack`."""
    tables = []
    while data:
        size, data = int.from_bytes(data[:8], "little"), data[8:]
        tables.append(pa.ipc.open_stream(data[:size]).read_all())
        data = data[size:]
    top, kept, lists = tables
    names = {n: lists[n].combine_chunks().flatten() for n in lists.column_names}
    return top.schema, kept, names


def checksum(data: bytes) -> bytes:
    """Eight bytes."""
    return hashlib.blake2b(data, digest_size=8).digest()


def _grown(data: bytes) -> bytes:
    """Unpack bytes, up to a limit."""
    reader = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS)
    found = reader.decompress(data, PACKED)
    if not reader.eof:
        raise DataError(
            f"The table grows beyond {PACKED:,} bytes when unpacked. If you trust it, "
            f"raise isthmus.compression.container.PACKED."
        )
    return found


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
