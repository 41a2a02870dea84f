"""What a GPU would be asked for; and, where there is one, what it answers."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.errors import RecipeError
from isthmus.layout import Layout
from isthmus.model import AutoencoderModule, Recipe
from isthmus.replay import Captured
from isthmus.trace import Batch
from isthmus.training import Training, chance, placed
from isthmus.training.step import by_autograd

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.py"
DEVICES = {name: torch.device(name) for name in ("cpu", "cuda", "mps")}
HERE = torch.cuda.is_available()
needs_gpu = pytest.mark.skipif(not HERE, reason="needs CUDA")


def module():
    recipe = Recipe(architecture=Mlp(hidden=(8,)), bottleneck=Dense(size=2))
    return AutoencoderModule(recipe, Layout.of(4))


# ------------------------------------------------------------- what would be asked for


@pytest.mark.parametrize(
    ("replay", "device", "why"),
    [
        (True, "cpu", None),
        ("everywhere", "cpu", None),
        (False, "cpu", "replay is switched off"),
        (True, "cuda", "not on a processor"),
        ("everywhere", "cuda", None),
        (False, "cuda", "replay is switched off"),
        (True, "mps", "not on a processor"),
        ("everywhere", "mps", "neither on a processor nor on CUDA"),
    ],
)
def test_where_steps_are_recorded(replay, device, why):
    training, where = Training(replay=replay), DEVICES[device]
    assert by_autograd(module(), training, where, often=True) == why
    assert by_autograd(module(), training, where, often=False) is not None


def test_replay_takes_no_other_word():
    assert Training(replay="everywhere").to_dict()["replay"] == "everywhere"
    with pytest.raises(RecipeError, match="everywhere"):
        Training(replay="somewhere")


@pytest.mark.parametrize("gaps", [False, True])
def test_data_larger_than_half_the_free_memory_stays_where_it_is(monkeypatch, gaps):
    data = Batch(torch.zeros(100, 8), torch.ones(100, 8) if gaps else None)
    size = 2 * 100 * 8 * 4 * (1 + gaps)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (size - 1, size))
    assert placed(data, DEVICES["cuda"]) is data
    assert torch.equal(placed(data, DEVICES["cpu"]).x, data.x)


def test_draws_go_on_where_they_were():
    states = chance.random_states(DEVICES["cpu"])
    drawn = torch.rand(3)
    chance.put_random_states(states, DEVICES["cpu"])
    assert torch.equal(torch.rand(3), drawn)


def script(*words):
    command = [sys.executable, str(SCRIPT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(HERE, reason="there is a GPU")
def test_the_check_says_where_there_is_no_gpu():
    done = script()
    assert done.returncode == 1
    assert "There is no device 'cuda' here" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "device", ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, needs_gpu])]
)
def test_the_check_passes(device):
    done = script("--device", device, "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == 10
    assert "isthmus, from main memory" in done.stdout


# ------------------------------------------------------------------- what it answers


@pytest.mark.gpu
@needs_gpu
def test_a_captured_function_follows_arguments_state_and_chance():
    scale = torch.ones(3, device="cuda")

    def function(x):
        scale.add_(1)
        return {"y": x * scale + functional.dropout(torch.ones_like(x), 0.5)}

    def all_calls(call):
        torch.cuda.manual_seed(5)
        scale.fill_(1.0)
        chance = torch.Generator("cuda").manual_seed(0)
        some = torch.randn(6, 3, 3, device="cuda", generator=chance)
        return torch.stack([call(x)["y"].clone() for x in some])

    captured = Captured(function, [scale])
    expected, found = all_calls(function), all_calls(captured)
    assert captured.reason is None
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
@needs_gpu
def test_what_waits_for_the_gpu_is_called_as_it_is():
    captured = Captured(lambda x: x * float(x.sum()), [torch.zeros(1, device="cuda")])
    for x in torch.randn(3, 3, device="cuda"):
        torch.testing.assert_close(captured(x), x * float(x.sum()))
    assert captured.reason


@pytest.mark.gpu
@needs_gpu
def test_a_model_of_a_gpu_scores_alike_on_the_processor(tmp_path):
    x = np.random.default_rng(0).normal(size=(500, 6))
    some = {"size": 2, "epochs": 20, "verbose": 0, "device": "cuda"}
    training = Training(replay="everywhere")
    model = isthmus.Autoencoder(**some, training=training).fit(x)
    assert model.path_["steps"] == "replayed as a CUDA graph"
    isthmus.save(model, tmp_path / "m.isthmus")
    there = isthmus.load(tmp_path / "m.isthmus", device="cpu").score_samples(x)
    np.testing.assert_allclose(model.score_samples(x), there, rtol=1e-4, atol=1e-4)
