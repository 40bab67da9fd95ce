"""Depth-first plans: chains of layers that run row by row, so that few rows are in memory."""
