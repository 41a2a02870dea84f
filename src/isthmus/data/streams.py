"""Tables that come piece by piece, as often as they are asked for."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import fs, ipc

from isthmus.data.blocks import rows_of_block
from isthmus.data.delimited import in_blocks
from isthmus.data.dialect import typed
from isthmus.data.files import is_parquet, names_of, tab_of
from isthmus.data.frames import as_arrow, is_frame
from isthmus.data.images import SUFFIXES, Folder
from isthmus.data.lines import is_lines, read_lines
from isthmus.data.parquet import ParquetFiles, RowGroup
from isthmus.data.pieces import Stream
from isthmus.data.sparse_files import is_sparse_file, read_sparse
from isthmus.data.wav import SUFFIXES as WAV
from isthmus.data.wav import SoundFolder
from isthmus.errors import DataError, warn

if TYPE_CHECKING:
    from collections.abc import Iterator


PIECE = 2**18
"""Cells of a piece."""

SOUNDS = 64
"""Recordings of a piece."""

IMAGES = 2**24
"""Pixels of a piece, about, where it is one of pictures."""

_ARROW = {".arrow", ".ipc", ".feather"}
_KINDS = {"csv": {".csv", ".tsv"}, "images": SUFFIXES, "audio": WAV, "arrow": _ARROW}
_FORMS = {"images", "audio"}
_OTHERS = {
    *(".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".avif"),
    *(".mp3", ".flac", ".ogg", ".m4a", ".aac", ".aiff"),
}
"""Pictures and sound that somebody may take for read."""


def stream(source: Any, *, piece: int | None = None) -> Stream:
    """Open what is larger than memory, for `fit`, `transform` and `score_samples`.

    ``source`` is a file, folder, pattern or address (such as ``s3://bucket/folder``)
    of Parquet, CSV or Arrow files, of pictures (PNG, JPEG: an image each) or of sound
    (WAV: a recording each, also as a list of files); a (memory-mapped) matrix; or a
    function that returns a fresh iterator of frames each time it is called. ``piece``
    is how many rows are taken at a time; by default a quarter of a million cells, 16
    million pixels, or 64 recordings.
    """
    if isinstance(source, Stream):
        return source
    if isinstance(source, np.ndarray):
        return _of_matrix(source, piece)
    if _are_paths(source):
        folder = SoundFolder(fs.LocalFileSystem(), list(map(str, source)))
        return _in_files("audio", folder, piece or SOUNDS)
    if callable(source):
        return Stream(lambda columns: (_only(frame, columns) for frame in source()))
    if isinstance(source, str | Path):
        return _of_files(str(source), piece)
    raise DataError(
        f"A stream is opened from a path, an array, or a function that returns a fresh "
        f"iterator of frames (a single iterator can be gone through but once). Got "
        f"{type(source).__name__}."
    )


def is_stream(X: Any) -> bool:
    """Whether ``X`` comes in pieces: a `Stream`, or the path of one, or of sounds.

    A sparse matrix is held in memory, and so are lines of text.
    """
    if _are_paths(X):
        return True
    held = is_sparse_file(X) or is_lines(X)
    return isinstance(X, Stream | str | Path) and not held


def _are_paths(X: Any) -> bool:
    """Whether ``X`` is a list of the paths of WAV files, and not of sentences."""
    return (
        isinstance(X, list | tuple)
        and bool(X)
        and all(isinstance(x, str | Path) and _kind(str(x)) == "audio" for x in X)
        and (all(map(_is_one_word, X)) or any(map(os.path.exists, X)))
    )


def _is_one_word(x: str | Path) -> bool:
    return isinstance(x, Path) or len(x.split()) == 1


def at_hand(X: Any) -> Any:
    """``X``, or all rows of a stream, or of the file of a sparse matrix or of lines."""
    if is_sparse_file(X):
        return read_sparse(X)
    if is_lines(X):
        return read_lines(X)
    return whole(stream(X)) if is_stream(X) else X


def whole(source: Stream, cells: float = float("inf"), seed: int = 0) -> Any:
    """All rows of a stream in memory; of more ``cells``, as many rows drawn by lot.

    Which rows that are depends on their number and the seed, not on the pieces.
    """
    if source.files:
        return [image for piece in source for image in piece]
    share = 1.0
    if cells < float("inf"):
        share = min(cells / max(source.num_rows * _width(source), 1), 1.0)
    lots, kept = np.random.Generator(np.random.PCG64(seed)), []
    for piece in source:
        some = piece if isinstance(piece, np.ndarray) else pa.table(as_arrow(piece))
        if share < 1:
            places = np.flatnonzero(lots.random(len(some)) < share)
            some = some[places] if isinstance(some, np.ndarray) else some.take(places)
        kept.append(some)
    if not kept:
        raise DataError("The stream holds no rows.")
    if isinstance(kept[0], np.ndarray):
        return np.concatenate(kept)
    table = pa.concat_tables(kept, promote_options="permissive")
    return typed(table) if source.words else table


def _width(source: Stream) -> int:
    """Number of columns."""
    if source.schema is not None:
        return len(source.schema)
    first = next(iter(source), ())
    return len(as_arrow(first)) if is_frame(first) else np.shape(first)[-1]


def _rows(columns: int) -> int:
    """Whole blocks, for the last of a piece is filled up when it is scored."""
    block = rows_of_block(columns)
    return max(PIECE // max(columns, 1) // block, 1) * block


def _only(frame: Any, columns: list[str] | None) -> Any:
    """Some columns of a frame; pandas has no `select`."""
    if columns is None:
        return frame
    return frame.select(columns) if hasattr(frame, "select") else frame[columns]


def _of_matrix(matrix: np.ndarray[Any, Any], piece: int | None) -> Stream:
    if matrix.ndim != 2:
        raise DataError(f"A matrix must have two axes. Got {matrix.ndim}.")
    step = piece or _rows(matrix.shape[1])

    def pieces(_columns: list[str] | None) -> Iterator[Any]:
        for start in range(0, len(matrix), step):
            yield np.asarray(matrix[start : start + step])

    return Stream(pieces, rows=len(matrix))


def _of_files(source: str, piece: int | None) -> Stream:
    system, names = _files(source)
    kinds = {_kind(name) for name in names}
    if len(kinds) > 1:
        told = ", ".join(sorted(kinds))
        raise DataError(f"{source}: files of several kinds: {told}.")
    (kind,) = kinds
    if kind == "parquet":
        return _of_parquet(system, names, piece)
    if kind == "images":
        return _of_images(system, names, piece)
    if kind == "audio":
        return _in_files(kind, SoundFolder(system, names), piece or SOUNDS)
    read = _arrow if kind == "arrow" else _csv

    def opened(*names: str) -> Stream:
        def pieces(columns: list[str] | None) -> Iterator[Any]:
            for name in names:
                for table in read(system, name):
                    step = piece or _rows(table.num_columns)
                    for start in range(0, table.num_rows, step):
                        yield _only(table.slice(start, step), columns)

        return Stream(pieces, words=kind == "csv")

    return replace(opened(*names), parts=tuple(map(opened, names)))


def _of_parquet(system: fs.FileSystem, names: list[str], piece: int | None) -> Stream:
    files = ParquetFiles(system, names)
    step = piece or _rows(len(files.schema))

    def opened(group: RowGroup | None = None) -> Stream:
        rows = files.rows if group is None else group.rows
        return Stream(
            lambda columns: files.pieces(step, columns, group), files.schema, rows
        )

    return replace(opened(), parts=tuple(map(opened, files.groups)))


def _of_images(system: fs.FileSystem, names: list[str], piece: int | None) -> Stream:
    folder = Folder(system, names)
    return _in_files("images", folder, piece or max(IMAGES // folder.pixels, 1))


def _in_files(form: str, folder: Folder | SoundFolder, step: int) -> Stream:
    """Rows of which each is a file."""
    names = folder.names

    def opened(part: slice) -> Stream:
        files = tuple(names[part])
        return Stream(
            lambda _: folder.pieces(step, part),
            rows=len(files),
            files=files,
            form=form,
        )

    parts = (slice(k, k + step) for k in range(0, len(names), step))
    return replace(opened(slice(None)), parts=tuple(map(opened, parts)))


def _arrow(system: fs.FileSystem, name: str) -> Iterator[pa.Table]:
    """Batches of an Arrow file, or of an Arrow stream in a file."""
    with system.open_input_file(name) as file:
        try:
            opened = ipc.open_file(file)
            batches = (opened.get_batch(k) for k in range(opened.num_record_batches))
        except pa.ArrowInvalid:
            file.seek(0)
            batches = iter(ipc.open_stream(file))
        for batch in batches:
            yield pa.Table.from_batches([batch])


def _csv(system: fs.FileSystem, name: str) -> Iterator[pa.Table]:
    with system.open_input_stream(name, compression="detect") as file:
        yield from in_blocks(file, name, tab_of(Path(name)))


def _files(source: str) -> tuple[fs.FileSystem, list[str]]:
    """The file system, and the files that are meant, in the order of their names."""
    if "://" in source:
        system, path = fs.FileSystem.from_uri(source)
        infos = system.get_file_info([path])
        if infos[0].type == fs.FileType.Directory:
            infos = system.get_file_info(fs.FileSelector(path, recursive=True))
        names = [info.path for info in infos if info.type == fs.FileType.File]
    else:
        system, path = fs.LocalFileSystem(), Path(source)
        inside = [str(name) for name in path.rglob("*") if name.is_file()]
        names = inside if path.is_dir() else names_of(source)
    tables = sorted(name for name in names if _kind(name) not in {"", *_FORMS})
    chosen = tables or sorted(name for name in names if _kind(name))
    others = sorted(n for n in names if Path(n).suffix.lower() in _OTHERS)
    told = (
        f"{len(others)} of a format that is not read ({Path(others[0]).suffix})"
        if others
        else ""
    )
    if not chosen:
        raise DataError(
            f"{source}: there is no Parquet, CSV or Arrow file, picture (PNG, JPEG) or "
            f"sound (WAV){told and f', but {told}'}."
        )
    if others and not tables:
        warn(f"{source}: {len(chosen)} files are read, and {told} are left out.")
    return system, chosen


def files_of(source: str) -> list[list[Any]]:
    """Names of files, their bytes, and when they were written last."""
    system, names = _files(source)
    infos = system.get_file_info(names)
    return [[info.path, info.size, info.mtime_ns] for info in infos]


def _kind(name: str) -> str:
    """What a file holds, by its name; nothing that is known if it is empty."""
    if is_parquet(Path(name)):
        return "parquet"
    suffixes = set(map(str.lower, Path(name).suffixes))
    return next((kind for kind, known in _KINDS.items() if suffixes & known), "")
