"""A run: its options, what it needs before the first step, the loop at work, the end of each epoch."""
