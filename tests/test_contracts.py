"""What every kind of every family must do; a new file is tested with no edit here."""

import json
import random
import re
from contextlib import contextmanager

import pytest
import torch
from torch import Size, nn

from isthmus.bottlenecks.dense import Dense
from isthmus.bottlenecks.winner_take_all import WinnerTakeAll
from isthmus.errors import RecipeError
from isthmus.layout import Field, Layout
from isthmus.likelihoods.by_column import ByColumn
from isthmus.model import AutoencoderModule, Recipe
from isthmus.parts import Architecture, Bottleneck, Corruption, Likelihood, Sizes, Term
from isthmus.spec import discover
from isthmus.trace import Batch, Context
from isthmus.training import Trainer, Training

FAMILIES = Architecture, Bottleneck, Corruption, Likelihood, Term
EVENTS = ROW, GRID = Size([4]), Size([2, 3])
PIXELS = Size([2, 5, 3])
B, K, R = 6, 3, 2  # examples, draws, replicas
DRAWS = {
    "real": torch.randn,
    "unit": torch.rand,
    "binary": lambda *shape: torch.rand(*shape).round(),
    "count": lambda *shape: torch.poisson(torch.full(shape, 3.0)),
    "level": lambda *shape: torch.rand(*shape).round(),
    "category": lambda *shape: torch.randint(3, shape).float(),
}
PER_DRAW = {"value", "log_ratio", "params", "distortion"}


def instances(family):
    return [spec for kind in family.kinds().values() for spec in kind.examples()]


def each(*families, if_=lambda *_: True):
    """Every example of a family, or every combination of those of several."""
    specs = [[]]
    for family in families:
        specs = [[*some, one] for some in specs for one in instances(family)]
    return [
        pytest.param(*some, id=" ".join(map(repr, some)))
        for some in specs
        if if_(*some)
    ]


every_part = pytest.mark.parametrize(
    "spec", [param for family in FAMILIES for param in each(family)]
)
every_event = pytest.mark.parametrize("event", EVENTS, ids=str)
every_architecture = pytest.mark.parametrize("architecture", each(Architecture))
every_bottleneck = pytest.mark.parametrize("bottleneck", each(Bottleneck))
every_corruption = pytest.mark.parametrize("corruption", each(Corruption))
every_likelihood = pytest.mark.parametrize("likelihood", each(Likelihood))
every_term = pytest.mark.parametrize("term", each(Term))


def fits(term, bottleneck):
    return term.needs <= bottleneck.traits()


def content_of(likelihood):
    """What examples hold for it; those of a table anything, so numbers."""
    return likelihood.prefers or "real"


def layout_of(content, event=ROW):
    levels = {"level": 2, "category": 3}.get(content)
    return Layout(fields=(Field(content=content, shape=tuple(event), levels=levels),))


def model_for(recipe=None, *, event=ROW, missing=False, stack=0, **parts):
    recipe = recipe or Recipe(**parts)
    layout = layout_of(content_of(recipe.likelihood), event)
    return AutoencoderModule(recipe, layout, missing=missing, stack=stack)


# ------------------------------------------------------------------------ every part


@pytest.mark.parametrize("family", FAMILIES)
def test_a_file_holds_the_one_kind_that_it_is_named_after(family):
    files = {
        f"isthmus.{family.folder}.{name}": [name] for name in discover(family.folder)
    }
    found = {file: [] for file in files}
    for name, kind in family.kinds().items():
        found[kind.__module__].append(name)
    assert found == files


@every_part
def test_survives_json(spec):
    family = type(spec).__base__
    assert family.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@every_part
def test_is_frozen(spec):
    with pytest.raises(ValueError, match="frozen"):
        setattr(spec, next(iter(type(spec).model_fields), "anything"), None)


@every_part
def test_refuses_an_unknown_parameter_in_a_sentence(spec):
    who = type(spec).__name__
    with pytest.raises(RecipeError, match=rf"{who}: There is no .* 'nons'.* Known: \w"):
        spec.changed(nons=1)


