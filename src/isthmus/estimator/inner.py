"""The autoencoder inside a task: as the task wishes it, and what is said of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from isthmus.estimator.autoencoder import Autoencoder


class Settled(NamedTuple):
    """What makes an equal task, all said."""

    autoencoder: Autoencoder
    """The fitted one, if there is one."""
    params: dict[str, Any]
    """The other parameters."""
    rows: int | None
    """Of so many rows the autoencoder plans its epochs; None: that is not known."""


def settled(task: Any, made: Autoencoder, rows: int | None) -> Settled:
    """The parameters of a task, beside the autoencoder that it makes."""
    params = task.get_params(deep=False)
    del params["autoencoder"]
    fitted: Autoencoder = vars(task).get("autoencoder_", made)
    return Settled(fitted, params, rows)


def as_wished(task: Any, made: Autoencoder, **parts: Any) -> Autoencoder:
    """An unfitted autoencoder with what a task says, and with parts of its own."""
    wished = {"random_state": task.random_state, "verbose": task.verbose}
    for name in ("kind", "columns", "training", "device"):
        if getattr(task, name, None) is not None:
            wished[name] = getattr(task, name)
    found: Autoencoder = made.set_params(**wished, **parts)
    return found


def adopt(task: Any, fitted: Autoencoder) -> None:
    """Take a fitted autoencoder, and number and names of its columns, as one's own."""
    task.autoencoder_ = fitted
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(fitted, name):
            setattr(task, name, getattr(fitted, name))
