"""A spec is a frozen, comparable description that can be written down as plain data."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from isthmus.errors import RecipeError, unknown

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class Spec(BaseModel):
    """Plain, validated parameters of something that is built later."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, /, **parameters: Any) -> None:
        try:
            super().__init__(**parameters)
        except ValidationError as error:
            complaint = _complaint(type(self), error.errors()[0])
            raise RecipeError(complaint) from None

    def __sklearn_clone__(self) -> Self:
        """A spec cannot change, so it is its own copy."""
        return self

    def changed(self, **parameters: Any) -> Self:
        """A validated copy with some parameters replaced."""
        return type(self)(**{**dict(self), **parameters})

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return self.model_dump(mode="json")


class Part(Spec):
    """One of the parts of an autoencoder.

    A subclass that names its ``folder`` is a *family* (an abstract role such as
    ``Bottleneck``); a subclass of a family is a *kind* (final: ``Gaussian``).
    Defining a kind registers it: its name in files and on the command line is the
    class name in snake case.
    """

    folder: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    registered: ClassVar[dict[str, type[Part]]]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Give each family a register, and enter each kind in it."""
        super().__pydantic_init_subclass__(**kwargs)
        if "folder" in vars(cls):
            cls.registered = {}
            return
        parent = cls.__bases__[0]
        if "folder" not in vars(parent):
            message = (
                f"{cls.__name__} extends {parent.__name__}, which is final. "
                f"Write a sibling, or wrap one."
            )
            raise TypeError(message)
        cls.registered[cls.kind()] = cls

    def mixes(self) -> bool:
        """Whether, in training, the rows of a batch make a difference to each other.

        If not, the loss of a batch is the mean of the losses of its rows.
        """
        return False

    @classmethod
    def kind(cls) -> str:
        """Name of this kind, such as ``vector_quantizer``."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def kinds(cls) -> dict[str, type[Self]]:
        """Every kind of this family by name; a file in its folder is enough."""
        discover(cls.folder)
        return dict(sorted(cls.registered.items()))  # type: ignore[arg-type]

    @classmethod
    def named(cls, name: str) -> type[Self]:
        """Find a kind by its name or one of its aliases."""
        kinds = cls.kinds()
        aliases = {a: kind for kind in kinds.values() for a in kind.aliases}
        try:
            return {**aliases, **kinds}[name]
        except KeyError:
            raise RecipeError(
                unknown(cls.__name__.lower(), name, {*aliases, *kinds})
            ) from None

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Small instances on which the contract tests of the family run."""
        return (cls(),)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON; `from_dict` is the inverse."""
        return {"kind": self.kind(), **super().to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild a part of this family from the plain data of `to_dict`."""
        parameters = {name: value for name, value in data.items() if name != "kind"}
        return cls.named(str(data.get("kind")))(**parameters)


@functools.cache
def discover(folder: str) -> tuple[str, ...]:
    """Import every public file of ``isthmus.<folder>`` and return their names."""
    package = importlib.import_module(f"isthmus.{folder}")
    names = tuple(
        info.name
        for info in pkgutil.iter_modules(package.__path__)
        if not info.name.startswith("_")
    )
    for name in names:
        importlib.import_module(f"isthmus.{folder}.{name}")
    return names


def _complaint(spec: type[Spec], error: ErrorDetails) -> str:
    """One sentence: who, what must hold, what was got."""
    who, where = spec.__name__, ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"{who}: {unknown('parameter', where, spec.model_fields)}"
    if error["type"] == "missing":
        return f"{who}: {where} must be given."
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return f"{who}: {message}"
    message = message[0].lower() + message[1:]
    return f"{who}: {where}: {message}. Got {error['input']!r}."
