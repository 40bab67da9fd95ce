"""edgekit: take a small Keras classifier to an edge device and prove that it still works there."""

__version__ = "0.1.0"
