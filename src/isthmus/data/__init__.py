"""Knows what your data is: containers and files in, batches of tensors out, and back."""
