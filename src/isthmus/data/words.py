"""From texts to counts of words."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

from isthmus.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from isthmus.data.forms import Text

NEAR = 10
"""Words of a window: those that stand in one are near each other."""

MOST = 2**21
"""Windows that are looked at, about."""

UNKNOWN = "\0"
"""Stands for a word outside of the vocabulary."""


class Words(NamedTuple):
    """How often words stand in texts."""

    matrix: csr_matrix
    """(n, words)"""
    oov: NDArray[np.int64]
    """(n,): how many of each text are out of the vocabulary, as they are too rare."""


class OutOfVocabulary(NamedTuple):
    """What is known of words outside of the vocabulary."""

    frequent: frozenset[str]
    """Those that stand in too many texts to say anything, and do not count."""
    inside: float
    """log p that a word is in the vocabulary, in nats."""
    outside: float
    """log p of a word outside: of one of them, each as likely."""


class Vocabulary(NamedTuple):
    """The words that count, in the order of the alphabet; of hashes, their numbers."""

    names: tuple[str, ...]
    outside: OutOfVocabulary


def learned(texts: Sequence[str], said: Text) -> tuple[Vocabulary, Words]:
    """The vocabulary of texts, and how often its words stand in them."""
    if said.hashed is not None:
        names = tuple(f"#{k}" for k in range(said.hashed))
        vocabulary = Vocabulary(names, OutOfVocabulary(frozenset(), 0.0, 0.0))
        return vocabulary, counted(texts, names, said)
    bounds = {"min_df": said.min_df, "max_df": said.max_df}
    vectorizer = CountVectorizer(
        **_cutting(said), **bounds, max_features=said.max_features
    )
    try:
        vectorizer.fit(texts)
    except ValueError as error:
        raise DataError(
            f"No word is left of {len(texts):,} texts: {str(error).rstrip('.')}. A "
            f"word must stand in {said.min_df} or more of them and in {said.max_df} or "
            f"fewer; kind=isthmus.Text(min_df=1, max_df=1.0) takes all."
        ) from None
    return _among_all(texts, frozenset(vectorizer.vocabulary_), said)


def _among_all(
    texts: Sequence[str], kept: frozenset[str], said: Text
) -> tuple[Vocabulary, Words]:
    """The words that are kept, among all words of the texts.

    Of those left out, what stands in more texts than any that is kept is too frequent;
    the others are too rare. One more of these than there are is taken for seen.
    """
    vectorizer = CountVectorizer(**_cutting(said))
    every = csr_matrix(vectorizer.fit_transform(texts))
    names = list(map(str, vectorizer.get_feature_names_out()))
    often = np.asarray((every > 0).sum(axis=0)).ravel()
    known = np.array([name in kept for name in names])
    frequent = ~known & (often > often[known].max())
    rare = ~known & ~frequent
    words = Words(every[:, known], np.asarray(every[:, rare].sum(axis=1)).ravel())
    share = (words.oov.sum() + 1) / (words.matrix.sum() + words.oov.sum() + 1)
    outside = OutOfVocabulary(
        frozenset(compress(names, frequent)),
        float(np.log1p(-share)),
        float(np.log(share) - np.log(rare.sum() + 1)),
    )
    return Vocabulary(tuple(compress(names, known)), outside), words


def counted(
    texts: Sequence[str],
    words: Sequence[str],
    said: Text,
    frequent: frozenset[str] = frozenset(),
) -> Words:
    """How often words stand in texts, and how many others do."""
    if said.hashed is not None:
        hashes = HashingVectorizer(
            **_cutting(said), n_features=said.hashed, alternate_sign=False, norm=None
        )
        matrix = csr_matrix(hashes.transform(texts))
        return Words(matrix, np.zeros(matrix.shape[0], np.int64))
    known, cut = frozenset(words), CountVectorizer(**_cutting(said)).build_analyzer()

    def named(text: str) -> list[str]:
        found = (word for word in cut(text) if word not in frequent)
        return [word if word in known else UNKNOWN for word in found]

    vectorizer = CountVectorizer(analyzer=named, vocabulary=[*words, UNKNOWN])
    matrix = csr_matrix(vectorizer.transform(texts))
    return Words(matrix[:, :-1], matrix[:, [-1]].toarray()[:, 0])


def windows(texts: Sequence[str], words: Sequence[str], said: Text) -> csr_matrix:
    """Which words stand in each run of `NEAR` words, (windows, words), of 0 and 1.

    A text of fewer words is one window. What is not in the vocabulary keeps its place.
    Of more than `MOST` windows every k-th is looked at.
    """
    places = {word: j for j, word in enumerate(words)}
    cut: Callable[[str], list[str]] = CountVectorizer(**_cutting(said)).build_analyzer()
    found = [[places.get(word, -1) for word in cut(text)] for text in texts]
    step = sum(map(len, found)) // MOST + 1
    runs = np.concatenate([_runs(np.array(f, np.int32))[::step] for f in found])
    row = np.repeat(np.arange(len(runs)), NEAR).reshape(runs.shape)
    known = runs >= 0
    ones = np.ones(int(known.sum()), np.float32)
    made = csr_matrix((ones, (row[known], runs[known])), (len(runs), len(words)))
    made.data[:] = 1  # a word that stands twice in a window
    return made


def _runs(found: NDArray[np.int32]) -> NDArray[np.int32]:
    """All runs of `NEAR` words, (runs, NEAR); -1 fills up."""
    if len(found) < NEAR:
        found = np.pad(found, (0, NEAR - len(found)), constant_values=-1)
    return np.lib.stride_tricks.sliding_window_view(found, NEAR)


def _cutting(said: Text) -> dict[str, Any]:
    """How a text becomes words; with a pattern for words alone."""
    names = ("analyzer", "ngram_range", "lowercase", "strip_accents", "stop_words")
    found = {name: getattr(said, name) for name in names}
    if isinstance(said.stop_words, tuple):
        found["stop_words"] = list(said.stop_words)
    if said.analyzer == "word":
        found["token_pattern"] = said.token_pattern
    return found
