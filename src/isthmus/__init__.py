"""Autoencoders for real data."""
