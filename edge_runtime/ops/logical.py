"""LOGICAL_AND and LOGICAL_OR: of two bools, whether both are true, or at least one."""

from __future__ import annotations

from edge_runtime.ops import broadcast
from edge_runtime.ops.call import Call, Kernel

TRUTH = {"LOGICAL_AND": 0b1000, "LOGICAL_OR": 0b1110}
"""Builtin -> its truth table: bit ``2 * a + b`` is the output."""


def types_are_bool(call: Call) -> str | None:
    """Inputs and output are bool."""
    return broadcast.not_all_of(call, "bool")


CONSTRAINTS = (
    broadcast.two_inputs,
    types_are_bool,
    broadcast.shapes_fit,
    broadcast.loops_fit,
)

shapes = broadcast.shapes

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return the kernel with the op's truth table."""
    return broadcast.kernel(call, "logical", {"truth": TRUTH[call.op.name]})
