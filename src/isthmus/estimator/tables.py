"""The rows of a table, checked as scikit-learn checks them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from sklearn.utils.validation import check_array, validate_data

from isthmus.data.frames import Origin, is_frame, open_cells, open_frame
from isthmus.data.rows import Rows
from isthmus.errors import DataError
from isthmus.estimator.wishes import columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

READ_AS = {"category": "text", "count": "integer"}
"""What columns of some kinds are read as."""


class Read(NamedTuple):
    """The rows of a table, images or series, and where they came from."""

    rows: Any
    origin: Origin

    def take(self, picked: NDArray[np.int64]) -> Read:
        """The rows at these places."""
        return Read(self.rows.take(picked), self.origin._replace(index=None))


def read_table(estimator: Any, X: Any, *, reset: bool, least: int = 1) -> Read:
    """Return the rows of a table.

    With ``reset`` the estimator learns number and names of the columns; otherwise
    they must be the same, and named columns are brought into the order of fitting.
    """
    X = _cells(X)
    if getattr(X, "ndim", 2) == 1 and hasattr(X, "to_frame"):
        raise DataError(
            "X is one column or one row, and must be a table. Reshape your data: a row "
            "as df.iloc[[0]], a column as df[['name']]."
        )
    if not is_frame(X):
        rows = _of_array(estimator, X, reset=reset, least=least)
        return Read(rows, Origin())
    if not reset and hasattr(estimator, "feature_names_in_"):
        return _by_name(estimator, X)
    rows, origin = open_frame(X, wanted_types(estimator, reset=reset))
    _refuse_the_small(rows, least)
    names = list(origin.names or ())
    if not reset:
        shape = rows.height, len(rows.columns)
        validate_data(estimator, np.zeros(shape), reset=False, skip_check_array=True)
        known = estimator._converter.names  # noqa: SLF001
        return Read(rows.renamed(known), origin)
    estimator.n_features_in_ = len(names)
    if all(isinstance(name, str) for name in names):
        estimator.feature_names_in_ = np.array(names, dtype=object)
    elif hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_  # scikit-learn, too, knows only text
    return Read(rows, origin)


def _cells(X: Any) -> Any:
    """Cells in memory, as an array or a frame."""
    if isinstance(X, torch.Tensor):
        return X.detach().cpu().numpy()
    return X.toarray() if hasattr(X, "toarray") else X  # one of scipy's sparse kinds


def _of_array(estimator: Any, X: Any, *, reset: bool, least: int) -> Rows:
    """A matrix of numbers; or of cells of any kind, where there is a text."""
    wanted = wanted_types(estimator, reset=reset)
    try:
        values = check_array(
            X,
            dtype=np.float64,
            ensure_all_finite=False,  # the converter says which column is infinite
            ensure_min_samples=least,
            estimator=estimator,
            input_name="X",
        )
    except ValueError as error:
        if "inhomogeneous" in str(error):
            raise DataError(
                "Rows of a table have one length, and these have several. If they are "
                "series, say kind='series'; if sound, kind=isthmus.Audio(rate=16000)."
            ) from None
        cells = np.asarray(X, dtype=object)
        if cells.ndim != 2 or not any(isinstance(cell, str) for cell in cells.flat):
            raise DataError(str(error)) from None
        values = None
    matrix = np.asarray(X, dtype=object) if values is None else values
    validate_data(estimator, matrix, reset=reset, skip_check_array=True)
    names = [f"x{j}" for j in range(matrix.shape[1])]
    if not reset:
        names = list(estimator._converter.names)  # noqa: SLF001
    if values is None or "text" in wanted.values():
        return open_cells(matrix, names, wanted)
    return Rows.of(values, names)


def _by_name(estimator: Any, X: Any) -> Read:
    """Columns of a frame in the order of fitting; all that is wrong in one error."""
    converter = estimator._converter  # noqa: SLF001
    optional = set(converter.aside)
    try:
        rows, origin = open_frame(X, converter.types, list(converter.names), optional)
    except DataError as error:
        raise DataError(
            f"The columns are not those of fitting; {str(error).rstrip('.')}. Rename, "
            f"add, leave out or convert columns so that they agree."
        ) from None
    _refuse_the_small(rows, 1)
    return Read(rows, origin)


def wanted_types(estimator: Any, *, reset: bool) -> dict[str, str]:
    """What columns are to be read as: as they were in fitting, or as the user says."""
    if not reset:
        types: dict[str, str] = estimator._converter.types  # noqa: SLF001
        return types
    kinds = columns_of(estimator).kinds
    aside = {"identifier", "text", "constant"}  # as they stand
    return {n: READ_AS.get(k, k) for n, k in kinds.items() if k not in aside}


def _refuse_the_small(rows: Rows, least: int) -> None:
    """Say it as scikit-learn says it."""
    try:
        check_array(
            np.zeros((rows.height, len(rows.columns))), ensure_min_samples=least
        )
    except ValueError as error:
        raise DataError(str(error)) from None
