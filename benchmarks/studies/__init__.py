"""Comparisons with committed figures: with LiteRT, with other C generators, with plain Keras."""
