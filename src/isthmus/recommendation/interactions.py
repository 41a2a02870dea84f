"""Who turned to what: long tables and matrices as one sparse matrix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_matrix, csr_matrix

from isthmus.data.arrow import as_text
from isthmus.errors import DataError, unknown, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

KNOWN = {
    "user": "user userid uid customer customerid visitor visitorid session sessionid",
    "item": "item itemid iid movie movieid product productid article articleid book "
    "bookid isbn track trackid song songid artist artistid sku",
    "weight": "weight rating ratings stars score count plays playcount quantity",
    "time": "time timestamp date datetime when at",
}
"""Names by which columns are known, in lower case and without marks."""

MOST_TOLD = 5
"""Unknown items that are named."""


class Named(NamedTuple):
    """The columns of a long table."""

    user: str
    item: str
    weight: str | None = None
    time: str | None = None


class Interactions(NamedTuple):
    """Users in rows, items in columns."""

    matrix: csr_matrix
    """(users, items), float32, without zeros, columns in order."""
    users: pa.Array
    """Names of the users, as they first occur."""
    items: pa.Array
    """Names of the items."""
    times: csr_matrix | None = None
    """When, in the places of ``matrix``; None where that is not known."""
    columns: Named | None = None
    """Of a long table, what its columns are called."""
    backend: str | None = None
    """Of a frame, its library."""


def named_columns(names: list[str], said: Mapping[str, str | None]) -> Named | None:
    """The columns of a long table; None if it seems to be a matrix.

    ``said`` goes before names by which columns are known.
    """
    found: dict[str, str] = {}
    for role, known in KNOWN.items():
        if (name := said[role]) is not None:
            if name not in names:
                raise DataError(f"{role}={name!r}: {unknown('column', name, names)}")
            found[role] = name
            continue
        words = [re.sub(r"[\W_]", "", name.lower()) for name in names]
        here = [w for w in known.split() if w in words]
        if here:
            found[role] = names[words.index(here[0])]
    if {"user", "item"} <= found.keys():
        return Named(**found)
    if "user" in found or "item" in found:
        lacking = "item" if "user" in found else "user"
        raise DataError(
            f"Which column holds the {lacking}s? Say {lacking}=, one of "
            f"{', '.join(map(repr, names[:20]))}."
        )
    return None


def read_long(
    cells: Mapping[str, pa.ChunkedArray],
    columns: Named,
    *,
    items: pa.Array | None = None,
    threshold: float | None = None,
    weighted: bool = False,
) -> Interactions:
    """A table of an interaction per row.

    ``items`` are those that are known; others are set aside, and that is warned of.
    """
    kept = np.ones(len(cells[columns.user]), dtype=bool)
    weights = np.ones(len(kept))
    if weighted or threshold is not None:
        if columns.weight is None:
            raise DataError("There are no weights: say weight=, their column.")
        weights = numbers(cells, columns.weight)
        if weights.min(initial=0) < 0:
            raise DataError(f"Column {columns.weight!r} holds weights below 0.")
        kept = weights >= (threshold or 0)
        kept &= weights > 0
    who, users = _numbered(cells[columns.user], columns.user)
    liked = cells[columns.item].filter(pa.array(kept))
    if items is None:
        what, items = _numbered(liked, columns.item)
    else:
        what = _places(liked, columns.item, items)
    kept[kept], what = what >= 0, what[what >= 0]
    shape = len(users), len(items)
    at = who[kept], what
    matrix = together(coo_matrix((weights[kept], at), shape), weighted=weighted)
    times = None
    if columns.time is not None:
        times = _latest(matrix, at, numbers(cells, columns.time)[kept])
    return Interactions(matrix, users, items, times, columns)


def together(cells: Any, *, weighted: bool) -> csr_matrix:
    """One entry per user and item, of float32: the sum of weights, or 1."""
    made = csr_matrix(cells, dtype=np.float32)
    made.sum_duplicates()
    made.eliminate_zeros()
    made.sort_indices()
    if not weighted:
        made.data = np.ones_like(made.data)
    return made


def numbers(cells: Mapping[str, pa.ChunkedArray], name: str) -> NDArray[np.float64]:
    """A column of numbers or times."""
    column = cells[name]
    if column.null_count:
        raise DataError(f"Column {name!r} lacks cells. Fill them, or leave rows out.")
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    try:
        found = column.cast(pa.float64()).to_numpy()
    except pa.ArrowException:
        raise DataError(f"Column {name!r} must hold numbers, or times.") from None
    if not np.isfinite(found).all():
        raise DataError(f"Column {name!r} holds numbers that are not finite.")
    return np.asarray(found)


def names_of(cells: pa.ChunkedArray, name: str) -> pa.Array:
    """A column of names: whole numbers, or words."""
    column = cells.combine_chunks()
    if column.null_count:
        row = int(pc.index(column.is_null(), value=True).as_py())
        raise DataError(f"Column {name!r} lacks a name in row {row}. Leave it out.")
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64())
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    text = as_text(pa.chunked_array([column])).combine_chunks()
    return text.cast(pa.string())


def _numbered(cells: pa.ChunkedArray, name: str) -> tuple[NDArray[np.int64], pa.Array]:
    """The number of each cell's name, and the names as they first occur."""
    coded = names_of(cells, name).dictionary_encode()
    return coded.indices.to_numpy().astype(np.int64), coded.dictionary


def _places(cells: pa.ChunkedArray, name: str, items: pa.Array) -> NDArray[np.int64]:
    """Where the items stand among those that are known; -1 where they are not."""
    given = names_of(cells, name)
    try:
        same = given.cast(items.type)
    except pa.ArrowException:
        raise DataError(
            f"Column {name!r} holds {given.type}, and items were {items.type}."
        ) from None
    found = pc.index_in(same, value_set=items)
    if found.null_count:
        strange = pc.unique(same.filter(found.is_null())).to_pylist()
        shown = ", ".join(map(repr, strange[:MOST_TOLD]))
        warn(
            f"{len(strange):,} items are not known to the model, and set aside: {shown}"
            f"{', ...' if len(strange) > MOST_TOLD else '.'}"
        )
    return np.asarray(found.fill_null(-1).to_numpy()).astype(np.int64)


def _latest(
    matrix: csr_matrix,
    at: tuple[NDArray[np.int64], NDArray[np.int64]],
    times: NDArray[np.float64],
) -> csr_matrix:
    """When each user last turned to each item, in the places of a matrix."""
    keys = at[0] * matrix.shape[1] + at[1]
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    places = np.searchsorted(rows * matrix.shape[1] + matrix.indices, keys)
    latest = np.full(matrix.nnz, -np.inf)
    np.maximum.at(latest, places, times)
    return csr_matrix((latest, matrix.indices, matrix.indptr), shape=matrix.shape)
