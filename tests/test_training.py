"""The loop: it repeats itself, ends when it should, survives accidents, and learns."""

import itertools
import math
import random
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.torch
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from torch import nn

from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.bottlenecks.gaussian import Gaussian
from isthmus.bottlenecks.vector_quantizer import VectorQuantizer
from isthmus.corruptions.gaussian_noise import GaussianNoise
from isthmus.errors import NonFiniteLossError, RecipeError
from isthmus.layout import Layout
from isthmus.model import AutoencoderModule, Recipe
from isthmus.terms.reconstruction import Reconstruction
from isthmus.terms.sparsity_kl import SparsityKl
from isthmus.trace import Batch
from isthmus.training import Trainer, Training, engine, examples
from isthmus.training.optimizers import RULES
from isthmus.training.progress import progress
from isthmus.training.schedules import factor

SMALL = Mlp(hidden=(8,))
CHANCY = {
    "architecture": Mlp(hidden=(8,), dropout=0.2, norm="batch"),
    "bottleneck": Gaussian(size=2),
    "corruption": GaussianNoise(),
}
DESCENT = {"optimizer": "sgd", "schedule": "constant", "clip_ratio": 0}


def rows(n=64, width=4):
    """Examples on a curved surface of two dimensions."""
    chance = torch.Generator().manual_seed(1)
    low = torch.randn(n, 2, generator=chance)
    return Batch(torch.tanh(low @ torch.randn(2, width, generator=chance)))


def model_for(width=4, **parts):
    parts = {"architecture": SMALL, "bottleneck": Dense(size=2), **parts}
    torch.manual_seed(0)
    return AutoencoderModule(Recipe(**parts), Layout.of(width))


def trainer_for(model=None, seed=0, **settings):
    settings = {"epochs": 3, "batch_size": 16, **settings}
    return Trainer(model or model_for(), Training(**settings), seed)


def checked(trainer, data):
    """Figures of the data, with the draws that the trainer checks its rows with."""
    return engine.check(trainer.model, data, trainer.seed + 1)


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.fixture(scope="module")
def cancer():
    table = load_breast_cancer().data
    return torch.from_numpy((table - table.mean(0)) / table.std(0)).float()


def assert_same(one, two):
    torch.testing.assert_close(one, two, rtol=0, atol=0)


# --------------------------------------------------------------------------- batches


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("batch_size", [1, 2, 7, 32, 64])
@pytest.mark.parametrize("n", [1, 2, 3, 31, 32, 33])
def test_any_number_of_rows_trains_in_batches_of_more_than_one(n, batch_size, norm):
    model, sizes = model_for(architecture=Mlp(hidden=(8,), norm=norm)), []
    model.register_forward_hook(lambda _model, args, _out: sizes.append(len(args[0])))
    trainer = trainer_for(model, epochs=2, batch_size=batch_size)
    trainer.fit(rows(n))
    assert sum(sizes) == 2 * n
    assert max(sizes) <= batch_size + 1
    assert min(sizes) > 1 or 1 in {n, batch_size}


@pytest.mark.parametrize("chunk", [1, 2**20])
def test_an_epoch_meets_every_row_once_in_a_fresh_order(chunk, monkeypatch):
    monkeypatch.setattr(examples, "CHUNK", chunk)
    model, seen = model_for(), []
    model.register_forward_hook(lambda _model, args, _out: seen.append(args[0].x))
    data = rows(50)
    trainer_for(model, epochs=2).fit(data)
    first, second = torch.cat(seen).split(50)
    assert not torch.equal(first, second)
    for epoch in (first, second):
        assert sorted(epoch.tolist()) == sorted(data.x.tolist())


# ---------------------------------------------------------------------------- chance


def fitted(seed):
    model = model_for(**CHANCY)
    trainer = trainer_for(model, seed)
    trainer.fit(rows(), rows(20))
    return weights(model), trainer.history


def test_the_same_seed_gives_the_same_bits():
    one = fitted(seed=3)
    torch.manual_seed(99)
    assert_same(fitted(seed=3), one)


