"""A recorded computation gives what it would give if it were run again, to the bit."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional

import isthmus
from isthmus.architectures.modules import Modules
from isthmus.bottlenecks.dense import Dense
from isthmus.layout import Field, Layout
from isthmus.model import AutoencoderModule, Recipe
from isthmus.parts import Architecture, Bottleneck, Corruption, Likelihood, Term
from isthmus.replay import Replayed
from isthmus.replay import replayed as recordings
from isthmus.replay.goals import COPY, in_place
from isthmus.replay.homes import Homes
from isthmus.replay.program import repeated
from isthmus.replay.recorder import listen, memory
from isthmus.trace import Batch
from isthmus.training import Trainer, Training
from isthmus.training.adam import Adam
from isthmus.training.flat import FlatParameters
from isthmus.training.step import WORTH, Gradients

DRAWS = {
    "real": torch.randn,
    "unit": torch.rand,
    "count": lambda *shape: torch.poisson(torch.full(shape, 3.0)),
    "level": lambda *shape: torch.rand(*shape).round(),
}
FAMILIES = Architecture, Bottleneck, Corruption, Likelihood, Term
EXAMPLES = [
    spec
    for family in FAMILIES
    for kind in family.kinds().values()
    for spec in kind.examples()
]


def model_with(spec, *, missing, stack=0):
    """A model with this part, and whatever it needs beside it."""
    name = next(f.__name__.lower() for f in FAMILIES if isinstance(spec, f))
    parts = {name: spec} if name != "term" else {"terms": (spec,)}
    if name == "term":
        kinds = Bottleneck.kinds().values()
        some = (one for kind in kinds for one in kind.examples())
        parts["bottleneck"] = next(one for one in some if spec.needs <= one.traits())
    recipe = Recipe(**({"bottleneck": Dense(size=2)} | parts))
    content = recipe.likelihood.prefers or "real"
    levels = 2 if content == "level" else None
    shape = (2, 2) if getattr(spec, "axes", None) == 2 else (4,)
    layout = Layout(fields=(Field(content=content, shape=shape, levels=levels),))
    torch.manual_seed(1)
    return AutoencoderModule(recipe, layout, missing=missing, stack=stack), content


def states(model):
    return {k: v.clone() for k, v in model.state_dict().items()}


def same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=0, atol=0, msg=name)


REPLAYED = [spec for spec in EXAMPLES if getattr(spec, "replayable", True)]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("missing", [False, True], ids=["whole", "gaps"])
@pytest.mark.parametrize("spec", REPLAYED, ids=repr)
def test_every_part_trains_to_the_same_bits(spec, missing, precision, monkeypatch):
    """Batches of two sizes, each often enough, with all that a step draws and keeps."""
    seen = []
    watched = Gradients.__init__
    monkeypatch.setattr(
        Gradients, "__init__", lambda s, *a: (watched(s, *a), seen.append(s))[0]
    )

    def trained(*, replay):
        model, content = model_with(spec, missing=missing)
        x = DRAWS.get(content, torch.randn)(12, *model.event)
        visible = torch.rand(12, *model.event).round() if missing else None
        data = Batch(x if visible is None else x * visible, visible)
        training = Training(epochs=WORTH, batch_size=8, replay=replay, cutoff=4.0)
        trainer = Trainer(model, training.changed(precision=precision), seed=3)
        trainer.fit(data, validation=data)
        return states(model), trainer.history

    plain, replayed = trained(replay=False), trained(replay=True)
    same(plain[0], replayed[0])
    assert plain[1] == replayed[1]
    first, second = seen
    assert first.replayed is None
    assert second.replayed.reason is None, spec
    assert len(second.replayed.recordings) == 2


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("decoupled", [False, True])
def test_adam_is_that_of_torch(decoupled, decay):
    """Our call of the fused kernel, and the optimiser around it."""
    kinds = {False: torch.optim.Adam, True: torch.optim.AdamW}
    torch.manual_seed(0)
    ours, theirs = (nn.Parameter(torch.ones(7)) for _ in range(2))
    mine = Adam(
        [{"params": [ours], "weight_decay": decay}], lr=0.1, decoupled=decoupled
    )
    other = kinds[decoupled]([theirs], lr=0.1, weight_decay=decay, fused=True)
    for step in range(20):
        ours.grad = torch.randn(7)
        theirs.grad = ours.grad.clone()
        for rule in (mine, other):
            rule.param_groups[0]["lr"] = 0.1 / (1 + step)
            rule.step()
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_adam_goes_on_where_it_was():
    torch.manual_seed(0)
    weights = [nn.Parameter(torch.ones(5)) for _ in range(2)]
    rules = [Adam([{"params": [w]}], lr=0.1) for w in weights]
    gradients = torch.randn(8, 5)
    for gradient in gradients:
        weights[0].grad = gradient
        rules[0].step()
    for gradient in gradients[:4]:
        weights[1].grad = gradient
        rules[1].step()
    later = Adam([{"params": [weights[1]]}], lr=0.1)
    later.load_state_dict(rules[1].state_dict())
    for gradient in gradients[4:]:
        weights[1].grad = gradient
        later.step()
    assert torch.equal(*weights)


# ------------------------------------------------------------------- the mechanism


def test_a_replay_follows_arguments_state_and_chance():
    torch.manual_seed(0)
    scale = torch.ones(3)

    def function(x):
        scale.add_(1)
        noise = torch.zeros_like(x).normal_()
        return {"y": x.t().contiguous() * scale + functional.dropout(noise, 0.5).t()}

    def all_calls(call):
        torch.manual_seed(5)
        scale.fill_(1.0)
        return [call(x)["y"].clone() for x in torch.randn(6, 3, 3)]

    replayed = Replayed(function, [scale])
    expected, found = all_calls(function), all_calls(replayed)
    assert replayed.reason is None
    assert len(replayed.recordings) == 1
    assert torch.equal(torch.stack(expected), torch.stack(found))
    assert len({tuple(y.flatten().tolist()) for y in found}) == 6


def test_a_constant_is_not_computed_again_unless_it_is_changed():
    weight = torch.randn(4, 4)

    def function(x):
        constant = (torch.ones(4, 4) * 3).exp()
        total = torch.zeros(4, 4)
        total.add_(x)
        return total @ weight + constant

    replayed = Replayed(function, [weight])
    for x in torch.randn(3, 4, 4):
        weight.normal_()
        assert torch.equal(replayed(x).clone(), function(x))


def test_an_answer_that_is_only_copied_is_computed_in_place():
    weight, goal = torch.randn(3, 5), torch.zeros(5, 3)

    def function(x):
        goal.copy_((weight @ x).t())
        return goal.sum()

    replayed = Replayed(function, [weight, goal])
    for x in torch.randn(3, 5, 5):
        total = replayed(x).clone()
        assert torch.equal(goal, (weight @ x).t())
        assert torch.equal(total, goal.sum())


def test_a_copied_answer_that_others_read_stays():
    goal = torch.zeros(2)

    def function(x):
        y = x.exp()
        goal.copy_(y)
        goal.mul_(2)
        return y + 1

    replayed = Replayed(function, [goal])
    for x in torch.randn(3, 2):
        assert torch.equal(replayed(x).clone(), x.exp() + 1)
        assert torch.equal(goal, 2 * x.exp())


def test_a_copied_answer_that_is_part_of_the_answer_stays():
    goal = torch.zeros(2)

    def function(x):
        y = x.exp()
        goal.copy_(y)
        return y

    replayed = Replayed(function, [goal])
    for x in torch.randn(3, 2):
        assert torch.equal(replayed(x).clone(), x.exp())
        assert torch.equal(goal, x.exp())


@pytest.mark.parametrize("between", ["read", "written", "copied"])
def test_a_goal_that_is_used_before_the_copy_waits_for_it(between):
    goal, kept = torch.zeros(2), torch.zeros(2)

    def function(x):
        y = x.exp()
        if between == "read":
            kept.add_(goal)
        elif between == "written":
            goal.fill_(7.0)
        else:
            goal.copy_(x.sin())
        goal.copy_(y)
        return goal.sum()

    replayed = Replayed(function, [goal, kept])
    total, before = torch.zeros(2), torch.zeros(2)
    for x in torch.randn(4, 2):
        assert torch.equal(replayed(x).clone(), x.exp().sum())
        total += before if between == "read" else 0
        before = x.exp()
        assert torch.equal(goal, before)
        assert torch.equal(kept, total)
    assert replayed.reason is None


def test_a_product_that_is_copied_transposed_is_computed_there():
    weight, goal = torch.randn(2, 3, 7), torch.zeros(2, 5, 3)

    def function(x):
        goal.copy_((weight @ x).mT)
        return goal.sum()

    replayed = Replayed(function, [weight, goal])
    for x in torch.randn(3, 2, 7, 5):
        total = replayed(x).clone()
        assert torch.equal(goal, (weight @ x).mT)
        assert torch.equal(total, goal.sum())
    _, calls = listen(lambda: function(x))
    assert COPY in {call.function for call in calls}
    with torch.inference_mode():
        again = in_place(repeated(calls, [weight, x]), set())
    assert COPY not in {call.function for call in again}


def test_what_only_asks_for_a_shape_is_a_constant_unless_it_is_changed():
    def function(x):
        fixed, changed = torch.ones_like(x).exp(), torch.zeros_like(x)
        changed.add_(x)
        return fixed + changed

    replayed = Replayed(function, [])
    for x in torch.randn(3, 4):
        assert torch.equal(replayed(x).clone(), function(x))
    x = torch.randn(4)
    with torch.inference_mode():
        answer, calls = listen(lambda: function(x))
        seen = [call.function for call in repeated(calls, [x])]
    assert torch.ops.aten.zeros_like.default in seen
    assert torch.ops.aten.ones_like.default not in seen
    assert torch.ops.aten.exp.default not in seen
    assert torch.equal(answer, function(x))


def test_memory_that_nobody_reads_again_is_used_again():
    def function(x):
        kept = x.exp()
        for _ in range(6):
            x = (x @ x).tanh()
        return kept, x

    x = torch.randn(5, 5)
    answer, calls = listen(lambda: function(x))
    homes = Homes(calls, [x, *answer])
    where = [memory(homes(made)) for call in calls for made in call.answers]
    assert len({memory(made) for call in calls for made in call.answers}) == 13
    assert len(set(where)) == 4  # two that take turns, and what is answered
    assert all(memory(homes(a)) == memory(a) for a in answer)
    replayed = Replayed(function, [])
    for x in torch.randn(3, 5, 5):
        for found, expected in zip(replayed(x), function(x), strict=True):
            assert torch.equal(found, expected)
    assert replayed.reason is None


@pytest.mark.parametrize(
    "function",
    [
        lambda y: y + y.t(),
        lambda y: y[0] * y[1:],
        lambda y: (y + 1) * (y + 1).flip(0) + y,
        lambda y: (y * 2).cumsum(0) - y,
        lambda y: torch.where(y > 0, y, -y).double() + 1,
    ],
    ids=["transposed", "parts", "flipped", "cumulated", "other type"],
)
def test_an_answer_takes_no_place_that_is_still_read(function):
    replayed = Replayed(lambda x: function(x.exp() - 1), [])
    for x in torch.randn(4, 5, 5):
        assert torch.equal(replayed(x).clone(), function(x.exp() - 1))
    assert replayed.reason is None


def test_indices_may_lie_where_other_numbers_lay():
    def function(x):
        total = (x * 1e9).sum()  # 512 floats, which nobody reads again
        return x[x.view(256, 2).argmax(1)] + total  # 256 indices take their place

    replayed = Replayed(function, [])
    for x in torch.randn(4, 512):
        assert torch.equal(replayed(x).clone(), function(x))
    assert replayed.reason is None


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda x: x * float(x.sum()), "a number is read from a tensor"),
        (lambda x: x[x > 0].sum(), "a shape depends on numbers"),
        (lambda x: x.clone().unsqueeze_(0), "the shape of a tensor is changed"),
        (
            lambda x: x + torch.rand(3, generator=torch.Generator().manual_seed(0)),
            "a generator of its own",
        ),
    ],
    ids=["number", "shape", "in place", "generator"],
)
def test_what_may_take_another_course_is_called_as_it_is(function, why):
    replayed = Replayed(function, [])
    for x in torch.randn(3, 3):
        assert torch.equal(replayed(x), function(x))
    assert why in replayed.reason
    assert not replayed.recordings


def test_what_replays_to_something_else_is_called_as_it_is():
    hidden = torch.zeros(1)  # no state that is told
    replayed = Replayed(lambda x: hidden.add_(1) + x, [])
    assert replayed(torch.zeros(1)) == 1
    assert "does not give the same" in replayed.reason


def test_memory_and_shapes_are_limited(monkeypatch):
    replayed = Replayed(lambda x: x + 1, [])
    for size in range(1, 8):
        assert torch.equal(replayed(torch.ones(size)), torch.full((size,), 2.0))
    assert len(replayed.recordings) == recordings.MOST_SHAPES
    monkeypatch.setattr(recordings, "MOST_BYTES", 10)
    small = Replayed(lambda x: x + 1, [])
    assert torch.equal(small(torch.ones(100)), torch.full((100,), 2.0))
    assert "400 bytes" in small.reason


def test_short_trainings_and_those_that_are_listened_to_are_not_recorded():
    model, _ = model_with(EXAMPLES[0], missing=False)
    flat, some = FlatParameters(model), Training()
    assert Gradients(model, flat, some, 10, {5: WORTH}).replayed is not None
    assert Gradients(model, flat, some, 10, {5: WORTH - 1}).replayed is None
    assert (
        Gradients(model, flat, Training(replay=False), 10, {5: WORTH}).replayed is None
    )
    heard = model.encoder.register_forward_hook(lambda *_: None)
    assert Gradients(model, flat, some, 10, {5: WORTH}).replayed is None
    heard.remove()
    assert Gradients(model, flat, some, 10, {5: WORTH}).replayed is not None


def test_only_batches_of_a_length_that_is_often_met_are_recorded():
    model, _ = model_with(EXAMPLES[0], missing=False)
    gradients = Gradients(
        model, FlatParameters(model), Training(), 10, {5: WORTH, 2: WORTH - 1}
    )
    for length in (2, 5, 2):
        gradients(Batch(torch.randn(length, 4)), 0.0)
    assert [shapes[0][0] for shapes in gradients.replayed.recordings] == [5]


def test_modules_of_others_are_not_recorded(monkeypatch):
    seen = []
    monkeypatch.setattr(Replayed, "_record", lambda *a: seen.append(a))
    encoder, decoder = nn.Linear(4, 2), nn.Linear(2, 4)
    own = isthmus.Autoencoder(
        architecture=Modules(encoder=encoder, decoder=decoder), size=2, epochs=80
    )
    own.set_params(verbose=0).fit(torch.randn(64, 4).numpy())
    assert not seen


def test_the_path_is_told_and_saved(tmp_path):
    x = torch.randn(100, 4).numpy()
    some = {"size": 2, "epochs": 40, "batch_size": 50, "verbose": 0}
    fitted = isthmus.Autoencoder(**some).fit(x)
    threads = torch.get_num_threads()
    machine = {"threads": threads, "device": "cpu", "precision": "float32"}
    assert fitted.path_ == {"steps": "replayed", **machine}
    isthmus.save(fitted, tmp_path / "model.isthmus")
    assert isthmus.load(tmp_path / "model.isthmus").path_ == fitted.path_
    plain = isthmus.Autoencoder(**some, training=Training(replay=False)).fit(x)
    assert plain.path_["steps"] == "by autograd: replay is switched off"
    assert (plain.transform(x) == fitted.transform(x)).all()
    short = isthmus.Autoencoder(**some).set_params(epochs=2).fit(x)
    assert short.path_["steps"] == "by autograd: few batches have the same length"
    detector = isthmus.AnomalyDetector(effort="fast", verbose=0).fit(x)
    assert detector.autoencoder_.path_ == fitted.path_


def test_tables_of_every_kind_are_replayed():
    """Categories with gaps, counts, times and numbers, in one model and in replicas."""
    draw = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "number": np.where(draw.random(200) < 0.1, np.nan, draw.normal(size=200)),
            "word": draw.choice(["a", "b", None], 200),
            "yes": draw.random(200) < 0.3,
            "visits": draw.poisson(3, 200),
            "when": pd.date_range("2024-01-01", periods=200, freq="h"),
        }
    )
    columns = {"visits": "count"}
    some = {"size": 2, "epochs": 30, "batch_size": 50, "verbose": 0, "columns": columns}
    fitted = isthmus.Autoencoder(**some).fit(table)
    assert fitted.path_["steps"] == "replayed"
    plain = isthmus.Autoencoder(**some, training=Training(replay=False)).fit(table)
    assert (plain.transform(table) == fitted.transform(table)).all()
    detector = isthmus.AnomalyDetector(effort="fast", verbose=0, columns=columns)
    assert detector.fit(table).autoencoder_.path_["steps"] == "replayed"
