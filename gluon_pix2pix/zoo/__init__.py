"""Trained models in the box: each is a folder as `export` writes it, with a card.json and maybe examples/ beside."""
