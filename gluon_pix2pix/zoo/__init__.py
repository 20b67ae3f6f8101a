"""Trained models in the box: each is a folder as `export` writes it. There is none so far."""
