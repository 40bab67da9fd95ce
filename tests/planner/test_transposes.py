"""TRANSPOSEs moved behind other ops and cancelled: the bytes of LiteRT, in fewer steps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import build
import runtimes
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import drawn, equal

TO_LAST, TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
SHAPE = (1, 3, 4, 5)
Step = tuple[str, Any]


def model(
    steps: Sequence[Step], shape: tuple[int, ...] = SHAPE, further: Sequence[int] = ()
) -> bytes:
    """A chain of float32 ops; a TRANSPOSE has its order, an op of two tensors a constant."""
    tensors, ops, at = [build.tensor(shape)], [], 0
    for name, argument in steps:
        inputs = [at]
        if name == "TRANSPOSE":
            shape = tuple(shape[axis] for axis in argument)
            inputs.append(len(tensors))
            tensors.append(build.constant(argument, "int32"))
        elif argument is not None:
            inputs.append(len(tensors))
            tensors.append(build.constant(argument, "float32"))
        ops.append((name, inputs, len(tensors), {}))
        at = len(tensors)
        tensors.append(build.tensor(shape))
    return build.model(tensors, ops, outputs=[at, *further])


def names(data: bytes) -> list[str]:
    return [step.op.name for step in plan(read(data)).steps]


def check(data: bytes, shape: tuple[int, ...] = SHAPE) -> None:
    x = drawn(np.random.default_rng(0), "float32", shape)
    equal(data, x, runtimes.builtin_ref(data)(x))


CHANNELS = np.arange(3).reshape(1, 1, 1, 3)


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        ([("TRANSPOSE", TO_LAST), ("RELU", None), ("TRANSPOSE", TO_FIRST)], ["RELU"]),
        ([("RELU", None), ("TRANSPOSE", TO_LAST), ("TRANSPOSE", TO_FIRST)], ["RELU"]),
        (
            [("TRANSPOSE", TO_LAST), ("ADD", CHANNELS), ("TRANSPOSE", TO_FIRST), ("RELU", None)],
            ["ADD", "RELU"],
        ),
        ([("TRANSPOSE", TO_LAST), ("MAXIMUM", 2.0), ("TRANSPOSE", TO_FIRST)], ["MAXIMUM"]),
        ([("TRANSPOSE", TO_LAST), ("TRANSPOSE", TO_LAST)], ["TRANSPOSE"]),
        ([("TRANSPOSE", TO_LAST), ("RELU", None)], ["RELU", "TRANSPOSE"]),
        (
            [("TRANSPOSE", TO_LAST), ("ADD", np.ones((4, 5, 3))), ("TRANSPOSE", TO_FIRST)],
            ["TRANSPOSE", "ADD", "TRANSPOSE"],
        ),
    ],
)
def test_transposes_that_meet_cancel_each_other(steps: Sequence[Step], left: list[str]) -> None:
    data = model(steps)
    assert names(data) == left
    check(data)


def test_a_transpose_of_single_rows_costs_nothing() -> None:
    shape = (1, 1, 4, 5)
    data = model([("TRANSPOSE", TO_LAST), ("RELU", None)], shape)
    assert names(data) == ["RELU"]
    check(data, shape)


def test_both_operands_may_be_transposed() -> None:
    tensors = [build.tensor(SHAPE), build.tensor(SHAPE), build.constant(TO_LAST, "int32")]
    tensors += [build.tensor((1, 4, 5, 3)) for _ in range(3)]
    tensors += [build.constant(TO_FIRST, "int32"), build.tensor(SHAPE)]
    ops = [
        ("TRANSPOSE", [0, 2], 3, {}),
        ("TRANSPOSE", [1, 2], 4, {}),
        ("SUB", [3, 4], 5, {}),
        ("TRANSPOSE", [5, 6], 7, {}),
    ]
    data = build.model(tensors, ops, inputs=[0, 1])
    assert names(data) == ["SUB"]
    rng = np.random.default_rng(0)
    inputs = [drawn(rng, "float32", SHAPE) for _ in range(2)]
    (expected,) = runtimes.run_builtin_ref(data, inputs)
    for name, engine in runtimes.engines(data).items():
        np.testing.assert_array_equal(engine.run(tuple(inputs)), expected, err_msg=name)


def test_a_transpose_that_is_an_output_too_stays() -> None:
    steps = [("TRANSPOSE", TO_LAST), ("RELU", None), ("TRANSPOSE", TO_FIRST)]
    data = model(steps, further=[2])
    assert names(data).count("TRANSPOSE") == 2
    x = drawn(np.random.default_rng(0), "float32", SHAPE)
    expected = runtimes.run_builtin_ref(data, [x])
    for engine in runtimes.engines(data).values():
        for one, value in zip(engine.run((x,)), expected, strict=True):
            np.testing.assert_array_equal(one, value)
