"""Counts as they are handed over: a sparse matrix, an array or a frame."""

from __future__ import annotations

from typing import Any

from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from isthmus.data.counts import CountRows
from isthmus.data.frames import Origin, is_frame
from isthmus.errors import DataError
from isthmus.estimator.tables import Read, read_table


def are_counts(X: Any) -> bool:
    """Whether ``X`` can be taken for counts: a sparse matrix of whole numbers."""
    kind = getattr(getattr(X, "dtype", None), "kind", "")
    return bool(issparse(X)) and kind in {"u", "i"}


def read_counts(estimator: Any, X: Any, *, reset: bool, least: int) -> Read:
    """Return rows of counts; with ``reset`` the estimator learns their columns."""
    if is_frame(X):
        rows, origin = read_table(estimator, X, reset=reset, least=least)
        if rows.texts:
            raise DataError(
                f"Counts are whole numbers, and column {next(iter(rows.texts))!r} "
                f"holds text. Leave it out."
            )
        return Read(CountRows.of(rows.numbers, rows.numeric), origin)
    try:
        cells = validate_data(
            estimator,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype="numeric",
            ensure_all_finite=False,  # who refuses them says where they stand
            ensure_min_samples=least,
        )
    except ValueError as error:
        raise DataError(str(error)) from None
    names = [f"x{j}" for j in range(cells.shape[1])]
    if not reset:
        names = list(estimator._converter.names)  # noqa: SLF001
    return Read(CountRows.of(cells, names), Origin())
