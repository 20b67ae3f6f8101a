"""One module per command: an options dataclass and ``main(options)``. Only here are there options, prints and exits."""
