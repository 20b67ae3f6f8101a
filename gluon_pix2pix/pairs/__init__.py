"""Pairs of pictures on disk, as batches."""
