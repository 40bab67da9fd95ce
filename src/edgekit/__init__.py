"""edgekit: take a small Keras classifier to an edge device and prove that it still works there."""

from edgekit.version import __version__

__all__ = ["__version__"]
