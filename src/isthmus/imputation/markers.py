"""Cells that say by a value of their own that they are missing."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import torch

from isthmus.data.frames import is_frame
from isthmus.errors import RecipeError


def marked(X: Any, marker: Any) -> Any:
    """``X`` with a gap where a cell is ``marker``; None and NaN are gaps as it is."""
    if not isinstance(marker, str) and str(marker) in {"None", "nan", "<NA>"}:
        return X
    if not isinstance(marker, int | float | str):
        raise RecipeError(
            f"missing_values must be a number, a word, or None. Got {marker!r}."
        )
    if hasattr(X, "iloc"):
        return X.mask(marker == X)
    if is_frame(X):
        return _of_frame(X, marker)
    if isinstance(X, torch.Tensor):
        X = X if X.is_floating_point() else X.double()
        return X.masked_fill(marker == X, torch.nan)
    if hasattr(X, "toarray"):
        return type(X)(marked(X.toarray(), marker))
    cells = np.asarray(X)
    if cells.dtype.kind in "iub":
        cells = cells.astype(np.float64)
    elif cells.dtype.kind in "US":
        cells = cells.astype(object)
    return np.where(cells == marker, np.nan, cells)


def _of_frame(X: Any, marker: Any) -> Any:
    frame = nw.from_native(X, eager_only=True)
    words = isinstance(marker, str)
    alike = [
        name
        for name, dtype in frame.schema.items()
        if (not dtype.is_numeric() if words else dtype.is_numeric())
    ]
    gaps = [nw.when(nw.col(name) != marker).then(nw.col(name)) for name in alike]
    return frame.with_columns(gaps).to_native() if gaps else X
