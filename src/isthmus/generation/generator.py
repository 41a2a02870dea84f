"""A fitted autoencoder as a source of new examples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from isthmus.data.blocks import in_blocks, size_of_block
from isthmus.data.conversion import to_columns
from isthmus.data.table import Table
from isthmus.errors import warn
from isthmus.generation import dependencies
from isthmus.generation.codes import (
    ENOUGH,
    device_of,
    drawn,
    refuse_what_cannot_be_decoded,
)
from isthmus.generation.density import Density
from isthmus.generation.gaps import Gaps
from isthmus.generation.marginals import Marginal
from isthmus.generation.residuals import Residuals
from isthmus.threads import threads_for
from isthmus.trace import Batch
from isthmus.training import seeded

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import Tensor

    from isthmus.generation.conditions import Conditions
    from isthmus.model import AutoencoderModule

KNOTS = {"table": 513, "images": 33, "series": 33}
"""Quantiles of the residuals of an entry."""

DRAWN = 2**14
"""Rows that are made to see how numbers are distributed that the model makes."""

POOL = 2**14
"""Codes among which those are looked for that agree with what is given."""

MOST = 2**18
"""Codes that are looked at, at most."""

RARE = -math.log(30)
"""log p(given) beside that of cells that have nothing to do with one another."""

FIT = 100
"""Codes that shall agree with what is given, in effect."""


class Generator(NamedTuple):
    """p(z), p(x|z), and what brings draws back to what the data is like."""

    module: AutoencoderModule
    converter: Any
    density: Density
    residuals: Residuals
    marginals: dict[str, Marginal]
    gaps: Gaps | None
    dependencies: tuple[dependencies.Dependency, ...]

    @classmethod
    def fitted(
        cls, autoencoder: Any, X: Any, density: Density | None, components: int | None
    ) -> Self:
        """Learn from what the autoencoder was trained on."""
        read, data = autoencoder._read(X)  # noqa: SLF001
        module, converter = autoencoder.module_, autoencoder._converter  # noqa: SLF001
        refuse_what_cannot_be_decoded(module)
        seed = autoencoder._seed  # noqa: SLF001
        z, errors = drawn(module, data, seed)
        if density is None and "from a codebook" in module.recipe.bottleneck.traits():
            density = Density.frequencies(z[0].numpy())
        if density is None:
            every = z[:, :: math.ceil(z.shape[1] / ENOUGH)]
            density = Density.fitted(every.numpy(), seed, components)
        table = converter if isinstance(converter, Table) else None
        form = getattr(converter, "form", "table")
        visible = getattr(data, "visible", None)
        assumed = module.layout.holding(*module.likelihood.assumed).flatten()
        residuals = Residuals.learned(
            errors.flatten(1),
            None if visible is None else visible.flatten(1),
            assumed.nonzero()[:, 0],
            KNOTS[form],
        )
        made = cls(module, converter, density, residuals, {}, None, ())
        if table is None:
            return made
        if (hidden := _hidden(table, read.rows)).any():
            gaps = Gaps.learned(hidden, density.nearest(z[0]), len(density.weights))
            made = made._replace(gaps=gaps)
        found = dependencies.learned(_columns(table, read.rows))
        return made._replace(
            marginals=_calibrated(made, read.rows, seed), dependencies=found
        )

    def examples(self, n: int, seed: int, *, noise: bool) -> Tensor:
        """Draw entries of new examples, (n, *event)."""
        return self._blocks(n, seed, noise=noise)[0]

    def numbers(self, n: int, seed: int) -> dict[str, Any]:
        """Columns of a table as the model makes them, with gaps and in no type."""
        x, missing = self._blocks(n, seed, noise=True)
        return self._with_gaps(to_columns(self.converter.parts, x.numpy()), missing)

    def rows(
        self, n: int, seed: int, given: Conditions | None = None, *, noise: bool = True
    ) -> dict[str, Any]:
        """Draw rows of a table: columns by name, in their Arrow types."""
        if given is None:
            cells = self._cells(*self._blocks(n, seed, noise=noise))
            self._agree(cells)
            return self.converter.typed(cells, n)  # type: ignore[no-any-return]
        which = torch.arange(n) % len(given)
        z, chosen = self._agreeing(given, n, seed)
        with seeded(_seed(seed, 1, 0), device_of(self.module)):
            (x,) = in_blocks(
                lambda b: (self._decoded(b.x, noise=noise),), Batch(z), self.module
            )
            hidden = self._missing(chosen)
        cells = self._cells(x, hidden)
        given.put(cells, which)
        self._agree(cells, given.places)
        return self.converter.typed(cells, n)  # type: ignore[no-any-return]

    def _blocks(self, n: int, seed: int, *, noise: bool) -> tuple[Tensor, Tensor]:
        """Entries (n, *event), and which cells of them are missing."""
        size = size_of_block(self.module.event)
        count = max(math.ceil(n / size), 1)
        parts = [self._block(size, k, seed, noise=noise) for k in range(count)]
        x, hidden = (torch.cat(found)[:n] for found in zip(*parts, strict=True))
        return x, hidden

    def _block(
        self, size: int, k: int, seed: int, *, noise: bool
    ) -> tuple[Tensor, Tensor]:
        """The k-th block of entries, and which cells of them are missing."""
        device = device_of(self.module)
        parameters = list(self.module.parameters())
        with seeded(_seed(seed, 0, k), device), torch.inference_mode():
            z, chosen = self.density.sample(size)
            with threads_for(size, parameters):
                x = self._decoded(z.to(device), noise=noise)
            return x.cpu(), self._missing(chosen)

    def _missing(self, chosen: Tensor) -> Tensor:
        """Which cells are missing, (n, columns); no column where none ever is."""
        if self.gaps is None:
            return torch.zeros(len(chosen), 0, dtype=torch.bool)
        return self.gaps.sample(chosen)

    def _decoded(self, z: Tensor, *, noise: bool) -> Tensor:
        """Draw entries given codes, (n, *event); without noise, their mean."""
        likelihood = self.module.likelihood
        params = self.module.decode(z)
        if not noise:
            return likelihood.mean(params)
        mean = drawn = likelihood.mean(params).flatten(1)
        if len(self.residuals.places) < mean.shape[1]:
            drawn = likelihood.sample(params).flatten(1)
        places = self.residuals.places.to(z.device)
        drawn[:, places] = mean[:, places] + self.residuals.sample(len(z)).to(z.device)
        entries: Tensor = drawn.unflatten(1, self.module.event)
        return entries

    def _cells(self, x: Tensor, missing: Tensor) -> dict[str, Any]:
        """Cells by column: numbers or texts, some of them missing."""
        cells: dict[str, Any] = to_columns(self.converter.parts, x.numpy())
        for name, marginal in self.marginals.items():
            cells[name] = marginal(cells[name])
        return self._with_gaps(cells, missing)

    def _with_gaps(self, cells: dict[str, Any], missing: Tensor) -> dict[str, Any]:
        """Cells without those that are missing."""
        if self.gaps is None:
            return cells
        hidden = missing.numpy()
        for j, name in enumerate(_filled(self.converter)):
            if not hidden[:, j].any():
                continue
            if isinstance(cells.get(name), np.ndarray):
                cells[name] = np.where(hidden[:, j], np.nan, cells[name])
                continue
            known = cells.get(name, self.converter.constants.get(name))
            if not isinstance(known, pa.Array):
                known = pa.array([known] * len(hidden), pa.string())
            cells[name] = pc.if_else(pa.array(hidden[:, j]), None, known)
        return cells

    def _agree(self, cells: dict[str, Any], given: Collection[str] = ()) -> None:
        """Let columns agree of which one decides the others."""
        for one in self.dependencies:
            one.put(cells, given)

    def _agreeing(self, given: Conditions, n: int, seed: int) -> tuple[Tensor, Tensor]:
        """Codes of p(z | given), (n, D), by sampling importance resampling.

        Many codes are drawn from p(z), and of these some, by p(given | z).
        """
        wanted = max(FIT, min(math.ceil(n / len(given)), 10 * FIT))
        z, chosen, logs, apart = self._pool(given, 0, seed)
        for k in range(1, MOST // POOL):
            if (_fitting(logs) >= wanted).all():
                break
            more = self._pool(given, k, seed)
            z, chosen = torch.cat([z, more[0]]), torch.cat([chosen, more[1]])
            logs = torch.cat([logs, more[2]], 1)
        together = logs.logsumexp(1) - math.log(logs.shape[1])
        if (fitting := _fitting(logs)).min() < FIT / 10:
            worst = int(fitting.argmin())
            warn(
                f"Of {logs.shape[1]:,} codes {float(fitting[worst]):.0f} agree with "
                f"what is given, in row {worst}: what is made for it is more alike "
                f"than it should be. Give fewer cells, or less rare ones."
            )
        elif len(rare := (together - apart < RARE).nonzero()):
            warn(
                f"given: the cells of row {int(rare[0])} hardly ever occur together, "
                f"as fitting has seen it. What is made for it is a guess."
            )
        weights = logs.softmax(1)
        which = torch.arange(n) % len(given)
        counts = which.bincount(minlength=len(given))
        picked = torch.empty(n, dtype=torch.long)
        with seeded(_seed(seed, 4, 0), torch.device("cpu")):
            for c, count in enumerate(counts.tolist()):
                picked[which == c] = weights[c].multinomial(count, replacement=True)
        return z[picked], chosen[picked]

    def _pool(
        self, given: Conditions, k: int, seed: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Codes, their distributions, and both of `Conditions.log_prob`."""
        with seeded(_seed(seed, 3, k), device_of(self.module)):
            z, chosen = self.density.sample(POOL)
        module = self.module
        (params,) = in_blocks(lambda b: (module.decode(b.x),), Batch(z), module)
        logs = given.log_prob(params, module.likelihood, self.residuals)
        return z, chosen, *logs


