"""The version, where another package's edgekit/__init__.py cannot overwrite it."""

__version__ = "0.1.0"