def test_another_seed_gives_another_model():
    (one, _), (two, _) = fitted(seed=3), fitted(seed=4)
    assert any(not torch.equal(one[name], two[name]) for name in one)


def test_training_leaves_the_global_states_alone():
    def states():
        return (
            torch.get_rng_state().tolist(),
            random.getstate(),
            np.random.get_state()[1].tolist(),  # noqa: NPY002 - the global one
            torch.get_num_threads(),
            torch.is_grad_enabled(),
            torch.get_default_dtype(),
        )

    trainer = trainer_for(model_for(**CHANCY))
    before = states()
    trainer.fit(rows(), rows(20))
    assert states() == before


def test_the_figures_of_a_check_repeat():
    trainer = trainer_for(model_for(**CHANCY))
    assert checked(trainer, rows()) == checked(trainer, rows())


# --------------------------------------------------------------------------- the end


def test_training_ends_when_nothing_improves():
    trainer = trainer_for(epochs=50, patience=4, learning_rate=1e-12)
    trainer.fit(rows())
    assert len(trainer.history) == 1 + 4


def test_without_patience_training_never_ends_early():
    trainer = trainer_for(epochs=30, patience=0, learning_rate=1e-12)
    trainer.fit(rows())
    assert len(trainer.history) == 30


def test_the_best_weights_are_kept():
    model, kept = model_for(), []
    trainer = trainer_for(model, epochs=12, learning_rate=0.3, patience=0)
    trainer.fit(rows(), rows(20), callbacks=(lambda e: kept.append(weights(e.model)),))
    losses = [epoch["validation_loss"] for epoch in trainer.history]
    best = losses.index(min(losses))
    assert best < 11  # or the last would be the best
    assert_same(weights(model), kept[best])
    assert checked(trainer, rows(20))["loss"] == pytest.approx(losses[best])


def test_callbacks_hear_of_every_epoch():
    heard = []
    trainer = trainer_for(epochs=5)
    trainer.fit(rows(), callbacks=(heard.append,))
    assert [epoch.number for epoch in heard] == [1, 2, 3, 4, 5]
    assert [epoch.figures for epoch in heard] == trainer.history
    assert all(epoch.planned == 5 for epoch in heard)


def test_a_callback_can_end_training():
    trainer = trainer_for(epochs=5)
    trainer.fit(rows(), callbacks=(lambda epoch: epoch.number == 2,))
    assert len(trainer.history) == 2


def test_a_time_limit_ends_the_schedule_within_an_epoch(monkeypatch):
    clock = itertools.count()  # every look at it takes a second
    watch = SimpleNamespace(perf_counter=lambda: float(next(clock)))
    monkeypatch.setattr(engine, "time", watch)
    trainer = trainer_for(epochs=1000, batch_size=4, schedule="linear", seconds=50)
    rates, step = [], trainer.optimizer.step
    group = trainer.optimizer.param_groups[0]
    trainer.optimizer.step = lambda: (rates.append(group["lr"]), step())
    trainer.fit(rows(), rows(20))
    assert trainer.steps % 16 != 0
    assert len(trainer.history) == math.ceil(trainer.steps / 16)
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 0.9e-3
    assert rates[-1] < 0.1e-3
    losses = [epoch["validation_loss"] for epoch in trainer.history]
    assert checked(trainer, rows(20))["loss"] == pytest.approx(min(losses))


def test_one_step_is_taken_however_little_time_there_is():
    trainer = trainer_for(epochs=5, seconds=1e-9)
    trainer.fit(rows())
    assert trainer.steps == len(trainer.history) == 1


def test_time_that_is_not_needed_changes_nothing():
    one, two = (
        trainer_for(schedule="constant"),
        trainer_for(schedule="constant", seconds=1e9),
    )
    for trainer in (one, two):
        trainer.fit(rows())
    assert_same(weights(one.model), weights(two.model))
    assert one.history == two.history


