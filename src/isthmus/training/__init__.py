"""Gradient descent: it knows batches, gradients and clocks, and no autoencoder."""

from isthmus.training.engine import Epoch, Trainer
from isthmus.training.settings import Training

__all__ = ["Epoch", "Trainer", "Training"]
