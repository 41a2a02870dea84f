"""How badly is a row rebuilt?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isthmus.data.blocks import in_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch


def reconstruction_likelihood(
    module: AutoencoderModule, batch: Batch
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """log p(x_j|z) of each entry at the typical code z of its row, in nats.

    Returns them as (n, *event), together with the reconstruction of the same shape. A
    row's score is the sum of its entries, so they explain it without a rest.
    """
    entries, expected = in_blocks(module.explain, batch, module)
    return entries.numpy().astype(np.float64), expected.numpy()
