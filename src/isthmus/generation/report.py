"""What made rows are worth: figures, words and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.generation import fidelity
from isthmus.generation.privacy import Privacy, privacy
from isthmus.generation.utility import Utility, utility
from isthmus.plots import draw_columns

if TYPE_CHECKING:
    from pathlib import Path

    from isthmus.data.rows import Rows
    from isthmus.data.table import Table
    from isthmus.generation.fidelity import Cells

FEW = 5000
"""Rows from which models of `Utility` learn, and on which they are tested."""

TREES = 30
"""Trees of a model, where every column is predicted in turn."""

TOLD = 3
"""Columns and pairs that words name, those that differ most."""


class SampleReport(NamedTuple):
    """Made rows beside real ones, and real ones that were held out beside both.

    ``str`` of it is a few lines of words, `figures` plain data, `draw` a picture.
    Distances are 0 where nothing differs; those of held-out rows say what chance does.
    """

    marginals: dict[str, float]
    """Per column: Kolmogorov-Smirnov distance of numbers, total variation of others."""
    marginals_of_chance: dict[str, float]
    correlations: dict[tuple[str, str], float]
    """Per pair of numbers: difference of the rank correlations."""
    correlations_of_chance: dict[tuple[str, str], float]
    contingencies: dict[tuple[str, str], float]
    """Per pair of columns: total variation of their table, numbers in tenths."""
    contingencies_of_chance: dict[tuple[str, str], float]
    utility: tuple[Utility, ...]
    privacy: Privacy
    cells: dict[str, Cells]
    """Of ``made`` rows and of ``real`` ones, to be drawn."""

    def figures(self) -> dict[str, Any]:
        """Means, worst columns and pairs, utility and privacy, as plain data."""
        found: dict[str, Any] = {}
        for name in ("marginals", "correlations", "contingencies"):
            distances = getattr(self, name)
            found[name] = {
                "mean": _mean(distances),
                "of_chance": _mean(getattr(self, f"{name}_of_chance")),
                "worst": _worst(distances),
            }
        found["utility"] = [one._asdict() for one in self.utility]
        found["privacy"] = self.privacy._asdict()
        return found

    def __str__(self) -> str:
        """A few lines for a person."""
        found, p = self.figures(), self.privacy
        lines = [
            f"{name:<14} differ by {one['mean']:.3f} on average (held-out rows by "
            f"{one['of_chance']:.3f}); most: {one['worst']}"
            for name in ("marginals", "correlations", "contingencies")
            for one in [found[name]]
            if one["mean"] is not None
        ]
        order = sorted(self.utility, key=lambda one: one.made - one.real)
        lines += [
            f"{'utility':<14} {one.column} is predicted with {one.metric} "
            f"{one.made:.3f} by what learned from made rows, {one.real:.3f} from real "
            f"ones"
            for one in order[:TOLD]
        ]
        if len(order) > TOLD:
            gaps = [one.made - one.real for one in order]
            lines.append(
                f"{'utility':<14} these are the worst of {len(order)} columns; on "
                f"average {np.mean(gaps):+.3f}"
            )
        copies = f"{p.copies:.2%} of made rows equal one of fitting (held-out rows: "
        copies += f"{p.coincidences:.2%}); memorised: {p.memorised:,}"
        nearer = f"{p.nearer:.1%} of made rows are nearer to a row of fitting than to "
        nearer += "a held-out one (one half is wanted)"
        return "\n".join(
            [*lines, f"copies         {copies}", f"distance       {nearer}"]
        )

    def draw(self, path: str | Path) -> None:
        """Draw the cells of made rows before those of real ones, column by column."""
        draw_columns(path, self.cells["made"], self.cells["real"])


def reported(
    train: Cells, held_out: Cells, made: Cells, target: str | None
) -> SampleReport:
    """Compare made rows with those of fitting and with others that were held out.

    ``target`` is the column that is predicted; None: each in turn, by fewer trees.
    """
    targets, trees = ([*train], TREES) if target is None else ([target], 100)
    names = ("marginals", "correlations", "contingencies")
    distances = {}
    for name in names:
        measure = getattr(fidelity, name)
        distances[name] = measure(train, made)
        distances[f"{name}_of_chance"] = measure(train, held_out)
    known, drawn, new = (_first(cells) for cells in (train, made, held_out))
    told = [utility(name, known, drawn, new, trees) for name in targets]
    return SampleReport(
        **distances,
        utility=tuple(one for one in told if one is not None),
        privacy=privacy(train, held_out, made),
        cells={"made": made, "real": train},
    )


def cells_of(table: Table, rows: Rows) -> Cells:
    """Columns that are not set aside; booleans are no numbers here."""
    kinds = {found.name: found.kind for found in table.found}
    cells: Cells = {}
    for name in [name for name in table.names if name in table.places]:
        if name in rows.texts:
            cells[name] = rows.texts[name].to_numpy()
            continue
        numbers = rows.numbers[:, rows.numeric.index(name)]
        if kinds[name] == "boolean":
            words = np.where(numbers > 0, "yes", "no").astype(object)
            words[np.isnan(numbers)] = None
            cells[name] = words
        else:
            cells[name] = numbers
    return cells


def _first(cells: Cells) -> Cells:
    return {name: column[:FEW] for name, column in cells.items()}


def _mean(distances: dict[Any, float]) -> float | None:
    return float(np.mean(list(distances.values()))) if distances else None


def _worst(distances: dict[Any, float]) -> str:
    order = sorted(distances, key=lambda name: -distances[name])[:TOLD]
    words = [name if isinstance(name, str) else " x ".join(name) for name in order]
    pairs = zip(words, order, strict=True)
    return ", ".join(f"{word} {distances[name]:.3f}" for word, name in pairs)
