"""Whether made rows are nearer to the rows of fitting than new ones are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.neighbors import NearestNeighbors

from isthmus.generation.fidelity import is_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.generation.fidelity import Cells

MOST = 5000
"""Rows of each kind between which distances are measured."""


class Privacy(NamedTuple):
    """What made rows give away of those of fitting.

    A distance is the root of a sum over columns: of squared differences of numbers, as
    shares of the training rows that lie between them, and of 1 for categories that
    differ, or where one of two cells is missing.
    """

    copies: float
    """Share of made rows that equal a row of fitting in every column."""
    coincidences: float
    """The same share of rows that were held out: what chance does."""
    memorised: int
    """Made rows that are copies beyond that share, by more than chance; 0 is wanted."""
    nearer: float
    """Share of made rows nearer to a training row than to any held out: .5 is wanted.

    Both are equally many. More than one half: the model knows its rows too well.
    """
    distance: float
    """Median distance of made rows to the nearest row of fitting."""
    usual_distance: float
    """The same of rows that were held out."""


def privacy(train: Cells, held_out: Cells, made: Cells, seed: int = 0) -> Privacy:
    """Compare made rows with rows of fitting and with others that were held out."""
    equal = _equal(train, held_out, made)
    copies, coincidences = float(equal[1].mean()), float(equal[0].mean())
    rng = np.random.default_rng(seed)
    count = min(MOST, *(_height(cells) for cells in (train, held_out)))
    known, new = (_some(cells, count, rng) for cells in (train, held_out))
    drawn = _some(made, min(MOST, _height(made)), rng)
    points = _points(known, (known, new, drawn))
    to_known, to_new = (_nearest(points[2], points[j]) for j in (0, 1))
    ties = to_known == to_new
    return Privacy(
        copies,
        coincidences,
        _beyond(equal[1], equal[0]),
        float((to_known < to_new).mean() + ties.mean() / 2),
        float(np.median(to_known)),
        float(np.median(_nearest(points[1], points[0]))),
    )


def _beyond(made: NDArray[np.bool_], held_out: NDArray[np.bool_]) -> int:
    """Copies more than coincidences, if more than two standard errors more."""
    p, q = made.mean(), held_out.mean()
    error = np.sqrt(p * (1 - p) / len(made) + q * (1 - q) / len(held_out))
    return round((p - q) * len(made)) if p - q > 2 * error else 0


def _equal(
    train: Cells, held_out: Cells, made: Cells
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows that were held out, and which made ones, equal one of fitting."""
    tables = (train, held_out, made)
    codes = []
    for name in train:
        cells = np.concatenate([table[name] for table in tables])
        if not is_number(cells):
            cells = np.array(["" if c is None else f"={c}" for c in cells])
        codes.append(np.unique(cells, return_inverse=True)[1].reshape(-1))
    _, which = np.unique(np.column_stack(codes), axis=0, return_inverse=True)
    stops = np.cumsum([_height(table) for table in tables])[:-1]
    known, new, drawn = np.split(which.reshape(-1), stops)
    return np.isin(new, known), np.isin(drawn, known)


def _points(train: Cells, tables: tuple[Cells, ...]) -> list[NDArray[np.float64]]:
    """Rows as points, so that their Euclidean distance is that of `Privacy`."""
    found: list[list[NDArray[np.float64]]] = [[] for _ in tables]
    half = np.sqrt(0.5)
    for name, cells in train.items():
        number = is_number(cells)
        order = np.sort(cells[~np.isnan(cells)]) if number else None
        levels = [] if number else sorted({str(c) for c in cells if c is not None})
        for points, table in zip(found, tables, strict=True):
            column = table[name]
            if order is not None:
                gone = np.isnan(column)
                both = (np.searchsorted(order, column, s) for s in ("left", "right"))
                share = sum(both) / (2 * max(len(order), 1))
                points += [np.where(gone, 0.5, share), half * gone]
            else:
                points += [half * (column == level) for level in levels]
    return [np.column_stack(points).astype(np.float64) for points in found]


def _nearest(points: NDArray[np.float64], known: NDArray[np.float64]) -> Any:
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(known)
    return search.kneighbors(points)[0][:, 0].round(6)


def _some(cells: Cells, count: int, rng: np.random.Generator) -> Cells:
    picked = rng.permutation(_height(cells))[:count]
    return {name: column[picked] for name, column in cells.items()}


def _height(cells: Cells) -> int:
    return len(next(iter(cells.values())))
