"""Data sets: the catalogue, downloads, preparation, the drawn demo."""
