"""Questions to a model about its cells, answered a second time by hand."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats

from isthmus.architectures.resnet import Resnet
from isthmus.bottlenecks.dense import Dense
from isthmus.corruptions.masking import Masking
from isthmus.layout import Field, Layout
from isthmus.likelihoods.by_column import ByColumn
from isthmus.model import AutoencoderModule, Recipe
from isthmus.scores.excess import WEIGHT, Excess
from isthmus.scores.hidden import MOST_ALONE, Hidden
from isthmus.scores.marginal import LEAST, Marginal
from isthmus.scores.rebuilt import Rebuilt
from isthmus.scores.yardstick import (
    FREEDOM,
    LEAST_DEVIANCE,
    LEAST_ERROR,
    MOST_DEVIANCE,
    Yardstick,
)
from isthmus.trace import Batch, Context

MIXED = Layout(
    fields=(
        Field(content="real", shape=(3,)),
        Field(content="binary", shape=(1,)),
        Field(content="category", shape=(2,), levels=4),
    ),
    cells=(0, 0, 1, 2, 3, 4),
    weights=(1.0, 0.5, 2.0, 1.0, 3.0, 1.0),
)


def rows(n=30, *, gaps=True, seed=0):
    """Two real entries of one cell, a third, a binary one and two categories."""
    chance = torch.Generator().manual_seed(seed)
    real = torch.randn(n, 3, generator=chance)
    flag = torch.randint(0, 2, (n, 1), generator=chance).float()
    kind = torch.randint(0, 4, (n, 2), generator=chance).float()
    x = torch.cat([real, flag, kind], 1)
    if not gaps:
        return Batch(x)
    cells = (torch.rand(n, 5, generator=chance) > 0.25).float()
    visible = cells[:, list(MIXED.cells)]
    return Batch(x * visible, visible)


@pytest.fixture(scope="module")
def module():
    torch.manual_seed(0)
    recipe = Recipe(
        architecture=Resnet(width=8),
        bottleneck=Dense(size=4),
        corruption=Masking(rate=(0.1, 0.6), judge="hidden"),
        likelihood=ByColumn(),
    )
    made = AutoencoderModule(recipe, MIXED, missing=True).eval()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return made


def logs_of(y, x):
    """log p of the six entries of a row, from the twelve answers of the decoder."""
    y, x = y.double().numpy(), x.double().numpy()
    found = [-((x[j] - y[j]) ** 2) for j in range(3)]
    found.append(stats.bernoulli.logpmf(x[3], 1 / (1 + math.exp(-y[3]))))
    for j, first in ((4, 4), (5, 8)):
        logits = y[first : first + 4]
        found.append(logits[int(x[j])] - np.log(np.exp(logits).sum()))
    return np.array(found)


def answer(module, x, seen):
    """The decoder's answer to one row of which the encoder sees some entries."""
    view = module.likelihood.view((x * seen).unsqueeze(0))
    code = module.bottleneck.mode(module.encoder(view, Context(seen.unsqueeze(0))))
    return module.decoder(code)[0]


# -------------------------------------------------- hidden


@pytest.mark.parametrize("gaps", [False, True])
def test_hidden_is_the_mean_surprise_where_a_cell_was_hidden(module, gaps):
    batch = rows(gaps=gaps)
    head = Hidden(rounds=3).fit(MIXED, batch)
    with torch.no_grad():
        found = head(module, batch)
        expected = np.zeros((30, 6))
        for i, x in enumerate(batch.x):
            known = torch.ones(6) if batch.visible is None else batch.visible[i]
            times = np.zeros(6)
            for mask in head.masks.float():
                logs = logs_of(answer(module, x, known * mask), x)
                for j in range(6):
                    if mask[j] == 0:
                        expected[i, j] -= logs[j]
                        times[j] += 1
            expected[i] *= known.numpy() / times
    np.testing.assert_allclose(found, expected, atol=2e-4)
    if gaps:
        assert (found[batch.visible == 0] == 0).all()


@pytest.mark.parametrize("cells", [1, 2, 3, 4, 5, 9, 40])
@pytest.mark.parametrize("rounds", [1, 6])
def test_every_cell_is_hidden_equally_often(cells, rounds):
    head = Hidden(rounds=rounds).fit(Layout.of(cells), Batch(torch.zeros(1, cells)))
    hidden = ~head.masks.bool()
    assert hidden.sum(0).tolist() == [rounds] * cells
    largest = math.ceil(cells / min(4, cells))
    assert 1 <= hidden.sum(1).min() <= hidden.sum(1).max() <= largest


