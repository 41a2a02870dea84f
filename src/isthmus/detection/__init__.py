"""What an anomaly detector is made of: efforts, scorer, thresholds, changes, state."""
