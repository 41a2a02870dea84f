"""Sampling: new rows, images or series that are like those of fitting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from isthmus.bounds import whole
from isthmus.data.frames import Origin, like
from isthmus.data.table import Table
from isthmus.errors import DataError, RecipeError, unknown
from isthmus.estimator import Autoencoder
from isthmus.estimator.inner import adopt, as_wished, settled
from isthmus.estimator.joined import back
from isthmus.estimator.reading import form_among, read_rows, said_among
from isthmus.estimator.state import State
from isthmus.estimator.streams import in_memory
from isthmus.estimator.tags import TakesAnyCells
from isthmus.estimator.wishes import kind_from_plain, kind_to_plain
from isthmus.generation import conditions, dependencies
from isthmus.generation.density import Density
from isthmus.generation.generator import Generator
from isthmus.generation.networks import NETWORKS, usual
from isthmus.generation.paths import between
from isthmus.generation.report import SampleReport, cells_of, reported
from isthmus.generation.stored import generator_from, tensors_of

if TYPE_CHECKING:
    from pathlib import Path

    from isthmus.data.forms import Form, Name
    from isthmus.data.kinds import Columns, Kind
    from isthmus.estimator.inner import Settled
    from isthmus.training import Training

DENSITIES = ("mixture", "prior")

MOST_MADE = 10_000
"""Rows that are made for a report, where nothing is said of them."""


class Sampler(TakesAnyCells):
    """Draws new rows: z ~ p(z), x ~ p(x|z), p(z) a density of the codes of fitting.

    Categories are drawn from their probabilities, and numbers with the residuals that
    were measured in fitting; then the numbers of a column are brought to the quantiles
    they had in fitting, so that whole numbers stay whole and nothing leaves the range.
    Cells are missing together, and as often, as among rows of a like code. Where in
    fitting one column of few values decided another, as the number of a grade its name,
    made rows have only what went together there.

    Parameters
    ----------
    density : "mixture" or "prior"
        A mixture of normal distributions that is fitted to the codes (Ghosh et al.,
        2020); or, of a variational autoencoder, its prior N(0, I). Codes from a
        codebook are as frequent as they were.
    components : int, optional
        Normal distributions of the mixture; by default one for every 25 rows, up to
        256.
    kind : "table", "images", "series", or an object, optional
        What the data is, as in `Autoencoder`.
    columns : Columns or dict of kinds by name, optional
        What you know of columns better than their cells say, as in `Autoencoder`.
    training : Training, optional
        How long and how fast to learn.
    random_state : int, RandomState or None
        Decides all draws of fitting.
    verbose : int
        0 for silence.
    device : str or torch.device, optional
    autoencoder : Autoencoder, optional
        An unfitted one of any kind; what is said above goes before what it says.

    Attributes
    ----------
    autoencoder_ : Autoencoder
        The fitted one.
    density_ : Density
        Weights and means of the mixture, and the shape that all its parts have.
    """

    def __init__(
        self,
        *,
        density: Literal["mixture", "prior"] = "mixture",
        components: int | None = None,
        kind: Name | Form | None = None,
        columns: Columns | dict[str, Kind] | None = None,
        training: Training | None = None,
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 1,
        device: Any = None,
        autoencoder: Autoencoder | None = None,
    ) -> None:
        self.density = density
        self.components = components
        self.kind = kind
        self.columns = columns
        self.training = training
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.autoencoder = autoencoder

    def fit(
        self, X: Any, y: object = None, *, checkpoint: str | Path | None = None
    ) -> Self:
        """Learn what rows, images or series are like.

        Where the file ``checkpoint`` is there, training goes on from it.
        """
        if self.density not in DENSITIES:
            raise RecipeError(
                f"density must be {' or '.join(map(repr, DENSITIES))}. Got "
                f"{self.density!r}."
            )
        if self.components is not None:
            whole("components", self.components)
        X = in_memory(X)
        model = self._template(form_among(self, X, NETWORKS))
        model.fit(X, checkpoint=checkpoint)
        density = None
        if self.density == "prior":
            module = model.module_
            if "Gaussian" not in module.recipe.bottleneck.traits():
                raise RecipeError(
                    f"{module.recipe.bottleneck!r} has no prior. Use "
                    f"density='mixture', or a variational autoencoder."
                )
            density = Density.standard(module.recipe.bottleneck.width)
        self._made = Generator.fitted(model, X, density, self.components)
        adopt(self, model)
        return self

    def sample(
        self,
        n: int | None = None,
        *,
        given: Any = None,
        noise: bool | None = None,
        random_state: Any = None,
    ) -> Any:
        """Draw ``n`` new rows, in the container and the units of fitting.

        ``given``, of a table, fixes cells: ``{"sex": "F"}``, or a frame of some
        columns, whose missing cells are not given; row i then has what its row i
        (counted round) says, and ``n`` is by default their number. ``noise`` False
        takes the mean of p(x|z) in place of a draw, as it is by default of images,
        where noise is nothing but grain. If nothing is given, the first rows are the
        same however many are drawn.
        """
        check_is_fitted(self, "autoencoder_")
        ae, made = self.autoencoder_, self._made
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        table = isinstance(made.converter, Table)
        if given is not None:
            if not table:
                raise DataError("given names cells of a table, and this is none.")
            given = conditions.read(given, made.converter, made.marginals)
        n = whole("n", (1 if given is None else len(given)) if n is None else n)
        origin: Origin = ae._origin  # noqa: SLF001
        if table:
            cells = made.rows(n, seed, given, noise=noise is not False)
            return like(origin, origin, cells)
        form = made.converter.form
        x = made.examples(n, seed, noise=form != "images" if noise is None else noise)
        return back(made.converter, x.numpy(), (origin, origin))

    def interpolate(
        self, a: Any, b: Any, steps: int = 8, *, way: str = "linear"
    ) -> Any:
        """What lies between one example ``a`` and another ``b``, ends included.

        Means of p(x|z), at ``steps`` codes on the line between their codes; or, with
        ``way="spherical"``, on the arc around 0, on which codes keep their length
        (White, 2016). ``a`` and ``b`` are each one row or image, as in fitting.
        """
        check_is_fitted(self, "autoencoder_")
        ends = [self.autoencoder_.transform(one) for one in (a, b)]
        if [len(end) for end in ends] != [1, 1]:
            raise DataError(
                f"a and b must each be one example, as X[:1]. Got {len(ends[0])} and "
                f"{len(ends[1])}."
            )
        codes = between(ends[0][0], ends[1][0], steps, way)
        return self.autoencoder_.inverse_transform(codes)

    def report(
        self,
        real_train: Any,
        real_holdout: Any,
        *,
        target: str | None = None,
        n: int | None = None,
        random_state: Any = 0,
    ) -> SampleReport:
        """How like new rows are to real ones, what they teach, what they give away.

        ``real_train`` are the rows of fitting, ``real_holdout`` others, best as many.
        ``target`` is a column that models predict which learned from made rows or from
        real ones; None: each column in turn. ``n`` rows are made, by default as many
        as there were, at most 10,000.
        """
        check_is_fitted(self, "autoencoder_")
        table = self._made.converter
        if not isinstance(table, Table):
            raise DataError("A report is on a table, and this is none.")
        if target is not None and target not in table.places:
            raise DataError(unknown("column to predict", target, table.places))
        train, held_out = (self._cells(X) for X in (real_train, real_holdout))
        n = n or min(len(next(iter(train.values()))), MOST_MADE)
        made = self._cells(self.sample(n, random_state=random_state))
        return reported(train, held_out, made, target)

    def _cells(self, X: Any) -> dict[str, Any]:
        read = read_rows(self.autoencoder_, X, reset=False)
        return cells_of(self._made.converter, read.rows)

    @property
    def density_(self) -> Density:
        """Weights and means of the mixture, and the shape that all its parts have."""
        check_is_fitted(self, "autoencoder_")
        return self._made.density

    def settled(self, rows: int | None = None) -> Settled:
        """An equal sampler's parameters, all said."""
        return settled(self, self._template(said_among(self, NETWORKS)), rows)

    def to_state(self) -> State:
        """Plain data and tensors that `from_state` makes an equal sampler of."""
        inner, seed = self.autoencoder_.to_state(), self.random_state
        tensors, marginals = tensors_of(self._made)
        plain = {
            "density": self.density,
            "components": self.components,
            "kind": kind_to_plain(self.kind),
            "random_state": int(seed) if isinstance(seed, int | np.integer) else None,
            "verbose": self.verbose,
            "marginals": marginals,
            "dependencies": dependencies.to_plain(self._made.dependencies),
            "autoencoder": inner.plain,
        }
        return State(plain, inner.tensors | tensors)

    @classmethod
    def from_state(cls, state: State, **modules: Any) -> Self:
        """Rebuild from plain data; own networks are passed as encoder and decoder."""
        plain = state.plain
        own = {n: t for n, t in state.tensors.items() if n.startswith("generation.")}
        rest = {n: t for n, t in state.tensors.items() if n not in own}
        fitted = Autoencoder.from_state(State(plain["autoencoder"], rest), **modules)
        made = cls(
            density=plain["density"],
            components=plain["components"],
            kind=kind_from_plain(plain["kind"]),
            random_state=plain["random_state"],
            verbose=plain["verbose"],
            autoencoder=clone(fitted),
        )
        adopt(made, fitted)
        found = dependencies.from_plain(plain.get("dependencies", []))
        made._made = generator_from(fitted, own, plain["marginals"], found)
        return made

    def _template(self, form: str) -> Autoencoder:
        """The unfitted autoencoder that is trained."""
        given = self.autoencoder
        made = usual(form) if given is None else clone(given)
        return as_wished(self, made)
