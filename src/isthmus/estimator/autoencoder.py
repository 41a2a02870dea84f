"""The scikit-learn face of an autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from isthmus.data.blocks import in_blocks
from isthmus.data.frames import Origin, like
from isthmus.errors import DataError, RecipeError, unknown
from isthmus.estimator.evaluation import evaluate
from isthmus.estimator.explanation import Explanation
from isthmus.estimator.html import describe
from isthmus.estimator.parameters import nested, replaced, training_of
from isthmus.estimator.preparation import prepare, split
from isthmus.estimator.rows import read_rows
from isthmus.estimator.state import State, estimator_state, from_estimator_state
from isthmus.scores.reconstruction_likelihood import score_cells, score_rows
from isthmus.trace import Batch
from isthmus.training import Trainer, Training, progress, seeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray
    from sklearn.utils import Tags

    from isthmus.parts import Architecture, Bottleneck, Corruption, Likelihood, Term
    from isthmus.training import Epoch


class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """An autoencoder of five parts, trained on the rows of a table.

    Parameters
    ----------
    size : int, optional
        Entries of the code; by default half the number of columns, at most 16.
    hidden : tuple of int
        Widths of the encoder's hidden layers; the decoder mirrors them.
    epochs, batch_size : int, optional
        By default as the number of rows suggests: see `Training.plan`.
    learning_rate : float
        Step size of the optimiser.
    validation : float
        Share of the rows that is kept out of training, decides when to stop and which
        weights are best; 0 for none. Fewer than ten rows are all trained on.
    device : str or torch.device, optional
        By default CUDA, Apple's MPS or the processor, the first that there is.
    random_state : int, RandomState or None
        Decides the first weights, the order of the rows and all draws.
    verbose : int
        0 for silence; else a progress bar on a terminal, a line per epoch elsewhere.
    callbacks : tuple of callables
        Each is called with an `Epoch` after every epoch; returning True ends training.
    architecture, bottleneck, likelihood, corruption, terms, training : parts, optional
        Full control; a part may be a name, such as ``"mse"`` or ``"gaussian"``. What a
        part says itself goes before the parameters above. None means "as the data and
        those suggest": an `Mlp` is then residual, with layer normalisation.

    Attributes
    ----------
    module_ : torch.nn.Module
        The trained `AutoencoderModule`.
    history_ : list of dict
        Per epoch: loss, every weighted term, metric per entry; ``validation_...`` too.
    recipe_ : Recipe
        The parts as they were trained.
    n_features_in_, feature_names_in_
        Number and, for data frames, names of the columns.

    Notes
    -----
    Columns are standardised (or brought to [0, 1] for a Bernoulli likelihood); scores
    and losses are in nats per row in that space, reconstructions in the units of the
    data. Missing cells (NaN) weigh nothing. There is no ``sample_weight``: stochastic
    training cannot keep the equivalences that scikit-learn attaches to it.
    """

    def __init__(
        self,
        *,
        size: int | None = None,
        hidden: tuple[int, ...] = (128, 64),
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 3e-3,
        validation: float = 0.1,
        device: str | torch.device | None = None,
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 1,
        callbacks: tuple[Callable[[Epoch], object], ...] = (),
        architecture: Architecture | str | None = None,
        bottleneck: Bottleneck | str | None = None,
        likelihood: Likelihood | str | None = None,
        corruption: Corruption | str | None = None,
        terms: tuple[Term, ...] | None = None,
        training: Training | None = None,
    ) -> None:
        self.size = size
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation = validation
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.callbacks = callbacks
        self.architecture = architecture
        self.bottleneck = bottleneck
        self.likelihood = likelihood
        self.corruption = corruption
        self.terms = terms
        self.training = training

    def fit(self, X: Any, y: object = None, *, validation: Any = None) -> Self:
        """Learn to rebuild the rows of ``X``, (n, columns), at least two of them.

        ``validation`` takes rows of your own in place of a random share.
        """
        values = self._prepare(X)
        data, held_out = self._split(self._converter.to_batch(values), validation)
        trainer = Trainer(self.module_, training_of(self), self._seed)
        with progress(len(data), verbose=self.verbose) as tell:
            try:
                trainer.fit(data, held_out, tell=tell, callbacks=tuple(self.callbacks))
            finally:
                self.history_ = trainer.history
        return self

    def partial_fit(self, X: Any, y: object = None) -> Self:
        """Train one epoch on the rows of ``X``; the first call settles the columns.

        The rows of the first call decide how columns are scaled, from then on.
        """
        if not hasattr(self, "module_"):
            values = self._prepare(X)
            self.history_, self._state, self._calls = [], None, 0
        else:
            values, _ = read_rows(self, X, reset=False)
        training = training_of(self).changed(epochs=1, schedule="constant")
        self._calls = getattr(self, "_calls", 0) + 1
        state = getattr(self, "_state", None)
        trainer = Trainer(self.module_, training, self._seed + self._calls, state=state)
        trainer.fit(self._converter.to_batch(values).to(self._device))
        self._state = trainer.optimizer.state_dict()
        number = len(self.history_) + 1
        self.history_.append({**trainer.history[0], "epoch": number})
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Codes of the rows of ``X``, (n, size), without chance."""
        batch, _ = self._read(X)
        (z,) = in_blocks(
            lambda block: (self.module_.encode(block),), batch, self.module_
        )
        codes: NDArray[np.float32] = z.numpy()
        return codes

    def inverse_transform(self, X: ArrayLike) -> Any:
        """Rows that codes (n, size) stand for, in the container of fitting."""
        check_is_fitted(self)
        z = check_array(X, dtype=np.float32, input_name="X")
        if z.shape[1] != self._n_features_out:
            raise DataError(
                f"A code has {self._n_features_out} entries. Got {z.shape[1]} columns."
            )

        def decode(block: Batch) -> tuple[torch.Tensor]:
            module = self.module_
            return (module.recipe.likelihood.mean(module.decode(block.x)),)

        (x,) = in_blocks(decode, Batch(torch.from_numpy(z)), self.module_)
        return like(self._origin, self._converter.from_entries(x.numpy()))

    def reconstruct(self, X: Any) -> Any:
        """Rows of ``X`` as the model rebuilds them, in their container and units."""
        batch, origin = self._read(X)
        (x,) = in_blocks(lambda b: (self.module_.reconstruct(b),), batch, self.module_)
        return like(origin, self._converter.from_entries(x.numpy()))

    def sample(self, n: int = 1, *, random_state: Any = None) -> Any:
        """Draw ``n`` new rows from the prior, in the container and units of fitting."""
        check_is_fitted(self)
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        with seeded(seed, self._device), torch.inference_mode():
            x = self.module_.sample(n).cpu().numpy()
        return like(self._origin, self._converter.from_entries(x))

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """log p(x|z) of each row at its typical code, (n,), in nats."""
        batch, _ = self._read(X)
        return score_rows(self.module_, batch)

    def standardize(self, X: Any) -> NDArray[np.float32]:
        """Rows of ``X`` as the model meets them, (n, columns); missing cells are 0."""
        batch, _ = self._read(X)
        return batch.x.numpy()

    def explain(self, X: Any) -> Explanation:
        """Contributions of the cells to `score_samples`, and what was expected."""
        check_is_fitted(self)
        values, origin = read_rows(self, X, reset=False)
        batch = self._converter.to_batch(values)
        cells, rest, x = score_cells(self.module_, batch)
        expected = self._converter.from_entries(x)
        tables = (like(origin, table) for table in (cells, values, expected))
        contributions, actual, expected = tables
        return Explanation(contributions, rest, actual, expected)

    def score(self, X: Any, y: object = None) -> float:
        """Mean of `score_samples`."""
        return float(self.score_samples(X).mean())

    def evaluate(self, X: Any) -> dict[str, Any]:
        """Loss, every weighted term, metric per entry, and what terms report.

        Noise and draws are those of one fixed seed.
        """
        batch, _ = self._read(X)
        return evaluate(self.module_, batch.to(self._device), self._seed + 1)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; with ``deep``, also those of parts by long names."""
        params: dict[str, Any] = super().get_params(deep=False)
        return params | nested(self) if deep else params

    def set_params(self, **params: Any) -> Self:
        """Set parameters; a long name replaces the part by a changed copy."""
        long = {name: value for name, value in params.items() if "__" in name}
        short = {name: value for name, value in params.items() if "__" not in name}
        known = self.get_params(deep=False)
        if wrong := set(short) - set(known):
            complaint = unknown("parameter", min(wrong), known)
            raise RecipeError(f"{type(self).__name__}: {complaint}")
        for name, value in short.items():
            setattr(self, name, value)
        for name, value in replaced(self, long).items():  # these may change those
            setattr(self, name, value)
        return self

    def _prepare(self, X: Any) -> NDArray[np.float64]:
        """Learn the columns and build an untrained module; return the rows."""
        values, origin = read_rows(self, X, reset=True, least=2)
        self._origin = origin._replace(index=None)
        ready = prepare(self, values)
        self._seed, self._device, self._converter, self.recipe_, self.module_ = ready
        self._n_features_out = self.recipe_.bottleneck.width
        return values

    def _split(self, data: Batch, validation: Any) -> tuple[Batch, Batch | None]:
        """Rows to train on, and rows to check on."""
        if validation is None:
            data, held_out = split(data, self.validation, self._seed)
        else:
            values, _ = read_rows(self, validation, reset=False)
            held_out = self._converter.to_batch(values)
        here = None if held_out is None else held_out.to(self._device)
        return data.to(self._device), here

    def _read(self, X: Any) -> tuple[Batch, Origin]:
        check_is_fitted(self)
        values, origin = read_rows(self, X, reset=False)
        return self._converter.to_batch(values), origin

    def to_state(self) -> State:
        """Plain data and tensors that `from_state` makes an equal estimator of."""
        return estimator_state(self)

    @classmethod
    def from_state(cls, state: State, **modules: Any) -> Self:
        """Rebuild from plain data; own networks are passed as encoder and decoder."""
        return from_estimator_state(cls, state, **modules)

    def _repr_html_inner(self) -> str:
        return str(super()._repr_html_inner()) + describe(self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "module_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
