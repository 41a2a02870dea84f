"""A column of Arrow as numbers or text, and back into its own type."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from isthmus.data import dialect
from isthmus.data.rows import Column, Type
from isthmus.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DICTIONARY = re.compile(
    r"dictionary<values=(?P<values>.*), indices=(?P<indices>\w+), "
    r"ordered=(?P<ordered>[01])>"
)

UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Steps of an Arrow unit of time in a second."""


def from_arrow(
    name: str, cells: pa.ChunkedArray, wanted: Type | None
) -> tuple[Column, Any]:
    """Return what a column is, and its cells: float64 (n,), or text.

    With ``wanted`` it is read as that; what cannot be is refused.
    """
    arrow = str(cells.type)
    if pa.types.is_null(cells.type):
        cells = cells.cast(pa.string())
    if cells.null_count == len(cells) and wanted is not None:
        return _nothing(Column(name, wanted, arrow), len(cells))
    kind = type_of(name, cells.type)
    if pa.types.is_dictionary(cells.type) or wanted == "text":
        return Column(name, "text", arrow), as_text(cells)
    if kind == "text":
        reading = _reading(cells, wanted)
        cells = dialect.parse(cells, "text" if reading == "empty" else reading, name)
        kind = type_of(name, cells.type)
        if kind == "text":
            return Column(name, kind, arrow), cells
        arrow = f"text<{cells.type}>"
    if wanted is not None and not _agree(kind, wanted):
        raise DataError(f"Column {name!r} must hold {wanted}, and holds {kind}.")
    return Column(name, wanted or kind, arrow), _numbers(cells, kind)


def _nothing(column: Column, count: int) -> tuple[Column, Any]:
    """A column in which every cell is missing is of any type."""
    if column.type == "text":
        return column, pa.chunked_array([pa.nulls(count, pa.large_string())])
    return column, np.full(count, np.nan)


def _reading(cells: pa.ChunkedArray, wanted: Type | None) -> str:
    """The dialect's type by which to read a column of text."""
    found = dialect.type_of(cells)
    if wanted is None or (
        wanted == "boolean" and dialect.join(found, "float") != "text"
    ):
        return found
    wider = {"integer": "float", "datetime": "instant"}
    return wider.get(wanted, wanted)


def to_arrow(column: Column, cells: NDArray[np.float64]) -> pa.Array:
    """Numbers (n,), NaN where missing, in the Arrow type of the column."""
    missing = np.isnan(cells)
    filled = np.where(missing, 0.0, cells)
    if column.step:
        filled = np.rint(filled / column.step) * column.step
    written, kind = column.arrow.startswith("text<"), parsed(column.arrow)
    if column.type in {"datetime", "duration"}:
        made = _times(filled, column.type, kind, missing)
    elif column.type == "boolean":
        made = pa.array(filled >= 0.5, mask=missing)
    elif column.type == "integer":
        low, high = _bounds(kind)
        whole = np.clip(np.rint(filled), low, high)
        made = pa.array(whole.astype(np.int64 if low < 0 else np.uint64), mask=missing)
    else:
        made = pa.array(filled, mask=missing)
    if kind is not None and not pa.types.is_null(kind):
        made = made.cast(kind, safe=False)
    if not written:
        return made
    if pa.types.is_timestamp(made.type) and column.step >= 1:
        made = made.cast(pa.timestamp("s"))  # as short as it came
    return made.cast(pa.string())


def text_to_arrow(column: Column, cells: pa.Array) -> pa.Array:
    """Texts in the Arrow type of a column that was read as text."""
    if found := _DICTIONARY.fullmatch(column.arrow):
        encoded = cells.dictionary_encode()
        indices = encoded.indices
        with suppress(pa.ArrowInvalid):  # too few bits for this many levels
            indices = indices.cast(parsed(found["indices"]) or pa.int32())
        levels = _cast(encoded.dictionary, parsed(found["values"]))
        ordered = found["ordered"] == "1"
        return pa.DictionaryArray.from_arrays(indices, levels, ordered=ordered)
    kind = parsed(column.arrow)
    if kind is not None and pa.types.is_null(kind):
        return cells if cells.null_count < len(cells) else pa.nulls(len(cells))
    return _cast(cells, kind)


def _cast(words: pa.Array, kind: pa.DataType | None) -> pa.Array:
    """Words as values of a type, if all are such."""
    if kind is None or pa.types.is_timestamp(kind):  # pandas forgets their zone
        return words
    if pa.types.is_boolean(kind):
        return pc.equal(words, "true")
    try:
        return words.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return words


