"""Who takes part in `speed.py`: one network, trained and asked in different ways.

Each contestant is a function ``(x, case, epochs) -> seconds per epoch``, or, for
scoring, ``(x, case) -> a pass to be timed``; it counts all that it does per epoch, and
what it does once (recording, compiling) as part of the first. By hand means: the
shortest loop that a careful engineer would write, with a fused Adam.
"""

from __future__ import annotations

import importlib.util
import time
import warnings
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.bottlenecks.gaussian import Gaussian
from isthmus.corruptions.gaussian_noise import GaussianNoise
from isthmus.corruptions.masking import Masking
from isthmus.estimator import Autoencoder
from isthmus.model.replicas import stacked
from isthmus.scores.reconstruction_likelihood import score_rows
from isthmus.terms.l1 import L1
from isthmus.terms.rate import Rate
from isthmus.terms.reconstruction import Reconstruction
from isthmus.trace import Batch
from isthmus.training import Trainer, Training
from isthmus.training.replicas import ReplicaTrainer

RATE, SCALE, HIDDEN, PENALTY = 1e-3, 0.3, 0.25, 0.1
PLAIN = ("plain", "bernoulli", "denoising", "masked", "sparse", "variational")


class Case(NamedTuple):
    """A network, a batch size, and a kind of autoencoder."""

    kind: str
    columns: int
    hidden: tuple[int, ...]
    code: int
    batch: int

    @property
    def widths(self) -> list[int]:
        """From the rows to the code."""
        return [self.columns, *self.hidden, self.code]


def parts(case: Case) -> dict[str, Any]:
    """What isthmus is told."""
    plain = {"bottleneck": Dense(size=case.code), "likelihood": "mse"}
    return {
        "plain": plain,
        "bernoulli": plain | {"likelihood": "bce"},
        "denoising": plain | {"corruption": GaussianNoise(scale=SCALE)},
        "masked": plain | {"corruption": Masking(rate=HIDDEN, told=False)},
        "sparse": plain | {"terms": (Reconstruction(), L1(weight=PENALTY))},
        "variational": {
            "bottleneck": Gaussian(size=case.code),
            "likelihood": "mse",
            "terms": (Reconstruction(), Rate()),
        },
    }[case.kind]


def untrained(x: torch.Tensor, case: Case, epochs: int, **changed: Any) -> Autoencoder:
    """An estimator of ours whose module is built for rows like these."""
    training = {"epochs": epochs, "batch_size": case.batch, "patience": 0} | changed
    model = Autoencoder(
        architecture=Mlp(hidden=case.hidden, activation="relu"),
        training=Training(learning_rate=RATE, **training),
        validation=0,
        device="cpu",
        verbose=0,
        **parts(case),
    )
    model.prepared(x[:1000].numpy())
    return model


def by_isthmus(x: torch.Tensor, case: Case, epochs: int) -> float:
    return _trained(x, untrained(x, case, epochs), epochs)


def by_autograd(x: torch.Tensor, case: Case, epochs: int) -> float:
    """The plain path, with nothing recorded."""
    return _trained(x, untrained(x, case, epochs, replay=False), epochs)


def by_bfloat16(x: torch.Tensor, case: Case, epochs: int) -> float:
    """Matrix products in bfloat16."""
    return _trained(x, untrained(x, case, epochs, precision="bfloat16"), epochs)


def _trained(x: torch.Tensor, model: Autoencoder, epochs: int) -> float:
    trainer = Trainer(model.module_, model.training, 0)
    started = time.perf_counter()
    trainer.fit(Batch(x))
    return (time.perf_counter() - started) / epochs


def by_replicas(count: int, x: torch.Tensor, case: Case, steps: int) -> float:
    """Seconds per step of ``count`` networks in one, or of a single one."""
    models = [untrained(x, case, 1) for _ in range(count)]
    modules = [model.module_ for model in models]
    module = stacked(modules) if count > 1 else modules[0]
    trainer = ReplicaTrainer(module, models[0].training, range(count))
    everyone = [torch.arange(len(x))] * count
    started = time.perf_counter()
    trainer.fit(Batch(x), everyone, steps)
    return (time.perf_counter() - started) / steps


