"""A model file as C for the emulated microcontrollers: what ``bench`` and ``sweep`` share."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgekit.benchmarks.mcu.firmware import Library
    from edgekit.convert.c.library import CLibrary

PORTS = ("input", "output")
"""Names of the only input and the only output of a model."""

NAME = "model"
"""Prefix of the public names of the exported C."""


def exported(path: Path, skip_zeros: bool, min_ram: bool) -> "Library":
    """Return a model file as C.

    Args:
        path: the file.
        skip_zeros: let dense int8 layers skip inputs that stand for 0.
        min_ram: run layers row by row, in the least RAM.

    Raises:
        ModelError: the file is damaged, or holds what cannot be exported.
    """
    from edgekit.convert.c.library import library

    most = 0 if min_ram else None
    return built(library(path.read_bytes(), path.name, NAME, skip_zeros=skip_zeros, most_ram=most))


def built(model: "CLibrary") -> "Library":
    """Return what firmware is built of for a model in C."""
    from edgekit.benchmarks.mcu.firmware import Library

    ports = (*model.inputs, *model.outputs)
    return Library(
        name=model.name,
        files={f"{model.name}.h": model.header, f"{model.name}.c": model.source},
        arena=model.arena,
        weights=model.weights,
        macs=model.macs,
        ops=model.ops,
        op_macs=model.op_macs,
        multipliers=model.multipliers,
        places={
            port.name: (port.offset, port.bytes)
            for port in ports
            if port.offset is not None and port.name in PORTS
        },
    )
