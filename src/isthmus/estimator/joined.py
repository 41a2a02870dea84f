"""Answers to windows, put together to answers to what they cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from isthmus.data.blocks import in_blocks
from isthmus.data.counts import CountTable
from isthmus.data.pixels import Pixels
from isthmus.data.series import SeriesTable
from isthmus.data.sounds import Sounds
from isthmus.data.sparse import Sparse
from isthmus.data.windows import Windows
from isthmus.estimator.explanation import counts, give_back
from isthmus.scores.overflow import refuse_overflow
from isthmus.scores.reconstruction_likelihood import score_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from isthmus.data.frames import Origin
    from isthmus.estimator.preparation import Data
    from isthmus.estimator.reading import Converter
    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch

    Answer = Callable[[Batch], tuple[Tensor, ...]]


def answered(
    function: Answer, data: Data, module: AutoencoderModule
) -> tuple[Tensor, ...]:
    """What a function says of every entry: of examples, (n, *event), as they stand.

    Of windows, blended: a row of entries per place, (places, channels).
    """
    if isinstance(data, Sparse):
        data.refuse_whole()
    if not isinstance(data, Windows):
        return in_blocks(function, data, module)
    found = [
        tuple(map(piece.blend, in_blocks(function, piece, module)))
        for piece in data.pieces()
    ]
    return tuple(torch.cat(parts) for parts in zip(*found, strict=True))


def rebuilt(module: AutoencoderModule, data: Data) -> NDArray[np.float32]:
    """What the model makes of every entry."""
    (x,) = answered(lambda batch: (module.reconstruct(batch),), data, module)
    return np.asarray(x.numpy())


def log_likelihood(module: AutoencoderModule, data: Data) -> NDArray[np.float64]:
    """log p(x|z) of each example at its typical code, (n,), in nats.

    Of windows, one of each place, (places,): the mean of those that cover it.
    """
    if not isinstance(data, Windows):
        return score_rows(module, data)

    def entries(batch: Batch) -> tuple[Tensor]:
        return (module.explain(batch)[0].sum(1, keepdim=True),)

    (found,) = answered(entries, data, module)
    return refuse_overflow(found[:, 0]).numpy().astype(np.float64)


def codes(
    converter: Converter, z: NDArray[np.float32], data: Data, rows: Any
) -> NDArray[np.float32]:
    """Codes of what was handed over, of those of examples or windows."""
    if isinstance(converter, Sounds):
        assert isinstance(data, Windows), "sound is seen in windows"
        found: NDArray[np.float32] = converter.codes(z, data, rows)
        return found
    return z


def by_row(
    converter: Converter, values: NDArray[np.float64], rows: Any
) -> NDArray[np.float64]:
    """One value per row, image, time or recording, of those of examples or places."""
    if isinstance(converter, Pixels | SeriesTable | Sounds):
        return converter.by_row(values, rows)
    return values


def back(
    converter: Converter,
    x: NDArray[np.float32],
    origins: tuple[Origin, Origin],
    rows: Any = None,
) -> Any:
    """Entries in the container of the first origin; of ``rows``, or new ones."""
    if isinstance(converter, Pixels | Sounds):
        return converter.back(x, rows)
    if isinstance(converter, CountTable):
        return counts(converter.names, converter.expected(x, rows), origins)
    if not isinstance(converter, SeriesTable):
        return give_back(converter, x, origins, rows)
    if rows is None:
        return _windows(converter, x, origins)
    made = give_back(converter.table, converter.cells(x, rows), origins, rows.rows)
    if isinstance(rows.shape, str):
        parts = rows.parted(made)
        return parts if rows.shape == "list" else [part[:, 0] for part in parts]
    return made.reshape(rows.shape) if rows.shape else made


def _windows(
    converter: SeriesTable, x: NDArray[np.float32], origins: tuple[Origin, Origin]
) -> Any:
    """Windows (n, channels, steps) as rows; of an array, (n, steps, columns)."""
    channels = x.shape[1] - (converter.pace > 0)
    flat = np.moveaxis(x[:, :channels], 1, 2).reshape(-1, channels)
    made = give_back(converter.table, flat, origins)
    if origins[0].backend is not None:
        return made
    return made.reshape(len(x), converter.window, -1)
