"""Which rows have a label, what it is, and which of them check the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from isthmus.errors import DataError
from isthmus.estimator.tables import Read

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOBODY = -1
"""Fold of a row that checks no other."""


class Labels(NamedTuple):
    """Rows that have a label, and what it is."""

    rows: NDArray[np.int64]
    """(m,): where they stand, in rising order."""
    values: NDArray[Any]
    """(m,): indices of classes, or numbers in float64."""
    classes: NDArray[Any] | None = None
    """The classes in rising order; None for numbers."""


def classes_of(X: Any, y: Any) -> Labels:
    """Labels of classes; NaN, None, an empty text and, beside two classes
    or more, -1 mean none.
    """
    labels = _one_column(X, y)
    known = ~_missing(labels)
    if labels.dtype.kind in "iuf":
        marked = labels == -1
        if len(np.unique(labels[known & ~marked])) > 1:
            known &= ~marked
    rows = np.flatnonzero(known)
    if not len(rows):
        raise DataError("No row has a label. Label some rows of each class.")
    found = labels[rows]
    if found.dtype.kind == "O" and not any(isinstance(v, str) for v in found):
        found = np.array(found.tolist())
    if found.dtype.kind == "f" and np.isinf(found).any():
        raise DataError("Input y contains infinity. Labels must be classes.")
    check_classification_targets(found)
    if found.dtype.kind == "f" and len(rows) < len(labels):  # gaps made them so
        found = found.astype(np.int64)
    classes, values = np.unique(found, return_inverse=True)
    if len(classes) < 2:
        raise DataError(
            f"The labels must be of two classes or more. Got one class: {classes[0]}."
        )
    return Labels(rows, values, classes)


def numbers_of(X: Any, y: Any) -> Labels:
    """Labels that are numbers; NaN and None mean none."""
    labels = _one_column(X, y)
    missing = _missing(labels)
    try:
        values = np.where(missing, np.nan, labels).astype(np.float64)
    except (TypeError, ValueError):
        raise DataError("The labels must be numbers. Got text.") from None
    if np.isinf(values).any():
        raise DataError("Input y contains infinity or a value too large.")
    rows = np.flatnonzero(~missing)
    if not len(rows):
        raise DataError("No row has a label. Label some rows.")
    return Labels(rows, values[rows])


def known_of(y: Any) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Where labels are that are not missing, and what they are."""
    labels = _cells(y)
    rows = np.flatnonzero(~_missing(labels))
    return rows, labels[rows]


def _one_column(X: Any, y: Any) -> NDArray[Any]:
    """Labels as an array, (n,), one per row."""
    if y is None:
        raise DataError(
            "fit requires y to be passed, but the target y is None. Rows without a "
            "label have NaN, None or -1 there."
        )
    labels = _cells(y)
    rows = range(X.rows.height) if isinstance(X, Read) else X
    check_consistent_length(rows, labels)
    return labels


def _cells(y: Any) -> NDArray[Any]:
    """Cells as an array, (n,)."""
    if isinstance(y, pa.ChunkedArray):
        y = y.combine_chunks()
    if isinstance(y, pa.Array):
        y = y.to_numpy(zero_copy_only=False)
    if str(getattr(y, "dtype", "")).startswith("bool"):  # which gaps would make numbers
        y = np.asarray(y, dtype=object)
    return np.asarray(column_or_1d(y, warn=True))


def _missing(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Which labels are NaN, None, NA, NaT or empty."""
    if labels.dtype.kind == "U":
        return np.asarray(np.char.strip(labels) == "")
    if labels.dtype.kind != "O":
        return np.asarray(labels != labels)  # noqa: PLR0124 - true of NaN alone
    known = pa.array([_is_missing(label) for label in labels], pa.bool_())
    return np.asarray(known.to_numpy(zero_copy_only=False))


def _is_missing(label: Any) -> bool:
    if isinstance(label, str):
        return not label.strip()
    if label is None or type(label).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(label, float | np.floating) and bool(np.isnan(label))


def folds_of(labels: Labels, count: int, seed: int) -> NDArray[np.int64]:
    """Fold of each labelled row, (m,), alike in classes, or in order of the numbers.

    Every row is in the fold that it checks. The only one of its class checks none, so
    that each class is learned in every fold.
    """
    lots = np.random.Generator(np.random.PCG64(seed))
    order = lots.permutation(len(labels.values))
    order = order[np.argsort(labels.values[order], kind="stable")]
    found = np.empty(len(order), dtype=np.int64)
    if labels.classes is None:
        found[order] = _dealt(len(order), count, lots)
        return found
    found[order] = np.arange(len(order)) % count
    sizes = np.bincount(labels.values)
    found[sizes[labels.values] == 1] = NOBODY
    return found


def _dealt(rows: int, count: int, lots: np.random.Generator) -> NDArray[np.int64]:
    """Folds of rows in a row, each as often in every stretch of ``count``."""
    stretches = -(-rows // count)
    dealt = np.concatenate([lots.permutation(count) for _ in range(stretches)])
    return dealt[:rows]
