"""Sparse matrices in files: those of scipy, and Matrix Market."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from scipy import io, sparse

from isthmus.data.counts import CountRows
from isthmus.errors import DataError

ENDINGS = (".npz", ".mtx", ".mtx.gz")
"""Of names of files that hold a sparse matrix."""


def is_sparse_file(source: object) -> bool:
    """Whether a path is that of a sparse matrix, by its name."""
    return isinstance(source, str | Path) and str(source).lower().endswith(ENDINGS)


def read_sparse(source: str | Path) -> CountRows:
    """Rows of counts from a file of ``scipy.sparse.save_npz``, or Matrix Market."""
    rows = read_matrix(source)
    try:
        return CountRows.of(rows, [f"x{j}" for j in range(rows.shape[1])], "pyarrow")
    except DataError as error:
        raise DataError(f"{source}: {error}") from None


def read_matrix(source: str | Path) -> sparse.csr_matrix:
    """The sparse matrix in such a file."""
    npz = str(source).lower().endswith(".npz")
    if npz and Path(source).is_file() and not zipfile.is_zipfile(source):
        raise DataError(f"{source}: is no .npz file, or only a part of one.")
    try:
        rows = sparse.csr_matrix(sparse.load_npz(source) if npz else io.mmread(source))
        rows.check_format(full_check=True)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        said = _others(source) if npz else ""
        raise DataError(f"{source}: {said or _short(error)}") from None
    return rows


def _others(source: str | Path) -> str:
    """What an .npz file holds instead of a sparse matrix."""
    try:
        with np.load(source) as file:
            names = list(file)[:10]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return ""
    if "format" in names:
        return ""
    shown = ", ".join(map(repr, names))
    return f"holds {shown}, and no matrix that scipy.sparse.save_npz wrote."


def _short(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
