"""The drawn facades."""
