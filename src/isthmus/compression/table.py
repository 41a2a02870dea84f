"""Tables to bytes and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from isthmus.compression import network
from isthmus.compression.arrow import code, decode
from isthmus.compression.bounds import bounds
from isthmus.compression.cells import transcribe
from isthmus.compression.coder import Reader, Writer, library
from isthmus.compression.column import UNIT, Column
from isthmus.compression.container import checksum, pack, seal, unpack, unseal
from isthmus.compression.forms import as_table, restored
from isthmus.compression.whole import Grid
from isthmus.errors import DataError
from isthmus.storage import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from isthmus.compression.arrow import Coded

    Cells = list[tuple[NDArray[np.int64], NDArray[np.bool_]]]

HIDDEN = 64
"""Hidden units of the network."""

FEWEST = 50
"""Rows below which there is none."""


def compress(
    X: Any,
    error: float | Mapping[str, float] = 0.0,
    *,
    absolute: bool = False,
    random_state: int = 0,
    verbose: int = 1,
) -> bytes:
    """The table as few bytes, from which `decompress` makes it again.

    ``X`` is a pandas, polars or Arrow table, or an array (n, columns) of numbers.

    No number is further off than ``error``: a share of the range of its column, or, if
    ``absolute``, in its own units. One error is that of all columns of numbers, but for
    whole numbers that all differ, as identifiers do; of errors by name, columns that
    are not named are exact. Times, categories, texts, booleans and what is missing are
    exact always, and so is all without an ``error``.

    A masked autoencoder (Germain et al., 2015) learns how probable each value of a cell
    is after the cells before it, and an entropy coder spends as many bits as it takes.
    """
    library()
    table, form = as_table(X)
    errors = bounds(table, error, absolute=absolute)
    found = {n: code(table[n], errors[n]) for n in table.column_names}
    coded = {n: c for n, c in found.items() if c is not None}
    first = sorted(coded, key=lambda n: not coded[n].column.follows)  # others see them
    coded = {n: coded[n] for n in first}
    kept = [n for n in table.column_names if n not in coded]
    columns = [c.column for c in coded.values()]
    values = [c.cells for c in coded.values()]
    tries: list[network.Weights | None] = [None]
    if table.num_rows >= FEWEST and any(column.asked for column in columns):
        rows, told = _rows(columns, values), {"seed": random_state, "verbose": verbose}
        tries.append(network.train(columns, rows, HIDDEN, table.num_rows, **told))
    written = [_written(columns, values, weights) for weights in tries]
    hidden, cells = min(written, key=lambda one: len(one[1]))
    head = {
        "rows": table.num_rows,
        "form": form,
        "hidden": hidden,
        "columns": [_plain(n, c) for n, c in coded.items()],
        "check": _check(values),
    }
    names = {n: c.names for n, c in coded.items() if c.names is not None}
    return seal(to_json(head), pack(table, kept, names), cells)


def decompress(data: bytes) -> Any:
    """The table that `compress` was given: its container, names, types and index.

    It is the same on every machine, because only whole numbers are computed with; a
    checksum over all cells is compared with that of the table itself.
    """
    head, rest, coded = unseal(data)
    schema, kept, names = unpack(rest)
    columns = [Column.blank(plain["column"]) for plain in head["columns"]]
    blank = np.zeros(head["rows"], dtype=np.int64)
    cells: Cells = [(blank, blank > 0)] * len(columns)
    if columns:
        cells = _sent(columns, cells, head["hidden"], None, Reader(coded))
    if _check(cells) != head["check"]:
        raise DataError(
            "The table cannot be decompressed: its cells differ from those that were "
            "compressed. Use the versions of isthmus and constriction that wrote it."
        )
    arrays: dict[str, Any] = {name: kept[name] for name in kept.column_names}
    for plain, values in zip(head["columns"], cells, strict=True):
        name, grid = plain["name"], plain["grid"]
        kind = schema.field(name).type
        arrays[name] = decode(values, kind, grid and Grid(*grid), names.get(name))
    table = pa.Table.from_arrays([arrays[n] for n in schema.names], schema=schema)
    return restored(table, head["form"])


def _written(
    columns: list[Column], cells: Cells, weights: network.Weights | None
) -> tuple[int, bytes]:
    """How many hidden units, 0 for no network; weights and cells as bits."""
    coder, hidden = Writer(), 0 if weights is None else len(weights.shift)
    if columns:
        _sent(columns, cells, hidden, weights, coder)
    return hidden, coder.done()


def _sent(
    columns: list[Column],
    cells: Cells,
    hidden: int,
    weights: network.Weights | None,
    coder: Writer | Reader,
) -> Cells:
    """All that a coder is sent, or that is read from it."""
    for column in columns:
        column.transcribe(coder)
    places = network.Places.of(columns, hidden)
    if hidden:
        weights = network.transcribe(weights, places, coder)
    else:
        weights = network.Weights(*map(np.zeros_like, places.masks()))
    return transcribe(columns, weights, cells, coder)


def _rows(columns: list[Column], cells: Cells) -> NDArray[np.float32]:
    """What columns tell, and their symbols, of a sample of rows."""
    count, width = len(cells[0][0]), sum(c.told + 1 for c in columns)
    most = min(network.ROWS, network.ENTRIES // width)
    picked = np.sort(np.random.default_rng(0).permutation(count)[:most])
    told, symbols = [], []
    for column, (k, gone) in zip(columns, cells, strict=True):
        here, away = k[picked], gone[picked]
        told.append(column.tell(here, away) / UNIT)
        index, _ = column.symbols.split(here)
        symbols.append(np.where(away, column.symbols.number, index))
    return np.column_stack([*told, *symbols]).astype(np.float32)


def _plain(name: str, coded: Coded) -> dict[str, Any]:
    grid = None if coded.grid is None else list(coded.grid)
    return {"name": name, "column": coded.column.plain(), "grid": grid}


def _check(cells: Cells) -> str:
    """A checksum of all whole numbers, and of what is missing."""
    parts = [p for k, gone in cells for p in (k.astype("<i8"), gone.astype("u1"))]
    return checksum(b"".join(part.tobytes() for part in parts)).hex()
