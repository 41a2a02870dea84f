"""Why rows have their scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Explanation(NamedTuple):
    """The score of each row, cell by cell; tables come in the container of the rows."""

    contributions: Any
    """(n, columns): log-likelihood of each cell, in nats; the lowest speak loudest."""
    rest: NDArray[np.float64]
    """(n,): what no cell accounts for. Contributions and rest sum to the score."""
    actual: Any
    """(n, columns): the cells."""
    expected: Any
    """(n, columns): what the model rebuilds in their place."""
