"""Networks handed over to other programs, and taken from them."""
