"""The project of ``edgekit new image``."""
