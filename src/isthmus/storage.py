"""Model files: several named pieces of bytes in one file, written whole or not at all.

The file is an ordinary zip archive without compression, in one canonical form. Beside
the pieces it holds ``manifest.json`` (versions, and the SHA-256 of every piece) and
``manifest.sha256``. A file that differs in a single bit from what `write_pieces` would
have written is refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

from isthmus.errors import ModelFileError

FORMAT = 1
MANIFEST, SEAL = "manifest.json", "manifest.sha256"

_ODD_ARCHIVE = (OSError, ValueError, RuntimeError, LookupError, EOFError)
"""What zipfile raises, beside its own error, about archives that are none."""


def write_pieces(path: Path, pieces: dict[str, bytes], about: dict[str, str]) -> None:
    """Write pieces to ``path`` so that after a crash it is the old file or the new."""
    hashes = {name: _hash(data) for name, data in pieces.items()}
    manifest = to_json({"format": FORMAT, "about": about, "sha256": hashes})
    sealed = {MANIFEST: manifest, SEAL: _hash(manifest).encode()} | pieces
    replace(path, _pack(sealed))


def read_pieces(path: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Read what `write_pieces` wrote, and the manifest; refuse anything else."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: {error.strerror or error}.") from None
    try:
        pieces = _unpack(raw)
    except (zipfile.BadZipFile, struct.error, *_ODD_ARCHIVE) as error:
        raise ModelFileError(f"{path} is no model file, or damaged: {error}.") from None
    if not {MANIFEST, SEAL} <= pieces.keys():
        raise ModelFileError(f"{path} is no model file: it has no {MANIFEST}.")
    if _pack(pieces) != raw:
        raise ModelFileError(f"{path} is damaged: its archive was altered.")
    manifest_bytes, seal = pieces.pop(MANIFEST), pieces.pop(SEAL)
    if seal != _hash(manifest_bytes).encode():
        raise ModelFileError(f"{path} is damaged: {MANIFEST} was altered.")
    manifest = from_json(manifest_bytes, f"{path}: {MANIFEST}")
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise ModelFileError(f"{path} is no model file: {MANIFEST} names no format.")
    if manifest["format"] != FORMAT:
        raise ModelFileError(
            f"{path} has format {manifest['format']!r}, and this version reads "
            f"format {FORMAT}. Install a newer isthmus."
        )
    hashes = {name: _hash(data) for name, data in pieces.items()}
    if hashes != manifest.get("sha256"):
        raise ModelFileError(f"{path} is damaged: a piece does not match its SHA-256.")
    return pieces, manifest


def replace(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` in one step that survives a crash at any moment."""
    if not path.parent.is_dir():
        message = f"{path}: there is no folder {path.parent}. Make it first."
        raise FileNotFoundError(message)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def to_json(data: Any) -> bytes:
    """One spelling for one value; no NaN and no infinity."""
    text = json.dumps(data, indent=1, sort_keys=True, allow_nan=False)
    return (text + "\n").encode()


def from_json(data: bytes, what: str) -> Any:
    """Parse JSON without repeated keys or numbers that JSON does not know."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            message = "a key stands twice"
            raise ValueError(message)
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        return json.loads(data, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{what} cannot be read: {error}.") from None


def _unpack(raw: bytes) -> dict[str, bytes]:
    """Members of a zip archive, none of them compressed: they cannot be larger."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        infos = archive.infolist()
        packed = any(info.compress_type != zipfile.ZIP_STORED for info in infos)
        if packed or sum(info.file_size for info in infos) > len(raw):
            message = "its members are compressed, or overlap"
            raise zipfile.BadZipFile(message)
        return {info.filename: archive.read(info) for info in infos}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _pack(pieces: dict[str, bytes]) -> bytes:
    """Pack a zip archive of stored members (PKWARE APPNOTE 4.3), in sorted order.

    Written by hand, so that the form never changes with a library.
    """
    body, directory = bytearray(), bytearray()
    for name, data in sorted(pieces.items()):
        title, size = name.encode(), len(data)
        # version 2.0, UTF-8 names, stored, 1980-01-01 00:00
        common = struct.pack("<4H", 20, 0x800, 0, 0) + struct.pack(
            "<H3I2H", 33, zlib.crc32(data), size, size, len(title), 0
        )
        directory += struct.pack("<IH", 0x02014B50, 20) + common
        directory += struct.pack("<3H2I", 0, 0, 0, 0, len(body)) + title
        body += struct.pack("<I", 0x04034B50) + common + title + data
    end = struct.pack(
        "<I4H2IH",
        0x06054B50,
        0,
        0,
        len(pieces),
        len(pieces),
        len(directory),
        len(body),
        0,
    )
    return bytes(body + directory + end)
