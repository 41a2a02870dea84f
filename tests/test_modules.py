"""The user's own encoder and decoder."""

import pytest
import torch
from torch import nn

from isthmus.architectures.modules import Modules
from isthmus.bottlenecks.dense import Dense
from isthmus.corruptions.masking import Masking
from isthmus.errors import RecipeError
from isthmus.layout import Layout
from isthmus.model import AutoencoderModule, Recipe
from isthmus.trace import Batch
from isthmus.training import Trainer, Training


class Encoder(nn.Linear):
    """Made without arguments; listens where it is told something."""

    def __init__(self):
        super().__init__(4, 2)

    def forward(self, x, context=None):
        features = super().forward(x)
        return features if context is None else features * context.visible.mean()


def model_for(encoder, decoder, **parts):
    architecture = Modules(encoder=encoder, decoder=decoder)
    recipe = Recipe(architecture=architecture, bottleneck=Dense(size=2), **parts)
    return AutoencoderModule(recipe, Layout.of(4))


@pytest.mark.parametrize("encoder", [Encoder, Encoder(), nn.Linear(4, 2)])
def test_a_module_or_what_makes_one_is_trained_in_a_copy(encoder):
    decoder = nn.Linear(2, 4)
    before = decoder.weight.clone()
    model = model_for(encoder, decoder)
    x = Batch(torch.randn(64, 4))
    trainer = Trainer(model, Training(epochs=20, learning_rate=0.1), seed=0)
    trainer.fit(x)
    assert trainer.history[-1]["loss"] < 0.8 * trainer.history[0]["loss"]
    assert torch.equal(decoder.weight, before)


def test_an_encoder_is_told_what_the_corruption_tells():
    model = model_for(Encoder, nn.Linear(2, 4), corruption=Masking(rate=0.5))
    trace = model(torch.randn(6, 4), chance=True)
    seen = model.encoder.module(trace.corrupted)
    share = trace.context.visible.mean()
    assert share < 1
    torch.testing.assert_close(trace.features, seen * share)


@pytest.mark.parametrize(
    ("encoder", "decoder", "sentence"),
    [
        (None, Encoder, "the encoder is missing"),
        (Encoder, None, "the decoder is missing"),
        (Encoder, dict, "the decoder must be a torch.nn.Module, or make one"),
        (nn.Linear(4, 3), nn.Linear(2, 4), r"answer with shape \(2, 2\). Got \(2, 3\)"),
        (nn.Linear(5, 2), nn.Linear(2, 4), r"encoder must take .* shape \(2, 4\)"),
        (nn.Linear(4, 2), nn.Linear(3, 4), r"decoder must take .* shape \(2, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(encoder, decoder, sentence):
    with pytest.raises(RecipeError, match=f"Modules: .*{sentence}"):
        model_for(encoder, decoder)


def test_the_trial_run_leaves_running_averages_alone():
    encoder = nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2))
    model = model_for(encoder, nn.Linear(2, 4))
    for name, value in encoder.state_dict().items():
        assert torch.equal(model.state_dict()[f"encoder.module.{name}"], value)
