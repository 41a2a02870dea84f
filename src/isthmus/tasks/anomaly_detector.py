"""Anomaly detection by reconstruction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils.validation import check_is_fitted

from isthmus.errors import RecipeError
from isthmus.estimator import Autoencoder
from isthmus.estimator.state import State

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.utils import Tags

    from isthmus.estimator.explanation import Explanation

WHISKER = 1.5
"""Interquartile ranges past the third quartile that count as far out (Tukey, 1977)."""


class AnomalyDetector(OutlierMixin, BaseEstimator):
    """Calls a row an outlier (-1) where an autoencoder rebuilds it badly.

    Parameters
    ----------
    contamination : float from 0 to 0.5, or "auto"
        Share of the training rows that are flagged. ``"auto"`` takes the logarithm of
        how far each score lies below the best one, and flags rows more than 1.5
        interquartile ranges above the third quartile of training (Tukey, 1977), and
        in any case the least normal training row.
    random_state : int, RandomState or None
        Handed to the autoencoder.
    verbose : int
        0 for silence.
    autoencoder : Autoencoder, optional
        An unfitted one of any kind; its own ``random_state`` and ``verbose`` are
        replaced by those above.

    Attributes
    ----------
    autoencoder_ : Autoencoder
        The fitted one.
    offset_ : float
        Score below which a row is an outlier.
    """

    def __init__(
        self,
        *,
        contamination: float | Literal["auto"] = "auto",
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 1,
        autoencoder: Autoencoder | None = None,
    ) -> None:
        self.contamination = contamination
        self.random_state = random_state
        self.verbose = verbose
        self.autoencoder = autoencoder

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn the rows of ``X``, (n, columns), then where unusual scores begin."""
        share = self.contamination
        number = isinstance(share, int | float) and 0 <= share <= 0.5
        if share != "auto" and not number:
            raise RecipeError(
                f"contamination must be 'auto' or lie in [0, 0.5]. Got {share!r}."
            )
        template = Autoencoder() if self.autoencoder is None else self.autoencoder
        model = clone(template).set_params(
            random_state=self.random_state, verbose=self.verbose
        )
        self._adopt(model.fit(X))
        self.offset_ = self._offset(self.autoencoder_.score_samples(X))
        return self

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Log-likelihood of each row, (n,), in nats; higher is more normal."""
        check_is_fitted(self)
        return self.autoencoder_.score_samples(X)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Score above ``offset_``, (n,); negative for outliers."""
        decision: NDArray[np.float64] = self.score_samples(X) - self.offset_
        return decision

    def predict(self, X: Any) -> NDArray[np.int64]:
        """-1 for outliers, 1 for inliers, (n,)."""
        return np.where(self.decision_function(X) < 0, -1, 1).astype(np.int64)

    def explain(self, X: Any) -> Explanation:
        """Contributions of the cells to the scores, and what was expected of them."""
        check_is_fitted(self)
        return self.autoencoder_.explain(X)

    def to_state(self) -> State:
        """Plain data and tensors that `from_state` makes an equal detector of."""
        inner = self.autoencoder_.to_state()
        seed = self.random_state
        plain = {
            "contamination": self.contamination,
            "random_state": int(seed) if isinstance(seed, int | np.integer) else None,
            "verbose": self.verbose,
            "offset": float(self.offset_).hex(),
            "autoencoder": inner.plain,
        }
        return State(plain, inner.tensors)

    @classmethod
    def from_state(cls, state: State, **modules: Any) -> Self:
        """Rebuild from plain data; own networks are passed as encoder and decoder."""
        plain = state.plain
        fitted = Autoencoder.from_state(
            State(plain["autoencoder"], state.tensors), **modules
        )
        made = cls(
            contamination=plain["contamination"],
            random_state=plain["random_state"],
            verbose=plain["verbose"],
            autoencoder=clone(fitted),
        )
        made._adopt(fitted)
        made.offset_ = float.fromhex(plain["offset"])
        return made

    def _adopt(self, fitted: Autoencoder) -> None:
        self.autoencoder_ = fitted
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(fitted, name):
                setattr(self, name, getattr(fitted, name))

    def _offset(self, scores: NDArray[np.float64]) -> float:
        if self.contamination == "auto":
            best = scores.max()
            if best == scores.min():  # copies of one row: none is an outlier
                return float(best)
            distance = np.log(np.maximum(best - scores, 1e-12))
            low, high = np.quantile(distance, [0.25, 0.75])
            fence = best - np.exp(high + WHISKER * (high - low))
            return float(max(fence, np.nextafter(scores.min(), np.inf)))
        # strictly below the offset lie exactly the flagged rows
        return float(np.quantile(scores, self.contamination))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "offset_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags
