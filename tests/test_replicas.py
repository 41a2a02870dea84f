"""Replicas learn in one step what each would learn alone; rows keep their fold."""

import collections
import itertools
import math

import numpy as np
import pytest
import torch

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.architectures.resnet import Resnet
from isthmus.bottlenecks.dense import Dense
from isthmus.bottlenecks.gaussian import Gaussian
from isthmus.bottlenecks.top_k import TopK
from isthmus.bottlenecks.vector_quantizer import VectorQuantizer
from isthmus.corruptions.gaussian_noise import GaussianNoise
from isthmus.corruptions.masking import Masking
from isthmus.corruptions.swap_noise import SwapNoise
from isthmus.errors import NonFiniteLossError
from isthmus.estimator import crossfit
from isthmus.estimator.judge import fold_of
from isthmus.layout import Field, Layout
from isthmus.likelihoods.by_column import ByColumn
from isthmus.model import AutoencoderModule, Recipe, can_stack, stacked, unstack
from isthmus.terms.contractive import Contractive
from isthmus.terms.l1 import L1
from isthmus.terms.mmd import Mmd
from isthmus.terms.reconstruction import Reconstruction
from isthmus.terms.sparsity_kl import SparsityKl
from isthmus.terms.weight_l1 import WeightL1
from isthmus.terms.weight_l2 import WeightL2
from isthmus.trace import Batch
from isthmus.training import ReplicaTrainer, Training, examples
from isthmus.training.step import WORTH

R, STEPS = 3, 12
MASKED = Masking(rate=(0.1, 0.6), judge="hidden")


def rows(n=60, width=4, *, gaps=False):
    """Rows on a curved surface; with ``gaps`` some cells are missing."""
    chance = torch.Generator().manual_seed(1)
    low = torch.randn(n, 2, generator=chance)
    x = torch.tanh(low @ torch.randn(2, width, generator=chance))
    if not gaps:
        return Batch(x)
    visible = (torch.rand(n, width, generator=chance) > 0.2).float()
    return Batch(x * visible, visible)


def modules_for(count=R, layout=None, *, missing=False, **parts):
    parts = {"architecture": Mlp(hidden=(8,)), "bottleneck": Dense(size=2), **parts}
    made = []
    for seed in range(count):
        torch.manual_seed(seed)
        layout = layout or Layout.of(4)
        made.append(AutoencoderModule(Recipe(**parts), layout, missing=missing))
    return made


def members_of(n, count=R):
    """Replica r leaves out the rows of which the number is r, modulo R."""
    return [torch.arange(n)[torch.arange(n) % count != r] for r in range(count)]


def learned(modules, data, training, *, together, steps=STEPS):
    """Weights of all replicas after training together or one after another."""
    count, parts = len(modules), members_of(len(data), len(modules))
    groups = [range(count)] if together else [[r] for r in range(count)]
    for group in groups:
        some = [modules[r] for r in group]
        model = stacked(some) if together else some[0]
        trainer = ReplicaTrainer(model, training, [7 + r for r in group])
        trainer.fit(data, [parts[r] for r in group], steps)
        if together:
            unstack(model, some)
    return [module.state_dict() for module in modules]


def settings(**given):
    return Training(**{"batch_size": 16, "learning_rate": 1e-2, **given})


RECIPES = {
    "dense": {},
    "masked": {"corruption": MASKED, "architecture": Resnet(width=6)},
    "wide code": {
        "corruption": MASKED,
        "architecture": Resnet(width=6, blocks=2),
        "bottleneck": Dense(size=6),
    },
    "noise": {"corruption": GaussianNoise()},
    "swaps": {"corruption": SwapNoise()},
    "L1": {"terms": (Reconstruction(), L1(weight=0.5))},
    "batch norm": {"architecture": Mlp(hidden=(8,), norm="batch")},
    "residual": {"architecture": Mlp(hidden=(8, 6), residual=True, norm="layer")},
    "tied": {"architecture": Mlp(hidden=(8,), tied=True)},
    "top k": {"bottleneck": TopK(size=4, k=2)},
    "small weights": {
        "terms": (Reconstruction(), WeightL1(weight=0.01), WeightL2(weight=0.05))
    },
    "sparse": {
        "bottleneck": Dense(size=3, activation="sigmoid"),
        "terms": (Reconstruction(), SparsityKl()),
    },
}
TRAININGS = {
    "plain": {},
    "decay": {"weight_decay": 0.1, "optimizer": "adamw"},
    "clipped": {"clip_norm": 0.05, "optimizer": "sgd", "learning_rate": 0.1},
    "often clipped": {"clip_ratio": 0.9, "optimizer": "sgd", "learning_rate": 1e-3},
    "cut off": {"cutoff": 1.5, "optimizer": "adamw", "schedule": "one_cycle"},
}


