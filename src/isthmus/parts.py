"""The five roles of an autoencoder. Read this page first.

    x --Corruption--> x~ --encoder--> h --Bottleneck--> z --decoder--> y
                          |___________ Architecture ___________|
    cost = sum of Terms, read off the Trace; Likelihood says how well y explains x

A part is plain data (`Spec`): frozen, comparable, savable. What it needs of another
part it declares, and the recipe checks it once. Shapes stand in `isthmus.trace`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import (
    TYPE_CHECKING,
    Annotated,
    ClassVar,
    Literal,
    NamedTuple,
    Protocol,
    Self,
)

from pydantic import Field as Bounds
from pydantic import NonNegativeFloat, PositiveInt
from torch import Size, Tensor, nn

from isthmus.errors import RecipeError
from isthmus.spec import Part

if TYPE_CHECKING:
    from isthmus.layout import Content, Layout
    from isthmus.trace import Batch, Code, Corrupted, Trace

Clue = Literal["visible", "level"]
"""What an encoder may be told beside x: a field of `Context`."""

Trait = Literal[
    "drawn at random",
    "priced",
    "between 0 and 1",
    "Gaussian",
    "from a codebook",
    "differentiable",
]
"""What a term may need of a code, in the words of the error message."""

Share = Annotated[float, Bounds(ge=0, lt=1)]
"""A probability below one."""


class Sizes(NamedTuple):
    """All that an architecture must know to build its networks."""

    inputs: Size
    """Shape of one example as the encoder sees it."""
    event: Size
    """Shape of one example, and of its `Context.visible`."""
    features: int
    """H: features that the bottleneck wants of one example, of all its places."""
    code: int
    """D: entries of a code, of all places."""
    params: Size
    """Shape of the decoder's answer for one example."""
    clues: frozenset[Clue] = frozenset()
    """What the encoder will be told."""
    stack: int = 0
    """Number of replicas on a leading axis; 0: none, and no such axis."""


class Corruption(Part):
    """What is done to an example before the encoder sees it, in training only."""

    folder: ClassVar[str] = "corruptions"
    draws: ClassVar[bool] = True
    """Whether it draws at random."""

    def clues(self) -> frozenset[Clue]:
        """What this corruption will tell of its work."""
        return frozenset()

    @abstractmethod
    def __call__(
        self, x: Tensor, layout: Layout, visible: Tensor | None = None
    ) -> Corrupted:
        """Damage ``x``, (B, *event), without touching it; same shape.

        ``visible`` is 0 where a cell is missing; the model hides it afterwards.
        """


class Architecture(Part):
    """The two networks around the bottleneck.

    They are a pair because a decoder may mirror its encoder, or share its weights.
    """

    folder: ClassVar[str] = "architectures"
    stackable: ClassVar[bool] = False
    """Whether it can build replicas on a leading axis."""
    replayable: ClassVar[bool] = True
    """Whether its networks do the same operations whenever they get the same shapes."""
    grouped: ClassVar[bool] = False
    """Whether its decoder mixes ``topics``, (D, entries), that it is given."""
    axes: ClassVar[int | None] = None
    """Axes of an example, besides one of channels, that it is made for; None: any."""

    def squashed(self) -> bool:
        """Whether the decoder's answer is bounded already, so that it is no logit."""
        return False

    def grid(self, event: Size) -> Size:
        """Places that have a code each, of an example of this shape; none: it has one.

        Their H features, and D entries, lie side by side, place after place.
        """
        del event
        return Size()

    def past(self, sizes: Sizes) -> int:
        """Entries that go past the code: what the encoder tells the decoder besides."""
        del sizes
        return 0

    def draws(self) -> bool:
        """Whether the networks draw at random in training, as dropout does."""
        return False

    @abstractmethod
    def build(self, sizes: Sizes) -> tuple[nn.Module, nn.Module]:
        """Encoder (x (B, *inputs), context) -> (B, H); decoder (N, D) -> (N, *params).

        A stacked pair has a leading axis of replicas throughout. What goes past the
        code follows the features, and then the code.
        """


class Bottleneck(Part):
    """How H features become a code of ``size`` entries, and what the code costs.

    ``size`` None means "as the estimator says".
    """

    folder: ClassVar[str] = "bottlenecks"
    terms: ClassVar[tuple[str, ...]] = ("reconstruction",)
    """Kinds of the terms that this bottleneck is trained with by default."""
    stackable: ClassVar[bool] = True
    """Whether it works on replicas on a leading axis."""

    size: PositiveInt | None = None

    @property
    def width(self) -> int:
        """``size``, once it is known."""
        if self.size is None:
            raise RecipeError(f"{type(self).__name__}: size must be given.")
        return self.size

    def features(self) -> int:
        """Encoder features that one example needs."""
        return self.width

    def traits(self) -> frozenset[Trait]:
        """What terms may count on."""
        return frozenset()

    @abstractmethod
    def build(self) -> BottleneckModule:
        """A fresh module with parameters of its own."""


