"""Likelihoods against a second derivation."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats
from torch import Size

from isthmus.likelihoods.bernoulli import Bernoulli
from isthmus.likelihoods.categorical import Categorical
from isthmus.likelihoods.huber import Huber
from isthmus.likelihoods.multinomial import Multinomial
from isthmus.likelihoods.negative_binomial import NegativeBinomial
from isthmus.likelihoods.normal import Normal
from isthmus.likelihoods.poisson import Poisson
from isthmus.likelihoods.squared_error import SquaredError


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


SUPPORT = {
    "real": torch.linspace(-60, 60, 240_001, dtype=torch.float64),
    "unit": torch.arange(2.0, dtype=torch.float64),
    "level": torch.arange(3.0, dtype=torch.float64),
    "count": torch.arange(3000.0, dtype=torch.float64),
}
LEVELS = Categorical(levels=3), (0.7, -0.2, 1.0)
NUMBERS = [
    (SquaredError(), 0.3),
    (Normal(), (0.3, 0.4)),
    (Huber(), 0.3),
    (Huber(delta=0.4), 0.3),
    (Huber(delta=3.0), 0.3),
    (Bernoulli(), 0.7),
    (Poisson(), 2.0),
    (NegativeBinomial(), (2.0, 0.5)),
    (NegativeBinomial(), (2.0, 6.0)),
]


def mass(likelihood, params):
    """All values x of one entry, and exp(log_prob) dx at each."""
    x = SUPPORT[likelihood.prefers]
    params = torch.tensor(params).expand(len(x), *likelihood.params(Size([])))
    return x, likelihood.log_prob(params, x).exp() * (x[1] - x[0])


@pytest.mark.parametrize(("likelihood", "params"), [*NUMBERS, LEVELS], ids=repr)
def test_a_likelihood_sums_to_its_normalizer(likelihood, params):
    _, probability = mass(likelihood, params)
    total = probability.sum().log().item()
    assert total == pytest.approx(likelihood.log_normalizer(), abs=1e-6)


@pytest.mark.parametrize(("likelihood", "params"), NUMBERS, ids=repr)
def test_the_reconstruction_is_the_mean_of_the_density(likelihood, params):
    x, probability = mass(likelihood, params)
    expected = (probability * x).sum() / probability.sum()
    mean = likelihood.mean(torch.tensor(params))
    assert mean.item() == pytest.approx(expected.item())


def test_the_reconstruction_of_levels_is_the_likeliest():
    params = torch.randn(9, 4, 3)
    best = [[max(range(3), key=lambda i: y[i]) for y in row] for row in params.tolist()]
    assert Categorical(levels=3).mean(params).tolist() == best


def bounded(value, reach):
    return reach * math.tanh(value / reach)


@given(st.integers(0, 500), st.floats(-4, 6))
def test_poisson_is_scipys(x, y):
    got = Poisson().log_prob(torch.tensor([y]), torch.tensor([float(x)]))
    assert got.item() == pytest.approx(
        stats.poisson.logpmf(x, math.exp(bounded(y, 30)))
    )


@given(st.integers(0, 500), st.floats(-4, 6), st.floats(-4, 9))
def test_negative_binomial_is_scipys(x, log_m, log_r):
    params = torch.tensor([[log_m, log_r]])
    m, r = math.exp(bounded(log_m, 15)), math.exp(bounded(log_r, 15))
    got = NegativeBinomial().log_prob(params, torch.tensor([float(x)])).item()
    assert got == pytest.approx(stats.nbinom.logpmf(x, r, r / (r + m)), rel=1e-6)


@pytest.mark.parametrize("log_r", [3.0, 5.0, 8.0, 12.0, 30.0])
def test_a_nearly_poisson_column_keeps_its_digits_in_single_precision(log_r):
    params, x = torch.tensor([[2.0, log_r]]), torch.tensor([[0.0], [3.0], [40.0]])
    exact = NegativeBinomial().log_prob(params, x)
    single = NegativeBinomial().log_prob(params.float(), x.float())
    torch.testing.assert_close(single.double(), exact, rtol=1e-5, atol=1e-5)


MANY = [31.0, 1e2, 1e3, 1e5, 1e6]


@pytest.mark.parametrize("x", [*MANY, 1e7])
@pytest.mark.parametrize("off", [-3.0, -0.1, 0.0, 2.0])
def test_large_counts_keep_their_digits_in_single_precision(x, off):
    log_m = math.log(x + off * math.sqrt(x))
    y = torch.tensor([30 * math.atanh(log_m / 30)], dtype=torch.float32)
    m = math.exp(bounded(y.double().item(), 30))
    expected = stats.poisson.logpmf(x, m)
    got = Poisson().log_prob(y, torch.tensor([x], dtype=torch.float32)).item()
    assert got == pytest.approx(expected, rel=3e-3, abs=1e-2)
    exact = Poisson().log_prob(y.double(), torch.tensor([x])).item()
    assert exact == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("x", MANY)
@pytest.mark.parametrize("off", [0.01, 0.9, 1.0, 3.0])
@pytest.mark.parametrize("log_r", [-6.0, -1.0, 2.0, 4.0, 9.0, 14.0])
def test_large_counts_of_any_dispersion_keep_their_digits(x, off, log_r):
    params = torch.tensor([[math.log(x * off), log_r]]).double()
    params = (15 * (params / 15).atanh()).float()
    m, r = (math.exp(bounded(p, 15)) for p in params.double()[0].tolist())
    expected = stats.nbinom.logpmf(x, r, r / (r + m))
    given = torch.tensor([x], dtype=torch.float32)
    got = NegativeBinomial().log_prob(params, given).item()
    assert got == pytest.approx(expected, rel=3e-3, abs=1e-2)
    params = params.double().requires_grad_()
    exact = NegativeBinomial().log_prob(params, given.double())
    assert exact.item() == pytest.approx(expected, rel=1e-6)
    (slope,) = torch.autograd.grad(exact.sum(), params)
    bend = 1 - math.tanh(params[0, 0].item() / 15) ** 2
    assert slope[0, 0].item() == pytest.approx(bend * (x - m) * r / (r + m), rel=1e-6)
    assert math.isfinite(slope[0, 1].item())


def test_multinomial_is_scipys_less_the_coefficient():
    x, y = torch.tensor([3.0, 0.0, 5.0, 1.0]), torch.randn(4)
    coefficient = math.lgamma(10) - sum(math.lgamma(n + 1) for n in x.tolist())
    got = Multinomial().log_prob(y, x).sum().item() + coefficient
    shares = special.softmax(y.numpy())
    assert got == pytest.approx(stats.multinomial.logpmf(x.numpy(), 9, shares))


def test_huber_is_scipys():
    x, y = 3 * torch.randn(50), torch.randn(50)
    by_scipy = torch.from_numpy(-special.huber(1.3, (x - y).numpy()))
    torch.testing.assert_close(Huber(delta=1.3).log_prob(y, x), by_scipy)


def test_normal_is_scipys():
    x, mean, raw = torch.randn(3, 20)
    scale = (5 * torch.tanh(raw / 5)).exp()
    by_scipy = stats.norm.logpdf(x.numpy(), mean.numpy(), scale.numpy())
    got = Normal().log_prob(torch.stack([mean, raw], -1), x)
    torch.testing.assert_close(got, torch.from_numpy(by_scipy))


def test_squared_error_is_a_normal_density_of_variance_one_half():
    x, y = torch.randn(2, 20)
    by_scipy = torch.from_numpy(stats.norm.logpdf(x.numpy(), y.numpy(), math.sqrt(0.5)))
    got = SquaredError().log_prob(y, x) - SquaredError().log_normalizer()
    torch.testing.assert_close(got, by_scipy)


@pytest.mark.parametrize("typical", [None, 50.0])
@pytest.mark.parametrize("kind", [Poisson, NegativeBinomial])
def test_wide_rows_are_those_of_narrow_ones(kind, typical, monkeypatch):
    likelihood = kind(typical=typical)
    x = torch.poisson(torch.full((5, 40), 0.3))
    params = torch.randn(2, *x.shape, *likelihood.params(Size([])), requires_grad=True)
    found = []
    for wide in (512, 1):
        monkeypatch.setattr("isthmus.likelihoods._counted.WIDE", wide)
        entries = likelihood.log_prob(params, x)
        (gradient,) = torch.autograd.grad(entries.sum(), params)
        found.append((entries, gradient))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_totals_that_are_given_are_those_of_scipy():
    y, x = torch.randn(30), torch.arange(30.0) % 5
    m = special.softmax(15 * np.tanh(y.numpy() / 15)) * x.sum().item()
    r = math.exp(bounded(0.7, 15))
    params = torch.stack([y, torch.full_like(y, 0.7)], -1)
    got = NegativeBinomial(typical=9.0).log_prob(params, x)
    by_scipy = stats.nbinom.logpmf(x.numpy(), r, r / (r + m))
    np.testing.assert_allclose(got, by_scipy)
    m = special.softmax(30 * np.tanh(y.numpy() / 30)) * x.sum().item()
    got = Poisson(typical=9.0).log_prob(y, x)
    np.testing.assert_allclose(got, stats.poisson.logpmf(x.numpy(), m))
    for likelihood, told in ((Poisson, y), (NegativeBinomial, params)):
        some = likelihood(typical=9.0)
        assert some.mean(told).sum().item() == pytest.approx(9)
        x_twice = some.view(2 * x)
        torch.testing.assert_close(x_twice, some.view(x))
        assert some.view(x).expm1().sum().item() == pytest.approx(9)


def test_poisson_of_given_totals_is_multinomial_less_constants():
    x, (y, z) = torch.tensor([3.0, 0.0, 5.0, 1.0]), torch.randn(2, 4)
    by_kind = [
        (kind(typical=7.0).log_prob(y, x) - kind(typical=7.0).log_prob(z, x)).sum()
        for kind in (Poisson, Multinomial)
    ]
    assert by_kind[0].item() == pytest.approx(by_kind[1].item(), rel=1e-2)


@pytest.mark.parametrize("kind", [Poisson, NegativeBinomial, Multinomial])
def test_draws_have_the_mean_of_a_typical_row(kind):
    torch.manual_seed(0)
    some = kind(typical=20.0)
    one = torch.randn(5, *some.params(Size([])))
    params = one.expand(20_000, *one.shape)
    draws = some.sample(params)
    assert torch.equal(draws, draws.round())
    expected = some.mean(one)
    torch.testing.assert_close(draws.mean(0), expected, rtol=0.1, atol=0.1)


def test_no_dispersion_or_mean_is_without_a_slope():
    grid = torch.linspace(-60, 60, 25)
    params = torch.stack(torch.meshgrid(grid, grid, indexing="ij"), -1).float()
    params = params.reshape(-1, 1, 2).requires_grad_()
    x = torch.tensor([0.0, 1.0, 30.0, 31.0, 1e3, 1.6e7], dtype=torch.float32)
    found = NegativeBinomial().log_prob(params.expand(-1, len(x), 2), x)
    assert (found <= 0).all()
    (slope,) = torch.autograd.grad(found.sum(), params)
    assert torch.isfinite(slope).all()