@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("name", RECIPES)
def test_replicas_learn_together_what_each_learns_alone(name, training):
    parts, rule = RECIPES[name], settings(**TRAININGS[training])
    if name == "batch norm":  # Adam blows up the rounding of gradients that are 0
        rule = rule.changed(optimizer="sgd")
    gaps = name in {"masked", "wide code", "noise"}
    data, kind = rows(gaps=gaps), {**parts, "missing": gaps}
    assert can_stack(modules_for(1, **kind)[0].recipe)
    before = modules_for(**kind)[0].state_dict()
    one = learned(modules_for(**kind), data, rule, together=False)
    all_at_once = learned(modules_for(**kind), data, rule, together=True)
    for alone, along in zip(one, all_at_once, strict=True):
        torch.testing.assert_close(along, alone, rtol=1e-5, atol=1e-5)
    for other in (before, one[1]):
        assert max((one[0][k] - other[k]).abs().max() for k in before) > 1e-3


def test_replicas_of_a_mixed_table_learn_together_what_each_learns_alone():
    fields = (
        Field(content="real", shape=(2,)),
        Field(content="binary", shape=(1,)),
        Field(content="category", shape=(1,), levels=4),
    )
    layout = Layout(fields=fields, cells=(0, 0, 1, 2), weights=(1, 0.5, 2, 1))
    chance = torch.Generator().manual_seed(0)
    x = torch.cat(
        [
            torch.randn(60, 2, generator=chance),
            torch.randint(0, 2, (60, 1), generator=chance),
            torch.randint(0, 4, (60, 1), generator=chance),
        ],
        1,
    )
    parts = {"layout": layout, "likelihood": ByColumn(), **RECIPES["masked"]}
    rule = settings(cutoff=2.0, weight_decay=0.01, optimizer="adamw")
    both = [
        learned(modules_for(**parts), Batch(x), rule, together=together)
        for together in (False, True)
    ]
    torch.testing.assert_close(*both, rtol=0, atol=1e-5)


@pytest.mark.parametrize("together", [False, True])
def test_only_weight_matrices_decay(together):
    """No loss, no gradient: what is left of a step is the decay."""
    kind = {"architecture": Resnet(width=6), "terms": (Reconstruction(weight=0),)}
    modules = modules_for(**kind)
    for module in modules:
        for parameter in module.parameters():
            torch.nn.init.constant_(parameter, 2.0)
    rule = settings(
        optimizer="sgd", weight_decay=0.5, schedule="constant", learning_rate=0.1
    )
    for state in learned(modules, rows(), rule, together=together, steps=1):
        for value in state.values():
            decayed = 2.0 * (1 - 0.1 * 0.5) if value.dim() == 2 else 2.0
            torch.testing.assert_close(value, torch.full_like(value, decayed))


# -------------------------------------------------- rows far off left out


def test_rows_beyond_the_cutoff_per_judged_entry_are_left_out():
    (module,) = modules_for(1, corruption=MASKED, missing=True)
    data = rows(21, gaps=True)
    with torch.no_grad():
        trace = module(data, chance=True)
    total, _ = module.loss(trace, cutoff=1.5)
    each, sums = [], []
    for i in range(21):
        errors = (trace.x[i] - trace.params[i]).square() * trace.judged[i]
        each.append(float(errors.sum()) / max(float(trace.judged[i].sum()), 1e-12))
        sums.append(float(errors.sum()))
    kept = [i for i in range(21) if each[i] <= 1.5 * sorted(each)[10]]
    expected = sum(sums[i] for i in kept) / len(kept)
    assert 11 <= len(kept) < 21
    assert float(total) == pytest.approx(expected, rel=1e-5)
    by_sum = [i for i in range(21) if sums[i] <= 1.5 * sorted(sums)[10]]
    assert by_sum != kept  # it is not the sum that decides
    assert float(module.loss(trace)[0]) == pytest.approx(sum(sums) / 21, rel=1e-5)


