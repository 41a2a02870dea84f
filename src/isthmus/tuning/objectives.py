"""What a recipe is judged by: an error of each row that it has not learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.preprocessing import StandardScaler

from isthmus.data.blocks import in_blocks
from isthmus.errors import DataError
from isthmus.likelihoods.by_column import ByColumn
from isthmus.trace import Batch, Corrupted
from isthmus.tuning.folds import fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.estimator.tables import Read
    from isthmus.model import AutoencoderModule
    from isthmus.tuning.cells import Cells
    from isthmus.tuning.folds import Split

    Floats = NDArray[np.float64]
    Index = NDArray[np.int64]

RARE = 10
"""Rows that a label needs to be told from others; rarer ones are divided as one."""

MANY = 50
"""Different whole numbers that may be classes."""

PARTS = 5
"""Passes in which every cell of a row is hidden once."""


class Objective(ABC):
    """An error of each held-out row, (n,), and who is to be judged by it."""

    name: str
    cells: Cells
    classes: Any = None
    """Whose shares are to be the same in all parts; None: there are none."""
    stacks = True
    """Whether recipes of one shape train in one step, and can be asked on the way."""

    def learned(self, model: Any, read: Read, splits: list[Split]) -> list[Any]:
        """Who has learned the first rows of each split: here, modules."""
        return list(fitted(model, read, splits))

    def size(self, learned: Any) -> int:
        """Entries of a code."""
        return int(learned.recipe.bottleneck.width)

    @abstractmethod
    def errors(self, model: Any, learned: Any, split: Split) -> Floats:
        """Of one that has learned the first rows of a split, on the second."""

    @abstractmethod
    def pca(self, size: int, split: Split) -> Floats:
        """Of as many principal components."""


class HiddenCells(Objective):
    """How wrong are cells that were hidden, made out from the others?

    Each cell is hidden once, in one of five passes, with a fifth of its row; which
    ones are hidden together is drawn for each row from a fixed seed. A network is told
    what is hidden if it takes that, and meets the middle of the column instead.
    """

    name = "error of hidden cells, in guesses"

    def __init__(self, cells: Cells, seed: int) -> None:
        self.cells = cells
        rows, columns = cells.seen.shape
        if columns < 2:
            raise DataError(
                "A table of one column has nothing to make out hidden cells from. Give "
                "a table of two columns or more, or labels."
            )
        order = np.random.default_rng(seed).random((rows, columns)).argsort(axis=1)
        self.part = order % min(PARTS, columns)

    def errors(
        self, model: Any, module: AutoencoderModule, split: tuple[Index, Index]
    ) -> Floats:
        """Mean error of the cells of each row, in guesses."""
        rows, table = split[1], model._converter  # noqa: SLF001 - a prepared one
        data = model.data_.rows(torch.from_numpy(rows))
        known = torch.ones_like(data.x) if data.visible is None else data.visible
        width = data.x.shape[1]
        places = [table.places[name] for name in self.cells.names]
        found = np.zeros((len(rows), len(places)))

        def answer(block: Batch) -> tuple[torch.Tensor]:
            x, known, visible = block.x.split(width, 1)
            seen = None if data.visible is None else known
            codes = module.encoded(Batch(x * visible, seen), Corrupted(x, visible))
            return (_expected(module, codes),)

        for part in range(int(self.part.max()) + 1):
            hidden = self.part[rows] == part
            visible = torch.ones_like(data.x)
            for j, place in enumerate(places):
                visible[:, place] = torch.from_numpy(~hidden[:, [j]]).to(visible)
            asked = Batch(torch.cat([data.x * visible, known, visible], 1))
            (y,) = in_blocks(answer, asked, module)
            errors = self.cells.errors(rows, self.cells.brought(table, y.numpy()))
            found[hidden] = errors[hidden]
        return _by_row(found, self.cells.seen[rows])

    def pca(self, size: int, split: tuple[Index, Index]) -> Floats:
        """E[hidden | other cells] of probabilistic PCA (Tipping & Bishop, 1999)."""
        train, rows = split
        x = self.cells.x[train]
        size = min(size, x.shape[1] - 1, len(x) - 1)
        fitted = PCA(size, random_state=0).fit(x)
        noise = max(float(fitted.noise_variance_), 1e-6)
        spread = np.sqrt(np.maximum(fitted.explained_variance_ - noise, 0))
        loadings = fitted.components_.T * spread
        found = np.zeros((len(rows), len(self.cells.names)))
        for part in range(int(self.part.max()) + 1):
            hidden = self.part[rows] == part
            shown = self.cells.seen[rows] & ~hidden
            weights = np.zeros((len(rows), x.shape[1]))
            for j, name in enumerate(self.cells.names):
                weights[:, self.cells.table.places[name]] = shown[:, [j]]
            gram = np.einsum(
                "ne,ei,ej->nij", weights, loadings, loadings, optimize=True
            )
            right = (weights * (self.cells.x[rows] - fitted.mean_)) @ loadings
            inner = gram + noise * np.eye(size)
            codes = np.linalg.solve(inner, right[:, :, None])[:, :, 0]
            errors = self.cells.errors(rows, codes @ loadings.T + fitted.mean_)
            found[hidden] = errors[hidden]
        return _by_row(found, self.cells.seen[rows])


class Probe(Objective):
    """How well does a linear model on the codes tell the label?

    Logistic regression, or ridge regression where labels are numbers (with a fraction,
    or more than `MANY` different ones), on standardised codes of the rows that were
    learned; judged on the others.
    """

    def __init__(self, labels: Any, cells: Cells) -> None:
        self.y, self.cells = np.asarray(labels), cells
        kinds, counts = np.unique(self.y, return_counts=True)
        self.numbers = _are_numbers(kinds)
        if not self.numbers and (counts >= RARE).sum() < 2:
            raise DataError(
                f"y must hold two labels that occur {RARE} times or more. Got "
                f"{len(kinds)}, of which the most frequent are "
                f"{', '.join(map(str, np.sort(counts)[::-1][:3]))} times there."
            )
        self.classes = None if self.numbers else joined(self.y)
        self.name = "wrong labels of a linear model on the codes, as a share"
        if self.numbers:
            self.name = "squared error of a linear model on the codes, in variances"

    def errors(
        self, model: Any, module: AutoencoderModule, split: tuple[Index, Index]
    ) -> Floats:
        """Whether a label is told wrong, or its squared error in variances."""
        index = np.concatenate(split)
        data = model.data_.rows(torch.from_numpy(index))
        (z,) = in_blocks(lambda block: (module.encode(block),), data, module)
        return self.of_codes(z.numpy(), split)

    def pca(self, size: int, split: tuple[Index, Index]) -> Floats:
        """The same of principal components."""
        x = self.cells.x
        fitted = PCA(min(size, *x[split[0]].shape), random_state=0).fit(x[split[0]])
        return self.of_codes(fitted.transform(x[np.concatenate(split)]), split)

    def of_codes(self, codes: Any, split: Split) -> Floats:
        """Errors of the second rows, given codes of the first and then of these."""
        train, test = split
        learned, asked = codes[: len(train)], codes[len(train) :]
        told = linear(learned, self.y[train], asked, numbers=self.numbers)
        if self.numbers:
            return in_variances(told - self.y[test], self.y[train])
        return np.asarray(told != self.y[test], dtype=float)


def linear(learned: Any, y: Any, asked: Any, *, numbers: bool) -> NDArray[Any]:
    """Labels of some codes, by a linear model of others whose labels are known."""
    scaler = StandardScaler().fit(learned)
    z, others = scaler.transform(learned), scaler.transform(asked)
    model: Any = LogisticRegression(max_iter=1000)
    if numbers:
        model = RidgeCV(np.logspace(-3, 3, 7))
    return np.asarray(model.fit(z, y).predict(others))


def in_variances(errors: Floats, y: Floats) -> Floats:
    """Squares of errors as multiples of the variance of known labels."""
    return np.asarray(np.square(errors) / max(y.var(), 1e-12))


def rebuilding_errors(
    cells: Cells, model: Any, module: AutoencoderModule, rows: Index
) -> Floats:
    """Mean error of the cells of each row, all shown, as they are rebuilt."""
    data = model.data_.rows(torch.from_numpy(rows))
    (y,) = in_blocks(lambda b: (_expected(module, module.encoded(b)),), data, module)
    table = model._converter  # noqa: SLF001 - a prepared one
    return _by_row(
        cells.errors(rows, cells.brought(table, y.numpy())), cells.seen[rows]
    )


def _expected(module: AutoencoderModule, codes: Any) -> torch.Tensor:
    """Expected entries, a category as the probabilities of its levels."""
    likelihood, params = module.likelihood, module.decode(*codes)
    if isinstance(likelihood, ByColumn):
        return likelihood.expected_view(params)
    return likelihood.mean(params)


def _are_numbers(kinds: Any) -> bool:
    """Whether different labels are amounts, and no classes."""
    if kinds.dtype.kind not in "iuf":
        return False
    return len(kinds) > MANY or bool((kinds != np.rint(kinds)).any())


def joined(labels: Any, least: int = RARE) -> Any:
    """Numbers of classes, with those of fewer rows than ``least`` as one."""
    _, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.where(counts[index] < least, np.argmax(counts), index)


def _by_row(errors: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Mean over the cells of each row that are there; NaN where none is."""
    count = seen.sum(1)
    with np.errstate(invalid="ignore"):
        mean: Floats = (errors * seen).sum(1) / count
    return mean