def test_parameters_own_their_memory_after_training(tmp_path):
    model = model_for(architecture=Mlp(hidden=(8,), tied=True))
    trainer_for(model).fit(rows())
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(model.state_dict(), path)
    assert_same(safetensors.torch.load_file(path), weights(model))
    assert len({p.untyped_storage().data_ptr() for p in model.parameters()}) == len(
        list(model.parameters())
    )
    assert all(p.grad is None for p in model.parameters())
    assert not model.training


def test_a_trainer_trains_once():
    trainer = trainer_for(epochs=1)
    trainer.fit(rows())
    with pytest.raises(AssertionError, match="make another trainer"):
        trainer.fit(rows())


@pytest.mark.parametrize("verbose", [0, 1])
def test_a_line_per_epoch_or_silence(verbose, capsys):
    with progress(rows=64, verbose=verbose) as tell:
        trainer_for(epochs=3).fit(rows(), tell=tell)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3 * verbose
    assert all(line.startswith(f"epoch {n}/3") for n, line in enumerate(lines, 1))


def test_a_log_of_many_epochs_stays_short(capsys):
    with progress(rows=64, verbose=1) as tell:
        trainer_for(epochs=40).fit(rows(), tell=tell)
    told = [line.split()[1] for line in capsys.readouterr().err.splitlines()]
    assert told == [f"{n}/40" for n in (1, *range(4, 41, 4))]


# -------------------------------------------------------------------- rates and rules

