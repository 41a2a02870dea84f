"""Scores of a file that is read in pieces, written as they come."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.cli import written
from isthmus.cli.tables import shortened
from isthmus.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from isthmus.cli.tables import Opened


SOME = 20
"""Rows from which it is told that most of them are flagged."""


def scores_in_parts(opened: Opened, about: dict[str, Any], out: Path) -> Any:
    """Scores of all rows, (n,); those of pieces that are done are read from a folder.

    It stands beside ``out`` until that is written, and is begun anew if it is not of
    the same model and files, which ``about`` tells.
    """
    import numpy as np

    folder, known = _parts(out), None
    with suppress(OSError, ValueError):
        known = json.loads((folder / "about.json").read_text())
    if known != about:
        if known is None and folder.exists() and any(folder.iterdir()):
            raise DataError(f"{folder}: is needed for parts, and holds other things.")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "about.json").write_text(json.dumps(about))
    elif done := len(list(folder.glob("*.npy"))):
        sys.stderr.write(f"{folder}: {done:,} pieces have been scored before\n")
    written.files.append(folder)
    found = []
    for k, piece in enumerate(opened.rows):
        path = folder / f"{k:06}.npy"
        if not path.exists():
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                np.save(file, opened.model.score_samples(piece))
            part.replace(path)
        found.append(np.load(path))
    return np.concatenate(found)


def about(model: Path, data: str) -> dict[str, Any]:
    """What scores depend on: the model, and files by their size and time."""
    from isthmus.data.streams import files_of

    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    return {"model": digest, "files": files_of(data), "version": version("isthmus")}


def write_in_pieces(
    opened: Opened,
    out: Path,
    columns: Callable[[Any, slice], dict[str, Any]],
    *,
    raw: bool,
) -> None:
    """Write identifiers, and the ``columns`` of each piece and its place."""
    import pyarrow as pa

    kept = [n for n in opened.notes.get("id", []) if n in opened.beside.column_names]
    named: Any = opened.beside.select(kept) if kept else itertools.repeat({})
    part, start, writer = out.with_name(f"{out.name}.part"), 0, None
    for rows, names in zip(opened.rows, named, strict=bool(kept)):
        here = slice(start, start := start + len(rows))
        found = {"row": range(here.start, here.stop)} | {n: names[n] for n in kept}
        table = shortened(pa.table({**found, **columns(rows, here)}))
        writer = writer or _writer(part, out, table, raw=raw)
        writer.write_table(_ready(table, out, raw=raw))
    assert writer is not None, "a stream has rows"
    writer.close()
    part.replace(out)
    shutil.rmtree(_parts(out), ignore_errors=True)
    written.files[:] = [out]
    sys.stderr.write(f"Wrote {start:,} rows to {out}\n")


def _parts(out: Path) -> Path:
    return out.with_name(f"{out.name}.parts")


def _ready(table: pa.Table, out: Path, *, raw: bool) -> pa.Table:
    from isthmus.cli.spreadsheets import defused
    from isthmus.data.files import is_parquet

    return table if raw or is_parquet(out) else defused(table)


def _writer(part: Path, out: Path, table: pa.Table, *, raw: bool) -> Any:
    from pyarrow import csv, parquet

    from isthmus.data.files import is_parquet

    schema = _ready(table, out, raw=raw).schema
    if is_parquet(out):
        return parquet.ParquetWriter(part, schema)
    options = csv.WriteOptions(quoting_style="needed")
    return csv.CSVWriter(part, schema, write_options=options)


def tell_flagged(flagged: Any) -> None:
    """How many rows are flagged, and what to do where that are most of them."""
    count = flagged.sum()
    rows = f"{count:,} row{'' if count == 1 else 's'}"
    sys.stderr.write(f"{rows} of {len(flagged):,} flagged\n")
    if 2 * count > len(flagged) >= SOME:
        sys.stderr.write(
            "More than half: the data are not what was fitted to. `isthmus drift` "
            "says in which columns.\n"
        )
