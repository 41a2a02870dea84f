"""What a model answers to a batch of rows: one pure function for every engine."""

from __future__ import annotations

import tempfile
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from isthmus.artifacts import load, save
from isthmus.detection.thresholds import verdicts
from isthmus.errors import DataError, RecipeError, unknown
from isthmus.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Iterable

ROWS = 2**14
"""Rows that are answered at once, whatever the batch: they bound the memory."""

KINDS = {"score": pa.float64(), "p_value": pa.float64(), "outlier": pa.int64()}
"""Answers of a column each, and their types; a code has one of float32 an entry."""

CODE = "code"


class Answers:
    """Columns that a model adds to rows, as a function that can be sent anywhere.

    Called with a `pyarrow.RecordBatch` or `pyarrow.Table` it returns a table of one row
    for each, in their order: the columns ``keep`` as they are, and what is ``wanted``.
    A row's answer is that of `score_samples` and the like to the last bit, whatever
    batch it comes in. Columns that the model does not know are left out.

    Parameters
    ----------
    model : str, Path or fitted estimator
        What `isthmus.save` has written, or can write. It travels as the bytes of that
        file, never as a pickle, and is loaded once in each process.
    wanted : tuple of str, optional
        Of ``score``; of a detector also ``p_value`` and ``outlier`` (1 or 0); and
        ``code``, which is the columns z0, z1, ... By default what `isthmus score`
        writes: all that the model knows, but for the code.
    keep : tuple of str
        Columns to carry along, such as identifiers.
    fpr : float, optional
        Outliers are rows of p-values of at most this rate; by default, those below the
        threshold of the model.

    Raises
    ------
    RecipeError
        If something is wanted that there is not, or an answer has the name of a column
        that is kept.
    DataError
        If there are no calibration rows for p-values or ``fpr``; and of the function,
        if a column is missing or has cells of another type than in fitting.
    """

    def __init__(
        self,
        model: Any,
        *,
        wanted: Iterable[str] | None = None,
        keep: Iterable[str] = (),
        fpr: float | None = None,
    ) -> None:
        self._sealed = _sealed(model)
        known = _model(self._sealed)
        usual = _usual(known)
        self.wanted, self.keep = usual if wanted is None else tuple(wanted), tuple(keep)
        _refuse(known, self.wanted, fpr)
        self._offset = 0.0
        if "outlier" in usual:
            self._offset = verdicts(known, np.empty(0), fpr=fpr).offset
        self.added = _schema(known, self.wanted)
        if twice := [name for name in self.keep if name in self.added.names]:
            raise RecipeError(
                f"keep: an answer is called {twice[0]!r}, too. Rename it."
            )

    def schema(self, given: pa.Schema) -> pa.Schema:
        """What the answers to rows of such a schema are, before there are any."""
        for name in self.keep:
            if name not in given.names:
                raise DataError(f"keep: {unknown('column', name, given.names)}")
        return pa.schema([*map(given.field, self.keep), *self.added])

    def __call__(self, batch: pa.RecordBatch | pa.Table) -> pa.Table:
        """Answers to rows; to none, none."""
        table = pa.table(batch)
        schema = self.schema(table.schema)
        starts = range(0, table.num_rows, ROWS)
        with one_thread():
            found = [self._answered(table.slice(start, ROWS)) for start in starts]
        some = [pa.table(columns, schema=schema) for columns in found]
        return pa.concat_tables(some) if some else schema.empty_table()

    def _answered(self, table: pa.Table) -> dict[str, Any]:
        """Columns by name."""
        model = _model(self._sealed)
        names = getattr(model, "feature_names_in_", None)
        if names is None:  # trained on a bare array: columns are known by their places
            rows = table.drop_columns(list(self.keep))
        else:
            rows = table.select([n for n in names if n in table.column_names])
        found: dict[str, Any] = {name: table[name] for name in self.keep}
        if {*KINDS} & {*self.wanted}:
            found["score"] = scores = model.score_samples(rows)
            found["outlier"] = (scores < self._offset).astype(np.int64)
            if "p_value" in self.wanted:
                found["p_value"] = model.calibration_.p_values(scores)
        if CODE in self.wanted:
            z = _autoencoder(model).transform(rows)
            found |= {f"z{j}": column for j, column in enumerate(z.T)}
        return found


def _autoencoder(model: Any) -> Any:
    return getattr(model, "autoencoder_", model)


def _usual(model: Any) -> tuple[str, ...]:
    """What `isthmus score` writes."""
    detects = hasattr(model, "offset_")
    calibrated = detects and model.calibration_ is not None
    return ("score", *["p_value"] * calibrated, *["outlier"] * detects)


def _schema(model: Any, wanted: tuple[str, ...]) -> pa.Schema:
    """Names and types of the answers."""
    fields = [(name, kind) for name, kind in KINDS.items() if name in wanted]
    if CODE in wanted:
        size = _autoencoder(model).recipe_.bottleneck.width
        fields += [(f"z{j}", pa.float32()) for j in range(size)]
    return pa.schema(fields)


def _refuse(model: Any, wanted: tuple[str, ...], fpr: float | None) -> None:
    """Refuse what the model does not know."""
    for name in wanted:
        if name not in {*KINDS, CODE}:
            raise RecipeError(unknown("answer", name, [*KINDS, CODE]))
    usual = _usual(model)
    if "outlier" not in usual and (
        fpr is not None or {"p_value", "outlier"} & {*wanted}
    ):
        raise RecipeError("p_value, outlier and fpr need an AnomalyDetector.")
    if "p_value" in wanted and "p_value" not in usual:
        raise DataError(
            "p_value needs rows that training has not seen, and there are none. Call "
            "calibrate(X) with normal rows first."
        )


def _sealed(model: Any) -> bytes:
    """The bytes of its file."""
    if isinstance(model, str | Path):
        load(model)  # it says what is wrong with a file
        return Path(model).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.isthmus"
        save(model, path)
        return path.read_bytes()


_LOADING = threading.Lock()
"""Engines ask from several threads, and libraries are imported by one at a time."""


def _model(sealed: bytes) -> Any:
    """The model, which a process loads but once."""
    with _LOADING:
        return _loaded(sealed)


@lru_cache(maxsize=2)
def _loaded(sealed: bytes) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.isthmus"
        path.write_bytes(sealed)
        return load(path, device="cpu")
