"""Tools that prepare pictures."""
