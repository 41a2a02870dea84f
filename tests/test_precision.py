"""Products in fewer bits: where they are, what they change, and what they must not."""

import json

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.datasets import load_breast_cancer, load_digits
from torch.utils._python_dispatch import TorchDispatchMode

import isthmus
from isthmus import precision
from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.cli.program import run
from isthmus.errors import DataError, NonFiniteLossError, RecipeError
from isthmus.layout import Layout
from isthmus.model import AutoencoderModule, Recipe
from isthmus.precision import LARGE, precision_for, products_in
from isthmus.scores.reconstruction_likelihood import score_rows
from isthmus.trace import Batch
from isthmus.training import ReplicaTrainer, Trainer, Training

CPU = torch.device("cpu")
TABLES = {"digits": load_digits, "breast cancer": load_breast_cancer}
PRODUCTS = {f"aten::{n}" for n in ("linear", "mm", "addmm", "bmm", "baddbmm")}


class Seen(TorchDispatchMode):
    """Keeps the types of the answers of matrix products, and of all else."""

    def __init__(self):
        super().__init__()
        self.products, self.updates = set(), set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        if func._schema.name in PRODUCTS:
            self.products.add(found.dtype)
        if func._schema.name in {"aten::mse_loss", "aten::_fused_adam_"}:
            self.updates |= {x.dtype for x in torch.utils._pytree.tree_leaves(args)[:1]}
        return found


def model_for(stack=0, width=6):
    recipe = Recipe(architecture=Mlp(hidden=(16,)), bottleneck=Dense(size=2))
    torch.manual_seed(0)
    return AutoencoderModule(recipe, Layout.of(width), stack=stack)


def trained(model=None, data=None, **training):
    some = {"epochs": 2, "batch_size": 10, "precision": "bfloat16"} | training
    trainer = Trainer(model or model_for(), Training(**some), seed=0)
    trainer.fit(Batch(torch.randn(20, 6)) if data is None else data)
    return trainer


def fitted(x, **training):
    size = min(8, x.shape[1] // 2)
    some = {"size": size, "epochs": 40, "verbose": 0, "device": "cpu"}
    model = isthmus.Autoencoder(**some, random_state=0)
    return model.set_params(training=Training(**training)).fit(x)


def lower():
    return torch.autocast("cpu", torch.bfloat16)


@pytest.fixture(scope="module", params=TABLES)
def table(request):
    return TABLES[request.param]().data


@pytest.fixture(scope="module")
def models(table):
    """The same model, trained in either precision."""
    return {wish: fitted(table, precision=wish) for wish in ("float32", "bfloat16")}


# ------------------------------------------------------------------- which is taken


@pytest.mark.parametrize("units", [False, True])
def test_the_choice_follows_from_wish_sizes_and_device(monkeypatch, units):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: units)
    weights = [torch.empty(8), torch.empty(1024, 512)]
    rows = LARGE // weights[1].numel()
    best = "bfloat16" if units else "float32"
    assert precision_for("auto", rows, weights, CPU) == best
    assert precision_for("auto", rows - 1, weights, CPU) == "float32"
    assert precision_for("auto", rows, [], CPU) == "float32"
    assert precision_for("auto", rows, weights, torch.device("mps")) == "float32"
    assert precision_for("float32", rows, weights, CPU) == "float32"
    assert precision_for("bfloat16", 1, weights, CPU) == "bfloat16"


@pytest.mark.parametrize("generation", [7, 8])
def test_a_gpu_is_asked_for_its_generation(monkeypatch, generation):
    told = {"get_device_capability": lambda _device: (generation, 0)}
    monkeypatch.setattr(torch.cuda, *told.popitem())
    taken = precision_for("auto", LARGE, [torch.empty(1)], torch.device("cuda"))
    assert taken == ("bfloat16" if generation == 8 else "float32")


def test_auto_counts_the_rows_of_a_batch(monkeypatch):
    monkeypatch.setattr(precision, "LARGE", 16 * 6 * 10)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    for size, taken in ((9, "float32"), (10, "bfloat16")):
        trainer = trained(batch_size=size, precision="auto")
        assert trainer.path["precision"] == taken


def test_float16_is_not_offered():
    with pytest.raises(RecipeError, match=r"'float32', 'bfloat16' or 'auto'"):
        Training(precision="float16")


