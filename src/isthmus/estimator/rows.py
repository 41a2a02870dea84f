"""What a person hands over, checked as scikit-learn checks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from isthmus.data.frames import Origin, open_table
from isthmus.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_rows(
    estimator: Any, X: Any, *, reset: bool, least: int = 1
) -> tuple[NDArray[np.float64], Origin]:
    """Return X as float64 (n, columns), and where it came from.

    With ``reset`` the estimator learns number and names of the columns; otherwise
    they must be the same, and named columns are brought into the order of fitting.
    """
    table, origin = open_table(X)
    try:
        values = check_array(
            table,
            dtype=np.float64,
            ensure_all_finite=False,  # the converter says which column is infinite
            ensure_min_samples=least,
            estimator=estimator,
            input_name="X",
        )
    except ValueError as error:
        raise DataError(str(error)) from None
    known: Any = getattr(estimator, "feature_names_in_", None)
    names = origin.names or ()
    if not all(isinstance(name, str) for name in names):
        names = ()  # scikit-learn, too, knows only names that are text
    if not names or (known is None and not reset):
        validate_data(estimator, values, reset=reset, skip_check_array=True)
    elif reset:
        estimator.n_features_in_ = len(names)
        estimator.feature_names_in_ = np.array(names, dtype=object)
    else:
        values = values[:, _order(names, list(known))]
        origin = origin._replace(names=tuple(map(str, known)))
    return values, origin


def column_names(estimator: Any) -> tuple[str, ...]:
    """Names of the columns, ``x0, x1, ...`` where they have none."""
    known = getattr(estimator, "feature_names_in_", None)
    if known is not None:
        return tuple(map(str, known))
    return tuple(f"x{j}" for j in range(estimator.n_features_in_))


def _order(names: tuple[str, ...], known: list[str]) -> list[int]:
    absent = [name for name in known if name not in names]
    surplus = [name for name in names if name not in known]
    if absent or surplus:
        complaints = [
            f"{what}: {', '.join(map(repr, which[:10]))}"
            for what, which in (("missing", absent), ("not known", surplus))
            if which
        ]
        raise DataError(
            f"The columns are not those of fitting; {'; '.join(complaints)}. Rename, "
            f"add or leave out columns so that they agree."
        )
    return [names.index(name) for name in known]
