"""How a facade of the demo set is drawn: a layout of labelled rectangles, then a painted photo of it."""
