"""Each formula against a second derivation: closed form, brute force, or a limit."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import nn
from torch.autograd.functional import jacobian

from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.bottlenecks.gaussian import Gaussian
from isthmus.bottlenecks.top_k import TopK
from isthmus.corruptions.gaussian_noise import GaussianNoise
from isthmus.corruptions.identity import Identity
from isthmus.corruptions.masking import Masking
from isthmus.corruptions.salt_and_pepper import SaltAndPepper
from isthmus.corruptions.swap_noise import SwapNoise
from isthmus.errors import RecipeError
from isthmus.layout import Field, Layout
from isthmus.likelihoods.normal import Normal
from isthmus.model import AutoencoderModule, Recipe
from isthmus.terms.commitment import Commitment
from isthmus.terms.contractive import Contractive
from isthmus.terms.importance_bound import ImportanceBound
from isthmus.terms.l1 import L1
from isthmus.terms.mmd import Mmd
from isthmus.terms.rate import Rate
from isthmus.terms.reconstruction import Reconstruction
from isthmus.terms.sparsity_kl import SparsityKl
from isthmus.terms.total_correlation import TotalCorrelation
from isthmus.terms.weight_l1 import WeightL1
from isthmus.terms.weight_l2 import WeightL2
from isthmus.trace import Batch, Code, Context, Progress, Trace

ROW = Layout.of(4)
DEEP = Mlp(hidden=(5,), activation="tanh")
DONE = Progress()


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def model_for(layout=ROW, *, missing=False, **parts):
    recipe = Recipe(**{"architecture": DEEP, "bottleneck": Dense(size=3), **parts})
    return AutoencoderModule(recipe, layout, missing=missing)


def trace_of(code, progress=DONE, features=None):
    """A trace of which only the code matters."""
    nothing = torch.empty(0)
    return Trace(
        x=nothing,
        visible=None,
        corrupted=nothing,
        context=Context(),
        features=torch.empty(code.value.shape[-2:]) if features is None else features,
        code=code,
        params=nothing,
        judged=None,
        distortion=nothing,
        progress=progress,
    )


def gaussian_code(mean, scale, draws=1):
    """The code of posteriors with these means and standard deviations, (B, D)."""
    bottleneck = Gaussian(size=mean.shape[-1], draws=draws).build()
    raw = 10 * torch.atanh(torch.as_tensor(scale).log().expand_as(mean) / 10)
    return bottleneck(torch.cat([mean, raw], -1))


# -------------------------------------------------------------------------- Gaussian


@given(st.floats(-3, 3), st.floats(-2, 2))
def test_the_gaussian_rate_is_the_textbook_kl(mean, log_scale):
    code = gaussian_code(torch.tensor([[mean]]), math.exp(log_scale))
    textbook = 0.5 * (math.exp(2 * log_scale) + mean**2 - 1 - 2 * log_scale)
    assert code.rate.item() == pytest.approx(textbook, abs=1e-9)


def test_the_gaussian_rate_is_the_mean_of_its_log_ratio():
    code = gaussian_code(torch.tensor([[0.5, -1.0]]), 0.8, draws=100_000)
    error = code.log_ratio.std(0) / math.sqrt(100_000)
    assert abs(code.log_ratio.mean(0) - code.rate.sum(-1)) < 4 * error


def test_the_log_ratio_is_that_of_two_densities():
    code = gaussian_code(torch.randn(5, 2), 0.6, draws=3)
    posterior = torch.distributions.Normal(code.mean, code.log_scale.exp())
    prior = torch.distributions.Normal(0, 1)
    ratio = posterior.log_prob(code.value) - prior.log_prob(code.value)
    torch.testing.assert_close(code.log_ratio, ratio.sum(-1))


def test_draws_have_the_mean_and_deviation_that_the_encoder_says():
    code = gaussian_code(torch.tensor([[0.5, -1.0]]), 0.8, draws=100_000)
    torch.testing.assert_close(code.value.mean(0), code.mean, atol=0.01, rtol=0)
    torch.testing.assert_close(
        code.value.std(0), code.log_scale.exp(), atol=0.01, rtol=0
    )


# --------------------------------------------------------------------- bounds and rate


def test_one_draw_of_the_importance_bound_is_the_sampled_elbo():
    model = model_for(bottleneck=Gaussian(size=2))
    trace = model(torch.randn(6, 4))
    elbo = -trace.distortion - trace.code.log_ratio
    torch.testing.assert_close(ImportanceBound()(trace, model), -elbo)


def test_the_importance_bound_is_a_mean_of_weights():
    model = model_for(bottleneck=Gaussian(size=2, draws=3))
    trace = model(torch.randn(6, 4))
    weights = (-trace.distortion - trace.code.log_ratio).exp()
    by_hand = [-math.log(sum(w[i] for w in weights.tolist()) / 3) for i in range(6)]
    assert ImportanceBound()(trace, model).tolist() == pytest.approx(by_hand)


def test_more_draws_never_loosen_the_importance_bound():
    single, x = model_for(bottleneck=Gaussian(size=2)), torch.randn(2000, 4)
    costs = []
    for draws in (1, 2, 8, 32):
        model = model_for(bottleneck=Gaussian(size=2, draws=draws))
        model.load_state_dict(single.state_dict())
        costs.append(ImportanceBound()(model(x), model).mean().item())
    assert costs == sorted(costs, reverse=True)


def test_beta_scales_the_rate_and_nothing_else():
    terms = Reconstruction(), Rate(weight=4.0)
    model = model_for(bottleneck=Gaussian(size=2), terms=terms)
    trace = model(torch.randn(6, 4))
    total, costs = model.loss(trace)
    distortion, rate = trace.distortion.mean(), trace.code.rate.sum(-1).mean()
    torch.testing.assert_close(costs, {"reconstruction": distortion, "rate": 4 * rate})
    torch.testing.assert_close(total, distortion + 4 * rate)


@pytest.mark.parametrize(("done", "share"), [(0.0, 0.0), (0.1, 0.25), (0.4, 1), (1, 1)])
def test_the_rate_warms_up_linearly(done, share):
    trace = trace_of(gaussian_code(torch.randn(6, 2), 0.5), Progress(done))
    warm = Rate(warm_up=0.4)(trace, None)
    torch.testing.assert_close(warm, share * trace.code.rate.sum(-1))


def test_free_nats_are_free_in_each_entry():
    mean = torch.tensor([[0.1, 2.0], [0.3, 1.0]])
    trace = trace_of(gaussian_code(mean, 0.9))
    cheap, dear = trace.code.rate.mean(0)
    assert cheap < 0.5 < dear
    torch.testing.assert_close(Rate(free_nats=0.5)(trace, None), 0.5 + dear)


def test_the_rate_reports_what_each_entry_carries():
    trace = trace_of(gaussian_code(torch.tensor([[0.0, 2.0], [0.0, 1.0]]), 1.0))
    report = Rate().report(trace)["rate_per_entry"]
    torch.testing.assert_close(report, torch.tensor([0.0, 1.25]), atol=1e-12, rtol=0)


# ------------------------------------------------------------------------ contractive


def squared_jacobian(model, row, entries=slice(None)):
    """|dz/dx|_F^2 of one example over some of its entries, by brute force."""
    pull = jacobian(lambda x: model.encode(x[None])[0], row)
    return pull[:, entries].square().sum()


@pytest.mark.parametrize(
    "bottleneck",
    [
        Dense(size=3),
        Dense(size=3, activation="sigmoid"),
        Gaussian(size=2),
        TopK(size=5),
    ],
    ids=repr,
)
def test_the_contractive_penalty_is_the_jacobian(bottleneck):
    model, x = model_for(bottleneck=bottleneck), torch.randn(5, 4)
    by_force = torch.stack([squared_jacobian(model, row) for row in x])
    torch.testing.assert_close(Contractive()(model(x), model), by_force)


def test_the_contractive_penalty_is_taken_at_the_clean_example():
    model, x = model_for(corruption=Masking(rate=0.5)), torch.randn(5, 4)
    by_force = torch.stack([squared_jacobian(model, row) for row in x])
    torch.testing.assert_close(Contractive()(model(x, chance=True), model), by_force)


def test_the_contractive_penalty_is_over_continuous_entries():
    fields = Field(shape=(2,)), Field(content="count", shape=(2,))
    model, x = model_for(Layout(fields=fields)), torch.ones(5, 4)
    by_force = torch.stack([squared_jacobian(model, r, slice(2)) for r in x])
    torch.testing.assert_close(Contractive()(model(x), model), by_force)


def test_the_contractive_penalty_passes_over_missing_cells():
    model, x = model_for(), torch.randn(5, 4)
    visible = torch.tensor([1.0, 1.0, 0.0, 0.0]).expand(5, 4)
    x = x * visible
    by_force = torch.stack([squared_jacobian(model, row, slice(2)) for row in x])
    torch.testing.assert_close(Contractive()(model(Batch(x, visible)), model), by_force)


def test_probes_estimate_the_contractive_penalty_without_bias():
    model, x = model_for(), torch.randn(1, 4).expand(2000, 4)
    estimates, exact = (
        term(model(x), model) for term in (Contractive(probes=2), Contractive())
    )
    error = estimates.std() / math.sqrt(2000)
    assert abs(estimates.mean() - exact[0]) < 3 * error


# --------------------------------------------------------------- sparsity and weights


@given(st.floats(0.01, 0.99))
def test_the_sparsity_kl_is_nil_at_its_target(target):
    trace = trace_of(Code(torch.full((6, 3), target)))
    assert SparsityKl(target=target)(trace, None).item() == pytest.approx(0, abs=1e-12)


def test_the_sparsity_kl_is_a_sum_over_entries():
    z, t = torch.rand(6, 3), 0.2
    means = [sum(column) / 6 for column in z.T.tolist()]
    by_hand = sum(
        t * math.log(t / a) + (1 - t) * math.log((1 - t) / (1 - a)) for a in means
    )
    got = SparsityKl(target=t)(trace_of(Code(z)), None)
    assert got.item() == pytest.approx(by_hand)
    report = SparsityKl().report(trace_of(Code(z)))
    assert report["mean_activation"].tolist() == pytest.approx(means)


def test_l1_is_the_sum_of_sizes_averaged_over_draws():
    z = torch.randn(2, 6, 3)
    by_hand = [
        sum(abs(z[k][i][j].item()) for k in range(2) for j in range(3)) / 2
        for i in range(6)
    ]
    trace = trace_of(Code(z), features=torch.empty(6, 3))
    assert L1()(trace, None).tolist() == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("term", "size"),
    [(WeightL1(), abs), (WeightL2(), lambda w: w * w)],
    ids=("l1", "l2"),
)
def test_weights_are_charged_and_biases_and_norms_spared(term, size):
    architecture = Mlp(hidden=(6, 5), norm="layer", residual=True)
    model = model_for(architecture=architecture)
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    layers = [m for m in model.modules() if isinstance(m, nn.Linear)]
    by_hand = sum(size(w) for layer in layers for w in layer.weight.flatten().tolist())
    assert term(model(torch.randn(2, 4)), model).item() == pytest.approx(by_hand)


def test_a_tied_decoder_owns_no_weight():
    def count(tied):
        model = model_for(architecture=Mlp(hidden=(6,), tied=tied))
        return sum(p.numel() for p in model.parameters())

    assert count(tied=False) - count(tied=True) == 4 * 6 + 6 * 3


def test_a_tied_decoder_applies_the_transpose():
    model = model_for(architecture=Mlp(hidden=(), tied=True))
    weight, z = model.weights()[0], torch.randn(6, 3)
    torch.testing.assert_close(model.decode(z), z @ weight)


def test_a_tied_decoder_mirrors_what_makes_the_mean():
    tied = Mlp(hidden=(), tied=True)
    model = model_for(architecture=tied, bottleneck=Gaussian(size=3))
    x = torch.randn(6, 4)
    torch.testing.assert_close(model.decode(torch.eye(3)).T, model.encode(torch.eye(4)))
    assert model(x).features.shape == (6, 6)


def test_what_the_encoder_is_told_has_no_mirror_image():
    with pytest.raises(RecipeError, match="tied=True needs a decoder that mirrors"):
        model_for(architecture=Mlp(tied=True), likelihood=Normal(), missing=True)


def test_batch_norm_uses_its_averages_for_a_batch_of_one():
    model = model_for(architecture=Mlp(hidden=(5,), norm="batch"))
    model(torch.randn(50, 4))
    x = torch.randn(1, 4)
    torch.testing.assert_close(model.train()(x).params, model.eval()(x).params)


# --------------------------------------------------------- distances between densities


def test_mmd_is_a_mean_over_all_pairs():
    z = torch.randn(7, 3)
    with torch.random.fork_rng():
        prior = torch.randn_like(z)

    def mean_kernel(a, b):
        pairs = [6 / (6 + (p - q).square().sum().item()) for p in a for q in b]
        return sum(pairs) / len(pairs)

    by_hand = mean_kernel(z, z) + mean_kernel(prior, prior) - 2 * mean_kernel(z, prior)
    assert Mmd()(trace_of(Code(z)), None).item() == pytest.approx(by_hand)


def test_mmd_is_small_for_the_prior_and_large_elsewhere():
    z = torch.randn(1000, 2)
    near, far = (Mmd()(trace_of(Code(code)), None) for code in (z, z + 2))
    assert near < 0.01
    assert far > 0.1


def test_total_correlation_is_a_sum_over_all_pairs():
    code = gaussian_code(torch.randn(5, 3), 0.7)

    def log_q(i, k, j):
        scale = code.log_scale[k, j].exp().item()
        return stats.norm.pdf(code.value[i, j].item(), code.mean[k, j].item(), scale)

    by_hand = []
    for i in range(5):
        pairs = [[log_q(i, k, j) for j in range(3)] for k in range(5)]
        joint = math.log(sum(map(math.prod, pairs)) / 5)
        alone = [math.log(sum(p[j] for p in pairs) / 5) for j in range(3)]
        by_hand.append(joint - sum(alone))
    assert TotalCorrelation()(trace_of(code), None).tolist() == pytest.approx(by_hand)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_total_correlation_is_that_of_correlated_gaussians(correlation):
    a, b = torch.randn(2, 1500)
    mean = torch.stack([a, correlation * a + math.sqrt(1 - correlation**2) * b], -1)
    code = gaussian_code(mean, 0.5)  # so that q(z) has variance 1.25
    exact = -0.5 * math.log(1 - (correlation / 1.25) ** 2)
    got = TotalCorrelation()(trace_of(code), None).mean().item()
    assert got == pytest.approx(exact, abs=0.05)


def test_commitment_teaches_vectors_and_features_apart():
    h, e = torch.randn(2, 6, 3).unbind()
    h.requires_grad_()
    e.requires_grad_()
    trace = trace_of(Code(h, chosen=e), features=h)
    Commitment(cost=0.25)(trace, None).sum().backward()
    torch.testing.assert_close(e.grad, 2 * (e - h).detach())
    torch.testing.assert_close(h.grad, 0.25 * 2 * (h - e).detach())


# ------------------------------------------------------------------------ corruptions

WIDE = Layout.of(50)


def test_masking_hides_at_its_rate():
    x = torch.randn(1000, 50)
    answer = Masking(rate=0.3)(x, WIDE)
    assert 1 - answer.visible.mean().item() == pytest.approx(0.3, abs=0.01)
    assert torch.equal(answer.x, x * answer.visible)


def test_a_pair_of_rates_is_drawn_anew_for_every_example():
    visible = Masking(rate=(0.1, 0.6))(torch.randn(2000, 50), WIDE).visible
    rates = 1 - visible.mean(-1)
    assert rates.mean().item() == pytest.approx(0.35, abs=0.02)
    uniform, binomial = 0.5**2 / 12, 0.35 * 0.65 / 50
    assert rates.var().item() == pytest.approx(uniform + binomial, rel=0.15)


def test_a_masked_autoencoder_is_judged_on_what_was_hidden():
    model, x = (
        model_for(corruption=Masking(rate=0.5, judge="hidden")),
        torch.randn(9, 4),
    )
    trace = model(x, chance=True)
    errors = (x - trace.params).square() * (1 - trace.context.visible)
    torch.testing.assert_close(trace.distortion, errors.sum(-1))


def test_a_batch_with_nothing_to_judge_costs_nothing():
    model = model_for(corruption=Masking(rate=0.0, judge="hidden"))
    _, cost, entries = model.metric(model(torch.randn(9, 4), chance=True))
    assert (cost / entries).item() == 0


def test_noise_of_one_scale_has_that_deviation():
    noise = GaussianNoise(scale=0.3)(torch.zeros(1000, 50), WIDE).x
    assert noise.std().item() == pytest.approx(0.3, rel=0.02)
    assert noise.mean().item() == pytest.approx(0, abs=0.01)


def test_the_encoder_is_told_the_deviation_of_its_noise():
    layout = Layout.of(5000)
    answer = GaussianNoise(scale=(0.01, 1.0))(torch.zeros(200, 5000), layout)
    torch.testing.assert_close(answer.x.std(-1), answer.level, rtol=0.05, atol=0)
    logs = answer.level.log10()
    assert -2 <= logs.min() <= logs.max() <= 0
    assert logs.mean().item() == pytest.approx(-1, abs=0.15)


def test_noise_falls_on_continuous_entries_only():
    layout = Layout(fields=(Field(shape=(3,)), Field(content="count", shape=(2,))))
    noise = GaussianNoise()(torch.zeros(20, 5), layout).x
    assert noise[:, :3].all()
    assert not noise[:, 3:].any()


def test_swapped_cells_come_from_their_column():
    x = torch.randn(500, 50)
    swapped = SwapNoise(rate=0.15)(x, WIDE).x
    for before, after in zip(x.T, swapped.T, strict=True):
        assert torch.isin(after, before).all()
    assert (swapped != x).double().mean().item() == pytest.approx(0.15, abs=0.01)


def test_every_row_may_give_its_value():
    row = torch.arange(10.0)[:, None].expand(10, 5000)
    swapped = SwapNoise(rate=0.5)(row, Layout.of(5000)).x
    givers = swapped[swapped != row].long().bincount()
    even = torch.full((10,), 0.1)
    torch.testing.assert_close(givers / givers.sum(), even, atol=0.01, rtol=0)


def test_salt_and_pepper_are_the_extremes_of_their_column():
    x = torch.randn(1000, 50)
    damaged = SaltAndPepper(rate=0.2)(x, WIDE).x
    salt, pepper = (damaged == x.amax(0)), (damaged == x.amin(0))
    assert torch.equal(damaged[~(salt | pepper)], x[~(salt | pepper)])
    for extreme in (salt, pepper):
        assert extreme.double().mean().item() == pytest.approx(0.1, abs=0.01)


# ---------------------------------------------------------------------- missing cells

HOLES = [Identity(), GaussianNoise(), GaussianNoise(scale=(0.1, 1.0)), Masking()]


def half_seen(fill=0.0):
    visible = (torch.arange(24).view(6, 4) % 3 > 0).double()
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    return Batch(torch.where(visible == 1, x, torch.tensor(fill)), visible)


@pytest.mark.parametrize("corruption", HOLES, ids=repr)
def test_no_gradient_reaches_a_missing_cell(corruption):
    terms = Reconstruction(), Contractive(), L1()
    model = model_for(corruption=corruption, terms=terms, missing=True)
    seen = half_seen()
    x, visible = seen.x, seen.visible
    x.requires_grad_()
    total, _ = model.loss(model(Batch(x, visible), chance=True))
    (gradient,) = torch.autograd.grad(total, x)
    assert not gradient[visible == 0].any()
    assert gradient[visible == 1].any()


@pytest.mark.parametrize("corruption", HOLES, ids=repr)
def test_what_fills_a_missing_cell_changes_nothing(corruption):
    model = model_for(corruption=corruption, missing=True)
    losses = []
    for fill in (0.0, 7.0):
        torch.manual_seed(0)
        losses.append(model.loss(model(half_seen(fill), chance=True))[0].item())
    assert losses[0] == losses[1]


def test_the_loss_is_the_sum_over_observed_cells():
    model, batch = model_for(missing=True), half_seen()
    trace = model(batch)
    by_hand = [
        sum(
            (batch.x[i, j] - trace.params[i, j]).item() ** 2
            for j in range(4)
            if batch.visible[i, j]
        )
        for i in range(6)
    ]
    assert trace.distortion.tolist() == pytest.approx(by_hand)


def test_the_encoder_is_told_what_is_observed_and_not_hidden():
    model, batch = model_for(corruption=Masking(rate=0.5), missing=True), half_seen()
    torch.manual_seed(0)
    shown = Masking(rate=0.5)(batch.x, ROW).visible
    torch.manual_seed(0)
    told = model(batch, chance=True).context.visible
    assert torch.equal(told, batch.visible * shown)


def test_the_encoder_sees_a_missing_cell_as_missing():
    model, seen = model_for(missing=True), half_seen()
    x, visible = seen.x, seen.visible
    told, untold = model.encode(Batch(x, visible)), model.encode(Batch(x))
    assert not torch.equal(told, untold)
