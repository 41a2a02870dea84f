"""Parts say truly whether the rows of a batch make a difference to each other."""

import copy

import pytest
import torch
from test_replay import DRAWS, EXAMPLES, model_with

from isthmus.terms.rate import Rate
from isthmus.trace import Batch


def cost(model, rows):
    """Loss of a batch, in training, always with the same draws and state."""
    model, _ = copy.deepcopy(model).train(), torch.manual_seed(5)
    return model.loss(model(Batch(rows), chance=True))[0].item()


@pytest.mark.parametrize("spec", EXAMPLES, ids=repr)
def test_what_one_row_costs_depends_on_others_only_where_parts_say_so(spec):
    """cost(a, b) + cost(c, d) = cost(a, d) + cost(c, b), if it is a sum over rows."""
    model, content = model_with(spec, missing=False)
    for parameter in model.parameters():
        if not parameter.dim():  # the share of a residual branch, at first 0
            parameter.data.fill_(1.0)
    draw = DRAWS.get(content, torch.randn)
    (a, c), (b, d) = [[draw(n, *model.event) for _ in range(2)] for n in (3, 5)]
    pairs = [cost(model, torch.cat(pair)) for pair in ((a, b), (c, d), (a, d), (c, b))]
    odd = abs(pairs[0] + pairs[1] - pairs[2] - pairs[3])
    mixes = odd > 1e-5 * max(map(abs, pairs))
    if isinstance(spec, Rate):  # free nats this few make a difference now and then
        assert model.mixing() or not mixes
    else:
        assert bool(model.mixing()) == mixes, odd


def test_networks_of_ones_own_are_looked_into():
    model, _ = model_with(EXAMPLES[0], missing=False)
    assert model.mixing() == []
    model.encoder.add_module("norm", torch.nn.BatchNorm1d(3))
    assert model.mixing() == ["BatchNorm1d"]
