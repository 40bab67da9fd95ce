"""The project of ``edgekit new audio``."""
