"""Which recipe suits the data: searches for one, and comparisons of presets."""

from isthmus.tuning.comparison import Comparison, compare
from isthmus.tuning.result import Search
from isthmus.tuning.search import propose, tune

__all__ = ["Comparison", "Search", "compare", "propose", "tune"]
