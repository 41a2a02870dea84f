"""What an imputer trains and asks; the estimator itself is a task."""
