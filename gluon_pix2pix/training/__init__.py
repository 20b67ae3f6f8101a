"""The losses, the schedule, the step, checkpoints and the log of a run."""
