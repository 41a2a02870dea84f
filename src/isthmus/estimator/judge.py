"""Who judges a row: the one model there is, or the replica that never saw it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn

from isthmus.data.blocks import in_blocks
from isthmus.estimator.joined import answered, log_likelihood
from isthmus.estimator.rolling import SeriesJudge
from isthmus.scores.excess import Excess
from isthmus.scores.overflow import refuse_overflow
from isthmus.scores.role import Expected, Score, ScoreModule
from isthmus.scores.yardstick import Yardstick
from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from isthmus.estimator.preparation import Data
    from isthmus.model import AutoencoderModule

    Folds = NDArray[np.int64] | None

MISSING = 0x7FC00000
"""NaN as it lies in memory."""

PASSES = 3072
"""Rows that pass a network at a time; a row passes once per mask."""


def block_of(heads: list[ScoreModule]) -> int:
    """Rows of a block, so that a single row costs little and many are worth it."""
    return max(PASSES // max(head.passes for head in heads), 16)


class PlainJudge:
    """One model, that may have learned the rows: minus their log-likelihood in nats.

    Of windows, that of each place: `Windows.blend`. ``per_word`` says that of texts the
    mean over their words is meant, whatever these are.
    """

    def __init__(self, module: AutoencoderModule, *, per_word: bool = False) -> None:
        self.module, self.per_word = module, per_word

    @classmethod
    def of(cls, autoencoder: Any) -> Self:
        """The judge of a detector: long texts are no odder than short ones."""
        outside = getattr(autoencoder._converter, "outside", None)  # noqa: SLF001
        return cls(autoencoder.module_, per_word=outside is not None)

    def folds(self, data: Data) -> NDArray[np.int64]:
        """There is but one."""
        return np.zeros(len(data), dtype=np.int64)

    def rows(self, data: Data, folds: Folds = None) -> Tensor:
        """How odd each row is, (n,)."""
        del folds
        return torch.from_numpy(-log_likelihood(self.module, data))

    def cells(self, data: Data, folds: Folds = None) -> Tensor:
        """How odd each entry is, (n, *event)."""
        del folds
        return -answered(lambda b: (self.module.explain(b)[0],), data, self.module)[0]

    def expected(self, data: Data, folds: Folds = None) -> Expected:
        """What the model rebuilds."""
        del folds
        module = self.module
        found = answered(
            lambda b: (module.reconstruct(b), *module.certainty(b)), data, module
        )
        return Expected(*found)


class View(NamedTuple):
    """A question, and how much its answer counts."""

    score: Score
    weight: float


class Judge(nn.Module):
    """Replicas of one model, each with its heads: one fitted score per view.

    A row is judged by the replica of its fold, which has learned no row of that fold.
    Old and new rows are thus treated alike: a row scores the same whether it was
    learned from or not, as long as the network would not differ without it.
    """

    per_word = False

    def __init__(
        self,
        replicas: list[AutoencoderModule],
        scores: list[Score],
        heads: list[list[ScoreModule]],
        yardsticks: list[Yardstick],
        weights: list[float],
    ) -> None:
        super().__init__()
        self.excess: Excess | None = None  # of cells, that are to be known first
        self.replicas, self.scores, self.heads = replicas, scores, heads
        self.yardsticks, self.weights = yardsticks, weights
        self.block = block_of([some[0] for some in heads])
        self.parts = nn.ModuleList(
            [*replicas, *(head for some in heads for head in some), *yardsticks]
        )

    def cells(self, batch: Data, folds: Folds = None) -> Tensor:
        """How odd each entry is, (n, E); their sum is how odd the row is."""
        return refuse_overflow(self._by_fold(batch, folds, self._cells)[0])

    def rows(self, batch: Data, folds: Folds = None) -> Tensor:
        """How odd each row is, (n,) in float64."""

        def summed(k: int, block: Batch) -> tuple[Tensor]:
            return (self._cells(k, block)[0].double().sum(1),)

        return refuse_overflow(self._by_fold(batch, folds, summed)[0])

    def expected(self, batch: Data, folds: Folds = None) -> Expected:
        """What the first view expected of each entry."""
        return Expected(*self._by_fold(batch, folds, self._expected))

    def folds(self, batch: Data) -> NDArray[np.int64]:
        """Which replica judges each row, (n,)."""
        assert isinstance(batch, Batch), "replicas judge rows of a table"
        return fold_of(batch, len(self.replicas))

    def _cells(self, k: int, block: Batch) -> tuple[Tensor]:
        total = None
        for heads, yardstick, weight in zip(
            self.heads, self.yardsticks, self.weights, strict=True
        ):
            answers = heads[k](self.replicas[k], block)
            part = weight * yardstick(answers, block.visible)
            total = part if total is None else total + part
        assert total is not None, "there is a view"
        return (total if self.excess is None else self.excess(total, block.visible),)

    def _expected(self, k: int, block: Batch) -> tuple[Tensor, ...]:
        return tuple(self.heads[0][k].expected(self.replicas[k], block))

    def _by_fold(
        self,
        batch: Data,
        folds: Folds,
        function: Callable[[int, Batch], tuple[Tensor, ...]],
    ) -> tuple[Tensor, ...]:
        """Ask each replica about the rows of its fold, and put the answers in order."""
        assert isinstance(batch, Batch), "replicas judge rows of a table"
        place = self.folds(batch) if folds is None else folds
        found: list[Tensor] | None = None
        for k, module in enumerate(self.replicas):
            index = torch.from_numpy(np.flatnonzero(place == k))
            if not len(index) and len(batch):
                continue
            ask = functools.partial(function, k)
            answers = in_blocks(ask, batch.rows(index), module, self.block)
            if found is None:
                found = [a.new_zeros(len(batch), *a.shape[1:]) for a in answers]
            for whole, part in zip(found, answers, strict=True):
                whole[index] = part
        assert found is not None
        return tuple(found)


AnyJudge = Judge | PlainJudge | SeriesJudge
"""Who says how odd rows are."""


def fold_of(batch: Batch, folds: int) -> NDArray[np.int64]:
    """Fold of each row, (n,): a hash of its entries and of which are missing.

    Equal rows share a fold, in whatever table they stand. The hash is that of
    `_hashed`, its entries taken as they lie in memory, and a missing one as NaN.
    """
    x = (batch.x.flatten(1) + 0.0).contiguous().numpy()  # there is but one zero
    bits = x.view(np.uint32)
    if batch.visible is not None:  # a table without gaps has none of it
        bits[batch.visible.flatten(1).numpy() == 0] = MISSING
    return (_hashed(bits) % np.uint64(folds)).astype(np.int64)


def _hashed(rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """A 64-bit number per row: h <- mix(h xor column), mix of splitmix64."""
    found = np.full(len(rows), 0x9E3779B97F4A7C15, dtype=np.uint64)
    for column in rows.T:
        found ^= column
        found ^= found >> np.uint64(30)
        found *= np.uint64(0xBF58476D1CE4E5B9)
        found ^= found >> np.uint64(27)
        found *= np.uint64(0x94D049BB133111EB)
        found ^= found >> np.uint64(31)
    return found
