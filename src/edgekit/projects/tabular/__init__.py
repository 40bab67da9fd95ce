"""The project of ``edgekit new tabular``."""