class BottleneckModule(nn.Module, ABC):
    """The working part of a bottleneck."""

    @abstractmethod
    def forward(self, features: Tensor) -> Code:
        """Turn features (B, H) into a code, drawing where the bottleneck draws."""

    @abstractmethod
    def mode(self, features: Tensor) -> Tensor:
        """The most typical code of each example, (B, D), without chance."""

    def typical(self, features: Tensor) -> Code:
        """The code without chance: `mode`, and what `forward` tells beside it."""
        code: Code = self(features)
        return code._replace(value=self.mode(features))

    def sample(self, n: int) -> Tensor:
        """Draw ``n`` codes from the prior, (n, D)."""
        raise RecipeError(
            f"{type(self).__name__.lstrip('_')} has no prior to draw {n} codes from. "
            f"Use a Gaussian bottleneck, as variational() does."
        )


class Likelihood(Part):
    """p(x|y): how well the decoder's answer y explains an example, entry by entry."""

    folder: ClassVar[str] = "likelihoods"
    explains: ClassVar[frozenset[Content]]
    """Contents of the entries that it can explain."""
    prefers: ClassVar[Content | None]
    """The content that a converter should make of every column for it; None: of each
    column the one that suits it."""
    metric: ClassVar[str] = "nll"
    """What -log p per entry is called in histories: ``mse``, ``bce``, ``nll``."""
    logits: ClassVar[bool] = False
    """Whether y must be unbounded, because the likelihood squashes it itself."""
    assumed: ClassVar[frozenset[Content]] = frozenset()
    """Contents of entries whose spread is a convention, and not learned."""

    def on(self, layout: Layout) -> Self:
        """The likelihood of examples of this layout; others are refused."""
        if strange := layout.contents - self.explains:
            raise RecipeError(
                f"{self!r} explains entries that are {_either(self.explains)}, and "
                f"the data holds {_either(strange)} entries. Change one of the two."
            )
        return self

    def view(self, x: Tensor) -> Tensor:
        """What the encoder sees of x, (B, *event) -> (B, *inputs)."""
        return x

    def inputs(self, event: Size) -> Size:
        """Shape of `view` for one example."""
        return event

    def params(self, event: Size) -> Size:
        """Shape of y for one example."""
        return event

    @abstractmethod
    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """log p(x|y) of each entry, (..., *event), from y, (..., *params)."""

    @abstractmethod
    def mean(self, params: Tensor) -> Tensor:
        """The reconstruction, (..., *event): E[x|y], or the mode of levels."""

    def sample(self, params: Tensor) -> Tensor:
        """Draw x from p(x|y), (..., *event)."""
        del params
        raise RecipeError(f"{self!r} cannot be drawn from. Use another likelihood.")

    def log_normalizer(self) -> float:
        """log of the integral of exp(log_prob) over x: 0 for a true density."""
        return 0.0

    def distortion(
        self, params: Tensor, x: Tensor, judged: Tensor | None, dims: int
    ) -> Tensor:
        """Sum -`log_prob` over the last ``dims`` axes, weighted by ``judged``."""
        entries = -self.log_prob(params, x)
        if judged is not None:
            entries = entries * judged
        return entries.sum(-1) if dims == 1 else entries.flatten(-dims).sum(-1)


class Encoder(Protocol):
    """All that a term may ask of the model."""

    def encode(self, batch: Batch) -> Tensor:
        """Codes (B, D) of examples as they are, at their mode."""

    def weights(self) -> list[Tensor]:
        """Weight matrices of encoder and decoder: no biases, no norms."""

    def continuous(self) -> Tensor:
        """Mask of shape (*event,) of the entries that may vary continuously."""


class Term(Part):
    """One addend of the training loss, ``weight`` times a cost in nats."""

    folder: ClassVar[str] = "terms"
    needs: ClassVar[frozenset[Trait]] = frozenset()
    """What it needs of the code."""
    replaces: ClassVar[frozenset[str]] = frozenset()
    """Kinds of terms that it already contains, and that may not stand beside it."""
    draws: ClassVar[bool] = False
    """Whether it draws at random."""

    weight: NonNegativeFloat = 1.0

    def check(self, layout: Layout) -> None:
        """Refuse data on which it would be without effect."""

    @abstractmethod
    def __call__(self, trace: Trace, model: Encoder) -> Tensor:
        """Unweighted cost of each example, (B,), or of the batch, ()."""

    def report(self, trace: Trace) -> dict[str, Tensor]:
        """Further figures for `evaluate`, by name."""
        del trace
        return {}


def _either(names: frozenset[Content]) -> str:
    return " or ".join(repr(name) for name in sorted(names))