SCHEDULES = {
    "constant": (1.0, 1.0, 1.0),
    "linear": (1.0, 0.5, 0.0),
    "cosine": (1.0, 0.5, 0.0),
    "exponential": (1.0, 0.1, 0.01),
    "step": (1.0, 0.1, 0.01),
    "one_cycle": (0.04, 0.5 * (1 + math.cos(math.pi * 4 / 9)), 0.0),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_passes_through_its_values(schedule):
    values = [factor(schedule, done) for done in (0.0, 0.5, 1.0)]
    assert values == pytest.approx(SCHEDULES[schedule])


def test_one_cycle_peaks_after_its_warm_up():
    rates = [factor("one_cycle", step / 1000) for step in range(1001)]
    assert rates.index(max(rates)) == 100
    assert max(rates) == 1


def test_the_learning_rate_follows_the_schedule():
    trainer = trainer_for(epochs=4, batch_size=64, schedule="linear", learning_rate=0.1)
    group, rates = trainer.optimizer.param_groups[0], []
    trainer.fit(rows(), callbacks=(lambda _epoch: rates.append(group["lr"]),))
    assert rates == pytest.approx([0.1, 0.075, 0.05, 0.025])


RATES = {"sgd": 0.03, "rmsprop": 0.003, "adadelta": 1.0}


@pytest.mark.parametrize("name", RULES)
def test_every_rule_lowers_the_loss(name):
    trainer = trainer_for(
        epochs=20, optimizer=name, learning_rate=RATES.get(name, 0.01)
    )
    before = checked(trainer, rows())["loss"]
    trainer.fit(rows())
    assert checked(trainer, rows())["loss"] < 0.5 * before


def test_momentum_is_refused_where_it_has_no_effect():
    with pytest.raises(
        RecipeError, match=r"momentum=0\.9 has no effect with optimizer"
    ):
        Training(momentum=0.9, optimizer="adam")


def test_only_weight_matrices_decay():
    model = model_for()
    for parameter in model.parameters():
        nn.init.constant_(parameter, 1.0)
        parameter.register_hook(torch.zeros_like)
    decay = {"optimizer": "adamw", "weight_decay": 0.5, "learning_rate": 0.1}
    trainer_for(model, epochs=1, batch_size=64, **decay).fit(rows())
    for parameter in model.parameters():
        expected = 0.95 if parameter.dim() == 2 else 1.0
        assert_same(parameter.detach(), torch.full_like(parameter, expected))


# -------------------------------------------------------------------------- accidents


def at_step(step, spoil):
    """A hook that spoils what it is given at one step, and lets the rest pass."""
    count = 0

    def hook(*given):
        nonlocal count
        count += 1
        return spoil(given[-1]) if count == step else None

    return hook


@pytest.mark.parametrize("step", [50, 350])
def test_one_poisoned_batch_is_forgotten(cancer, step):
    """Adam remembers a long gradient for a thousand steps, unless it is shortened."""

    def final_loss(poison):
        model = model_for(30, bottleneck=Dense(size=5))
        model.register_forward_pre_hook(
            at_step(step, lambda args: (Batch(args[0].x * poison), *args[1:]))
        )
        trainer_for(model, epochs=50, batch_size=64, patience=0).fit(Batch(cancer))
        return checked(trainer_for(model), Batch(cancer))["loss"]

    assert final_loss(1e6) == pytest.approx(final_loss(1.0), rel=0.05)


def test_no_step_is_longer_than_the_allowed_gradient():
    model = model_for()
    before = nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    short = {**DESCENT, "learning_rate": 1.0, "clip_norm": 0.05}
    trainer_for(model, epochs=1, batch_size=64, **short).fit(rows())
    after = nn.utils.parameters_to_vector(model.parameters()).detach()
    assert (after - before).norm().item() == pytest.approx(0.05, rel=1e-4)


STEPS = range(1, 7)  # two epochs of three batches


@pytest.mark.parametrize("step", STEPS)
def test_a_code_that_is_no_number_stops_training_before_the_step(step):
    model, before = model_for(), []

    def spoil(features):
        before.append(weights(model))
        return features * float("nan")

    model.encoder.register_forward_hook(at_step(step, spoil))
    sentence = f"in step {step}: the encoder's answer became infinite or not a number"
    with pytest.raises(NonFiniteLossError, match=sentence):
        trainer_for(model, epochs=2, batch_size=22).fit(rows())
    assert_same(weights(model), before[0])


@pytest.mark.parametrize("step", STEPS)
def test_a_gradient_that_is_no_number_stops_training_before_the_step(step):
    model, before = model_for(), []
    name, parameter = list(model.named_parameters())[-2]

    def spoil(gradient):
        before.append(weights(model))
        return gradient / 0

    parameter.register_hook(at_step(step, spoil))
    sentence = f"in step {step}: the gradient of {name} became infinite"
    with pytest.raises(NonFiniteLossError, match=sentence):
        trainer_for(model, epochs=2, batch_size=22).fit(rows())
    assert_same(weights(model), before[0])


@pytest.mark.parametrize(
    "parts",
    [
        {"architecture": Mlp(hidden=(8,), norm="batch")},
        {"bottleneck": VectorQuantizer(size=2, codes=4)},
    ],
    ids=["running averages", "codebook"],
)
def test_examples_that_are_no_numbers_leave_no_trace(parts):
    model, data = model_for(**parts), rows()
    data.x[5] = float("nan")
    with pytest.raises(NonFiniteLossError, match="the data became"):
        trainer_for(model).fit(data)
    assert all(value.isfinite().all() for value in model.state_dict().values())


@pytest.mark.parametrize("batch_size", [8, 64])
def test_weights_that_overflow_are_restored(batch_size):
    model = model_for()
    before = weights(model)
    wild = {**DESCENT, "learning_rate": 1e38, "batch_size": batch_size}
    with pytest.raises(NonFiniteLossError, match="Lower the learning rate"):
        trainer_for(model, **wild).fit(Batch(100 * rows().x))
    assert_same(weights(model), before)


def test_validation_rows_that_overflow_are_named():
    with pytest.raises(NonFiniteLossError, match="the validation loss became infinite"):
        trainer_for().fit(rows(), Batch(1e30 * rows().x))


# --------------------------------------------------------------------------- learning


def test_twenty_layers_learn_if_they_are_residual():
    """Twenty down and twenty up: without a way around them, hardly anything passes."""
    x = torch.from_numpy(load_digits().data).float()
    x = (x - x.mean(0)) / x.std()
    mean = x.square().sum(1).mean().item()  # what predicting the mean costs

    def share(**options):
        deep = Mlp(hidden=(32,) * 20, activation="relu", **options)
        model = model_for(64, architecture=deep, bottleneck=Dense(size=8))
        trainer = trainer_for(model, epochs=6, batch_size=64, learning_rate=3e-3)
        trainer.fit(Batch(x))
        return checked(trainer, Batch(x))["loss"] / mean

    assert share() > 0.8
    assert share(residual=True, norm="layer") < 0.55


def test_a_linear_autoencoder_is_pca(cancer):
    linear = {"architecture": Mlp(hidden=()), "bottleneck": Dense(size=5)}
    trainer = trainer_for(
        model_for(30, **linear), epochs=150, batch_size=64, learning_rate=0.01
    )
    trainer.fit(Batch(cancer))
    pca = PCA(5).fit(cancer)
    rebuilt = pca.inverse_transform(pca.transform(cancer))
    error = ((cancer.numpy() - rebuilt) ** 2).sum(1).mean()
    assert checked(trainer, Batch(cancer))["loss"] == pytest.approx(error, rel=0.01)


def marginal_log_likelihood(x, size, variance):
    """Probabilistic PCA's, at its best for a noise of this variance.

    W = U (L - s^2)^(1/2) for the leading eigenvalues L above s^2 (Tipping & Bishop,
    1999); a linear VAE's bound is tight there (Lucas et al., 2019).
    """
    covariance = np.cov(x.T, bias=True)
    values, vectors = np.linalg.eigh(covariance)
    W = vectors[:, -size:] * np.sqrt(np.maximum(values[-size:] - variance, 0))
    C = W @ W.T + variance * np.eye(len(covariance))
    spread = np.trace(np.linalg.solve(C, covariance))
    return -0.5 * (np.linalg.slogdet(2 * np.pi * C)[1] + spread)


def test_a_linear_variational_autoencoder_is_probabilistic_pca(cancer):
    linear = {"architecture": Mlp(hidden=()), "bottleneck": Gaussian(size=5)}
    model = model_for(30, **linear)
    settings = {"epochs": 250, "batch_size": 64, "learning_rate": 0.01, "patience": 0}
    trainer = trainer_for(model, **settings)
    trainer.fit(Batch(cancer))
    bound = -checked(trainer, Batch(cancer.repeat(10, 1)))["loss"]
    bound -= 30 * model.recipe.likelihood.log_normalizer()
    exact = marginal_log_likelihood(cancer.double().numpy(), size=5, variance=0.5)
    assert bound == pytest.approx(exact, rel=0.02)


def test_the_sparsity_penalty_brings_activations_to_their_target(cancer):
    model = model_for(
        30,
        bottleneck=Dense(size=10, activation="sigmoid"),
        terms=(Reconstruction(), SparsityKl(target=0.05, weight=30.0)),
    )
    settings = {"epochs": 100, "batch_size": 64, "learning_rate": 0.01}
    trainer_for(model, **settings).fit(Batch(cancer))
    assert model.encode(cancer).mean().item() == pytest.approx(0.05, rel=0.2)


@pytest.mark.parametrize("before", [False, True])
def test_the_smallest_numbers_are_what_they_were_after_training(before):
    torch.set_flush_denormal(before)
    try:
        seen = []
        model = model_for(bottleneck=Dense(size=2))
        tiny = torch.full((1000,), 1e-40)
        trainer_for(model, epochs=1).fit(
            rows(8), callbacks=(lambda _: seen.append(float((tiny * 0.5).sum())),)
        )
        assert seen == [0.0]
        assert (float((tiny * 0.5).sum()) == 0) is before
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.parametrize(
    ("n", "epochs"), [(1000, 125), (10**6, 20), (10**7, 2), (10**9, 1)]
)
def test_many_rows_are_gone_through_less_often(n, epochs):
    assert Training().plan(n)[0] == epochs
