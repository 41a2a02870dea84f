"""How well topics hang together, and how little they repeat each other."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_matrix

from isthmus.errors import DataError, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

TINY = 1e-12
"""Added to the share of a pair, so that one which never occurs has a logarithm."""


def npmi(
    topics: Sequence[Sequence[str]], present: ArrayLike, words: Sequence[str]
) -> NDArray[np.float64]:
    """Coherence of each topic: the mean NPMI of its pairs of words, (topics,).

    NPMI = log(p(a, b) / (p(a) p(b))) / -log p(a, b) (Bouma, 2009; Aletras & Stevenson,
    2013): 1 for words that only occur together, or are in every row, 0 for independent
    ones, below 0 for those that avoid each other. Shares p are of rows of ``present``,
    (n, words), sparse or not, in which the words are not 0: of documents, or of windows
    of text. A pair of which a word never occurs counts 0. A word that is not among
    ``words``, and topics of one word, raise `DataError`.
    """
    places = {word: j for j, word in enumerate(words)}
    for word in chain(*topics):
        if word not in places:
            raise DataError(unknown("word", word, list(words)[:20]))
    given: Any = csr_matrix(present)  # type: ignore[arg-type]  # numbers of any type
    matrix = (given != 0).astype(np.float64)
    rows = matrix.shape[0]
    if not rows or any(len(topic) < 2 for topic in topics):
        raise DataError("NPMI needs rows, and topics of two words or more.")
    found = []
    for topic in topics:
        some = matrix[:, [places[word] for word in topic]]
        both = np.asarray((some.T @ some).todense()) / rows
        alone = np.diag(both)
        pairs = np.triu_indices(len(topic), 1)
        joint, apart = both[pairs] + TINY, np.outer(alone, alone)[pairs]
        value = np.where(joint >= 1, 1.0, 0.0)  # in every row: the limit
        known = (apart > 0) & (joint < 1)
        value[known] = np.log(joint[known] / apart[known]) / -np.log(joint[known])
        found.append(value.mean())
    return np.array(found)


def topic_diversity(topics: Sequence[Sequence[str]]) -> float:
    """Share of different words among those of all topics (Dieng et al., 2020)."""
    words = list(chain(*topics))
    return len(set(words)) / len(words)
