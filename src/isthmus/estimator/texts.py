"""Texts as they are handed over become counts of words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.counts import CountRows
from isthmus.data.documents import open_documents
from isthmus.data.forms import Text
from isthmus.data.frames import container_of
from isthmus.data.words import counted, learned
from isthmus.errors import DataError, warn
from isthmus.estimator.tables import Read
from isthmus.estimator.wishes import form_of

if TYPE_CHECKING:
    from isthmus.data.documents import Documents


def read_texts(estimator: Any, X: Any, *, reset: bool, least: int) -> Read:
    """Return counts of words; with ``reset`` the estimator learns the words."""
    if not reset:
        known = estimator._converter  # noqa: SLF001
        documents = open_documents(X, known.text.column)
        frequent = frozenset() if known.outside is None else known.outside.frequent
        matrix, oov = counted(documents.texts, known.names, known.text, frequent)
        if count := int((matrix.sum(axis=1) == 0).sum()):
            warn(
                f"{count:,} of {matrix.shape[0]:,} texts hold no word that fitting "
                f"has seen. They share one code, that of an empty text."
            )
        rows = CountRows(matrix, known.names, documents=documents, oov=oov)
        return Read(rows, container_of(X))
    said = form_of(estimator)
    documents = open_documents(X, said.column if isinstance(said, Text) else None)
    if len(documents.texts) < least:
        raise DataError(
            f"{least} texts or more are needed. Got {len(documents.texts)}."
        )
    text = text_of(estimator, documents)
    vocabulary, words = learned(documents.texts, text)
    estimator.n_features_in_ = 1
    if documents.column is not None:
        estimator.feature_names_in_ = np.array([documents.column], dtype=object)
    elif hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
    rows = CountRows(
        words.matrix,
        vocabulary.names,
        documents=documents,
        oov=words.oov,
        outside=vocabulary.outside,
    )
    return Read(rows, container_of(X))


def text_of(estimator: Any, documents: Documents) -> Text:
    """How texts are cut into words, and the column that they were found in."""
    said = form_of(estimator)
    text = said if isinstance(said, Text) else Text()
    return text.changed(column=documents.column)