class ByHand(nn.Module):
    """Encoder and decoder, and the loss of each kind, in the plainest words."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        width = 2 if case.kind == "variational" else 1
        down = [*case.widths[:-1], width * case.code]
        self.encoder, self.decoder = _layers(down), _layers(case.widths[::-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Sum of squares of each row."""
        z = self.encoder(x)
        if self.case.kind == "variational":
            z = z[:, : self.case.code]
        y = self.decoder(z)
        if self.case.kind == "bernoulli":
            loss = functional.binary_cross_entropy_with_logits(y, x, reduction="none")
            return loss.sum(1)
        return (y - x).square().sum(1)

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        kind, seen, price = self.case.kind, x, 0.0
        if kind == "denoising":
            seen = x + SCALE * torch.randn_like(x)
        if kind == "masked":
            seen = x * (torch.rand_like(x) > HIDDEN)
        z = self.encoder(seen)
        if kind == "variational":
            mean, log_scale = z.chunk(2, 1)
            square = (2 * log_scale).exp()
            price = 0.5 * (mean.square() + square - 2 * log_scale - 1).sum(1).mean()
            z = mean + log_scale.exp() * torch.randn_like(mean)
        if kind == "sparse":
            price = PENALTY * z.abs().sum(1).mean()
        y = self.decoder(z)
        if kind == "bernoulli":
            cost = functional.binary_cross_entropy_with_logits(y, x, reduction="sum")
        else:
            cost = functional.mse_loss(y, x, reduction="sum")
        return cost / len(x) + price


