"""Trains the views of a detector of series."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from isthmus.architectures.mlp import Mlp
from isthmus.data.forms import Series
from isthmus.data.windows import Crops, Windows
from isthmus.estimator import Autoencoder
from isthmus.estimator.parameters import training_of
from isthmus.estimator.preparation import checkpoint_of
from isthmus.estimator.rolling import RollingView, SeriesJudge, near_of, weights_of
from isthmus.estimator.surrounding import SurroundingView
from isthmus.estimator.wishes import form_of
from isthmus.layout import Layout
from isthmus.model import AutoencoderModule
from isthmus.ranks import together
from isthmus.training import Trainer, Training, placed, progress, seeded

if TYPE_CHECKING:
    from isthmus.estimator.tables import Read

SHORT = 5
"""Times that the second window is shorter than the first."""


def autoencoder(width: int, steps: int) -> Autoencoder:
    """Of windows as flat rows; trained in so many steps."""
    return Autoencoder(
        size=max(width // 4, 1),
        architecture=Mlp(hidden=(width, width), activation="gelu"),
        scaling="standard",
        validation=0.0,
        training=Training(
            steps=steps,
            batch_size=64,
            learning_rate=2e-3,
            optimizer="adamw",
            weight_decay=1e-4,
            schedule="one_cycle",
        ),
    )


def rolled(model: Autoencoder, table: Read, checkpoint: Any) -> SeriesJudge:
    """Train an autoencoder on windows; and a second one, on shorter ones."""
    data = model.prepared(table)
    assert isinstance(data, Windows), "series are seen in windows"
    weight, (length,), form = weights_of(data), data.window, form_of(model)
    ahead = isinstance(form, Series) and form.look_ahead
    stride = _stride(model, data)
    views = []
    for k, window in enumerate(dict.fromkeys([length, max(length // SHORT, 1)])):
        module = model.module_ if k == 0 else _shorter(model, window)
        windows = replace(data, window=(window,), stride=(stride,))
        path = checkpoint if k == 0 or checkpoint is None else f"{checkpoint}.{k}"
        _train(model, module, windows, path)
        near = near_of(window, weight, ahead=ahead)
        view = kind_of(ahead=ahead)(module, near).to(model._device)  # noqa: SLF001
        view.eval().learn(windows, weight.to(model._device))  # noqa: SLF001
        views.append(view)
    return SeriesJudge(views, ahead=ahead)


def _stride(model: Autoencoder, data: Windows) -> int:
    """So many places lie between windows that a pass has no more steps than all."""
    training = training_of(model)
    if training.steps is None:
        return 1
    return max(len(data.x) // ((training.batch_size or 64) * training.steps), 1)


def kind_of(*, ahead: bool) -> type[RollingView | SurroundingView]:
    """Views that see what is around a row, or what came before it."""
    return SurroundingView if ahead else RollingView


def shorter_module(model: Autoencoder, window: int) -> AutoencoderModule:
    """An untrained module of the same recipe, for windows of another length."""
    first: AutoencoderModule = model.module_
    field = first.layout.fields[0]
    layout = Layout(fields=(field.changed(shape=(field.shape[0], window)),))
    return AutoencoderModule(first.recipe, layout, missing=first.missing)


def _shorter(model: Autoencoder, window: int) -> AutoencoderModule:
    with seeded(model._seed + window, torch.device("cpu")):  # noqa: SLF001
        return shorter_module(model, window).to(model._device)  # noqa: SLF001


def _train(
    model: Autoencoder,
    module: AutoencoderModule,
    windows: Windows,
    path: Any,
) -> None:
    data = Crops(placed(windows, model._device), ranks := together())  # noqa: SLF001
    kept = None
    if path is not None:
        kept = checkpoint_of(model, data, path, [windows.window[0]])
    trainer = Trainer(module, training_of(model), model._seed, ranks=ranks)  # noqa: SLF001
    with progress(len(data), verbose=model.verbose * ranks.first) as tell:
        trainer.fit(data, tell=tell, checkpoint=kept)
    if module is model.module_:
        model.history_, model.path_ = trainer.history, trainer.path
