"""One thread, one seed: every test starts from the same state."""

from importlib.util import find_spec

import hypothesis
import numpy as np
import pytest
import torch

import isthmus

torch.set_num_threads(1)

hypothesis.settings.register_profile("house", deadline=None, derandomize=True)
hypothesis.settings.load_profile("house")


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def smallest():
    """The smallest model there is."""
    X = np.random.default_rng(0).normal(size=(40, 2))
    return isthmus.linear(size=1, epochs=2, verbose=0, validation=0).fit(X)


@pytest.fixture
def saved(smallest, tmp_path):
    """Its file."""
    isthmus.save(smallest, path := tmp_path / "model.isthmus")
    return path


@pytest.fixture(scope="session")
def two_workers():
    """A Ray of our own, which takes seconds to start."""
    if find_spec("ray") is None:  # imported, it could not be told to want tokens
        pytest.skip("Ray is not installed: pip install 'isthmus[ray]'")
    from isthmus.cluster import ray

    with ray.started(2):
        yield
