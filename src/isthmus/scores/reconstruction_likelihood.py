"""How badly is a row rebuilt?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isthmus.data.blocks import Examples, in_blocks
from isthmus.scores.overflow import refuse_overflow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch


def score_rows(module: AutoencoderModule, batch: Examples) -> NDArray[np.float64]:
    """log p(x|z) of each row at its typical code z, (n,), in nats."""
    (distortion,) = in_blocks(lambda block: (module.distortion(block),), batch, module)
    return -refuse_overflow(distortion).numpy().astype(np.float64)


def score_cells(
    module: AutoencoderModule, batch: Batch
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
    """Take the scores of rows apart: contributions, rest, and reconstruction.

    The contribution of a cell is log p(x_j|z), (n, columns); the rest, (n,), is what
    the rounding of a sum in float32 leaves.
    """
    entries, expected = in_blocks(module.explain, batch, module)
    cells = entries.numpy().astype(np.float64)
    return cells, score_rows(module, batch) - cells.sum(axis=1), expected.numpy()
