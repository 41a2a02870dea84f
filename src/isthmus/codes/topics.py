"""What the topics of a fitted model are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from isthmus.errors import DataError, RecipeError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def topic_weights(model: Any) -> tuple[NDArray[np.float32], list[str]]:
    """Share of each word in each topic, (topics, words), and the words.

    A topic is what the decoder mixes by one entry of a code, less the background. A
    model without topics raises `RecipeError`, one that is not fitted scikit-learn's
    `NotFittedError`.
    """
    model = getattr(model, "autoencoder_", model)
    check_is_fitted(model)
    module, converter = model.module_, model._converter  # noqa: SLF001 - fitted above
    if not module.recipe.architecture.grouped:
        raise RecipeError(
            f"Topics are of a model that mixes them, as isthmus.topics() does, and "
            f"this one has {module.recipe.architecture!r}."
        )
    shares = module.decoder.get_buffer("topics").cpu().numpy()
    return shares.copy(), list(converter.names)


def topic_words(model: Any, top: int = 10) -> list[list[str]]:
    """The ``top`` words of each topic, those with the largest shares first.

    More than there are raise `DataError`; models are refused as in `topic_weights`.
    """
    shares, words = topic_weights(model)
    if not 1 <= top <= len(words):
        raise DataError(f"top must lie between 1 and {len(words)}. Got {top}.")
    order = np.argsort(-shares, axis=1, kind="stable")[:, :top]
    return [[words[j] for j in row] for row in order]
