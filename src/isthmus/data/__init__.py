"""Knows what your data is: containers and files in, batches of tensors, and back."""
