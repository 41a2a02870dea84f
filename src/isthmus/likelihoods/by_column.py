"""The likelihood of a table: each column by the formula that suits it."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import torch
from torch import Size
from torch.nn import functional

from isthmus.errors import RecipeError
from isthmus.layout import Content, Field, Layout
from isthmus.parts import Likelihood

if TYPE_CHECKING:
    from torch import Tensor

REACH = 30.0
"""Bound on the log rate of a count, smooth: exp(30) is far above any count."""


class _Run(NamedTuple):
    """A field, and where its entries and parameters lie."""

    field: Field
    entries: slice
    params: slice


class ByColumn(Likelihood):
    """log p = sum over columns: -(x - y)^2, Bernoulli, Poisson or log softmax(y)_x.

    In this order for entries that are real, binary (or from 0 to 1), a count, or a
    category; the layout weighs them so that every column counts alike. The encoder
    sees categories one-hot, an unknown one as zeros, and counts as log(1 + x). An
    unknown category has a probability of its own, and is never the reconstruction.
    ``layout`` is filled in by the model.
    """

    aliases: ClassVar[tuple[str, ...]] = ("mixed",)
    explains: ClassVar[frozenset[Content]] = frozenset(
        {"real", "unit", "binary", "count", "category"}
    )
    prefers: ClassVar[Content | None] = None
    logits: ClassVar[bool] = True
    assumed: ClassVar[frozenset[Content]] = frozenset({"real"})

    layout: Layout | None = None

    def on(self, layout: Layout) -> Self:
        """The likelihood of examples of this layout, flat fields side by side."""
        super().on(layout)
        if any(len(field.shape) > 1 for field in layout.fields):
            raise RecipeError(
                "ByColumn explains rows of a table, and these examples have more than "
                "one axis. Use SquaredError or Bernoulli."
            )
        return self.changed(layout=layout)

    def inputs(self, event: Size) -> Size:
        """One input per number, and one per known level of a category."""
        del event
        return Size([sum(_width(run.field, known=True) for run in self._runs)])

    def params(self, event: Size) -> Size:
        """One parameter per number, and one logit per level, the unknown one too."""
        del event
        return Size([self._runs[-1].params.stop])

    def view(self, x: Tensor) -> Tensor:
        """Numbers as they are, counts as log(1 + x), categories one-hot."""
        return torch.cat(
            [_seen(run.field, x[..., run.entries]) for run in self._runs], -1
        )

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """Log probability of each entry, in nats."""
        parts = [
            _log_prob(run.field, params[..., run.params], x[..., run.entries])
            for run in self._runs
        ]
        return torch.cat(parts, -1)

    def mean(self, params: Tensor) -> Tensor:
        """Mean of numbers, P(x = 1), rate of counts, most probable known category."""
        parts = [_mean(run.field, params[..., run.params]) for run in self._runs]
        return torch.cat(parts, -1)

    def sample(self, params: Tensor) -> Tensor:
        """Numbers with noise of variance 1/2, counts, and known categories."""
        parts = [_sample(run.field, params[..., run.params]) for run in self._runs]
        return torch.cat(parts, -1)

    def expected_view(self, params: Tensor) -> Tensor:
        """E[view(x)|y]: `mean` as it is seen, and probabilities of the known levels."""
        parts = [
            _expected_view(run.field, params[..., run.params]) for run in self._runs
        ]
        return torch.cat(parts, -1)

    @functools.cached_property
    def _runs(self) -> list[_Run]:
        assert self.layout is not None, "the model says what the layout is"
        runs, entry, param = [], 0, 0
        for field in self.layout.fields:
            entries = slice(entry, entry + field.shape[0])
            params = slice(param, param + _width(field, known=False))
            runs.append(_Run(field, entries, params))
            entry, param = entries.stop, params.stop
        return runs


def _width(field: Field, *, known: bool) -> int:
    """Numbers that a field needs: one per entry, or one per level."""
    if field.content != "category":
        return field.shape[0]
    assert field.levels is not None
    return field.shape[0] * (field.levels - known)


def _seen(field: Field, x: Tensor) -> Tensor:
    if field.content == "count":
        return x.log1p()
    if field.content != "category":
        return x
    assert field.levels is not None
    levels = torch.arange(1, field.levels, device=x.device)
    return (x.round().long().unsqueeze(-1) == levels).flatten(-2).to(x)


def _log_prob(field: Field, params: Tensor, x: Tensor) -> Tensor:
    if field.content == "real":
        return -(x - params).square()
    if field.content in {"unit", "binary"}:
        return x * params - functional.softplus(params)
    if field.content == "count":
        log_rate = REACH * torch.tanh(params / REACH)
        return x * log_rate - log_rate.exp() - (x + 1).lgamma()
    logits = _logits(field, params)
    index = x.round().long().expand(logits.shape[:-1]).unsqueeze(-1)
    return logits.log_softmax(-1).gather(-1, index).squeeze(-1)


def _mean(field: Field, params: Tensor) -> Tensor:
    if field.content == "real":
        return params
    if field.content in {"unit", "binary"}:
        return params.sigmoid()
    if field.content == "count":
        return (REACH * torch.tanh(params / REACH)).exp()
    return (_logits(field, params)[..., 1:].argmax(-1) + 1).to(params)


def _sample(field: Field, params: Tensor) -> Tensor:
    if field.content == "real":
        return params + math.sqrt(0.5) * torch.randn_like(params)
    if field.content in {"unit", "binary"}:
        return params.sigmoid().bernoulli()
    if field.content == "count":
        return torch.poisson(_mean(field, params))
    known = _logits(field, params)[..., 1:]
    level: Tensor = torch.distributions.Categorical(logits=known).sample()
    return (level + 1).to(params)


def _expected_view(field: Field, params: Tensor) -> Tensor:
    if field.content != "category":
        return _seen(field, _mean(field, params))
    return _logits(field, params)[..., 1:].softmax(-1).flatten(-2)


def _logits(field: Field, params: Tensor) -> Tensor:
    """(..., columns, levels)."""
    logits: Tensor = params.unflatten(-1, (*field.shape, field.levels))
    return logits
