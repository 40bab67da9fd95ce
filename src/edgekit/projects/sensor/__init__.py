"""The project of ``edgekit new sensor``."""
