"""Comparisons whose figures are committed: with LiteRT, with other generators of C, with Keras."""