def _calibrated(source: Generator, rows: Any, seed: int) -> dict[str, Marginal]:
    """What numbers of columns are, and what the model makes of them."""
    made = source.numbers(DRAWN, seed)
    found = {}
    for part in source.converter.parts:
        if part.field.content not in {"real", "unit"}:
            continue
        for name in [n for n in part.names if n in rows.numeric]:
            real = rows.numbers[:, rows.numeric.index(name)]
            real, drawn = (v[~np.isnan(v)] for v in (real, made[name]))
            if len(drawn) and real.min() < real.max():
                found[name] = Marginal.learned(real, drawn)
    return found


def _fitting(logs: Tensor) -> Tensor:
    """How many of the codes agree in effect, 1 / sum of squared weights, (C,)."""
    return 1 / logs.softmax(1).square().sum(1)


def _hidden(table: Table, rows: Any) -> Any:
    """Which cells are missing, (n, columns that are filled)."""
    found = [
        rows.texts[name].is_null().to_numpy()
        if name in rows.texts
        else np.isnan(rows.numbers[:, rows.numeric.index(name)])
        for name in _filled(table)
    ]
    return np.column_stack(found)


def _columns(table: Table, rows: Any) -> dict[str, Any]:
    """Cells by column: numbers or words."""
    return {
        name: rows.texts[name]
        if name in rows.texts
        else rows.numbers[:, rows.numeric.index(name)]
        for name in table.places
    }


def _filled(table: Table) -> list[str]:
    """Columns that are not set aside."""
    return [n for n in table.names if n in table.places or n in table.constants]


def _seed(seed: int, what: int, k: int) -> int:
    """A seed of its own for each kind of draw, and for each block."""
    return int(np.random.SeedSequence([seed, what, k]).generate_state(1)[0])
