"""All cells of a table through a coder, in one order for writing and for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isthmus.compression.column import UNIT
from isthmus.compression.exact import FINE, probabilities
from isthmus.compression.network import PRECISION, Places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.compression.coder import Reader, Writer
    from isthmus.compression.column import Column
    from isthmus.compression.network import Weights

    Whole = NDArray[np.int64]
    Gone = NDArray[np.bool_]

BLOCK = 2**14
"""Rows that are computed at a time."""

BOUND = 2.0**20
"""No answer of the network is larger, in steps of 1 / FINE."""


def transcribe(
    columns: list[Column],
    weights: Weights,
    cells: list[tuple[Whole, Gone]],
    coder: Writer | Reader,
) -> list[tuple[Whole, Gone]]:
    """Send cells through a coder; of a `Reader`, ``cells`` are blank, and come back.

    Columns that follow from the row before come first, whole; then rows in blocks, in
    each of them column by column.
    """
    rows = len(cells[0][0])
    found = list(cells)
    for j, column in enumerate(columns):
        if column.follows:
            found[j] = _alone(column, cells[j], coder)
    places = Places.of(columns, len(weights.shift))
    blocks = []
    for start in range(0, rows, BLOCK):
        piece = [
            (k[start : start + BLOCK], gone[start : start + BLOCK]) for k, gone in found
        ]
        blocks.append(_block(columns, weights, places, piece, coder))
    joined = zip(*blocks, strict=True)
    return [
        (np.concatenate([k for k, _ in c]), np.concatenate([g for _, g in c]))
        for c in joined
    ]


def _alone(
    column: Column, cells: tuple[Whole, Gone], coder: Writer | Reader
) -> tuple[Whole, Gone]:
    """A column by its steps from row to row."""
    steps = np.diff(cells[0], prepend=0)
    weights = probabilities(column.base.astype(np.float64))
    steps, gone = _coded(column, weights, (steps, cells[1]), coder)
    return np.cumsum(steps), gone


def _block(
    columns: list[Column],
    weights: Weights,
    places: Places,
    cells: list[tuple[Whole, Gone]],
    coder: Writer | Reader,
) -> list[tuple[Whole, Gone]]:
    """Some rows: each column by what those before it tell."""
    rows = len(cells[0][0])
    inside = np.tile(weights.shift * UNIT, (rows, 1))
    asked = np.zeros((rows, len(places.asked)))
    found = []
    for j, column in enumerate(columns):
        cell = cells[j]
        if not column.follows:
            logits = column.base.astype(np.float64)
            wide = asked[:, places.asked == j]
            if wide.any():
                logits = logits + _answer(wide) @ column.asks() / UNIT**2
            cell = _coded(column, probabilities(np.rint(logits)), cell, coder)
        found.append(cell)
        told = column.tell(*cell)
        here, ready = places.told == j, places.units == j
        inside += told @ weights.inward[:, here].T
        asked += PRECISION * (told @ weights.straight[:, here].T)
        asked += np.maximum(inside[:, ready], 0) @ weights.outward[:, ready].T
    return found


def _answer(asked: NDArray[np.float64]) -> NDArray[np.float64]:
    """From steps of 1 / (PRECISION^2 UNIT) to steps of 1 / FINE."""
    wide = np.rint(asked * FINE / (PRECISION**2 * UNIT))
    return np.clip(wide, -BOUND, BOUND)


def _coded(
    column: Column,
    weights: NDArray[np.float64],
    cells: tuple[Whole, Gone],
    coder: Writer | Reader,
) -> tuple[Whole, Gone]:
    """The symbols of some cells, and then their places inside of the symbols."""
    k, gone = cells
    symbols = column.symbols
    index, inside = symbols.split(k)
    index = coder.symbols(np.where(gone, symbols.number, index), weights)
    gone = index == symbols.number
    index = np.where(gone, 0, index)
    sizes = np.where(gone, 1, symbols.sizes[index])
    if (symbols.sizes > 1).any():
        inside = coder.uniform(np.where(gone, 0, inside), sizes)
    else:
        inside = np.zeros_like(index)
    return np.where(gone, 0, symbols.starts[index] + inside), gone
