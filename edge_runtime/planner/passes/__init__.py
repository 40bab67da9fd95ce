"""Passes over a graph before its ops are lowered: one file each, Graph -> Graph."""

from os.path import dirname, join

# In a wheel, those that few graphs need lie there: see setup.py.
__path__.append(join(dirname(dirname(__path__[0])), "seldom.zip", "planner", "passes"))  # noqa: PTH118, PTH120