def test_the_masks_are_the_same_for_the_same_layout_and_leave_chance_alone():
    before = torch.get_rng_state()
    one, two = (Hidden().fit(MIXED, rows(seed=seed)) for seed in (1, 2))
    assert torch.equal(one.masks, two.masks)
    assert torch.equal(before, torch.get_rng_state())


def test_entries_of_one_cell_are_hidden_together():
    masks = Hidden(rounds=8).fit(MIXED, rows()).masks
    assert torch.equal(masks[:, 0], masks[:, 1])
    for a, b in itertools.combinations([0, 2, 3, 4, 5], 2):
        assert not torch.equal(masks[:, a], masks[:, b])


def test_what_is_expected_of_a_cell_does_not_depend_on_it(module):
    batch = rows(gaps=False)
    head = Hidden().fit(MIXED, batch)
    with torch.no_grad():
        found = head.expected(module, batch)
        for i, x in enumerate(batch.x):
            for cell in range(5):
                seen = (torch.tensor(MIXED.cells) != cell).float()
                y = answer(module, x, seen)
                mean = module.likelihood.mean(y.unsqueeze(0))[0]
                logs = torch.from_numpy(logs_of(y, x)).float()
                own = seen == 0
                torch.testing.assert_close(found.mean[i][own], mean[own])
                actual = found.log_actual[i][own]
                torch.testing.assert_close(actual, logs[own], atol=1e-4, rtol=1e-4)
        moved = Batch(batch.x.clone())
        moved.x[:, :2] += 1
        again = head.expected(module, moved)
    torch.testing.assert_close(again.mean[:, :2], found.mean[:, :2], rtol=0, atol=0)
    assert (again.mean[:, 2] != found.mean[:, 2]).any()


def test_of_many_cells_several_are_hidden_at_a_time_for_what_is_expected():
    width = 2 * MOST_ALONE + 3
    parts = {"architecture": Resnet(width=4), "bottleneck": Dense(size=2)}
    recipe = Recipe(**parts, corruption=Masking(judge="hidden"))
    wide = AutoencoderModule(recipe, Layout.of(width)).eval()
    batch, asked = Batch(torch.randn(3, width)), []
    rebuild = wide.rebuild_hidden
    wide.rebuild_hidden = lambda b, h: asked.append(h) or rebuild(b, h)
    with torch.no_grad():
        found = Hidden().fit(wide.layout, batch).expected(wide, batch)
    masks = torch.cat(asked)
    assert len(masks) == MOST_ALONE
    assert (masks.sum(0) == 1).all()
    assert (found.log_actual != 0).all()


# -------------------------------------------------- excess


def test_excess_adds_what_rarity_says_beyond_the_rarest_of_a_row():
    chance = np.random.default_rng(0)
    cells = chance.normal(size=(200, 4)).astype(np.float32)
    excess = Excess.learned(torch.from_numpy(cells), None, weight=2.0)
    asked = np.concatenate([cells[:50], cells[:50] + 3, cells[:50] - 9])
    found = excess(torch.from_numpy(asked)).numpy()
    share = (1 + (cells[None] >= asked[:, None]).sum(1)) / 201
    beyond = np.maximum(-np.log(share) - math.log(4), 0)
    np.testing.assert_allclose(found, asked + 2 * WEIGHT * beyond, rtol=1e-5, atol=1e-5)
    assert 0 < (beyond[:50] > 0).any(1).mean() < 1
    assert (found[100:] == asked[100:]).all()  # nothing is odd in being usual


def test_excess_leaves_missing_cells_alone():
    cells, seen = torch.randn(50, 3), torch.ones(50, 3)
    seen[:20, 0], seen[:, 2] = 0, 0
    excess = Excess.learned(cells * seen, seen)
    assert (excess(cells * seen, seen)[seen == 0] == 0).all()
    assert excess.known.tolist() == [30, 50, 0]


# -------------------------------------------------- marginal


