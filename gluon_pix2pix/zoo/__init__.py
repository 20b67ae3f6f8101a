"""Trained models in the box: each is a folder as `export` writes it; docs/models.md has a card of each."""