def parsed(words: str) -> pa.DataType | None:
    """The Arrow type of these words; None for one that does not go back."""
    if found := re.fullmatch(r"text<(.*)>", words):
        return parsed(found[1])
    if found := re.fullmatch(r"(timestamp)\[(\w+)(?:, tz=([^\]]+))?\]", words):
        return pa.timestamp(found[2], tz=found[3])
    if found := re.fullmatch(r"decimal(32|64|128|256)\((\d+), (-?\d+)\)", words):
        decimal: Any = getattr(pa, f"decimal{found[1]}")
        return decimal(int(found[2]), int(found[3]))
    try:
        return pa.type_for_alias(words)
    except ValueError:
        return None


def type_of(name: str, kind: pa.DataType) -> Type:
    """What cells of an Arrow type are."""
    tests = {
        "boolean": [pa.types.is_boolean],
        "integer": [pa.types.is_integer],
        "float": [pa.types.is_floating, pa.types.is_decimal],
        "datetime": [pa.types.is_timestamp, pa.types.is_date],
        "duration": [pa.types.is_duration, pa.types.is_time],
        "text": [
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_dictionary,
            pa.types.is_null,
        ],
    }
    for found in get_args(Type):
        if any(test(kind) for test in tests[found]):
            return found  # type: ignore[no-any-return]
    raise DataError(
        f"Column {name!r} holds {kind}: every cell must be a number, a text, a time or "
        f"missing. Leave it out."
    )


def _agree(kind: str, wanted: str) -> bool:
    numbers = {"float", "integer", "boolean"}
    return kind == wanted or {kind, wanted} <= numbers


def as_text(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Any column as text; a whole number has no point, whatever its type."""
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    elif dialect.is_text(cells.type):
        return dialect.parse(cells, "text", "")
    if pa.types.is_decimal(cells.type):
        cells = cells.cast(pa.float64())
    if pa.types.is_floating(cells.type):
        values = cells.cast(pa.float64()).to_pandas().to_numpy()
        whole = np.isfinite(values) & (values == np.rint(values))
        whole &= np.abs(values) < 2**53
        words = [
            None if np.isnan(v) else str(int(v)) if w else repr(float(v))
            for v, w in zip(values, whole, strict=True)
        ]
        return pa.chunked_array([pa.array(words, pa.string())])
    return cells.cast(pa.string())


def _numbers(cells: pa.ChunkedArray, kind: str) -> NDArray[np.float64]:
    if kind in {"datetime", "duration"}:
        return _seconds(cells)
    if pa.types.is_boolean(cells.type):
        cells = cells.cast(pa.uint8())
    numbers: NDArray[np.float64] = cells.cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _seconds(cells: pa.ChunkedArray) -> NDArray[np.float64]:
    kind = cells.type
    if pa.types.is_date(kind):
        cells = cells.cast(pa.timestamp("s"))
    elif pa.types.is_time(kind):
        cells = cells.cast(pa.time64("us"))
    unit = UNITS[cells.type.unit]
    steps = cells.cast(pa.int64())
    missing = steps.is_null().to_numpy()
    whole = steps.fill_null(0).to_numpy()
    high, low = np.divmod(whole, unit)  # a float64 would round nanoseconds
    return np.where(missing, np.nan, high + low / unit)


def _times(
    seconds: NDArray[np.float64],
    type_: str,
    kind: pa.DataType | None,
    missing: NDArray[np.bool_],
) -> pa.Array:
    """Seconds as moments or spans, in the unit of ``kind`` where it has one."""
    unit = getattr(kind, "unit", "us")
    if kind is not None and pa.types.is_date(kind):
        unit = "s"
    if kind is not None and pa.types.is_time(kind):
        seconds = np.clip(seconds, 0.0, 86_400 - 1e-6)
    whole = np.floor(seconds)
    part = np.rint((seconds - whole) * UNITS[unit])
    most = 2**63 // UNITS[unit] - 1
    steps = np.clip(whole, -most, most).astype(np.int64) * UNITS[unit]
    made = pa.array(steps + part.astype(np.int64), mask=missing)
    if kind is not None and pa.types.is_time(kind):
        return made.cast(pa.int32() if pa.types.is_time32(kind) else pa.int64())
    zone = getattr(kind, "tz", None)
    own = pa.timestamp(unit, zone) if type_ == "datetime" else pa.duration(unit)
    return made.cast(own)


def _bounds(kind: pa.DataType | None) -> tuple[float, float]:
    """Smallest and largest number of an integer type, as float64 can hold them."""
    if kind is None or not pa.types.is_integer(kind):
        return -(2.0**63), 2.0**63 - 1024
    signed = pa.types.is_signed_integer(kind)
    bits = kind.bit_width - signed
    high = 2.0**bits - (1 if bits < 53 else 2.0 ** (bits - 53))
    return (-(2.0**bits) if signed else 0.0), high
