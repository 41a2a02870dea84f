"""Imputation: what stands in the cells that are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from isthmus.bounds import whole
from isthmus.corruptions.masking import Masking
from isthmus.data.streams import at_hand
from isthmus.data.table import Table
from isthmus.errors import warn
from isthmus.estimator.inner import adopt, as_wished, settled
from isthmus.estimator.parameters import part_of
from isthmus.estimator.reading import form_among, read_rows
from isthmus.estimator.streams import in_memory
from isthmus.estimator.tags import TakesAnyCells
from isthmus.imputation.filling import (
    empty,
    fill,
    fill_drawn,
    gaps,
    indicated,
    indicator_name,
    without,
)
from isthmus.imputation.markers import marked
from isthmus.imputation.state import imputer_from_state, imputer_state
from isthmus.imputation.training import autoencoder, masking, trained

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from sklearn.utils import Tags

    from isthmus.data.kinds import Columns, Found, Kind
    from isthmus.estimator import Autoencoder
    from isthmus.estimator.inner import Settled
    from isthmus.estimator.state import State
    from isthmus.estimator.tables import Read
    from isthmus.imputation.filler import Filler
    from isthmus.trace import Batch
    from isthmus.training import Training


class Imputer(OneToOneFeatureMixin, TransformerMixin, TakesAnyCells):
    """Fills missing cells by what is expected of them, given the cells that are there.

    Masked autoencoders learn to rebuild hidden cells from the others (He et al., 2022),
    in replicas that each leave out a fold of the rows. Beside each stands a factor
    analysis of the same rows, which is better where columns depend on each other
    linearly; cells held out say, column by column, how much each of the two counts.
    Missing cells of the training rows weigh nothing (docs/impute.md).

    Parameters
    ----------
    folds : int
        Number of replicas.
    missing_values : number or str, optional
        Cells of this value are missing, too, such as -1 or ``"?"``.
    keep_empty_features : bool
        Whether columns of which no cell was known in fitting are kept, numbers filled
        with 0. Otherwise `transform` leaves these columns out, and `fit` warns of them,
        as scikit-learn's imputers do.
    add_indicator : bool
        Whether `transform` adds a column per column that had gaps in fitting: 1 where
        its cell was missing, else 0, as scikit-learn's imputers do.
    columns : Columns or dict of kinds by name, optional
        What you know of columns better than their cells say, as in `Autoencoder`.
    kind : "table", optional
        What the data is. Images and series are not filled.
    training : Training, optional
        How long and how fast to learn.
    random_state : int, RandomState or None
        Decides all draws; handed to the autoencoder.
    verbose : int
        0 for silence.
    device : str or torch.device, optional
    autoencoder : Autoencoder, optional
        An unfitted one of your own; what is said above goes before what it says. It is
        trained with `Masking`, whatever corruption of another kind it has.

    Attributes
    ----------
    autoencoder_ : Autoencoder
        The fitted one; of the replicas, the first.
    columns_ : tuple of Found
        Name and kind of each column, and why it is set aside, and left as it is.
    gaps_, empty_ : tuple of str
        Names of the columns that had gaps in fitting, and of those that had but gaps.
    """

    autoencoder_: Autoencoder

    def __init__(
        self,
        *,
        folds: int = 4,
        missing_values: float | str | None = None,
        keep_empty_features: bool = False,
        add_indicator: bool = False,
        columns: Columns | dict[str, Kind] | None = None,
        kind: Literal["table"] | None = None,
        training: Training | None = None,
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 1,
        device: Any = None,
        autoencoder: Autoencoder | None = None,
    ) -> None:
        self.folds = folds
        self.missing_values = missing_values
        self.keep_empty_features = keep_empty_features
        self.add_indicator = add_indicator
        self.columns = columns
        self.kind = kind
        self.training = training
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.autoencoder = autoencoder

    def fit(
        self, X: Any, y: object = None, *, checkpoint: str | Path | None = None
    ) -> Self:
        """Learn how the cells of rows (n, columns) follow from each other.

        Of a `stream` of more than 2^25 cells, rows drawn by lot are learned. Where the
        file ``checkpoint`` is there, training goes on from it.
        """
        whole("folds", self.folds, 1, 64)
        X = marked(in_memory(X), self.missing_values)
        form_among(self, X, ["table"])
        model = self._template()
        table = read_rows(model, X, reset=True, least=2)
        self.gaps_, self.empty_ = tuple(gaps(table.rows)), empty(table.rows)
        if self._gone:
            warn(
                f"Left out, since no cell is known: {', '.join(self._gone)}. "
                f"keep_empty_features=True keeps such columns."
            )
        filler = trained(model, table, self.folds, checkpoint)
        self._adopt(model, filler)
        return self

    def transform(self, X: Any) -> Any:
        """``X`` with its gaps filled, and all other cells, names and types as they are.

        A number is filled by its mean given the other cells, a category by the most
        probable one. Columns that were set aside are left as they are.
        """
        X = marked(at_hand(X), self.missing_values)
        read, table, data = self._opened(X)
        made = fill(X, read, table, self._filler.filled(data), zero=self.empty_)
        made = without(made, X, read, table, self._gone)
        return indicated(made, read, self.gaps_) if self.add_indicator else made

    def sample(self, X: Any, m: int = 5, *, random_state: Any = None) -> list[Any]:
        """Multiple imputation (Rubin, 1987): ``X`` with its gaps filled, ``m`` times.

        Each time gaps are filled by a draw from what may stand there, given the other
        cells of the row, drawn ones among them; what varies between the ``m`` tables
        is what is not known. By default draws are those of ``random_state``.
        """
        X = marked(at_hand(X), self.missing_values)
        read, table, data = self._opened(X)
        seed = self.random_state if random_state is None else random_state
        luck = check_random_state(seed).randint(2**31 - 1, size=whole("m", m))
        tables, filler = [], self._filler
        for number in luck:
            entries = filler.drawn(data, np.random.default_rng(int(number)))
            made = fill_drawn(X, read, table, entries, filler.known, zero=self.empty_)
            tables.append(without(made, X, read, table, self._gone))
        return tables

    def missing(self, X: Any) -> dict[str, NDArray[np.bool_]]:
        """Which cells, (n,), of each column with gaps `transform` takes for missing."""
        return gaps(self._opened(marked(at_hand(X), self.missing_values))[0].rows)

    def settled(self, rows: int | None = None) -> Settled:
        """An equal imputer's parameters; its replicas plan their own steps."""
        del rows
        return settled(self, self._template(), None)

    def to_state(self) -> State:
        """Plain data and tensors that `from_state` makes an equal imputer of."""
        return imputer_state(self)

    @classmethod
    def from_state(cls, state: State, **modules: Any) -> Self:
        """Rebuild from plain data; own networks are passed as encoder and decoder."""
        made: Self = imputer_from_state(cls, state, **modules)
        return made

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names of the columns that `transform` gives."""
        names = super().get_feature_names_out(input_features)
        own = self.autoencoder_._converter.names  # noqa: SLF001 - of our own
        names = names[[name not in self._gone for name in own]]
        if not self.add_indicator:
            return names
        return np.array([*names, *map(indicator_name, self.gaps_)], dtype=object)

    @property
    def columns_(self) -> tuple[Found, ...]:
        """Name and kind of each column, and why it is set aside if it is."""
        return self.autoencoder_.columns_

    @property
    def _gone(self) -> tuple[str, ...]:
        """Columns that `transform` leaves out."""
        return () if self.keep_empty_features else self.empty_

    def _template(self) -> Autoencoder:
        """The unfitted autoencoder that is trained."""
        made = self.autoencoder
        made = autoencoder() if made is None else clone(made)
        masks = isinstance(part_of(made, "corruption"), Masking)
        return as_wished(self, made, **({} if masks else {"corruption": masking()}))

    def _opened(self, X: Any) -> tuple[Read, Table, Batch]:
        """Rows as they were read, what their columns are, and their entries."""
        check_is_fitted(self)
        read = read_rows(self.autoencoder_, X, reset=False)
        table = self.autoencoder_._converter  # noqa: SLF001 - of our own
        assert isinstance(table, Table)
        return read, table, table.encode(read.rows)

    def _adopt(self, fitted: Autoencoder, filler: Filler) -> None:
        adopt(self, fitted)
        self._filler = filler

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
