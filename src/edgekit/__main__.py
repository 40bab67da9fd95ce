"""``python -m edgekit``: the same as the ``edgekit`` script."""

from edgekit.cli import main

main()
