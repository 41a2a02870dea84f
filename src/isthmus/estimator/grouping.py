"""What a decoder mixes: groups of entries that occur together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.sparse import csr_matrix

from isthmus.data.groups import groups
from isthmus.data.sparse import Sparse
from isthmus.data.windows import Windows
from isthmus.data.words import windows
from isthmus.errors import RecipeError

if TYPE_CHECKING:
    from isthmus.estimator.preparation import Data
    from isthmus.model import AutoencoderModule

HALF = 0.5
"""Added to how often each entry occurs, so that none is impossible."""


def give_groups(estimator: Any, rows: Any, data: Data) -> None:
    """Give a decoder that mixes groups of entries those of the data.

    Words go together that stand near each other in a text; other entries that are not
    0 in the same row. The background is how often each occurs in all.
    """
    module: AutoencoderModule = estimator.module_
    if not module.recipe.architecture.grouped:
        return
    converter = estimator._converter  # noqa: SLF001 - prepared above
    documents, text = getattr(rows, "documents", None), getattr(converter, "text", None)
    if isinstance(data, Windows) or module.grid:
        raise RecipeError(
            f"{module.recipe.architecture!r} is for rows of counts, or texts. Got "
            f"{converter.form}."
        )
    topics = module.decoder.get_buffer("topics")
    if topics.shape[1] != module.event.numel():
        raise RecipeError(
            f"{module.recipe.architecture!r} answers with a number per entry, the "
            f"logarithm of its share. {module.likelihood!r} wants more of them: take "
            f"'multinomial'."
        )
    if isinstance(data, Sparse):
        counts = data.matrix()
    else:
        counts = csr_matrix(data.x.flatten(1).numpy())
    if documents is not None and text is not None and text.hashed is None:
        together = windows(documents.texts, converter.names, text)
    else:
        together = counts
    found = groups(together, len(topics), estimator._seed)  # noqa: SLF001
    topics.copy_(torch.from_numpy(found))
    often = np.asarray(counts.sum(axis=0), np.float64).ravel() + HALF
    background = torch.from_numpy(often / often.sum())
    module.decoder.get_buffer("background").copy_(background)
