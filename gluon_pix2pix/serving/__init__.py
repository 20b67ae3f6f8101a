"""Trained models behind HTTP, and the page to play with them: served, or as static files."""
