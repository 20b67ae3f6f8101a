"""Pairs of pictures: where they come from, how they are read, jittered and batched."""
