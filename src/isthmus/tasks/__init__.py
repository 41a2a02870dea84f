"""What people do with an autoencoder: one scikit-learn estimator a file."""