def test_the_precision_is_told_and_saved(tmp_path):
    x = np.random.default_rng(0).normal(size=(50, 3))
    model = fitted(x, precision="bfloat16")
    assert model.path_["precision"] == "bfloat16"
    isthmus.save(model, tmp_path / "m.isthmus")
    loaded = isthmus.load(tmp_path / "m.isthmus")
    assert loaded.path_ == model.path_
    assert loaded.training == model.training
    assert (loaded.score_samples(x) == model.score_samples(x)).all()


def test_the_command_line_reaches_it(tmp_path, capfd):
    x = np.random.default_rng(0).normal(size=(50, 3))
    file, out = tmp_path / "x.csv", tmp_path / "m.isthmus"
    np.savetxt(file, x, delimiter=",", header="a,b,c", comments="")
    said = ["--set", "training.precision=bfloat16", "--epochs", "2", "--quiet"]
    assert run(["fit", str(file), *said, "--out", str(out)]) == 0
    capfd.readouterr()
    assert run(["info", str(out), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["path"]["precision"] == "bfloat16"


# -------------------------------------------------------------------- where it holds


@pytest.mark.parametrize("wish", ["float32", "bfloat16"])
@pytest.mark.parametrize("around", [False, True], ids=["alone", "in autocast"])
def test_products_alone_have_the_precision_whatever_holds_around(wish, around):
    """Of a training, and of its validation, which is always in float32."""
    x = Batch(torch.randn(20, 6))
    with torch.autocast("cpu", torch.bfloat16, enabled=around), Seen() as seen:
        trained(data=x, precision=wish)
    assert seen.products == {getattr(torch, wish)}
    assert seen.updates == {torch.float32}
    model = model_for()
    trainer = Trainer(model, Training(epochs=1, precision=wish), seed=0)
    plain = []
    heard = model.encoder.register_forward_hook(
        lambda module, _given, answer: plain.append((module.training, answer.dtype))
    )
    with torch.autocast("cpu", torch.bfloat16, enabled=around):
        trainer.fit(x, validation=x)
    heard.remove()
    assert set(plain) == {(True, getattr(torch, wish)), (False, torch.float32)}


def test_answers_and_weights_are_in_float32():
    model, x = model_for(), Batch(torch.randn(8, 6))
    with products_in("bfloat16", CPU):
        trace = model(x, chance=True)
        answers = [trace.features, trace.code.value, trace.params, trace.distortion]
        answers += [model.encode(x), model.reconstruct(x), *model.explain(x)]
    plain = model.reconstruct(x)
    assert {answer.dtype for answer in answers} == {torch.float32}
    assert not torch.equal(answers[5], plain)
    torch.testing.assert_close(answers[5], plain, rtol=0.03, atol=0.03)
    trained(model)
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_a_fitted_model_scores_in_float32(table, models):
    with Seen() as seen:
        models["bfloat16"].score_samples(table)
    assert seen.products == {torch.float32}


# ------------------------------------------------------------------ what it changes


def test_the_gradient_is_that_of_float32_up_to_rounding():
    """Within 3 % of its length: products round each factor to 8 bits."""
    gradients = []
    for wish in ("float32", "bfloat16"):
        model = model_for()
        x = Batch(torch.randn(64, 6, generator=torch.Generator().manual_seed(0)))
        with products_in(wish, CPU):
            trace = model(x, chance=True)
        total, _ = model.loss(trace)
        found = torch.autograd.grad(total, list(model.parameters()))
        gradients.append(torch.cat([g.flatten() for g in found]))
    plain, rounded = gradients
    assert 0 < (plain - rounded).norm() < 0.03 * plain.norm()


@pytest.mark.parametrize("wish", ["float32", "bfloat16"])
def test_scores_in_bfloat16_rank_rows_as_those_in_float32(table, models, wish):
    model = models[wish]
    plain = model.score_samples(table)
    with lower():
        rounded = model.score_samples(table)
        few = model.score_samples(table[-50:])
    assert not (rounded == plain).all()
    assert spearmanr(plain, rounded)[0] > 0.999
    assert (few == rounded[-50:]).all()  # whoever its neighbours are


def test_a_detector_asked_in_bfloat16_ranks_rows_as_in_float32(table):
    detector = isthmus.AnomalyDetector(effort="fast", verbose=0).fit(table)
    plain = detector.score_samples(table)
    with lower():
        rounded = detector.score_samples(table)
        few = detector.score_samples(table[-50:])
    assert spearmanr(plain, rounded)[0] > 0.999
    assert (few == rounded[-50:]).all()


def test_it_learns_as_much(models):
    """The loss on validation rows is within a tenth of that of float32."""
    ends = {
        wish: min(row["validation_loss"] for row in model.history_)
        for wish, model in models.items()
    }
    assert ends["bfloat16"] == pytest.approx(ends["float32"], rel=0.1)


# ----------------------------------------------------------------- what it must not


def test_the_same_seed_gives_the_same_bits(table, models):
    scores = models["bfloat16"].score_samples(table)
    again = fitted(table, precision="bfloat16").score_samples(table)
    assert (scores == again).all()
    assert not (scores == models["float32"].score_samples(table)).all()


@pytest.mark.parametrize("around", [False, True], ids=["alone", "in autocast"])
def test_recorded_steps_bring_weights_to_it_anew(around):
    """Autocast keeps the weights it brought to bfloat16; a recording must not."""
    weights = []
    for replay in (False, True):
        model = model_for()
        with torch.autocast("cpu", torch.bfloat16, enabled=around):
            trainer = trained(model, epochs=60, replay=replay)
        assert (trainer.path["steps"] == "replayed") == replay
        weights.append([p.detach().clone() for p in model.parameters()])
    assert all(map(torch.equal, *weights))


def test_replicas_are_recorded_too():
    weights = []
    for replay in (False, True):
        model = model_for(stack=2)
        training = Training(batch_size=10, precision="bfloat16", replay=replay)
        trainer = ReplicaTrainer(model, training, seeds=[0, 1])
        x = Batch(torch.randn(40, 6, generator=torch.Generator().manual_seed(0)))
        trainer.fit(x, [torch.arange(30), torch.arange(10, 40)], 80)
        assert trainer.path["precision"] == "bfloat16"
        assert (trainer.path["steps"] == "replayed") == replay
        weights.append([p.detach().clone() for p in model.parameters()])
    assert all(map(torch.equal, *weights))


@pytest.mark.parametrize("wish", ["float32", "bfloat16"])
@pytest.mark.parametrize("steps", [2, 100], ids=["by autograd", "replayed"])
def test_overflow_in_training_is_told(wish, steps):
    x = torch.randn(20, 6)
    x[3, 2] = 1e38
    with pytest.raises(NonFiniteLossError, match="infinite or not a number"):
        trained(data=Batch(x), epochs=steps // 2, precision=wish)


@pytest.mark.parametrize("around", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("extreme", [1e38, -3e38, float("inf")])
def test_overflow_in_scoring_is_told(around, extreme):
    model, x = model_for(), torch.randn(20, 6)
    x[17, 2] = extreme
    with (
        torch.autocast("cpu", torch.bfloat16, enabled=around),
        pytest.raises(DataError, match=r"1 of 20 rows have no finite score, .* row 17"),
    ):
        score_rows(model, Batch(x))


@pytest.mark.parametrize("around", [False, True], ids=["float32", "bfloat16"])
def test_extreme_cells_of_a_table_score_low_and_finite(around):
    """The converter limits what reaches the network."""
    x = np.random.default_rng(0).normal(size=(300, 4))
    odd = np.array([[1e38, 0, 0, 0], [0, -3e38, 1e30, 0]])
    plain = fitted(x, precision="bfloat16")
    detector = isthmus.AnomalyDetector(effort="fast", verbose=0).fit(x)
    for model in (plain, detector):
        with torch.autocast("cpu", torch.bfloat16, enabled=around):
            scores, usual = model.score_samples(odd), model.score_samples(x)
        assert np.isfinite(scores).all()
        assert scores.max() < usual.min()


def test_an_overflow_of_float16_is_told():
    """Its largest number is 65,504; who asks for it is told where that is too small."""
    model, x = model_for(), torch.randn(20, 6)
    with torch.no_grad():
        for weight in model.weights():
            weight.mul_(10)
    x[4] = 1e4
    assert np.isfinite(score_rows(model, Batch(x))).all()
    with torch.autocast("cpu", torch.float16), pytest.raises(DataError, match="row 4"):
        score_rows(model, Batch(x))