def _cut_off(modules, data, cutoff):
    model = stacked(modules) if len(modules) > 1 else modules[0]
    x = data.x.expand(len(modules), *data.x.shape) if len(modules) > 1 else data.x
    x = x.clone().requires_grad_()
    trace = model(Batch(x), chance=False)
    model.loss(trace, cutoff)[0].sum().backward()
    return x.grad, trace.distortion


@pytest.mark.parametrize("name", ["dense", "L1"])
@pytest.mark.parametrize("count", [1, 3])
def test_rows_that_are_left_out_have_no_gradient(name, count):
    grad, cost = _cut_off(modules_for(count, **RECIPES[name]), rows(21), 1.0)
    far = cost > cost.median(-1, keepdim=True).values
    assert far.any(-1).all()
    assert (grad[far] == 0).all()
    assert (grad[~far].abs().sum(-1) > 0).all()


def test_the_better_half_of_a_batch_is_never_left_out():
    (module,) = modules_for(1)
    trace = module(rows(3), chance=False)
    best = trace.distortion.detach().sort().values[:2].mean()
    assert float(module.loss(trace, 1.0)[0].detach()) == pytest.approx(float(best))


# -------------------------------------------------- chance and accidents


@pytest.mark.parametrize("together", [False, True])
def test_a_loss_that_is_not_finite_in_one_replica_ends_training(together):
    data = rows(60)
    data.x[1::R] = 1e30  # replica 1 leaves these out
    modules, parts = modules_for(), members_of(60)
    if together:
        trainer = ReplicaTrainer(stacked(modules), settings(), [1, 2, 3])
        with pytest.raises(NonFiniteLossError, match="infinite or not a number"):
            trainer.fit(data, parts, STEPS)
    else:
        ReplicaTrainer(modules[1], settings(), [2]).fit(data, [parts[1]], STEPS)
        with pytest.raises(NonFiniteLossError, match="infinite or not a number"):
            ReplicaTrainer(modules[0], settings(), [1]).fit(data, [parts[0]], STEPS)


def test_the_draws_of_a_stack_leave_the_callers_alone():
    torch.manual_seed(3)
    model = stacked(modules_for(corruption=MASKED))
    before = torch.get_rng_state()
    ReplicaTrainer(model, settings(), [1, 2, 3]).fit(rows(), members_of(60), STEPS)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_same_seeds_give_the_same_bits():
    found = []
    for other in (0, 99):
        modules = modules_for(corruption=MASKED)
        torch.manual_seed(other)
        found.append(learned(modules, rows(), settings(), together=True))
    torch.testing.assert_close(*found, rtol=0, atol=0)


def test_a_batch_is_full_and_every_row_is_met_as_often():
    seen = [[], [], []]
    model = stacked(modules_for())
    trainer = ReplicaTrainer(model, settings(batch_size=15), [1, 2, 3])
    draw = trainer._next

    def watched(r, members, size):
        seen[r].append(draw(r, members, size))
        return seen[r][-1]

    trainer._next = watched
    trainer.fit(rows(60), members_of(60), 16)  # six passes over forty rows
    for r, batches in enumerate(seen):
        assert {len(batch) for batch in batches} == {15}
        met = collections.Counter(torch.cat(batches).tolist())
        assert set(met) == set(members_of(60)[r].tolist())
        assert set(met.values()) == {6}


def test_epochs_of_ones_own_are_passes_over_the_rows(monkeypatch):
    met = []
    draw = ReplicaTrainer._next

    def watched(self, r, members, size):
        found = draw(self, r, members, size)
        met.append((r, len(found)))
        return found

    monkeypatch.setattr(ReplicaTrainer, "_next", watched)
    inner = isthmus.Autoencoder(size=2, epochs=5, hidden=(4,))
    isthmus.AnomalyDetector(autoencoder=inner, folds=2, verbose=0).fit(rows(64).x)
    for r in (0, 1):
        assert sum(size for k, size in met if k == r) == 5 * 64