def marginal_of(x, asked, *, ordered=True):
    """The surprise of each of ``asked`` among ``x``, in loops."""
    found = []
    middle = x.mean(dtype=float)
    squares = np.quantile((x - middle) ** 2, 0.5, method="lower")
    square = max(squares / stats.chi2(1).median(), LEAST)
    density = stats.t(FREEDOM, scale=math.sqrt(square)).logpdf
    for v in asked:
        out = min((x <= v).sum(), (x >= v).sum()) if ordered else (x == v).sum()
        rare = -math.log((out + 0.5) / (len(x) + 1))
        far = density(0) - density(v - middle)
        found.append((rare + far) / 2 if ordered else rare)
    return found


@pytest.mark.parametrize("n", [2, 30, 256])
def test_marginal_counts_rows_further_out_and_takes_distances(n):
    x = np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)
    x[:, 1] = np.rint(x[:, 1])  # ties
    x[:, 2] = 0.3  # a constant column
    head = Marginal().fit(Layout.of(4), Batch(torch.from_numpy(x)))
    asked = np.concatenate([x, 2 * x, np.rint(x), x + 50, x - 50])
    found = head(None, Batch(torch.from_numpy(asked)))
    expected = np.stack([marginal_of(x[:, j], asked[:, j]) for j in range(4)], 1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_marginal_keeps_some_of_many_numbers_and_is_right_within_a_tenth():
    x = np.random.default_rng(0).standard_t(2, size=(100_000, 1)).astype(np.float32)
    head = Marginal().fit(Layout.of(1), Batch(torch.from_numpy(x)))
    assert head.values.shape[1] == Marginal().points
    asked = np.quantile(x, [0, 1e-5, 1e-3, 0.1, 0.3, 0.5, 0.9, 0.999, 1]).astype("f4")
    found = head(None, Batch(torch.from_numpy(asked[:, None])))[:, 0]
    np.testing.assert_allclose(found, marginal_of(x[:, 0], asked), atol=0.1)


def test_marginal_of_levels_is_their_share():
    layout = Layout(
        fields=(
            Field(content="category", shape=(1,), levels=400),
            Field(content="binary", shape=(1,)),
        )
    )
    chance = np.random.default_rng(0)
    x = np.stack([chance.integers(400, size=900), chance.random(900) < 0.1], 1)
    x = x.astype(np.float32)
    asked = np.concatenate([x, [[399.0, 1.0], [7.0, 0.0]]]).astype(np.float32)
    head = Marginal().fit(layout, Batch(torch.from_numpy(x)))
    found = head(None, Batch(torch.from_numpy(asked)))
    for j in (0, 1):
        expected = marginal_of(x[:, j], asked[:, j], ordered=False)
        np.testing.assert_allclose(found[:, j], expected, rtol=1e-5)


def test_the_distance_tells_cells_beyond_all_rows_apart():
    x = torch.linspace(-1, 1, 101).unsqueeze(1)
    head = Marginal().fit(Layout.of(1), Batch(x))
    near, far, farther = head(None, Batch(torch.tensor([[1.0], [2.0], [2000.0]])))
    assert near < far < farther


def test_missing_cells_are_neither_counted_nor_odd():
    batch = rows(200)
    head = Marginal().fit(MIXED, batch)
    seen = batch.visible[:, 0] > 0
    known = Batch(batch.x[seen][:, :1])
    alone = Marginal().fit(Layout.of(1), known)
    found = head(None, batch)
    torch.testing.assert_close(found[seen][:, :1], alone(None, known))
    assert (found[batch.visible == 0] == 0).all()


def test_a_column_of_which_all_is_missing_can_be_asked_about():
    void = Batch(torch.zeros(20, 2), torch.tensor([[1.0, 0.0]]).repeat(20, 1))
    head = Marginal().fit(Layout.of(2), void)
    assert (head(None, void)[:, 1] == 0).all()
    assert head(None, Batch(torch.ones(3, 2))).isfinite().all()


# -------------------------------------------------- rebuilt


def test_rebuilt_is_the_unweighted_surprise(module):
    batch = rows()
    with torch.no_grad():
        found = Rebuilt().fit(MIXED, batch)(module, batch)
        for i, (x, known) in enumerate(zip(batch.x, batch.visible, strict=True)):
            logs = logs_of(answer(module, x, known), x) * known.numpy()
            np.testing.assert_allclose(found[i], -logs, atol=2e-4)
    assert (found[batch.visible == 0] == 0).all()


# -------------------------------------------------- yardstick


def middle(values):
    """The lower of the two middle ones of an even number."""
    return np.sort(values)[(len(values) - 1) // 2]


@pytest.mark.parametrize("n", [40, 41])
@pytest.mark.parametrize("gaps", [False, True])
def test_errors_become_densities_of_student(n, gaps):
    chance = np.random.default_rng(0)
    errors = chance.standard_t(4, size=(n, 4)) * [1, 3, 0.2, 1e-6]
    seen = chance.random((n, 4)) > 0.3 if gaps else np.ones((n, 4), bool)
    answers = torch.from_numpy(errors**2).float()
    visible = torch.from_numpy(seen).float() if gaps else None
    yardstick = Yardstick.learned(Hidden(), Layout.of(4), answers, visible)
    found = yardstick(answers, visible).double().numpy()
    total = np.zeros((n, 4))
    for j in range(4):
        known = errors[seen[:, j], j]
        square = max(middle(known**2) / stats.chi2(1).median(), LEAST_ERROR)
        density = stats.t(FREEDOM, scale=math.sqrt(square)).logpdf
        surprise = density(0) - density(errors[:, j])
        total[:, j] = (surprise - middle(surprise[seen[:, j]])) * seen[:, j]
    spread = stats.iqr(total.sum(1)) / 1.349
    np.testing.assert_allclose(found, total / spread, atol=2e-3, rtol=1e-3)
    assert (found[~seen] == 0).all()
    sums = found.sum(1)
    assert stats.iqr(sums) == pytest.approx(1.349, rel=1e-4)


def test_surprises_stay_nats():
    answers = torch.tensor([[1.0, 2.0], [2.0, 8.0], [3.0, 20.0]])
    yardstick = Yardstick.learned(Marginal(), Layout.of(2), answers, None)
    expected = (answers - torch.tensor([2.0, 8.0])) / yardstick.spread
    torch.testing.assert_close(yardstick(answers), expected)


def test_log_probabilities_enter_as_squared_deviance_residuals():
    chance = np.random.default_rng(1)
    nats = chance.exponential(size=(41, 6)) * [1, 1, 1, 1, 5, 1e-4]
    answers = torch.from_numpy(nats).float()
    yardstick = Yardstick.learned(Hidden(), MIXED, answers, None)
    found = yardstick(answers).double().numpy() * float(yardstick.spread)
    real = MIXED.holding("real").tolist()
    for j in range(6):
        squares = nats[:, j] if real[j] else 2 * nats[:, j]
        least = LEAST_ERROR if real[j] else LEAST_DEVIANCE
        scale = max(middle(squares) / stats.chi2(1).median(), least)
        scale = scale if real[j] else min(scale, MOST_DEVIANCE)
        density = stats.t(FREEDOM, scale=math.sqrt(scale)).logpdf
        surprise = density(0) - density(np.sqrt(squares))
        expected = surprise - middle(surprise)
        np.testing.assert_allclose(found[:, j], expected, atol=2e-3, rtol=1e-3)


def test_no_cell_drowns_the_others_and_nothing_is_divided_by_zero():
    answers = torch.zeros(20, 2)
    yardstick = Yardstick.learned(Hidden(), Layout.of(2), answers, None)
    assert yardstick(answers).eq(0).all()
    ordinary = torch.rand(20, 2)
    yardstick = Yardstick.learned(Hidden(), Layout.of(2), ordinary, None)
    worst = yardstick(torch.tensor([[1e9, 0.0]]))
    assert worst.isfinite().all()
    assert float(worst[0, 0]) < 200


def test_errors_where_nothing_ever_differed_are_not_blown_up():
    answers = torch.rand(99, 2) * 1e-3
    still = torch.tensor([False, True])
    yardstick = Yardstick.learned(Hidden(), Layout.of(2), answers, None, still)
    moving, constant = (yardstick(answers) * yardstick.spread).std(0).tolist()
    assert constant < 0.3 * moving
    assert yardstick(torch.tensor([[0.0, 9.0]]))[0, 1] > 5 / float(yardstick.spread)


def test_a_column_without_a_cell_has_a_yardstick():
    visible = torch.tensor([[1.0, 0.0]]).repeat(20, 1)
    answers = torch.rand(20, 2) * visible
    yardstick = Yardstick.learned(Hidden(), Layout.of(2), answers, visible)
    assert yardstick(torch.rand(5, 2)).isfinite().all()
