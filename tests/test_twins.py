"""Each classical autoencoder once more, by hand: same weights, same seed, same loss.

A twin is a few lines of plain PyTorch, or numpy, that know nothing of isthmus. Those in
PyTorch take the examples, and the weights and biases of two layers that encode and two
that decode.
"""

import math

import numpy as np
import pytest
import torch

from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.bottlenecks.gaussian import Gaussian
from isthmus.corruptions.masking import Masking
from isthmus.layout import Layout
from isthmus.likelihoods.bernoulli import Bernoulli
from isthmus.model import AutoencoderModule, Recipe
from isthmus.terms.contractive import Contractive
from isthmus.terms.importance_bound import ImportanceBound
from isthmus.terms.reconstruction import Reconstruction
from isthmus.terms.sparsity_kl import SparsityKl
from isthmus.trace import Batch
from isthmus.training import Trainer, Training

UNIT = Layout.of(4, content="unit")


def encode(x, W1, b1, W2, b2):
    return torch.tanh(x @ W1.T + b1) @ W2.T + b2


def decode(z, W3, b3, W4, b4):
    return torch.tanh(z @ W3.T + b3) @ W4.T + b4


def undercomplete(x, *weights):
    y = decode(encode(x, *weights[:4]), *weights[4:])
    return ((x - y) ** 2).sum(1).mean()


def denoising(x, *weights):
    damaged = x * (torch.rand_like(x) >= 0.25)
    y = decode(encode(damaged, *weights[:4]), *weights[4:])
    return ((x - y) ** 2).sum(1).mean()


def sparse(x, *weights):
    z = torch.sigmoid(encode(x, *weights[:4]))
    y = decode(z, *weights[4:])
    t, a = 0.05, z.mean(0)
    kl = t * torch.log(t / a) + (1 - t) * torch.log((1 - t) / (1 - a))
    return ((x - y) ** 2).sum(1).mean() + 0.3 * kl.sum()


def contractive(x, *weights):
    W1, b1, W2, b2 = weights[:4]
    h = torch.tanh(x @ W1.T + b1)
    z = torch.sigmoid(h @ W2.T + b2)
    y = decode(z, *weights[4:])
    penalty = 0.0
    for n in range(len(x)):  # dz/dx = diag(z (1 - z)) W2 diag(1 - h^2) W1
        slope = (z[n] * (1 - z[n]))[:, None] * W2
        penalty = penalty + (((slope * (1 - h[n] ** 2)) @ W1) ** 2).sum()
    return ((x - y) ** 2).sum(1).mean() + 0.1 * penalty / len(x)


def cross_entropy(x, y):
    p = torch.sigmoid(y)
    return -(x * torch.log(p) + (1 - x) * torch.log(1 - p)).sum(-1)


def posterior(x, *weights):
    mean, raw = encode(x, *weights).chunk(2, 1)
    return mean, 10 * torch.tanh(raw / 10)  # so that no variance overflows


def variational(x, *weights):
    mean, log_s = posterior(x, *weights[:4])
    z = mean + torch.exp(log_s) * torch.randn(mean.shape, dtype=mean.dtype)
    kl = (torch.exp(2 * log_s) + mean**2 - 1 - 2 * log_s).sum(1) / 2
    return (cross_entropy(x, decode(z, *weights[4:])) + kl).mean()


def importance_weighted(x, *weights):
    mean, log_s = posterior(x, *weights[:4])
    z = mean + torch.exp(log_s) * torch.randn((5, *mean.shape), dtype=mean.dtype)
    log_q = (-(((z - mean) / torch.exp(log_s)) ** 2) / 2 - log_s).sum(2)
    log_p = -(z**2).sum(2) / 2
    log_weight = log_p - log_q - cross_entropy(x, decode(z, *weights[4:]))
    return -(torch.logsumexp(log_weight, 0) - math.log(5)).mean()


SIGMOID = Dense(size=3, activation="sigmoid")
TWINS = [
    (undercomplete, {"bottleneck": Dense(size=3)}),
    (denoising, {"bottleneck": Dense(size=3), "corruption": Masking(told=False)}),
    (
        sparse,
        {"bottleneck": SIGMOID, "terms": (Reconstruction(), SparsityKl(weight=0.3))},
    ),
    (
        contractive,
        {"bottleneck": SIGMOID, "terms": (Reconstruction(), Contractive(weight=0.1))},
    ),
    (variational, {"bottleneck": Gaussian(size=3), "likelihood": Bernoulli()}),
    (
        importance_weighted,
        {
            "bottleneck": Gaussian(size=3, draws=5),
            "likelihood": Bernoulli(),
            "terms": (ImportanceBound(),),
        },
    ),
]


def model_for(layout=UNIT, *, hidden=(5,), **parts):
    recipe = Recipe(architecture=Mlp(hidden=hidden, activation="tanh"), **parts)
    model = AutoencoderModule(recipe, layout).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return model


def loss_and_gradients(loss, weights):
    torch.manual_seed(7)
    total = loss()
    return total, torch.autograd.grad(total, weights)


@pytest.mark.parametrize(
    ("twin", "parts"), TWINS, ids=[twin.__name__ for twin, _ in TWINS]
)
def test_the_loss_is_that_of_its_twin(twin, parts):
    model, x = model_for(**parts), torch.rand(6, 4).double()
    weights = list(model.parameters())
    ours = loss_and_gradients(lambda: model.loss(model(x))[0], weights)
    theirs = loss_and_gradients(lambda: twin(x, *weights), weights)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


def test_a_step_of_gradient_descent_is_that_of_its_numpy_twin():
    model = model_for(
        Layout.of(4), hidden=(), bottleneck=Dense(size=3, activation="tanh")
    )
    x, eta = torch.randn(6, 4).double(), 0.01
    W, b, V, c = (p.detach().numpy().copy() for p in model.parameters())

    X = x.numpy()
    Z = np.tanh(X @ W.T + b)
    E = Z @ V.T + c - X
    dY = 2 * E / len(X)  # of the mean over rows of |y - x|^2
    dA = dY @ V * (1 - Z**2)
    W -= eta * dA.T @ X
    b -= eta * dA.sum(0)
    V -= eta * dY.T @ Z
    c -= eta * dY.sum(0)

    descent = Training(
        epochs=1,
        batch_size=6,
        learning_rate=eta,
        optimizer="sgd",
        schedule="constant",
        clip_ratio=0,
    )
    trainer = Trainer(model, descent, seed=0)
    trainer.fit(Batch(x))
    assert trainer.history[0]["loss"] == pytest.approx((E**2).sum() / len(X))
    for ours, theirs in zip(model.parameters(), (W, b, V, c), strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-6, atol=1e-9)
