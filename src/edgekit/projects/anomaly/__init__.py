"""The project of ``edgekit new anomaly``."""
