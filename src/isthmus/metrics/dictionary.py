"""How much of a known dictionary has been found."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from isthmus.errors import DataError


def mean_max_cosine(true: ArrayLike, found: ArrayLike) -> float:
    """mean_i max_j cos(true_i, found_j) of two sets of rows (Sharkey et al., 2022).

    ``true`` (G, d) are the atoms that made the data, ``found`` (D, d) those of a model,
    such as what its decoder makes of each entry of a code. 1: each atom has been found,
    up to its length. A row of zeros is like no other.
    """
    atoms, others = (np.atleast_2d(np.asarray(a, np.float64)) for a in (true, found))
    if atoms.shape[1] != others.shape[1]:
        raise DataError(
            f"Atoms must be rows of one length. Got {atoms.shape} and {others.shape}."
        )
    return float((_unit(atoms) @ _unit(others).T).max(axis=1).mean())


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    found: np.ndarray = np.divide(rows, length, where=length > 0, out=0 * rows)
    return found
