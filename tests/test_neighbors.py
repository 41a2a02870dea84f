"""Rows that are near in the data stay near in the code."""

import math

import pytest
import torch

from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.errors import RecipeError
from isthmus.layout import Field, Layout
from isthmus.likelihoods.by_column import ByColumn
from isthmus.model import AutoencoderModule, Recipe
from isthmus.terms.neighbors import Neighbors
from isthmus.trace import Batch

ROW = Layout.of(4)


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def model_for(layout=ROW, **parts):
    parts = {"architecture": Mlp(hidden=(5,)), "bottleneck": Dense(size=3), **parts}
    missing = parts.pop("missing", False)
    return AutoencoderModule(Recipe(**parts), layout, missing=missing)


def neighbours_by_hand(z, distance, k):
    """-log q(j|i) in the mean over the k nearest j, row by row."""
    costs = []
    for i in range(len(z)):
        others = [j for j in range(len(z)) if j != i]
        pull = {j: 1 / (1 + (z[i] - z[j]).square().sum().item()) for j in others}
        nearest = sorted(others, key=lambda j: distance(i, j))[:k]
        shares = [pull[j] / sum(pull.values()) for j in nearest]
        costs.append(-sum(map(math.log, shares)) / k)
    return costs


def test_neighbours_are_found_by_their_codes():
    model = model_for()
    trace = model(Batch(torch.randn(9, 4)))
    x, z = trace.x, trace.code.value

    def distance(i, j):
        return (x[i] - x[j]).square().sum().item()

    by_hand = neighbours_by_hand(z, distance, 3)
    assert Neighbors(k=3)(trace, model).tolist() == pytest.approx(by_hand)


def test_neighbours_are_told_by_what_both_rows_hold():
    fields = (Field(shape=(3,)), Field(content="category", shape=(1,), levels=4))
    model = model_for(Layout(fields=fields), missing=True, likelihood=ByColumn())
    seen = (torch.rand(9, 4) < 0.7).double()
    x = torch.cat([torch.randn(9, 3), torch.randint(1, 4, (9, 1))], -1) * seen
    trace = model(Batch(x, seen))

    def distance(i, j):
        both = [e for e in range(3) if seen[i, e] and seen[j, e]]
        apart = [(x[i, e] - x[j, e]) ** 2 for e in both]
        return sum(map(float, apart)) / len(both) if both else math.inf

    by_hand = neighbours_by_hand(trace.code.value, distance, 1)
    assert Neighbors(k=1)(trace, model).tolist() == pytest.approx(by_hand)


def test_a_row_without_others_has_no_neighbour():
    model = model_for()
    assert Neighbors()(model(Batch(torch.randn(1, 4))), model).tolist() == [0.0]
    two = Neighbors(k=5)(model(Batch(torch.randn(2, 4))), model)
    assert two.tolist() == [0.0, 0.0]  # the one other is found for certain


def test_categories_have_no_neighbours():
    fields = (Field(content="category", shape=(3,), levels=4),)
    with pytest.raises(RecipeError, match="Leave the term out"):
        Neighbors().check(Layout(fields=fields))
