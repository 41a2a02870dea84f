"""Counts as they are handed over: a sparse matrix, an array or a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from isthmus.data.counts import CountRows
from isthmus.data.frames import Origin, is_frame
from isthmus.errors import DataError
from isthmus.estimator.tables import Read, read_table


def are_counts(X: Any) -> bool:
    """Whether ``X`` can be taken for counts: a sparse matrix of whole numbers.

    In floats they are some that are above 1, and none is negative: no one-hot matrix.
    """
    if isinstance(X, CountRows):
        return True
    matrix: Any = X
    if not issparse(X) or matrix.dtype.kind not in {"u", "i", "f"}:
        return False
    if matrix.dtype.kind != "f":
        return True
    cells = matrix.tocoo(copy=False).data
    above = bool(cells.size) and cells.min() >= 0 and cells.max() > 1
    return bool(above and (cells == np.trunc(cells)).all())


def read_counts(estimator: Any, X: Any, *, reset: bool, least: int) -> Read:
    """Return rows of counts; with ``reset`` the estimator learns their columns."""
    if isinstance(X, CountRows):
        return _of_file(estimator, X, reset=reset, least=least)
    if is_frame(X):
        rows, origin = read_table(estimator, X, reset=reset, least=least)
        if rows.texts:
            raise DataError(
                f"Counts are whole numbers, and column {next(iter(rows.texts))!r} "
                f"holds text. Leave it out."
            )
        return Read(CountRows.of(rows.numbers, rows.numeric, origin.backend), origin)
    cells = _checked(estimator, X, reset=reset, least=least)
    names = [f"x{j}" for j in range(cells.shape[1])]
    if not reset:
        names = list(estimator._converter.names)  # noqa: SLF001
    return Read(CountRows.of(cells, names), Origin())


def _checked(estimator: Any, X: Any, *, reset: bool, least: int) -> Any:
    """A matrix, as scikit-learn checks it."""
    try:
        return validate_data(
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


def _of_file(estimator: Any, rows: CountRows, *, reset: bool, least: int) -> Read:
    """What has been read from a file, whose columns have no names of their own."""
    _checked(estimator, rows.matrix, reset=reset, least=least)
    return Read(rows, Origin(rows.backend, rows.names))
