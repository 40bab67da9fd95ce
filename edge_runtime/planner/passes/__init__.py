"""Passes over a graph before its ops are lowered: one file each, Graph -> Graph."""