@pytest.mark.parametrize("value", [float("nan"), object()], ids=["nan", "object"])
@every_part
def test_refuses_a_bad_value_in_a_sentence(spec, value):
    for name in type(spec).model_fields:
        sentence = rf"{type(spec).__name__}: {name}\b.* Got {re.escape(repr(value))}\."
        with pytest.raises(RecipeError, match=sentence):
            spec.changed(**{name: value})


@pytest.mark.parametrize("family", FAMILIES)
def test_an_unknown_kind_is_answered_with_the_known_ones(family):
    with pytest.raises(RecipeError, match=f"Known: .*{min(family.kinds())}"):
        family.from_dict({"kind": "nonsense"})


def test_a_kind_is_final():
    with pytest.raises(TypeError, match="Denser extends Dense, which is final"):
        type("Denser", (Dense,), {})


# ----------------------------------------------------------------------- corruptions


@every_event
@pytest.mark.parametrize("content", DRAWS)
@every_corruption
def test_a_corruption_keeps_shape_type_and_input(corruption, content, event):
    x = DRAWS[content](R, B, *event).double()  # replicas stand in front
    before = x.clone()
    answer = corruption(x, layout_of(content, event)).x
    assert (answer.shape, answer.dtype) == (x.shape, x.dtype)
    assert torch.equal(x, before)


@every_event
@every_corruption
def test_a_corruption_tells_what_it_declares(corruption, event):
    shapes = {"visible": (B, *event), "level": (B,)}
    answer = corruption(torch.randn(B, *event), layout_of("real", event))
    told = {name: getattr(answer, name) for name in shapes}
    assert {name: clue.shape for name, clue in told.items() if clue is not None} == {
        name: shapes[name] for name in corruption.clues()
    }


@every_corruption
def test_a_corruption_judges_by_weights_of_the_shape_of_x(corruption):
    judged = corruption(torch.randn(B, *ROW), layout_of("real")).judged
    assert judged is None or (judged.shape == (B, *ROW) and judged.min() >= 0)


@pytest.mark.parametrize("content", ["count", "level"])
@every_corruption
def test_a_corruption_leaves_counts_counts_and_levels_levels(corruption, content):
    x = DRAWS[content](50, *ROW)
    answer = corruption(x, layout_of(content)).x
    assert set(answer.unique().tolist()) <= {0, *x.unique().tolist()}


@every_corruption
def test_a_corruption_never_fills_a_missing_cell(corruption):
    model = model_for(corruption=corruption, bottleneck=Dense(size=2), missing=True)
    visible = torch.rand(50, *ROW).round()
    trace = model(Batch(torch.randn(50, *ROW) * visible, visible), chance=True)
    assert not trace.corrupted[visible == 0].any()
    assert not trace.judged[visible == 0].any()


@every_corruption
def test_without_chance_nothing_is_corrupted(corruption):
    x = torch.randn(B, *ROW)
    model = model_for(corruption=corruption, bottleneck=Dense(size=2))
    assert model(x, chance=False).corrupted is x


# ----------------------------------------------------------------------- likelihoods


def bound(likelihood, event=ROW):
    if isinstance(likelihood, ByColumn) and event == GRID:
        pytest.skip("explains the rows of a table")
    return likelihood.on(layout_of(content_of(likelihood), event))


def answers(likelihood, event=ROW, scale=1.0):
    """What a decoder might answer to K codes of each example, and the examples."""
    params = scale * torch.randn(K, B, *likelihood.params(event))
    return params.requires_grad_(), DRAWS[content_of(likelihood)](B, *event)


@every_event
@every_likelihood
def test_a_likelihood_explains_each_entry(likelihood, event):
    likelihood = bound(likelihood, event)
    params, x = answers(likelihood, event)
    assert likelihood.log_prob(params, x).shape == (K, B, *event)
    assert likelihood.mean(params[0]).shape == (B, *event)


