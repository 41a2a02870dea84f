"""Rows that lie near others in the code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from isthmus.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def nearest(
    model: Any,
    X: Any,
    query: Any = None,
    *,
    n_neighbors: int = 5,
    metric: str = "euclidean",
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances (m, n_neighbors) in the code, and places in ``X`` of the nearest rows.

    ``query`` are m rows, seen or new; without it those of ``X`` are asked, and no row
    is its own neighbour. ``metric`` is any that scikit-learn knows, such as "cosine".
    More neighbours than rows to choose from raise `DataError`, as rows do that the
    model does not take.
    """
    codes = _flat(model.transform(X))
    most = len(codes) - (query is None)
    if not 1 <= n_neighbors <= most:
        raise DataError(
            f"n_neighbors must lie between 1 and {most}, the rows to choose from. Got "
            f"{n_neighbors}."
        )
    index = NearestNeighbors(n_neighbors=n_neighbors, metric=metric).fit(codes)
    asked = None if query is None else _flat(model.transform(query))
    distances, places = index.kneighbors(asked)
    return distances, places


def _flat(codes: Any) -> NDArray[np.float32]:
    """Codes with places side by side."""
    z = np.asarray(codes)
    found: NDArray[np.float32] = z.reshape(len(z), -1)
    return found
