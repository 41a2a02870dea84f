"""Recommendation: which items a user will turn to next, from those of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from scipy.sparse import identity
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted

from isthmus.estimator import Autoencoder
from isthmus.estimator.inner import settled
from isthmus.model import Recipe
from isthmus.recommendation.answers import places_of, recommendations
from isthmus.recommendation.answers import reasons as told
from isthmus.recommendation.fitting import fitted
from isthmus.recommendation.metrics import TOP, figures
from isthmus.recommendation.ranking import Ranking, ranked
from isthmus.recommendation.reading import read, read_beside
from isthmus.recommendation.reasons import reasons_for
from isthmus.recommendation.recency import recent
from isthmus.recommendation.recipes import recipe_of, training_for
from isthmus.recommendation.splits import Known, empty
from isthmus.recommendation.splits import held_out as parted
from isthmus.recommendation.state import from_recommender_state, recommender_state

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix
    from sklearn.utils import Tags

    from isthmus.estimator.inner import Settled
    from isthmus.estimator.state import State
    from isthmus.recommendation.interactions import Interactions
    from isthmus.training import Training

Method = Literal["ease", "mult_dae", "mult_vae", "blend"]


class Recommender(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Learns from what users turned to, and recommends from a user's row alone.

    It is given interactions: a sparse or dense matrix of users and items, a frame with
    a row per user and item, or the path of a file of such rows. Users need not have
    been there in fitting.

    Parameters
    ----------
    method : "ease", "mult_dae", "mult_vae" or "blend", optional
        The closed-form linear autoencoder (Steck, 2019), with dropout (Steck, 2020) and
        users who weigh more alike; the denoising or the variational autoencoder with a
        multinomial likelihood (Liang et al., 2018); or the best blend of the first and
        the last. By default the blend, and mult_vae of more than 10,000 items.
    size : int, optional
        Entries of a user's code; by default 100.
    user, item, weight, time : str, optional
        Names of the columns of a long table; by default known by usual names, such as
        user_id, movieId, rating and timestamp.
    threshold : float, optional
        Weights below it are no interactions: 4 of ratings up to 5, say.
    weighted : bool
        Whether an interaction counts by its weight; else once.
    ridge, evenness, dropout, discount : float, optional
        Settings of the linear model: its penalty, how alike users weigh, the share that
        is hidden, and how much popularity is discounted. By default what finds held-out
        interactions best.
    recency : float, optional
        Where times are known, an interaction that k later ones follow counts (1 + k) to
        the minus this when items are asked for. By default what is best, for a linear
        model or a blend, and 0 for a deep one.
    measure : str
        Which figure of held-out interactions chooses, as in `evaluate`: "recall@20".
    validation : float
        Share of every user's interactions that is held out, the latest where times are
        known: they choose settings, epoch and blend.
    training : Training, optional
        How long and how fast the deep model learns.
    random_state : int, RandomState or None
        Decides all draws.
    verbose : int
        0 for silence.
    device : str or torch.device, optional
    autoencoder : Autoencoder, optional
        An unfitted one whose parts go before those of the deep model.

    Attributes
    ----------
    items_ : ndarray
        Names of the items; of a matrix, numbers of its columns.
    method_ : str
        The method, where it was left open.
    model_ : Linear, Deep or Blend
        What gives scores to all items; a blend has both as ``linear`` and ``deep``.
    figures_ : dict
        What was chosen, and how well held-out interactions were found.
    history_ : list of dict
        Per epoch of the deep model.
    """

    def __init__(
        self,
        method: Method | None = None,
        *,
        size: int | None = None,
        user: str | None = None,
        item: str | None = None,
        weight: str | None = None,
        time: str | None = None,
        threshold: float | None = None,
        weighted: bool = False,
        ridge: float | None = None,
        evenness: float | None = None,
        dropout: float | None = None,
        discount: float | None = None,
        recency: float | None = None,
        measure: str = "ndcg@10",
        validation: float = 0.1,
        training: Training | None = None,
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 1,
        device: Any = None,
        autoencoder: Autoencoder | None = None,
    ) -> None:
        self.method = method
        self.size = size
        self.user = user
        self.item = item
        self.weight = weight
        self.time = time
        self.threshold = threshold
        self.weighted = weighted
        self.ridge = ridge
        self.evenness = evenness
        self.dropout = dropout
        self.discount = discount
        self.recency = recency
        self.measure = measure
        self.validation = validation
        self.training = training
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.autoencoder = autoencoder

    def fit(self, X: Any, y: object = None, *, validation: Any = None) -> Self:
        """Learn from interactions.

        ``validation`` takes held-out interactions of the same users in place of a
        share of ``X``: they choose, and are not learned from.
        """
        given = read(self, X)
        beside = None if validation is None else read_beside(self, validation, given)
        found = fitted(self, given, beside)
        self._known, self._columns = given.items, given.columns
        self.model_, self.method_ = found.model, found.method
        self.figures_, self.history_ = found.figures, found.history
        self.recency_ = found.recency
        return self

    def recommend(self, X: Any, top: int = TOP, *, seen: bool = False) -> Any:
        """The ``top`` items for each user of ``X``, best first, without those of ``X``.

        Of a frame: a row per recommendation. Of a matrix: numbers of items and scores,
        (users, top) each, -1 where none is left. ``seen`` leaves nothing out.
        """
        asked = self._read(X)
        rows = self._recent(asked)
        found = ranked(self.model_.scores, rows, top, None if seen else rows)
        return recommendations(asked, found)

    def explain(self, X: Any, top: int = TOP, reasons: int = 3) -> Any:
        """The items of each user that speak most for each recommendation.

        The effect of an item is how much the score falls if the user lacks it. Of a
        frame: a row per user, item and reason. Of a matrix: arrays (users, top, ...).
        """
        asked = self._read(X)
        rows = self._recent(asked)
        found = ranked(self.model_.scores, rows, top, rows)
        return told(asked, found, reasons_for(self.model_, rows, found, reasons))

    def similar_items(self, items: Any, top: int = TOP) -> Any:
        """The ``top`` items whose scores rise most for who turns to these alone.

        ``items`` is a name or a list of them; the answer is a ranking of names.
        """
        check_is_fitted(self)
        rows = self._each()[places_of(self._known, items)]
        found = ranked(self.model_.rises, rows, min(top, len(self._known) - 1), rows)
        return Ranking(self.items_[found.items], found.scores)

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Codes of users, (users, size), as they first occur in ``X``."""
        rows = self._recent(self._read(X))
        codes: NDArray[np.float32] = self.model_.codes(rows)
        return codes

    def users_of(self, X: Any) -> NDArray[Any]:
        """Names of the users of ``X``, (users,), in the order of `transform`."""
        return np.asarray(self._read(X).users.to_numpy(zero_copy_only=False))

    @property
    def item_embeddings_(self) -> NDArray[np.float32]:
        """Codes of users who turned to one item each, (items, size)."""
        check_is_fitted(self)
        codes: NDArray[np.float32] = self.model_.codes(self._each())
        return codes

    @property
    def items_(self) -> NDArray[Any]:
        """Names of the items; of a matrix, numbers of its columns."""
        check_is_fitted(self)
        return np.asarray(self._known.to_numpy(zero_copy_only=False))

    def evaluate(
        self, X: Any, held_out: Any = None, *, top: int = TOP, share: float = 0.2
    ) -> dict[str, float]:
        """How well interactions are found that the model is not shown.

        ``held_out`` are those of the users of ``X``; without it, a ``share`` of the
        interactions of each user is, the latest where times are known.
        """
        asked = self._read(X)
        known = parted(asked.matrix, share, 0, asked.times)
        if held_out is not None:
            beside = read_beside(self, held_out, asked)
            known = Known(asked.matrix, beside, asked.times)
        rows = recent(known.kept, known.times, self.recency_)
        found = ranked(self.model_.scores, rows, top, rows)
        return figures(found.items, known.out, top)

    def score(self, X: Any, y: object = None) -> float:
        """ndcg@10 of `evaluate`."""
        return self.evaluate(X)[f"ndcg@{TOP}"]

    def settled(self, rows: int | None = None) -> Settled:
        """An equal recommender's parameters, all said."""
        recipe = recipe_of(self, self.method or "blend")
        parts = {name: getattr(recipe, name) for name in Recipe.model_fields}
        inner = Autoencoder(**parts, training=self._training(rows))
        return settled(self, inner, rows)

    def to_state(self) -> State:
        """Plain data and tensors that `from_state` makes an equal recommender of."""
        return recommender_state(self)

    @classmethod
    def from_state(cls, state: State, **modules: Any) -> Self:
        """Rebuild from plain data and tensors."""
        made: Self = from_recommender_state(cls, state, **modules)
        return made

    def _training(self, users: int | None) -> Training | None:
        return self.training if users is None else training_for(self, users)

    def _read(self, X: Any) -> Interactions:
        check_is_fitted(self)
        return read(self, X, self._known)

    def _recent(self, asked: Interactions) -> csr_matrix:
        """Interactions as the model is asked about them."""
        return recent(asked.matrix, asked.times, self.recency_)

    def _each(self) -> csr_matrix:
        """Users who turned to one item each."""
        return identity(len(self._known), dtype=np.float32, format="csr")

    @property
    def _n_features_out(self) -> int:
        nobody = empty((1, len(self._known)))
        return int(self.model_.codes(nobody).shape[1])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.positive_only = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