@every_event
@every_likelihood
def test_a_likelihood_shows_the_encoder_what_it_declares(likelihood, event):
    likelihood = bound(likelihood, event)
    _, x = answers(likelihood, event)
    assert likelihood.view(x).shape == (B, *likelihood.inputs(event))


@pytest.mark.parametrize("judged", [True, False])
@every_event
@every_likelihood
def test_distortion_is_minus_the_sum_of_judged_log_probs(likelihood, event, judged):
    likelihood = bound(likelihood, event)
    params, x = answers(likelihood, event)
    weight = torch.rand(B, *event) if judged else None
    entries = likelihood.log_prob(params, x) * (weight if judged else 1)
    torch.testing.assert_close(
        likelihood.distortion(params, x, weight, len(event)), -entries.flatten(2).sum(2)
    )


@every_likelihood
def test_an_extreme_answer_has_a_finite_price_and_gradient(likelihood):
    likelihood = bound(likelihood)
    params, x = answers(likelihood, scale=1e4)
    price = likelihood.log_prob(params, x).sum()
    (gradient,) = torch.autograd.grad(price, params)
    for quantity in (price, gradient, likelihood.mean(params)):
        assert quantity.isfinite().all()


@pytest.mark.parametrize("content", DRAWS)
@every_likelihood
def test_a_likelihood_takes_what_it_explains_and_refuses_the_rest(likelihood, content):
    if content in likelihood.explains:
        likelihood = likelihood.on(layout_of(content))
        params, x = torch.randn(B, *likelihood.params(ROW)), DRAWS[content](B, *ROW)
        assert likelihood.log_prob(params, x).isfinite().all()
    else:
        who = type(likelihood).__name__
        with pytest.raises(RecipeError, match=f"{who}.* the data holds '{content}'"):
            likelihood.on(layout_of(content))


# ----------------------------------------------------------------------- bottlenecks


def features_for(bottleneck, scale=1.0, dtype=torch.float32):
    features = scale * torch.randn(B, bottleneck.features(), dtype=dtype)
    return features.requires_grad_()


@every_bottleneck
def test_a_bottleneck_makes_codes_of_its_size(bottleneck):
    module, features = bottleneck.build(), features_for(bottleneck)
    draws = getattr(bottleneck, "draws", 1)
    one = B, bottleneck.size
    assert module(features).value.shape == ((draws, *one) if draws > 1 else one)
    assert module.mode(features).shape == one


@every_bottleneck
def test_a_code_carries_what_its_traits_promise(bottleneck):
    code, traits = bottleneck.build()(features_for(bottleneck)), bottleneck.traits()
    one = B, bottleneck.size
    promised = {
        "rate": ("priced", one),
        "log_ratio": ("drawn at random", code.value.shape[:-1]),
        "mean": ("Gaussian", one),
        "log_scale": ("Gaussian", one),
        "chosen": ("from a codebook", one),
        "indices": ("from a codebook", (B,)),
    }
    for name, (trait, shape) in promised.items():
        quantity = getattr(code, name)
        got = None if quantity is None else quantity.shape
        assert got == (shape if trait in traits else None)
    if "between 0 and 1" in traits:
        assert 0 <= code.value.min() <= code.value.max() <= 1


@every_bottleneck
def test_without_chance_a_code_is_its_mode_and_draws_nothing(bottleneck):
    module, features = bottleneck.build().eval(), features_for(bottleneck)
    before = torch.get_rng_state()
    code = module.typical(features)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(code.value, module.mode(features))
    assert code.log_ratio is None or code.log_ratio.shape == (B,)


@every_bottleneck
def test_the_gradient_passes_the_bottleneck(bottleneck):
    features = features_for(bottleneck)
    value = bottleneck.build()(features).value
    weighed = value * torch.arange(
        1, 1 + value.shape[-1]
    )  # shares sum to one in any case
    (gradient,) = torch.autograd.grad(weighed.sum(), features)
    through = -2 if isinstance(bottleneck, WinnerTakeAll) else -1  # a row may lose all
    assert gradient.any(through).all()


