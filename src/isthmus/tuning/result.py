"""What a search found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from isthmus.artifacts.recipe_text import to_toml
from isthmus.artifacts.recipes import assemble, describe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Final:
    """A recipe judged anew, on splits that the search has not used."""

    name: str
    size: int
    error: float
    standard_error: float
    gain: float
    """By how much it is better than the default."""
    gain_error: float
    """Standard error of that, row by row."""
    seconds: float = field(compare=False)
    layers: list[dict[str, Any]]
    errors: list[NDArray[np.float64]] = field(repr=False, compare=False)
    """Of each row of each split."""


@dataclass(frozen=True)
class Search:
    """What a search found: the best recipe, the trials, and those judged anew.

    On fresh splits what is more special has to beat what is less so by more than one
    standard error: a preset the default, and a trial these.
    """

    measure: str
    """What an error is."""
    best: Final
    finals: list[Final]
    """The default first."""
    pca: list[tuple[int, float, float]]
    """Size, error and standard error of principal components, on the same splits."""
    trials: list[dict[str, Any]]
    space: dict[str, Any]
    rows: int
    folds: int
    seconds: float

    @property
    def default(self) -> Final:
        """The default, judged anew."""
        return self.finals[0]

    @property
    def estimator(self) -> Any:
        """An unfitted estimator of the best recipe."""
        return assemble(*self.best.layers)

    @property
    def recipe(self) -> dict[str, Any]:
        """The best recipe as plain data."""
        return describe(self.estimator)

    def to_toml(self) -> str:
        """The best recipe as text, for ``isthmus fit --recipe``."""
        return to_toml(self.recipe)

    @property
    def table(self) -> pa.Table:
        """The trials: number, state, error, standard error, size, seconds, choices."""
        names = dict.fromkeys(name for trial in self.trials for name in trial)
        return pa.table({n: [t.get(n) for t in self.trials] for n in names})

    @property
    def elbow(self) -> Mapping[str, Any] | None:
        """The trial of the smallest code within one standard error of the best."""
        done = [trial for trial in self.trials if trial["state"] == "complete"]
        if not done:
            return None
        best = min(done, key=lambda trial: trial["error"])
        near = best["error"] + best["standard_error"]
        small = [trial for trial in done if trial["error"] <= near]
        return min(small, key=lambda trial: (trial["size"], trial["error"]))

    def plot(self, path: str | Path) -> None:
        """Draw the error of every trial against the size of its code."""
        from isthmus.plots import draw_elbow  # noqa: PLC0415 - an extra

        draw_elbow(path, self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        finals = [
            {n: v for n, v in vars(final).items() if n not in {"layers", "errors"}}
            for final in self.finals
        ]
        elbow = self.elbow
        return {
            "measure": self.measure,
            "best": self.best.name,
            "finals": finals,
            "pca": [dict(zip(PCA, found, strict=True)) for found in self.pca],
            "elbow": elbow and {"size": elbow["size"], "error": elbow["error"]},
            "trials": len(self.trials),
            "rows": self.rows,
            "folds": self.folds,
            "seconds": self.seconds,
            "recipe": self.recipe,
        }

    def __str__(self) -> str:
        """A few lines for a person."""
        lines = [f"{self.measure}, of rows that were not learned:"]
        for final in self.finals:
            mark = "*" if final is self.best else " "
            told = _told(final.name, final.size, final.error, final.standard_error)
            gain = _gain(final, first=final is self.default)
            lines.append(f"{mark} {told}{gain}")
        size, error, spread = min(self.pca, key=lambda found: found[1])
        lines.append(f"  {_told('PCA', size, error, spread)}")
        if error + spread < self.best.error:
            lines.append(
                f"PCA of {size} components is clearly ahead: a network does not pay "
                f"here. In scikit-learn, make_pipeline(StandardScaler(), PCA({size}))."
            )
        if (small := self.elbow) and small["size"] < self.best.size:
            lines.append(
                f"A code of {small['size']} entries came within a standard error of "
                f"the best trial (trial {small['trial']})."
            )
        return "\n".join(lines)


PCA = "size", "error", "standard_error"


def _told(name: str, size: int, error: float, spread: float) -> str:
    return f"{name:<10} size {size:<4} {error:.4f} +- {spread:.4f}"


def _gain(final: Final, *, first: bool) -> str:
    if first:
        return ""
    word = "better" if final.gain >= 0 else "worse"
    told = f"{abs(final.gain):.4f} +- {final.gain_error:.4f}"
    return f"   {told} {word} than the default"
