"""Gradient descent: it knows batches, gradients and clocks, and no autoencoder."""

from isthmus.training.chance import pick_device, seeded
from isthmus.training.check import check
from isthmus.training.engine import Epoch, Trainer
from isthmus.training.examples import placed
from isthmus.training.progress import progress
from isthmus.training.replicas import ReplicaTrainer
from isthmus.training.settings import Training

__all__ = [
    "Epoch",
    "ReplicaTrainer",
    "Trainer",
    "Training",
    "check",
    "pick_device",
    "placed",
    "progress",
    "seeded",
]
