"""Scores of pictures against the true ones, without MXNet."""
