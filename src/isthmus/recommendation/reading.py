"""What a recommender is given, as one sparse matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_matrix
from sklearn.utils.validation import check_non_negative, validate_data

from isthmus.data.files import read_table
from isthmus.data.frames import as_arrow, is_frame
from isthmus.data.sparse_files import is_sparse_file, read_matrix
from isthmus.errors import DataError
from isthmus.recommendation.interactions import (
    KNOWN,
    Interactions,
    Named,
    named_columns,
    read_long,
    together,
)

LEAST = 2
"""Users, and items, without which there is nothing to learn."""


def read(estimator: Any, X: Any, known: pa.Array | None = None) -> Interactions:
    """Interactions of a frame, a matrix or a file.

    ``known`` are the items of fitting; None: the estimator is being fitted.
    """
    if isinstance(X, str | Path):
        X = read_file(X)
    backend = _backend(X) if is_frame(X) else None
    if backend is not None:
        cells = as_arrow(X)
        if (columns := columns_in(estimator, list(cells))) is not None:
            threshold, weighted = estimator.threshold, estimator.weighted
            found = read_long(
                cells, columns, items=known, threshold=threshold, weighted=weighted
            )
            if known is None:
                _refuse_few(found.matrix.shape)
                estimator.n_features_in_ = len(found.items)
                vars(estimator).pop("feature_names_in_", None)
            return found._replace(backend=backend)
    return _of_matrix(estimator, X, known, backend)


def read_file(source: str | Path) -> pa.Table:
    """A table of a file; of a sparse matrix (users, items), a row per entry."""
    if not is_sparse_file(source):
        return read_table(source)
    found = read_matrix(source).tocoo()
    return pa.table({"user": found.row, "item": found.col, "weight": found.data})


def columns_in(estimator: Any, names: list[str]) -> Named | None:
    """What the columns of a long table are called; None: it is a matrix."""
    return named_columns(names, {role: getattr(estimator, role) for role in KNOWN})


def read_beside(estimator: Any, X: Any, first: Interactions) -> csr_matrix:
    """Further interactions of the users, and with the items, of the first."""
    more = read(estimator, X, first.items)
    if first.columns is None or more.columns is None:
        if more.matrix.shape != first.matrix.shape:
            raise DataError(
                f"Held-out interactions must have the shape of the others, "
                f"{first.matrix.shape}. Got {more.matrix.shape}."
            )
        return more.matrix
    places = pc.index_in(more.users.cast(first.users.type), value_set=first.users)
    here = np.flatnonzero(places.is_valid().to_numpy(zero_copy_only=False))
    at = places.drop_null().to_numpy(), here
    chosen = csr_matrix(
        (np.ones(len(here), np.float32), at), (len(first.users), len(more.users))
    )
    made: csr_matrix = (chosen @ more.matrix).tocsr()
    made.sort_indices()
    return made


def _of_matrix(
    estimator: Any, X: Any, known: pa.Array | None, backend: str | None
) -> Interactions:
    """A matrix of users and items; a frame has names for both."""
    least = 1 if known is not None else LEAST
    try:
        matrix = validate_data(
            estimator,
            X,
            reset=known is None,
            accept_sparse="csr",
            dtype=np.float32,
            ensure_min_samples=least,
            ensure_min_features=least,
        )
    except ValueError as error:
        raise DataError(
            f"{error} Interactions are a matrix (users, items), or a table of which "
            f"two columns name user and item."
        ) from None
    check_non_negative(matrix, type(estimator).__name__)
    made = csr_matrix(matrix)
    if estimator.threshold is not None:
        made = made.multiply(made >= estimator.threshold).tocsr()
    made = together(made, weighted=estimator.weighted)
    names = getattr(estimator, "feature_names_in_", np.arange(made.shape[1]))
    items = pa.array(names) if known is None else known
    users = pa.array(X.index if backend == "pandas" else np.arange(made.shape[0]))
    return Interactions(made, users, items, backend=backend)


def _refuse_few(shape: tuple[int, int]) -> None:
    for count, what in zip(shape, ("users", "items"), strict=True):
        if count < LEAST:
            raise DataError(f"There must be {LEAST} {what} or more. Got {count}.")


def _backend(X: Any) -> str:
    """The library of a frame."""
    try:
        return str(nw.from_native(X, eager_only=True).implementation.value)
    except TypeError:
        return "pyarrow"