@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "gaps"])
def test_replayed_steps_of_replicas_give_the_same_bits(gaps):
    found = []
    for replay in (False, True):
        modules = modules_for(corruption=MASKED, missing=gaps)
        model = stacked(modules)
        training = settings(replay=replay)
        trainer = ReplicaTrainer(model, training, [3, 4, 5])
        trainer.fit(rows(gaps=gaps), members_of(60), 2 * WORTH)
        assert (trainer.path["steps"] == "replayed") == replay
        found.append((model.state_dict(), trainer.history))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=0, atol=0)
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize("parts", [{}, {"corruption": MASKED}], ids=["clean", "masked"])
def test_how_many_steps_are_gathered_at_once_changes_nothing(parts, monkeypatch):
    found = []
    for chunk in (1, 2000, 10**9):
        monkeypatch.setattr(examples, "CHUNK", chunk)
        found.append(learned(modules_for(**parts), rows(), settings(), together=True))
    for other in found[1:]:
        torch.testing.assert_close(found[0], other, rtol=0, atol=0)


def test_every_step_and_every_replica_is_corrupted_anew():
    model, seen = stacked(modules_for(2, corruption=MASKED)), []
    corrupt = model.corrupt
    model.corrupt = lambda batch: seen.append(corrupt(batch)) or seen[-1]
    ReplicaTrainer(model, settings(), [1, 2]).fit(rows(), members_of(60, 2), 3)
    masks = [corrupted.visible for corrupted in seen]
    assert len(masks) == 6
    for one, two in itertools.combinations(masks, 2):
        assert not torch.equal(one, two)


DRAWING = {
    "dropout": {"architecture": Mlp(hidden=(8,), dropout=0.2)},
    "resnet with dropout": {"architecture": Resnet(width=6, dropout=0.2)},
    "gaussian": {"bottleneck": Gaussian(size=2)},
    "codebook": {"bottleneck": VectorQuantizer(size=2)},
    "mmd": {"terms": (Reconstruction(), Mmd())},
    "contractive": {"terms": (Reconstruction(), Contractive(probes=1))},
}


@pytest.mark.parametrize("name", DRAWING)
def test_what_draws_for_itself_is_not_stacked(name):
    assert not can_stack(modules_for(1, **DRAWING[name])[0].recipe)


@pytest.mark.parametrize("parts", [{}, {"corruption": MASKED}], ids=["clean", "masked"])
def test_what_a_step_draws_follows_from_its_number(parts):
    (module,) = modules_for(1, **DRAWING["dropout"], **parts)
    trainer, drawn = ReplicaTrainer(module, settings(), [3]), []
    with torch.random.fork_rng():
        for step in (7, 8, 7):
            trainer._corrupted(rows(), step)
            drawn.append(torch.rand(()))
    assert drawn[0] == drawn[2] != drawn[1]


@pytest.mark.parametrize("name", ["dropout", "gaussian", "codebook"])
def test_what_is_not_stacked_is_trained_in_turn(name):
    X = rows(60).x.numpy()
    inner = isthmus.Autoencoder(size=2, epochs=3, hidden=(8,), **DRAWING[name])
    detector = isthmus.AnomalyDetector(
        autoencoder=inner, effort="fast", folds=2, verbose=0
    ).fit(X)
    replicas = detector._scorer.judge.replicas
    assert len(replicas) == 2
    one, two = (torch.nn.utils.parameters_to_vector(m.parameters()) for m in replicas)
    assert (one - two).abs().max() > 1e-3
    assert np.isfinite(detector.score_samples(X)).all()


# -------------------------------------------------- folds


def by_hand(row, visible, folds):
    """The hash of splitmix64 in plain whole numbers, row by row."""
    most, found = 2**64 - 1, 0x9E3779B97F4A7C15
    for entry, seen in zip(row, visible, strict=True):
        bits = int(np.float32(entry + 0.0).view(np.uint32)) if seen else 0x7FC00000
        found ^= bits
        found ^= found >> 30
        found = found * 0xBF58476D1CE4E5B9 & most
        found ^= found >> 27
        found = found * 0x94D049BB133111EB & most
        found ^= found >> 31
    return found % folds