@every_bottleneck
def test_a_mode_follows_the_features_where_it_is_differentiable(bottleneck):
    features = features_for(bottleneck)
    z = bottleneck.build().mode(features)
    weighed = (z * torch.arange(1, 1 + z.shape[-1])).sum()
    (gradient,) = torch.autograd.grad(weighed, features, allow_unused=True)
    moves = gradient is not None and bool(gradient.any())
    assert moves == ("differentiable" in bottleneck.traits())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@every_bottleneck
def test_huge_features_give_finite_codes_rates_and_gradients(bottleneck, dtype):
    features = features_for(bottleneck, scale=1e4, dtype=dtype)
    code = bottleneck.build().to(dtype)(features)
    total = code.value.sum()
    for price in (code.rate, code.log_ratio):
        total = total if price is None else total + price.sum()
    (gradient,) = torch.autograd.grad(total, features)
    assert total.isfinite()
    assert gradient.isfinite().all()


@every_bottleneck
def test_a_bottleneck_has_a_prior_or_says_that_it_has_none(bottleneck):
    module, who = bottleneck.build(), type(bottleneck).__name__
    if "priced" in bottleneck.traits():
        assert module.sample(B).shape == (B, bottleneck.size)
    else:
        with pytest.raises(RecipeError, match=f"{who} has no prior"):
            module.sample(B)


@pytest.mark.parametrize("kind", Bottleneck.kinds().values())
def test_a_bottleneck_of_no_size_says_so(kind):
    with pytest.raises(RecipeError, match=f"{kind.__name__}: size must be given"):
        model_for(bottleneck=kind(size=None))


@every_bottleneck
def test_a_bottleneck_fits_the_terms_that_it_names(bottleneck):
    assert list(Recipe(bottleneck=bottleneck).costs()) == list(bottleneck.terms)


# --------------------------------------------------------------------- architectures


def sizes_for(architecture, event, *clues, more=()):
    """Three features and two entries of a code at each place."""
    places = architecture.grid(event).numel()
    params = Size([*event, *more])
    return Sizes(event, event, 3 * places, 2 * places, params, frozenset(clues))


def suits(architecture, event):
    """Whether an architecture is made for examples of this shape."""
    return architecture.axes is None or architecture.axes in {
        len(event),
        len(event) - 1,
    }


every_fitting_event = pytest.mark.parametrize(
    ("architecture", "event"),
    [
        pytest.param(a, event, id=f"{a!r} {tuple(event)}")
        for a in instances(Architecture)
        for event in (*EVENTS, PIXELS)
        if suits(a, event)
    ],
)


@pytest.mark.parametrize("clues", [(), ("visible",), ("level",), ("visible", "level")])
@every_fitting_event
def test_an_architecture_maps_shapes(architecture, event, clues):
    more = () if getattr(architecture, "tied", False) else (2,)
    sizes = sizes_for(architecture, event, *clues, more=more)
    past = architecture.past(sizes)
    encoder, decoder = architecture.build(sizes)
    context = Context(torch.ones(B, *event), torch.zeros(B))
    features = encoder(torch.randn(B, *event), context)
    assert features.shape == (B, sizes.features + past)
    assert decoder(torch.randn(B, sizes.code + past)).shape == (B, *sizes.params)


@pytest.mark.parametrize("clue", ["visible", "level"])
@every_fitting_event
def test_an_encoder_listens_to_its_clues(architecture, event, clue):
    encoder = architecture.build(sizes_for(architecture, event, clue))[0].eval()
    shape = (B, *event) if clue == "visible" else (B,)
    x = torch.randn(B, *event)
    off, on = (Context(**{clue: fill(shape)}) for fill in (torch.zeros, torch.ones))
    assert not torch.equal(encoder(x, off), encoder(x, on))


