"""MAXIMUM, MINIMUM and SELECT without the one scale that they need for what they read and write.

TensorFlow's quantiser gives them that of one of their inputs, or of the output, and so cuts off
what lies beyond it: of x in x + max(x, 0.5), or of y in max(x, y). LiteRT's quantiser copes with
MAXIMUM, and knows neither MINIMUM nor ABS.
"""

from typing import Any

import numpy as np

from edge_runtime.schema import ACTIVATIONS
from edgekit.convert.object_tree import (
    add_constant,
    add_operator,
    add_tensor,
    constant,
    insert,
    is_float,
    kind,
    maker,
    of_one_shape,
    pack,
    readers,
    unpack,
)

RELU = ACTIVATIONS.index("RELU")
EXTREMES = ("MAXIMUM", "MINIMUM")
SELECTS = ("SELECT", "SELECT_V2")

LEAST_STEP = 2.0**-14
"""Least step of a sum, in the larger one of what is added."""

PASSING = frozenset(
    "EXPAND_DIMS GATHER MAX_POOL_2D PAD RESHAPE SLICE SQUEEZE STRIDED_SLICE TRANSPOSE".split()
)
"""Ops through which a scale goes on to what they read. ELU, which TensorFlow's quantiser leaves in
float32, takes those that read it along, where they have its scale."""


def with_own_scales(model: bytes) -> bytes:
    """Return a float .tflite file for TensorFlow's quantiser, the same if nothing is to be changed.

    max(a, b) becomes a + relu(b - a), and the selection of a or b the sum of b and of a - b or 0,
    the same numbers up to rounding. Where one of two is a constant, what others read as well is
    copied: a product with 1, of which the quantiser makes QUANTIZE.
    """
    tree = unpack(model)
    changed = False
    for op in [*tree.subgraphs[0].operators]:
        name = kind(tree, op)
        numbers = [int(index) for index in op.inputs[1 if name in SELECTS else 0 :]]
        if name not in (*EXTREMES, *SELECTS) or not is_float(tree, numbers[0]):
            continue
        constants = [index for index in numbers if constant(tree, index) is not None]
        if name in EXTREMES and not constants:
            _extreme(tree, op, *numbers)
        elif not constants and of_one_shape(tree, *numbers, op.outputs[0]):
            _selection(tree, op, *numbers)
        else:
            shared = [index for index in numbers if not _is_alone(tree, index, op)]
            for index in shared:
                _copied(tree, op, index)
            changed |= bool(shared)
            continue
        changed = True
    return pack(tree) if changed else model


def as_sums(model: bytes) -> bytes:
    """Return a float .tflite file for LiteRT's quantiser, the same if nothing is to be changed.

    min(a, b) becomes a - relu(a - b), and abs(a) becomes a + relu(-2·a).
    """
    tree = unpack(model)
    changed = False
    for op in [*tree.subgraphs[0].operators]:
        name = kind(tree, op)
        if name not in ("MINIMUM", "ABS") or not is_float(tree, op.inputs[0]):
            continue
        changed = True
        if name == "MINIMUM":
            _extreme(tree, op, *op.inputs)
            continue
        number, result = op.inputs[0], op.outputs[0]
        twice = add_tensor(tree, result, "twice")
        factors = [number, add_constant(tree, np.float32(-2))]
        insert(
            tree,
            op,
            add_operator(tree, "MUL", factors, twice, RELU),
            add_operator(tree, "ADD", [number, twice], result),
        )
    return pack(tree) if changed else model


def with_steps(model: bytes) -> bytes:
    """Return a quantised .tflite file in which no sum or difference has a step of almost nothing.

    That is what a quantiser gives to one that was 0 for all samples, as relu(a - b) where a is
    never greater: the multiplier of a kernel could not express it. It gets its input's step.
    """
    tree = unpack(model)
    tensors, changed = tree.subgraphs[0].tensors, False
    for op in tree.subgraphs[0].operators:
        if kind(tree, op) not in ("ADD", "SUB"):
            continue
        added = [tensors[index].quantization for index in (*op.inputs, *op.outputs)]
        if any(one is None or one.scale is None or len(one.scale) == 0 for one in added):
            continue
        *largest, step = (float(one.scale[0]) for one in added)
        if step < LEAST_STEP * max(largest):
            added[-1].scale, changed = [max(largest)], True
    return pack(tree) if changed else model


def _extreme(tree: Any, op: Any, one: int, other: int) -> None:
    """Change max(a, b) to a + relu(b - a), or min(a, b) to a - relu(a - b)."""
    largest = kind(tree, op) == "MAXIMUM"
    result = op.outputs[0]
    beyond = add_tensor(tree, result, "beyond")
    difference = [other, one] if largest else [one, other]
    insert(
        tree,
        op,
        add_operator(tree, "SUB", difference, beyond, RELU),
        add_operator(tree, "ADD" if largest else "SUB", [one, beyond], result),
    )


def _selection(tree: Any, op: Any, one: int, other: int) -> None:
    """Change a or b to b + (a - b or 0)."""
    condition, result = op.inputs[0], op.outputs[0]
    difference, chosen = (add_tensor(tree, result, name) for name in ("difference", "chosen"))
    nothing = add_constant(tree, np.float32(0))
    insert(
        tree,
        op,
        add_operator(tree, "SUB", [one, other], difference),
        add_operator(tree, "SELECT_V2", [condition, difference, nothing], chosen),
        add_operator(tree, "ADD", [other, chosen], result),
    )


def _copied(tree: Any, op: Any, index: int) -> None:
    """Let ``op`` read a copy of a tensor."""
    copy = add_tensor(tree, index, "copy")
    made = add_operator(tree, "MUL", [index, add_constant(tree, np.float32(1))], copy)
    op.inputs = [copy if one == index else one for one in op.inputs]
    insert(tree, op, made, op)


def _is_alone(tree: Any, tensor: int, op: Any) -> bool:
    """Return whether nothing but ``op`` depends on the scale of a tensor."""
    if constant(tree, tensor) is not None:
        return True
    if readers(tree, tensor) != [op] or tensor in list(tree.subgraphs[0].outputs):
        return False
    made = maker(tree, tensor)
    return made is not None and kind(tree, made) not in (*PASSING, "ELU")
