"""What a decoder mixes: groups of entries that occur together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def grouped(estimator: Any, rows: Any, data: Data) -> Data:
    """The data; a decoder is given the groups of its entries that it mixes, if any.

    Words go together that stand near each other in a text; other entries that are not
    0 in the same row.
    """
    module: AutoencoderModule = estimator.module_
    if not module.recipe.architecture.grouped:
        return data
    converter = estimator._converter  # noqa: SLF001 - prepared above
    documents, text = getattr(rows, "documents", None), getattr(converter, "text", None)
    if isinstance(data, Windows) or module.grid:
        raise RecipeError(
            f"{module.recipe.architecture!r} is for rows of counts, or texts. Got "
            f"{converter.form}."
        )
    if documents is not None and text is not None and text.hashed is None:
        together = windows(documents.texts, converter.names, text)
    elif isinstance(data, Sparse):
        together = data.matrix()
    else:
        together = csr_matrix(data.x.flatten(1).numpy())
    topics = module.decoder.get_buffer("topics")
    found = groups(together, len(topics), estimator._seed)  # noqa: SLF001
    topics.copy_(torch.from_numpy(found))
    return data