@every_architecture
def test_an_architecture_for_some_axes_refuses_others(architecture):
    event = Size([2, 3, 4, 5])
    recipe = Recipe(architecture=architecture, bottleneck=Dense(size=2))
    if suits(architecture, event):
        assert model_for(recipe, event=event).event == event
    else:
        with pytest.raises(RecipeError, match=r"must have the shape \(\[channels"):
            model_for(recipe, event=event)


# ----------------------------------------------------------------------------- terms


@pytest.mark.parametrize("chance", [True, False])
@pytest.mark.parametrize(("term", "bottleneck"), each(Term, Bottleneck, if_=fits))
def test_a_term_prices_each_example_or_the_batch(term, bottleneck, chance):
    model = model_for(bottleneck=bottleneck, terms=(term,))
    trace = model(torch.randn(B, *ROW), chance=chance)
    cost = term(trace, model)
    assert cost.shape in {(B,), ()}
    assert cost.isfinite().all()
    assert all(figure.isfinite().all() for figure in term.report(trace).values())


@pytest.mark.parametrize(
    ("term", "bottleneck"), each(Term, Bottleneck, if_=lambda *pair: not fits(*pair))
)
def test_a_term_says_what_it_misses_in_a_bottleneck(term, bottleneck):
    who, need = type(term).__name__, min(term.needs - bottleneck.traits())
    with pytest.raises(RecipeError, match=f"{who}.* needs a code that is {need}"):
        Recipe(bottleneck=bottleneck, terms=(term,))


@pytest.mark.parametrize(("term", "bottleneck"), each(Term, Bottleneck, if_=fits))
def test_every_term_moves_some_parameter(term, bottleneck):
    """A term whose gradient is nil is a term that is not there."""
    model = model_for(bottleneck=bottleneck, terms=(term,))
    total, _ = model.loss(model(torch.randn(B, *ROW)))
    total.backward()
    assert any(p.grad is not None and p.grad.any() for p in model.parameters())


@every_term
def test_a_term_stands_alone_and_not_beside_what_it_replaces(term):
    bottleneck = next(b for b in instances(Bottleneck) if fits(term, b))
    alone = Recipe(bottleneck=bottleneck, terms=(term,))
    assert alone.costs() == {term.kind(): term}
    for kind in term.replaces:
        both = term, Term.named(kind)()
        with pytest.raises(RecipeError, match=f"already contains the term '{kind}'"):
            Recipe(bottleneck=bottleneck, terms=both)


# -------------------------------------------------------------------------- replicas


def stackable(architecture, bottleneck):
    return architecture.stackable and bottleneck.stackable


def peaceful(bottleneck):
    """All terms that fit a bottleneck and may stand beside each other."""
    return tuple(t for t in instances(Term) if fits(t, bottleneck) and not t.replaces)


def settled(model):
    """Any weights, so that none is zero, and no dropout: replicas cannot share it."""
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model.double()


def replica(stacked, number):
    """A single model with the weights and averages of one of the replicas."""
    single = settled(model_for(stacked.recipe))
    for network in (nn.Module.parameters, nn.Module.buffers):
        for many, one in zip(network(stacked), network(single), strict=True):
            if many.shape != one.shape:  # else it is common to all
                one.data.copy_(many.detach().view(R, *one.shape)[number])
    return single


@contextmanager
def same_noise(*, stacked):
    """Give every replica, and a single model, the same draws."""
    draws = {name: getattr(torch, name) for name in ("rand", "randn")}

    def noise(name, shape, dtype, **_):
        one = torch.empty((*shape[:-3], *shape[-2:]) if stacked else shape, dtype=dtype)
        fixed = torch.Generator().manual_seed(0)
        one = draws[name](one.shape, dtype=dtype, generator=fixed)
        return one.unsqueeze(-3).expand(shape) if stacked else one

    with pytest.MonkeyPatch.context() as patch:
        for name in draws:
            patch.setattr(torch, name, lambda s, n=name, **kw: noise(n, s, **kw))
            patch.setattr(
                torch, f"{name}_like", lambda x, n=name: noise(n, x.shape, x.dtype)
            )
        yield