@pytest.mark.parametrize("folds", [2, 3, 4, 8, 64])
@pytest.mark.parametrize("gaps", [False, True])
def test_a_fold_is_the_documented_hash(folds, gaps):
    data = rows(40, gaps=gaps)
    data.x[0, 0] = -0.0
    seen = torch.ones_like(data.x) if data.visible is None else data.visible
    expected = [
        by_hand(x, known, folds)
        for x, known in zip(data.x.numpy(), seen.numpy(), strict=True)
    ]
    assert fold_of(data, folds).tolist() == expected


def test_equal_rows_share_a_fold_in_whatever_table_and_order_they_stand():
    data = rows(200)
    place = fold_of(data, 5)
    order = torch.randperm(200)
    np.testing.assert_array_equal(fold_of(data.rows(order), 5), place[order])
    twice = torch.cat([data.x[:7], data.x])
    np.testing.assert_array_equal(fold_of(Batch(twice), 5), [*place[:7], *place])
    strided = Batch(data.x.T.contiguous().T)
    np.testing.assert_array_equal(fold_of(strided, 5), place)


def test_a_complete_row_has_its_fold_beside_rows_that_are_not():
    data = rows(200)
    told = Batch(data.x, torch.ones_like(data.x))
    np.testing.assert_array_equal(fold_of(told, 5), fold_of(data, 5))


def test_both_zeros_are_one_and_a_missing_cell_is_not_zero():
    x = torch.zeros(2, 3)
    x[1] = -0.0
    assert len(set(fold_of(Batch(x), 64).tolist())) == 1
    patterns = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6)
    found = fold_of(Batch(torch.zeros(64, 6), patterns), 64)
    assert len(set(found.tolist())) > 32


@pytest.mark.parametrize("kind", ["numbers", "categories", "binary"])
@pytest.mark.parametrize("folds", [2, 3, 4, 8])
def test_folds_are_about_equally_large(kind, folds):
    chance, n = np.random.default_rng(0), 4000
    x = {
        "numbers": chance.normal(size=(n, 3)),
        "categories": np.indices((20, 20, 10)).reshape(3, -1).T,
        "binary": np.indices((2,) * 12).reshape(12, -1).T[:n],
    }[kind]
    sizes = np.bincount(fold_of(Batch(torch.from_numpy(x).float()), folds))
    usual, spread = n / folds, math.sqrt(n / folds * (1 - 1 / folds))
    assert len(sizes) == folds
    assert np.abs(sizes - usual).max() < 4.5 * spread


def test_no_replica_learns_the_rows_that_it_judges(monkeypatch):
    """A row that is moved moves every replica, except that of its fold."""
    X = rows(40).x.double().numpy()
    given = []

    def watched(estimator, modules, task, *more):
        given.append(task[:2])
        train(estimator, modules, task, *more)

    train = crossfit.train_replicas
    monkeypatch.setattr(crossfit, "train_replicas", watched)
    inner = isthmus.Autoencoder(
        size=2, epochs=2, hidden=(4,), training=isthmus.Training(cutoff=None)
    )
    detector = isthmus.AnomalyDetector(
        autoencoder=inner, effort="fast", folds=4, verbose=0
    ).fit(X)
    ((data, members),) = given
    place = detector._scorer.judge.folds(data)
    for k, rows_of_it in enumerate(members):
        np.testing.assert_array_equal(rows_of_it, np.flatnonzero(place != k))
    moved = Batch(data.x.clone())
    moved.x[0] += 0.5
    trained = []
    for batch in (data, moved):
        modules = modules_for(4)
        for k, module in enumerate(modules):
            trainer = ReplicaTrainer(module, settings(), [k])
            trainer.fit(batch, [members[k]], 6)
        trained.append([next(m.parameters()).detach() for m in modules])
    for k, (then, now) in enumerate(zip(*trained, strict=True)):
        assert torch.equal(then, now) == (k == place[0])


def test_rows_of_a_fold_that_holds_most_of_them_are_learned_all_the_same():
    place = np.array([0, 0, 0, 1])
    assert crossfit._others(place, 0).tolist() == [0, 1, 2, 3]
    assert crossfit._others(place, 1).tolist() == [0, 1, 2]
