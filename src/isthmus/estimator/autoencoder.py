"""The scikit-learn face of an autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from isthmus.bounds import whole
from isthmus.data.blocks import in_blocks
from isthmus.errors import DataError
from isthmus.estimator.evaluation import evaluate
from isthmus.estimator.explanation import Explanation, explain
from isthmus.estimator.grouping import give_groups
from isthmus.estimator.html import describe
from isthmus.estimator.joined import back, by_row, codes, log_likelihood, rebuilt
from isthmus.estimator.judge import PlainJudge
from isthmus.estimator.parameters import NestedParameters, training_of
from isthmus.estimator.preparation import Data, checkpoint_of, prepare, standardized
from isthmus.estimator.reading import learner_for, read_rows
from isthmus.estimator.state import State, estimator_state, from_estimator_state
from isthmus.estimator.streams import examples, in_passes, piecewise
from isthmus.estimator.tags import TakesAnyCells
from isthmus.ranks import together
from isthmus.trace import Batch
from isthmus.training import Trainer, Training, placed, progress, seeded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray
    from sklearn.utils import Tags

    from isthmus.data.forms import Form, Name
    from isthmus.data.frames import Origin
    from isthmus.data.kinds import Columns, Found, Kind
    from isthmus.estimator.reading import Learner
    from isthmus.estimator.tables import Read
    from isthmus.parts import Architecture, Bottleneck, Corruption, Likelihood, Term
    from isthmus.training import Epoch


class Autoencoder(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, TakesAnyCells, NestedParameters
):
    """An autoencoder of five parts, trained on a table, images, series or sound.

    Parameters
    ----------
    size : int, optional
        Entries of the code; by default half the number of columns, at most 16, or 64 of
        images, series, sound and texts.
    hidden : tuple of int
        Widths of hidden layers, of a table; the decoder mirrors them.
    epochs, batch_size : int, optional
        By default as `Training.plan` has it.
    learning_rate : float
        Step size of the optimiser.
    validation : float
        Share that is kept out of training, and says when to stop and what was best.
    scaling : "robust" or "standard"
        How numbers become comparable: by median and interquantile range, with a
        logarithmic tail; or by mean and standard deviation.
    columns : Columns or dict of kinds by name, optional
        What you know of columns better than their cells say: ``{"zip": "category"}``.
    kind : "table", "images", "series", "counts", "audio", "text" or an object, optional
        What the data is; None: as it looks, and a table where that is open.
    device : str or torch.device, optional
        By default CUDA, MPS or the processor.
    random_state : int, RandomState or None
        Decides the first weights, the order of the rows and all draws.
    verbose : int
        0 for silence; else progress: a bar, or a line per epoch off a terminal.
    callbacks : tuple of callables
        Each hears of an `Epoch`; returning True ends training.
    architecture, bottleneck, likelihood, corruption, terms, training : parts, optional
        Full control; a part may be a name, such as ``"mse"``. What a part says goes
        before the parameters above. None means "as the data and those suggest".

    Attributes
    ----------
    module_ : torch.nn.Module
        The trained `AutoencoderModule`.
    history_ : list of dict
        Per epoch: loss, every weighted term, metric per entry; ``validation_...`` too.
    recipe_ : Recipe
        The parts as trained.
    path_ : dict
        How steps were computed: replayed or not, threads, device, precision.
    columns_ : tuple of Found
        Name and kind of each column, and why it is set aside if it is.

    Notes
    -----
    Cells may be of any kind (docs/tables.md). Scores and losses are in nats per row; of
    tables, each column counts alike. Missing cells weigh nothing; rows weigh alike.
    """

    _calls = 0  # of partial_fit
    _state: dict[str, Any] | None = None

    def __init__(
        self,
        *,
        size: int | None = None,
        hidden: tuple[int, ...] = (128, 64),
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 3e-3,
        validation: float = 0.1,
        scaling: Literal["robust", "standard"] = "robust",
        columns: Columns | dict[str, Kind] | None = None,
        kind: Name | Form | None = None,
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
        self.scaling = scaling
        self.columns = columns
        self.kind = kind
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

    def fit(
        self,
        X: Any,
        y: object = None,
        *,
        validation: Any = None,
        checkpoint: str | Path | None = None,
    ) -> Self:
        """Learn to rebuild the rows of ``X``, (n, columns), at least two of them.

        ``validation`` takes rows of your own in place of a random share. A file named
        by ``checkpoint`` is written every ten seconds or epoch; where it is there
        already, training goes on from it, to the weights of a training in one go.
        In a process group of torch all processes train one model (docs/scale.md).
        """
        data, held_out = examples(self, X, validation, ranks := together())
        kept = None if checkpoint is None else checkpoint_of(self, data, checkpoint)
        trainer = Trainer(self.module_, training_of(self), self._seed, ranks=ranks)
        with progress(len(data), verbose=self.verbose * ranks.first) as tell:
            try:
                calls = tuple(self.callbacks)
                trainer.fit(data, held_out, tell=tell, callbacks=calls, checkpoint=kept)
            finally:
                self.history_, self.path_ = trainer.history, trainer.path
        return self

    def partial_fit(self, X: Any, y: object = None) -> Self:
        """Train one epoch on the rows of ``X``; the first call settles the columns.

        The rows of the first call decide how columns are scaled, from then on.
        """
        new = not hasattr(self, "module_")
        data = self.prepared(X) if new else self._read(X)[1]
        self.history_ = [] if new else self.history_
        training = training_of(self).changed(epochs=1, schedule="constant")
        self._calls += 1
        state, seed, ranks = self._state, self._seed + self._calls, together()
        trainer = Trainer(self.module_, training, seed, state=state, ranks=ranks)
        trainer.fit(in_passes(placed(data, self._device), ranks))
        self._state, self.path_ = trainer.optimizer.state_dict(), trainer.path
        self.history_.append({**trainer.history[0], "epoch": len(self.history_) + 1})
        return self

    @piecewise
    def transform(self, X: Any) -> NDArray[np.float32]:
        """Codes of rows, images, windows or sound, (n, size) or (n, *grid, size)."""
        read, data = self._read(X)
        (z,) = in_blocks(lambda b: (self.module_.encode(b),), data, self.module_)
        z = z.unflatten(1, (*grid, -1)) if (grid := self.module_.grid) else z
        return codes(self._converter, z.numpy(), data, read.rows)

    def inverse_transform(self, X: ArrayLike) -> Any:
        """Rows that codes (n, size) stand for, in the container of fitting."""
        check_is_fitted(self)
        z = np.array(check_array(X, dtype=np.float32, input_name="X", allow_nd=True))
        wanted = *self.module_.grid, self._n_features_out
        if z.shape[1:] != wanted:
            size, got = (" x ".join(map(str, s)) for s in (wanted, z.shape[1:]))
            raise DataError(f"A code has {size} entries. Got {got}.")
        z = z.reshape(len(z), -1)

        def decode(block: Batch) -> tuple[torch.Tensor]:
            module = self.module_
            return (module.likelihood.mean(module.decode(block.x)),)

        (x,) = in_blocks(decode, Batch(torch.from_numpy(z)), self.module_)
        return back(self._converter, x.numpy(), (self._origin,) * 2)

    def reconstruct(self, X: Any) -> Any:
        """Rows of ``X`` as the model rebuilds them; columns set aside as they are."""
        (rows, origin), data = self._read(X)
        x = rebuilt(self.module_, data)
        return back(self._converter, x, (origin, self._origin), rows)

    def sample(self, n: int = 1, *, random_state: Any = None) -> Any:
        """Draw ``n`` new rows from the prior, in the container and units of fitting."""
        check_is_fitted(self)
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        with seeded(seed, self._device), torch.inference_mode():
            x = self.module_.sample(whole("n", n)).cpu().numpy()
        return back(self._converter, x, (self._origin,) * 2)

    @piecewise
    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """log p(x|z) of each row at its typical code, (n,), in nats."""
        (rows, _), data = self._read(X)
        return by_row(self._converter, log_likelihood(self.module_, data), rows)

    def standardize(self, X: Any) -> NDArray[np.float32]:
        """Rows of ``X`` as the model meets them, (n, entries); missing cells are 0."""
        return standardized(self._read(X)[1])

    def explain(self, X: Any) -> Explanation:
        """Contributions of the cells to `score_samples`, and what was expected."""
        check_is_fitted(self)
        return explain(self, PlainJudge(self.module_), X)

    def score(self, X: Any, y: object = None) -> float:
        """Mean of `score_samples`."""
        return float(self.score_samples(X).mean())

    def evaluate(self, X: Any) -> dict[str, Any]:
        """Loss, every weighted term, metric per entry, and what terms report.

        Noise and draws are those of one fixed seed.
        """
        return evaluate(self.module_, self._read(X)[1].to(self._device), self._seed + 1)

    @property
    def columns_(self) -> tuple[Found, ...]:
        """Name and kind of each column, and why it is set aside if it is."""
        return self._converter.found

    def prepared(self, X: Any) -> Data:
        """Learn the columns of ``X`` and build an untrained module; its entries."""
        rows, origin = read_rows(self, X, reset=True, least=2)
        self._settle(learner_for(self, rows).update(rows), origin)
        give_groups(self, rows, data := self._converter.encode(rows))
        return data

    def _settle(self, learner: Learner, origin: Origin) -> None:
        self._origin, ready = origin._replace(index=None), prepare(self, learner)
        self._seed, self._device, self._converter, self.recipe_, self.module_ = ready
        self._n_features_out = self.recipe_.bottleneck.width
        self._calls, self._state = 0, None

    def _read(self, X: Any) -> tuple[Read, Data]:
        check_is_fitted(self)
        read = read_rows(self, X, reset=False)
        return read, self._converter.encode(read.rows)

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
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
