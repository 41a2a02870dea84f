"""``isthmus.compare``: presets side by side, and principal components beside them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import normalized_mutual_info_score

from isthmus import registry
from isthmus.data.blocks import in_blocks
from isthmus.errors import DataError, IsthmusError, RecipeError, unknown
from isthmus.tuning.code_use import CodeUse
from isthmus.tuning.folds import fitted
from isthmus.tuning.objectives import HiddenCells, Probe, rebuilding_errors
from isthmus.tuning.problem import problem_of
from isthmus.tuning.telling import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from isthmus.tuning.problem import Problem

    Says = Callable[[str], None]


class Compared(NamedTuple):
    """How one preset does on rows that it has not learned."""

    preset: str
    size: int
    rebuilt: float
    """Error of rebuilt cells, in guesses."""
    hidden: float
    """Error of cells that were hidden, made out from the others."""
    use: CodeUse
    probe: float | None
    """Accuracy of logistic regression on the codes; R2 of ridge where labels are
    numbers."""
    nmi: float | None
    """Normalised mutual information of k-means on the codes with the labels."""
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """Presets side by side, and PCA of the usual size last."""

    found: list[Compared]
    rows: int
    probe: str | None
    """What the probe is: ``accuracy`` or ``R2``."""

    def to_dicts(self) -> list[dict[str, Any]]:
        """Figures of each preset as plain data."""
        rows = []
        for one in self.found:
            plain = one._asdict()
            use = plain.pop("use")._asdict()
            head = {name: plain.pop(name) for name in ("preset", "size")}
            rows.append({**head, **use, **plain})
        return rows

    @property
    def table(self) -> pa.Table:
        """The figures as a table, a row per preset."""
        return pa.Table.from_pylist(self.to_dicts())

    def plot(self, path: str | Path) -> None:
        """Draw the figures as bars."""
        from isthmus.plots import draw_comparison  # noqa: PLC0415 - an extra

        draw_comparison(path, self)

    def __str__(self) -> str:
        """A line per preset."""
        heads = ["preset", "size", "active", "dead", "rank", "rebuilt", "hidden"]
        heads += [self.probe or "", "NMI"] if self.probe else []
        lines = [[*heads, "seconds"]]
        for one in self.found:
            line = [one.preset, f"{one.size}", f"{one.use.active:.1f}"]
            line += [f"{one.use.dead}", f"{one.use.rank:.1f}"]
            line += [f"{one.rebuilt:.3f}", f"{one.hidden:.3f}"]
            if self.probe:
                line += [
                    f"{one.probe:.3f}",
                    "-" if one.nmi is None else f"{one.nmi:.3f}",
                ]
            lines.append([*line, f"{one.seconds:.1f}"])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if j == 0 else cell.rjust(width)
                for j, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        )


def compare(
    X: Any,
    y: Any = None,
    *,
    presets: str | Sequence[str] | None = None,
    fixed: Mapping[str, Any] | None = None,
    rows: int = 20_000,
    random_state: int = 0,
    verbose: int = 1,
) -> Comparison:
    """Train presets on three quarters of a table, and put them side by side.

    All are asked about the other rows: how well they rebuild cells, how well they make
    out hidden ones, and what of their codes is used (`CodeUse`). With labels ``y``, how
    well a linear model tells these from the codes, and how far clusters of codes agree
    with them. Errors are multiples of that of guessing. PCA stands last, of the size
    that the first preset has.

    ``presets`` are names, by default all that take the data; ``fixed`` is what all
    recipes shall be, as in `tune`; of more than ``rows`` rows, some are drawn by lot.
    """
    known = registry.names("presets")
    presets = [presets] if isinstance(presets, str) else presets
    names = known if presets is None else list(presets)
    for name in names:
        if name not in known:
            raise RecipeError(unknown("preset", name, known))
    if not names:
        raise RecipeError("presets must name one at least.")
    problem = problem_of(
        X, y, fixed or {}, folds=1, rows=rows, random_state=random_state
    )
    if not problem.objective.stacks:
        raise RecipeError("Presets are compared as autoencoders. Leave the task out.")
    found = _of_presets(names, problem, all_must=presets is not None, verbose=verbose)
    found.append(_of_pca(found[0].size, problem))
    probe = problem.objective
    word = None
    if isinstance(probe, Probe):
        word = "R2" if probe.numbers else "accuracy"
    return Comparison(found, problem.read.rows.height, word)


def _of_presets(
    names: Sequence[str], problem: Problem, *, all_must: bool, verbose: int
) -> list[Compared]:
    """Each preset, or those that take the data."""
    found: list[Compared] = []
    refused: IsthmusError | None = None
    for name in names:
        try:
            found.append(_of_preset(name, problem))
            told = f"{found[-1].seconds:.1f} s"
        except (DataError, RecipeError) as error:
            if all_must:
                raise
            refused, told = error, f"left out: {error}"
        if verbose:
            say(f"{name}  {told}")
    if refused is not None and not found:
        raise refused
    return found


def _of_preset(name: str, problem: Problem) -> Compared:
    """One preset, trained as `Autoencoder.fit` trains it."""
    train, test = problem.splits[0]
    model, cells = problem.model([{"preset": name}, problem.fixed]), problem.cells
    began = time.perf_counter()
    (module,) = fitted(model, problem.read, problem.splits)
    took, data = time.perf_counter() - began, model.data_
    hidden = HiddenCells(cells, problem.random_state)
    (z,) = in_blocks(lambda block: (module.encode(block),), data, module)
    codes = z.numpy().astype(np.float64)
    return Compared(
        name,
        codes.shape[1],
        float(np.nanmean(rebuilding_errors(cells, model, module, test))),
        float(np.nanmean(hidden.errors(model, module, (train, test)))),
        CodeUse.of(codes[test]),
        *_labels(problem, codes),
        took,
    )


def _of_pca(size: int, problem: Problem) -> Compared:
    """Principal components of standardised numbers and one-hot categories."""
    train, test = problem.splits[0]
    cells = problem.cells
    began = time.perf_counter()
    x = cells.x[train]
    pca = PCA(min(size, *x.shape), random_state=0).fit(x)
    took = time.perf_counter() - began
    codes = pca.transform(cells.x)
    rebuilt = cells.errors(test, pca.inverse_transform(codes[test]))
    hidden = HiddenCells(cells, problem.random_state)
    return Compared(
        "PCA",
        codes.shape[1],
        float(rebuilt[cells.seen[test]].mean()),
        float(np.nanmean(hidden.pca(size, problem.splits[0]))),
        CodeUse.of(codes[test]),
        *_labels(problem, codes),
        took,
    )


def _labels(problem: Problem, codes: Any) -> tuple[float | None, float | None]:
    """What codes say of labels: the probe, and NMI where labels are classes."""
    probe = problem.objective
    if not isinstance(probe, Probe):
        return None, None
    train, test = problem.splits[0]
    errors = probe.of_codes(codes[np.concatenate([train, test])], (train, test))
    if probe.numbers:
        return 1 - float(errors.mean()), None
    kinds = len(np.unique(probe.y))
    means = KMeans(kinds, n_init=3, random_state=0).fit(codes[train])
    clusters = means.predict(codes[test])
    nmi = float(normalized_mutual_info_score(probe.y[test], clusters))
    return 1 - float(errors.mean()), nmi
