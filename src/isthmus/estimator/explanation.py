"""Why rows have their scores, in the terms of their table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.data.blocks import in_blocks
from isthmus.data.frames import Origin, like
from isthmus.scores.reconstruction_likelihood import score_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.data.rows import Rows
    from isthmus.data.table import Table
    from isthmus.model import AutoencoderModule


class Explanation(NamedTuple):
    """The score of each row, cell by cell; tables come in the container of the rows."""

    contributions: Any
    """(n, columns): weighted log-likelihood of each cell, the lowest speak loudest."""
    rest: NDArray[np.float64]
    """(n,): what no cell accounts for. Contributions and rest sum to the score."""
    actual: Any
    """(n, columns): the cells."""
    expected: Any
    """(n, columns): what the model rebuilds in their place."""
    actual_probability: Any
    """(n, columns): how probable the model held the cell; NaN but for categories."""
    expected_probability: Any
    """(n, columns): how probable it held what it rebuilt; NaN but for categories."""


def explain(
    module: AutoencoderModule, table: Table, rows: Rows, origins: tuple[Origin, Origin]
) -> Explanation:
    """Take scores apart; ``origins`` are those of the rows and of fitting."""
    batch = table.encode(rows)
    entries, rest, x = score_cells(module, batch)
    chances = np.full((2, len(x), len(table.columns)), np.nan)
    chosen = [j for j, n in enumerate(table.names) if n in table.chosen]
    if chosen:
        logs = in_blocks(module.certainty, batch, module)
        for chance, log in zip(chances, logs, strict=True):
            sums = table.by_column(log.numpy().astype(np.float64))
            chance[:, chosen] = np.exp(sums[:, chosen])
        if batch.visible is not None:
            hidden = table.by_column(1.0 - batch.visible.numpy()) > 0
            chances[:, hidden] = np.nan
    figures = (table.by_column(entries), *chances)
    contributions, actual, expected = (_figures(table, f, origins) for f in figures)
    as_they_are = like(origins[0], origins[0], table.as_they_are(rows))
    return Explanation(
        contributions,
        rest,
        as_they_are,
        give_back(table, x, origins, rows),
        actual,
        expected,
    )


def give_back(
    table: Table,
    x: NDArray[np.float32],
    origins: tuple[Origin, Origin],
    rows: Rows | None = None,
) -> Any:
    """Entries (n, E) in the container of the first origin."""
    if origins[0].backend is None and (numbers := table.numbers(x)) is not None:
        return numbers
    return like(*origins, table.decode(x, rows))


def _figures(
    table: Table, figures: NDArray[np.float64], origins: tuple[Origin, Origin]
) -> Any:
    """Figures (n, columns) in the container of the rows."""
    columns = {name: figures[:, j] for j, name in enumerate(table.names)}
    plain = origins[1]._replace(dtypes=None)
    return like(origins[0], plain, columns)
