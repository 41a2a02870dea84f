"""What estimators take, in scikit-learn's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator

if TYPE_CHECKING:
    from sklearn.utils import Tags


class TakesAnyCells(BaseEstimator):
    """Cells may be missing, text or categories, and a matrix sparse."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags
