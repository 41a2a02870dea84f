"""A generator as tensors and plain data, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from isthmus.errors import ModelFileError
from isthmus.generation.density import Density
from isthmus.generation.dependencies import Dependency
from isthmus.generation.gaps import Gaps
from isthmus.generation.generator import Generator
from isthmus.generation.marginals import KNOTS, Marginal
from isthmus.generation.residuals import Residuals

HOME = "generation."


def tensors_of(
    made: Generator,
) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    """Tensors by name, and plain data of the marginals by column."""
    tensors = dict(made.density._asdict())
    tensors |= {f"residuals.{n}": t for n, t in made.residuals._asdict().items()}
    if made.gaps is not None:
        tensors |= {f"gaps.{n}": t for n, t in made.gaps._asdict().items()}
    plain = []
    for j, (name, marginal) in enumerate(made.marginals.items()):
        few, digits = marginal.few, marginal.digits
        plain.append({"name": name, "few": few, "digits": digits})
        for part in ("values", "shares", "made"):
            cells = np.array(getattr(marginal, part))
            tensors[f"marginals.{j}.{part}"] = torch.from_numpy(cells)
    return {HOME + name: t.contiguous() for name, t in tensors.items()}, plain


def generator_from(
    autoencoder: Any,
    tensors: dict[str, torch.Tensor],
    plain: list[dict[str, Any]],
    dependencies: tuple[Dependency, ...],
) -> Generator:
    """Rebuild what `tensors_of` took apart; what does not fit is refused."""
    found = {name.removeprefix(HOME): tensor for name, tensor in tensors.items()}
    module, converter = autoencoder.module_, autoencoder._converter  # noqa: SLF001
    for name, tensor in found.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise ModelFileError(f"{HOME}{name} holds a number that is not finite.")
    density = Density(*(found[name] for name in Density._fields))
    size = module.recipe.bottleneck.width * max(module.grid.numel(), 1)
    count = len(density.weights)
    _refuse(density.means, (count, size), "means")
    _refuse(density.factor, (size, size), "factor")
    residuals = Residuals(*(found[f"residuals.{n}"] for n in Residuals._fields))
    entries = module.event.numel()
    if len(residuals.places) and int(residuals.places.max()) >= entries:
        raise ModelFileError(f"{HOME}residuals.places must be below {entries}.")
    _refuse(residuals.quantiles, (len(residuals.places), None), "residuals.quantiles")
    marginals = {}
    for j, said in enumerate(plain):
        parts = (found[f"marginals.{j}.{p}"] for p in ("values", "shares", "made"))
        values, shares, made = (part.numpy() for part in parts)
        if len(values) != len(shares) or len(made) != KNOTS:
            raise ModelFileError(f"{HOME}marginals.{j} must hold one share per value.")
        few, digits = bool(said["few"]), said["digits"]
        marginals[str(said["name"])] = Marginal(values, shares, made, few, digits)
    for name in (name for one in dependencies for name in one.columns):
        if name not in converter.places:
            raise ModelFileError(f"A dependency of {name!r}: there is no such column.")
    gaps = None
    if "gaps.patterns" in found:
        gaps = Gaps(found["gaps.patterns"], found["gaps.shares"])
        _refuse(gaps.shares, (count, len(gaps.patterns)), "gaps.shares")
    return Generator(
        module, converter, density, residuals, marginals, gaps, dependencies
    )


def _refuse(tensor: torch.Tensor, shape: tuple[int | None, ...], name: str) -> None:
    wrong = tensor.dim() != len(shape) or any(
        wanted is not None and got != wanted
        for got, wanted in zip(tensor.shape, shape, strict=True)
    )
    if wrong:
        raise ModelFileError(
            f"{HOME}{name} must have shape {shape}. Got {tuple(tensor.shape)}."
        )
