"""A fuzz target: any bytes are refused with a ModelError, or open and run the same everywhere.

`make fuzz` runs it. One file again: ``fuzz_model.py FILE``.
"""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
with atheris.instrument_imports(include=["edge_runtime"]):
    from edge_runtime import backends, ops

    for name in "native", "reference":
        backends.find(name)

    for name in ops.OPS:
        ops.find(name)
    for name in ops.CUSTOM:
        ops.find(name, custom=True)
import hostile


def one_input(data: bytes) -> None:
    """Raise what is no ModelError, or what differs between engines."""
    hostile.check(data)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
