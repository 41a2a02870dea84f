"""The scikit-learn face of an autoencoder."""

from isthmus.estimator.autoencoder import Autoencoder

__all__ = ["Autoencoder"]
