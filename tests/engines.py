"""How tests come by Ray."""

import pytest


def ON_RAY(test):
    """Run on two workers; Ray warns of itself."""
    told = "ignore:.*is deprecated:DeprecationWarning:ray.data.context"
    quiet = pytest.mark.filterwarnings(told)
    return pytest.mark.usefixtures("two_workers")(quiet(test))