def _layers(widths: list[int]) -> nn.Sequential:
    layers = [m for a, b in pairwise(widths) for m in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def by_hand(x: torch.Tensor, case: Case, epochs: int) -> float:
    model = ByHand(case)
    adam = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
    started = time.perf_counter()
    for _ in range(epochs):
        total = 0.0
        for index in torch.randperm(len(x)).split(case.batch):
            rows = x[index]
            loss = model.loss(rows)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            total += loss.item() * len(rows)
    return (time.perf_counter() - started) / epochs


def by_pyod(name: str, x: torch.Tensor, case: Case, epochs: int) -> float:
    """PyOD's own loop, without its batch norm and dropout, on standardised rows."""
    from pyod.models import auto_encoder, vae  # noqa: PLC0415 - not everyone has it

    base = {"AutoEncoder": auto_encoder.AutoEncoder, "VAE": vae.VAE}[name]

    class Timed(base):
        def train(self, train_loader: Any) -> None:
            started = time.perf_counter()
            super().train(train_loader)
            self.seconds = time.perf_counter() - started

    down, up = list(case.hidden), list(case.hidden[::-1])
    sizes = {"encoder_neuron_list": down, "decoder_neuron_list": up}
    sizes |= {"latent_dim": case.code}
    if name == "AutoEncoder":
        sizes = {"hidden_neuron_list": [*down, case.code]}
    bare = {"preprocessing": False, "batch_norm": False, "dropout_rate": 0.0}
    model = Timed(
        device="cpu",
        verbose=0,
        epoch_num=epochs,
        batch_size=case.batch,
        **bare,
        **sizes,
    )
    return model.fit(x.numpy()).seconds / epochs


def by_sklearn(x: torch.Tensor, case: Case, epochs: int) -> float:
    from sklearn.neural_network import MLPRegressor  # noqa: PLC0415

    wide = (*case.hidden, case.code, *case.hidden[::-1])
    model = MLPRegressor(
        hidden_layer_sizes=wide,
        batch_size=case.batch,
        max_iter=epochs,
        tol=0,
        n_iter_no_change=epochs + 1,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        started = time.perf_counter()
        model.fit(x.numpy(), x.numpy())
    return (time.perf_counter() - started) / epochs


def by_skorch(x: torch.Tensor, case: Case, epochs: int) -> float:
    from skorch import NeuralNetRegressor  # noqa: PLC0415

    layers = [_layers(case.widths), _layers(case.widths[::-1])]
    net = NeuralNetRegressor(
        nn.Sequential(*layers),
        criterion=nn.MSELoss,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        batch_size=case.batch,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    started = time.perf_counter()
    net.fit(x.numpy(), x.numpy())
    return (time.perf_counter() - started) / epochs


def by_keras(x: torch.Tensor, case: Case, epochs: int) -> float:
    """On the backend that Keras finds; the first epoch compiles."""
    import keras  # noqa: PLC0415

    widths = [*case.widths, *case.widths[::-1][1:]]
    model = keras.Sequential([keras.Input((case.columns,))])
    for i, width in enumerate(widths[1:], 1):
        linear = i in {len(case.hidden) + 1, len(widths) - 1}
        model.add(keras.layers.Dense(width, None if linear else "relu"))
    model.compile("adam", "mse")
    started = time.perf_counter()
    model.fit(x.numpy(), x.numpy(), batch_size=case.batch, epochs=epochs, verbose=0)
    return (time.perf_counter() - started) / epochs


def by_pythae(x: torch.Tensor, case: Case, epochs: int) -> float:
    """pythae's own trainer, with networks that are ours by hand."""
    import logging  # noqa: PLC0415
    import tempfile  # noqa: PLC0415

    from pythae.data.datasets import BaseDataset  # noqa: PLC0415 - not everyone has it
    from pythae.models import AE, AEConfig  # noqa: PLC0415
    from pythae.models.base.base_utils import ModelOutput  # noqa: PLC0415
    from pythae.models.nn import BaseDecoder, BaseEncoder  # noqa: PLC0415
    from pythae.trainers import BaseTrainer, BaseTrainerConfig  # noqa: PLC0415

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.layers = _layers(case.widths)

        def forward(self, x: torch.Tensor) -> ModelOutput:
            return ModelOutput(embedding=self.layers(x))

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.layers = _layers(case.widths[::-1])

        def forward(self, z: torch.Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.layers(z))

    logging.disable(logging.INFO)
    known = AEConfig(input_dim=(case.columns,), latent_dim=case.code)
    model = AE(known, Encoder(), Decoder())
    with tempfile.TemporaryDirectory() as folder:
        trainer = BaseTrainer(
            model=model,
            train_dataset=BaseDataset(x, torch.ones(len(x))),
            training_config=BaseTrainerConfig(
                output_dir=folder,
                num_epochs=epochs,
                per_device_train_batch_size=case.batch,
                learning_rate=RATE,
                optimizer_cls="Adam",
                no_cuda=True,
            ),
        )
        started = time.perf_counter()
        trainer.train()
        return (time.perf_counter() - started) / epochs


def scored_by_isthmus(x: torch.Tensor, case: Case) -> Any:
    model = untrained(x, case, 1)
    model.module_.eval()
    return lambda: score_rows(model.module_, Batch(x))


def scored_by_hand(x: torch.Tensor, case: Case, batch: int) -> Any:
    model = ByHand(case).eval()

    def score() -> np.ndarray:
        with torch.inference_mode():
            return torch.cat([model(rows) for rows in x.split(batch)]).numpy()

    return score


def scored_by_pyod(name: str, x: torch.Tensor, case: Case, batch: int) -> Any:
    from pyod.models import auto_encoder, vae  # noqa: PLC0415 - not everyone has it

    kind = {"AutoEncoder": auto_encoder.AutoEncoder, "VAE": vae.VAE}[name]
    down, up = list(case.hidden), list(case.hidden[::-1])
    sizes = {"encoder_neuron_list": down, "decoder_neuron_list": up}
    if name == "AutoEncoder":
        sizes = {"hidden_neuron_list": [*down, case.code]}
    bare = {"preprocessing": False, "batch_norm": False, "dropout_rate": 0.0}
    model = kind(device="cpu", verbose=0, epoch_num=1, batch_size=256, **bare, **sizes)
    rows = x.numpy()
    model.fit(rows[:2000])
    return lambda: model.decision_function(rows, batch_size=batch)


def have(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