def quantities(model, x, *, stacked):
    """All that a batch leaves behind, the replicas in front and the draws behind."""
    with same_noise(stacked=stacked):
        trace = model(x)
        total, costs = model.loss(trace)
    several = trace.code.value.dim() > trace.features.dim()
    found = {
        **trace.code._asdict(),
        **{name: getattr(trace, name) for name in ("features", "params", "distortion")},
    }
    found = {
        name: value.movedim(0, -1) if several and name in PER_DRAW else value
        for name, value in found.items()
        if value is not None
    }
    return {**found, "loss": total, **costs}


def assert_stacks(recipe):
    stacked = settled(model_for(recipe, stack=R))
    singles = [replica(stacked, number) for number in range(R)]
    x = DRAWS[content_of(recipe.likelihood)](R, B, *ROW).double()
    whole = quantities(stacked, x, stacked=True)
    for number, single in enumerate(singles):
        torch.testing.assert_close(
            {name: value[number] for name, value in whole.items()},
            quantities(single, x[number], stacked=False),
        )


@pytest.mark.parametrize(
    ("architecture", "bottleneck"), each(Architecture, Bottleneck, if_=stackable)
)
def test_a_stacked_model_is_its_replicas(architecture, bottleneck):
    terms = peaceful(bottleneck)
    assert_stacks(Recipe(architecture=architecture, bottleneck=bottleneck, terms=terms))


@pytest.mark.parametrize(
    ("term", "bottleneck"),
    each(Term, Bottleneck, if_=lambda t, b: t.replaces and b.stackable and fits(t, b)),
)
def test_a_term_that_stands_alone_is_stacked_too(term, bottleneck):
    assert_stacks(Recipe(bottleneck=bottleneck, terms=(term,)))


@every_likelihood
def test_every_likelihood_is_stacked_too(likelihood):
    assert_stacks(Recipe(likelihood=likelihood, bottleneck=Dense(size=2)))


@every_bottleneck
@every_architecture
def test_what_cannot_be_stacked_says_so(architecture, bottleneck):
    recipe = Recipe(architecture=architecture, bottleneck=bottleneck)
    if stackable(architecture, bottleneck):
        assert model_for(recipe, stack=R).stack == R
    else:
        with pytest.raises(RecipeError, match="cannot be stacked in 2 replicas"):
            model_for(recipe, stack=R)


# -------------------------------------------------------------------------- together


def any_model(lot):
    """A model put together by lot; RecipeError where its parts do not fit."""
    *parts, term = (lot.choice(instances(family)) for family in FAMILIES)
    names = (family.__name__.lower() for family in FAMILIES)
    terms = lot.choice([None, (term,), (Term.named("reconstruction")(), term)])
    recipe = Recipe(**dict(zip(names, parts, strict=False)), terms=terms)
    return model_for(recipe, event=lot.choice(EVENTS), missing=lot.random() < 0.5)


def test_any_combination_trains_or_is_refused():
    lot, trained = random.Random(0), 0
    for _ in range(300):
        try:
            model = any_model(lot)
        except RecipeError:
            continue
        x = DRAWS[content_of(model.likelihood)](B, *model.event)
        visible = torch.rand_like(x).round()
        data = Batch(x * visible, visible) if "visible" in model.clues else Batch(x)
        trainer = Trainer(model, Training(epochs=1, batch_size=B), seed=0)
        try:
            trainer.fit(data, validation=data)
        except Exception as crash:
            crash.add_note(f"{model.recipe!r} on {model.event}, {model.clues}")
            raise
        assert torch.tensor(list(trainer.history[0].values())).isfinite().all()
        trained += 1
    assert 100 < trained < 300
