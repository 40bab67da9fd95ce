"""Exponentials that stay small: beside exp(60), int8 has no steps left for all other numbers.

Softplus, mish and log-sigmoid are LOG(EXP(x) + 1). SELU, and what users write like it, computes
EXP(x) of positive numbers too, for which SELECT takes x.
"""

from typing import Any

import numpy as np

from edge_runtime.schema import ACTIVATIONS
from edgekit.convert.object_tree import (
    add_constant,
    add_operator,
    add_tensor,
    constant,
    drop_unused,
    insert,
    is_float,
    is_plain,
    kind,
    maker,
    of_one_shape,
    pack,
    readers,
    unpack,
)

RELU = ACTIVATIONS.index("RELU")
GREATER, LESS = ("GREATER", "GREATER_EQUAL"), ("LESS", "LESS_EQUAL")


def as_bounded(model: bytes) -> bytes:
    """Return a float .tflite file without exponentials of large numbers that nothing needs.

    log(exp(x) + 1) becomes relu(x) - log(logistic(|x|)), and p·x where x > 0, else q·(exp(x) - 1)
    becomes q·elu(x) + (p - q)·relu(x), the same numbers up to rounding. Both are of ops that all
    quantisers know, and that leave the ranges of what they read alone: RELU would be computed with
    the layer before it, once more; MAXIMUM and MINIMUM need one scale for what they read and write.

    Returns:
        The file, the same if it has no such exponentials.
    """
    tree = unpack(model)
    changes = {"LOG": _softplus, "SELECT": _elu, "SELECT_V2": _elu}
    ops = [*tree.subgraphs[0].operators]
    found = [changes[name](tree, op) for op in ops if (name := kind(tree, op)) in changes]
    if not any(found):
        return model
    drop_unused(tree)
    return pack(tree)


def _softplus(tree: Any, log: Any) -> bool:
    """Change LOG(EXP(x) + 1), if that is what ends in ``log``; return whether it was."""
    add = _only_maker(tree, log.inputs[0], log)
    if kind(tree, add) != "ADD" or not is_plain(add):
        return False
    makers = [_only_maker(tree, index, add) for index in add.inputs]
    exp = next((op for op in makers if kind(tree, op) == "EXP"), None)
    if exp is None or 1 not in [_number(tree, index) for index in add.inputs]:
        return False
    x, result = exp.inputs[0], log.outputs[0]
    if not of_one_shape(tree, x, result):
        return False
    names = ("negative", "positive", "size", "logistic", "log")
    negative, positive, size, logistic, rest = (add_tensor(tree, result, name) for name in names)
    _replace(
        tree,
        [exp, add, log],
        [
            add_operator(tree, "MUL", [x, add_constant(tree, np.float32(-1.0))], negative, RELU),
            add_operator(tree, "ADD", [x, negative], positive),
            add_operator(tree, "ADD", [positive, negative], size),
            add_operator(tree, "LOGISTIC", [size], logistic),
            add_operator(tree, "LOG", [logistic], rest),
            add_operator(tree, "SUB", [positive, rest], result),
        ],
    )
    return True


def _elu(tree: Any, select: Any) -> bool:
    """Change p·x where x > 0, else q·(exp(x) - 1), if ``select`` is that; return whether it was."""
    condition, above, below = select.inputs
    comparison = _only_maker(tree, condition, select)
    if kind(tree, comparison) in LESS:
        above, below = below, above
    elif kind(tree, comparison) not in GREATER:
        return False
    x, result = comparison.inputs[0], select.outputs[0]
    scaled, p, straight = _scaled(tree, above, select)
    shifted, q, curved = _scaled(tree, below, select)
    elu, bend = _bend(tree, shifted, x, curved[0] if curved else select)
    is_it = _number(tree, comparison.inputs[1]) == 0 and scaled in (x, elu) and min(p, q) > 0
    if (elu is None and not bend) or not is_it or not of_one_shape(tree, x, result):
        return False
    bent, rest = (add_tensor(tree, result, name) for name in ("curved", "straight"))
    ops = []
    if elu is None:
        elu = add_tensor(tree, result, "elu")
        ops.append(add_operator(tree, "ELU", [x], elu))
    ops.append(
        add_operator(
            tree, "MUL", [elu, add_constant(tree, np.float32(q))], result if p == q else bent
        )
    )
    if p != q:
        ops += [
            add_operator(tree, "MUL", [x, add_constant(tree, np.float32(abs(p - q)))], rest, RELU),
            add_operator(tree, "ADD" if p > q else "SUB", [bent, rest], result),
        ]
    _replace(tree, [comparison, *straight, *bend, *curved, select], ops)
    return True


def _bend(tree: Any, tensor: int, x: int, reader: Any) -> tuple[int | None, list[Any]]:
    """Return the tensor if it is elu(x), or the ops if they make exp(x) - 1; else neither."""
    last = maker(tree, tensor)
    if kind(tree, last) == "ELU" and last.inputs[0] == x:
        return tensor, []
    minus_one = {"SUB": 1, "ADD": -1}.get(kind(tree, last))
    if minus_one is None or not is_plain(last) or _number(tree, last.inputs[1]) != minus_one:
        return None, []
    exp = _only_maker(tree, last.inputs[0], last)
    found = _only_maker(tree, tensor, reader) and kind(tree, exp) == "EXP" and exp.inputs[0] == x
    return None, [exp, last] if found else []


def _scaled(tree: Any, tensor: int, reader: Any) -> tuple[int, float, list[Any]]:
    """Return what a tensor is a multiple of, the factor, and the op that makes it, if any."""
    op = _only_maker(tree, tensor, reader)
    if kind(tree, op) == "MUL" and is_plain(op):
        for factor, other in (op.inputs, op.inputs[::-1]):
            if (number := _number(tree, factor)) is not None:
                return int(other), number, [op]
    return tensor, 1.0, []


def _only_maker(tree: Any, tensor: int, reader: Any) -> Any:
    """Return the op that makes a tensor which ``reader`` alone reads; None of others."""
    alone = readers(tree, tensor) == [reader] and tensor not in list(tree.subgraphs[0].outputs)
    return maker(tree, tensor) if alone else None


def _number(tree: Any, tensor: int) -> float | None:
    """Return the only number that a constant in float32 has; None of others."""
    data = constant(tree, tensor)
    if data is None or not is_float(tree, tensor):
        return None
    numbers = np.asarray(data, np.uint8).view(np.float32)
    return float(numbers[0]) if np.all(numbers == numbers[0]) else None


def _replace(tree: Any, old: list[Any], new: list[Any]) -> None:
    """Put ops in the place of the last of ``old``, and remove those."""
    insert(tree, old[-1], *new)
    graph = tree.subgraphs[0]
    graph.operators = [op for op in graph.operators if all(op is not one for one in old)]
