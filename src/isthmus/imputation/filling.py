"""Tables with what is missing filled in, and all else as it came."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import torch

from isthmus.data.conversion import to_columns
from isthmus.data.dialect import is_text
from isthmus.data.frames import like

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from isthmus.data.rows import Rows
    from isthmus.data.table import Table
    from isthmus.estimator.tables import Read
    from isthmus.imputation.domains import Domain


def gaps(rows: Rows) -> dict[str, NDArray[np.bool_]]:
    """Which cells of each column are missing, (n,), of the columns with gaps."""
    found = {n: np.isnan(c) for n, c in zip(rows.numeric, rows.numbers.T, strict=True)}
    found |= {n: text.is_null().to_numpy() for n, text in rows.texts.items()}
    return {name: missing for name, missing in found.items() if missing.any()}


def empty(rows: Rows) -> tuple[str, ...]:
    """Names of the columns of which every cell is missing."""
    return tuple(name for name, missing in gaps(rows).items() if missing.all())


def without(made: Any, X: Any, read: Read, table: Table, gone: Sequence[str]) -> Any:
    """A filled table of the form of ``X`` less some of its columns."""
    if not gone:
        return made
    places = [table.names.index(name) for name in gone]
    if read.origin.backend is not None:
        every = _labels(X, table, read.origin.names)
        labels = [every[place] for place in places]
        if hasattr(made, "iloc"):
            return made.drop(columns=labels)
        return nw.from_native(made, eager_only=True).drop(labels).to_native()
    kept = [k for k in range(len(table.names)) if k not in places]
    return type(made)(made.toarray()[:, kept]) if _is_sparse(made) else made[:, kept]


def fill(
    X: Any,
    read: Read,
    table: Table,
    entries: NDArray[np.float32],
    *,
    zero: Sequence[str] = (),
) -> Any:
    """``X`` with its missing cells from entries (n, E), or 0 in some columns."""
    return put(X, read, table, to_columns(table.parts, entries) | _zeros(read, zero))


def fill_drawn(
    X: Any,
    read: Read,
    table: Table,
    entries: NDArray[np.float32],
    known: dict[int, Domain],
    *,
    zero: Sequence[str] = (),
) -> Any:
    """The same; numbers of columns in which they repeat are those to the last bit."""
    cells = to_columns(table.parts, entries) | _zeros(read, zero)
    for domain in known.values():
        if domain.repeats:
            first = table.places[domain.name].start
            cells[domain.name] = domain.nearest(domain.seen(entries[:, first]))
    return put(X, read, table, cells)


def _zeros(read: Read, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Columns of 0, of those that are numbers."""
    rows = read.rows
    return {n: np.zeros(rows.height) for n in names if n in rows.numeric}


def _is_sparse(X: Any) -> bool:
    return hasattr(X, "toarray")


def put(X: Any, read: Read, table: Table, cells: dict[str, Any]) -> Any:
    """``X`` with its missing cells from others by column, in its container."""
    rows, origin = read
    missing = gaps(rows)
    typed = table.typed(cells, rows.height, rows)
    typed |= {n: _spelled(typed[n], rows, table, n) for n in missing}
    if origin.backend is None:
        return _array(X, table, typed, missing)
    labels = dict(zip(table.names, _labels(X, table, origin.names), strict=True))
    filled = like(origin, origin, typed)
    return _frame(X, filled, {labels[name]: gone for name, gone in missing.items()})


def _spelled(cells: Any, rows: Rows, table: Table, name: str) -> Any:
    """Words as the rows themselves spell them: ``True``, where ``true`` is meant."""
    given = rows.given.get(name)
    if given is None or not is_text(given.type):
        return cells
    read = table.typed(_as_read(rows, name), rows.height)[name]
    pairs = Counter(zip(read.to_pylist(), given.to_pylist(), strict=True))
    spelling = {word: own for (word, own), _ in reversed(pairs.most_common())}
    words = [spelling.get(word, word) for word in cells.to_pylist()]
    return pa.array(words, cells.type)


def _as_read(rows: Rows, name: str) -> dict[str, Any]:
    """A column as it was read, by its name."""
    if name in rows.texts:
        return {name: rows.texts[name].combine_chunks()}
    return {name: rows.numbers[:, rows.numeric.index(name)]}


def indicator_name(name: str) -> str:
    """As scikit-learn has it."""
    return f"missingindicator_{name}"


def indicated(made: Any, read: Read, names: tuple[str, ...]) -> Any:
    """A table with a column beside it for each of ``names``: 1 where it had a gap."""
    rows, origin = read
    missing, none = gaps(rows), np.zeros(rows.height, dtype=bool)
    columns = [missing.get(name, none).astype(np.float64) for name in names]
    if not columns:
        return made
    if origin.backend is None:
        beside = np.column_stack(columns)
        if isinstance(made, torch.Tensor):
            return torch.cat([made, torch.from_numpy(beside).to(made)], 1)
        if _is_sparse(made):
            return type(made)(np.hstack([made.toarray(), beside]))
        return np.hstack([made, beside.astype(made.dtype)])
    frame = nw.from_native(made, eager_only=True)
    new = [
        nw.new_series(indicator_name(name), column, backend=frame.implementation)
        for name, column in zip(names, columns, strict=True)
    ]
    if hasattr(made, "iloc"):
        return made.assign(**{s.name: s.to_numpy() for s in new})
    return frame.with_columns(new).to_native()


def _labels(X: Any, table: Table, names: tuple[Any, ...] | None) -> list[Any]:
    """Names of the columns of a frame, in the order of fitting."""
    own = {str(label): label for label in names or ()}
    if set(own) == set(table.names):
        return [own[name] for name in table.names]
    return list(names or X.columns)


def _frame(X: Any, filled: Any, missing: Mapping[Any, NDArray[np.bool_]]) -> Any:
    if hasattr(X, "iloc"):
        made = X.copy()
        for label, gone in missing.items():
            made[label] = X[label].mask(gone, filled[label])
        return made
    frame, others = (nw.from_native(t, eager_only=True) for t in (_eager(X), filled))
    for label, gone in missing.items():
        old, new = frame[label], others[label]
        mask = nw.new_series(label, gone, backend=frame.implementation)
        frame = frame.with_columns(new.zip_with(mask, old))
    return frame.to_native()


def _eager(X: Any) -> Any:
    """A frame that narwhals opens; others as Arrow."""
    try:
        nw.from_native(X, eager_only=True)
    except TypeError:
        return nw.from_arrow(X, backend="pyarrow").to_native()
    return X


def _array(
    X: Any, table: Table, typed: dict[str, Any], missing: dict[str, NDArray[np.bool_]]
) -> Any:
    """An array, a tensor or a sparse matrix, in its own type of numbers."""
    if isinstance(X, torch.Tensor):
        made: Any = X.detach().cpu().numpy().copy()
    elif _is_sparse(X):
        made = X.toarray()
    else:
        made = np.array(X)
    if missing and made.dtype.kind not in "fO":
        made = made.astype(object)  # words, of which some say that a cell is missing
    for name, gone in missing.items():
        cells = typed[name]
        cells = np.asarray(
            cells if isinstance(cells, np.ndarray) else cells.to_pandas()
        )
        made[gone, table.names.index(name)] = cells[gone]
    if isinstance(X, torch.Tensor):
        return torch.from_numpy(made).to(X.device)
    return type(X)(made) if _is_sparse(X) else made
