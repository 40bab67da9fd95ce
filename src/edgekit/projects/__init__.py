"""Projects to start from, which ``edgekit new`` copies: a model, its data drawn by code, a test."""
