"""Bottlenecks against a second derivation."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from isthmus.bottlenecks.finite_scalar import FiniteScalar
from isthmus.bottlenecks.top_k import TopK
from isthmus.bottlenecks.vector_quantizer import VectorQuantizer
from isthmus.bottlenecks.winner_take_all import WinnerTakeAll
from isthmus.model.places import Places


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_the_quantiser_picks_the_nearest_vector():
    quantiser = VectorQuantizer(size=3, codes=11).build()
    h = torch.randn(20, 3)
    code = quantiser(h)
    for row, chosen in zip(h, code.value, strict=True):
        distances = [(row - vector).norm().item() for vector in quantiser.codebook]
        assert (row - chosen).norm().item() == pytest.approx(min(distances))


def test_the_gradient_is_copied_straight_past_the_quantiser():
    h = torch.randn(20, 3, requires_grad=True)
    z = VectorQuantizer(size=3, codes=11).build()(h).value
    upstream = torch.randn(20, 3)
    assert torch.equal(torch.autograd.grad(z, h, upstream)[0], upstream)


def test_idle_vectors_move_onto_examples():
    quantiser = VectorQuantizer(size=2, codes=8).build()
    nn.init.constant_(quantiser.codebook, 1e3)  # out of reach
    h = torch.randn(64, 2)
    quantiser(h)
    rows = set(map(tuple, h.tolist()))
    assert all(tuple(vector) in rows for vector in quantiser.codebook.tolist())


def test_used_vectors_stay_and_idle_ones_are_revived():
    quantiser = VectorQuantizer(size=2, codes=2).build()
    h = torch.randn(64, 2)
    quantiser(h)
    quantiser.codebook.data = torch.tensor([[0.0, 0.0], [1e3, 1e3]])
    for _ in range(600):  # the running count forgets a hundredth per batch
        quantiser(h)
    assert quantiser.codebook[0].tolist() == [0.0, 0.0]
    assert quantiser.codebook[1].abs().max() < 10


@given(st.sampled_from([3, 5, 9]), st.floats(-20, 20))
def test_finite_scalars_lie_on_the_nearest_step_of_the_grid(levels, h):
    grid = [2 * i / (levels - 1) - 1 for i in range(levels)]
    z = FiniteScalar(size=1, levels=levels).build()(torch.tensor([[h]])).value.item()
    gap = min(abs(math.tanh(h) - step) for step in grid)
    assert min(abs(z - step) for step in grid) < 1e-12
    assert abs(math.tanh(h) - z) == pytest.approx(gap, abs=1e-12)


def test_the_gradient_past_finite_scalars_is_that_of_tanh():
    h = torch.randn(20, 3, requires_grad=True)
    z = FiniteScalar(size=3).build()(h).value
    expected = 1 - h.detach().tanh().square()
    torch.testing.assert_close(torch.autograd.grad(z.sum(), h)[0], expected)


@given(st.integers(1, 6), st.integers(0, 10**6))
def test_top_k_keeps_the_k_largest(k, seed):
    h = torch.randn(6, generator=torch.Generator().manual_seed(seed))
    z = TopK(size=6, k=k).build()(h[None]).value[0]
    kept = sorted(h.tolist(), reverse=True)[:k]
    assert sorted(z[z != 0].tolist(), reverse=True) == kept
    assert torch.equal(z[z != 0], h[z != 0])


@pytest.mark.parametrize("share", [0.01, 0.1, 0.25])
def test_every_entry_wins_its_share_of_the_rows(share):
    h = torch.randn(40, 6)
    module = WinnerTakeAll(size=6, share=share).build()
    z = module(h).value
    for entry in range(6):
        rows = sorted(range(40), key=lambda row: -h[row, entry].item())
        winners = rows[: max(int(share * 40), 1)]
        wanted = [max(h[r, entry].item(), 0) * (r in winners) for r in range(40)]
        assert z[:, entry].tolist() == wanted
    assert torch.equal(module.mode(h), h.clamp_min(0))


def test_of_a_code_with_places_the_places_compete():
    h = torch.randn(3, 4 * 2)
    z = Places(WinnerTakeAll(size=2, share=0.25).build(), 4)(h).value
    for row in range(3):
        alone = WinnerTakeAll(size=2, share=0.25).build()(h[row].view(4, 2)).value
        assert torch.equal(z[row], alone.flatten())
