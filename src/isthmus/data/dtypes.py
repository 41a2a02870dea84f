"""Data types of pandas and polars columns: into a model file and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from isthmus.data.frames import Origin


def to_plain(origin: Origin) -> list[Any] | None:
    """Names of data types, or their categories; None where the Arrow type will do."""
    if origin.dtypes is None or origin.backend not in {"pandas", "polars"}:
        return None
    return [_plain(origin.backend, dtype) for dtype in origin.dtypes]


def from_plain(backend: str | None, plain: list[Any] | None) -> tuple[Any, ...] | None:
    """Data types from what `to_plain` wrote, if their library is here."""
    if plain is None:
        return None
    try:
        return tuple(_dtype(str(backend), one) for one in plain)
    except ImportError:  # then no frame will ask for them
        return None


def is_categorical(dtype: Any) -> bool:
    """Whether this is the data type of a pandas column of categories."""
    return hasattr(dtype, "categories") and hasattr(dtype, "ordered")


def _plain(backend: str, dtype: Any) -> Any:
    if is_categorical(dtype):
        levels = [
            v.item() if isinstance(v, np.generic) else v for v in dtype.categories
        ]
        if all(isinstance(level, str | int | float) for level in levels):
            return {"categories": levels, "ordered": bool(dtype.ordered)}
        return None
    if backend == "polars":
        is_enum = type(dtype).__name__ == "Enum"
        return {"categories": list(dtype.categories)} if is_enum else None
    return str(dtype)


def _dtype(backend: str, plain: Any) -> Any:
    if not isinstance(plain, dict):
        return None if plain is None else str(plain)
    if backend == "polars":
        import polars as pl

        return pl.Enum(plain["categories"])
    import pandas as pd

    return pd.CategoricalDtype(plain["categories"], ordered=plain["ordered"])
