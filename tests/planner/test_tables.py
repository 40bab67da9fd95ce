"""Chains of functions of 8 bits put together to a table: the bytes of LiteRT, in one step."""

from collections.abc import Sequence

import numpy as np
import pytest

import build
import runtimes
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import equal

FLOAT = ("float32", 0.0, 0)
INT8 = ("int8", 0.05, 3)
WIDER = ("int8", 0.07, -9)
UINT8 = ("uint8", 0.05, 131)
PROBABILITY = ("int8", 1 / 256, -128)
Type = tuple[str, float, int]


def model(types: Sequence[Type], ops: Sequence[str], further: Sequence[int] = ()) -> bytes:
    """A chain of ops, tensor n of type n; the last and ``further`` tensors are the outputs."""
    tensors = [build.tensor((1, 256), *quantized) for quantized in types]
    steps = [(op, [at], at + 1, {}) for at, op in enumerate(ops)]
    return build.model(tensors, steps, outputs=[len(ops), *further])


def names(data: bytes) -> list[str]:
    return [step.op.name for step in plan(read(data)).steps]


NUMBERS = {
    "int8": np.arange(-128, 128).astype(np.int8)[None],
    "uint8": np.arange(256).astype(np.uint8)[None],
}


@pytest.mark.parametrize(
    ("types", "ops"),
    [
        ((INT8, FLOAT, WIDER), ("DEQUANTIZE", "QUANTIZE")),
        ((INT8, FLOAT, UINT8), ("DEQUANTIZE", "QUANTIZE")),
        ((UINT8, INT8, PROBABILITY), ("QUANTIZE", "LOGISTIC")),
        ((INT8, FLOAT, FLOAT, WIDER), ("DEQUANTIZE", "RELU", "QUANTIZE")),
        ((INT8, FLOAT, FLOAT, FLOAT, WIDER), ("DEQUANTIZE", "RELU6", "TANH", "QUANTIZE")),
        ((INT8, INT8, PROBABILITY, UINT8), ("RELU", "LOGISTIC", "QUANTIZE")),
    ],
)
def test_a_chain_is_one_table(types: Sequence[Type], ops: Sequence[str]) -> None:
    data = model(types, ops)
    assert names(data) == ["TABLE"]
    x = NUMBERS[types[0][0]]
    equal(data, x, runtimes.builtin_ref(data)(x))


def test_a_pair_that_changes_nothing_is_no_step() -> None:
    data = model((INT8, FLOAT, INT8, WIDER), ("DEQUANTIZE", "QUANTIZE", "RELU"))
    assert names(data) == ["TABLE"]
    same = model((UINT8, FLOAT, UINT8), ("DEQUANTIZE", "QUANTIZE"))
    assert names(same) == ["COPY"]  # the output is a buffer of its own
    for one, x in (data, NUMBERS["int8"]), (same, NUMBERS["uint8"]):
        equal(one, x, runtimes.builtin_ref(one)(x))


def test_what_is_read_elsewhere_stays() -> None:
    data = model((INT8, FLOAT, WIDER), ("DEQUANTIZE", "QUANTIZE"), further=[1])
    assert names(data) == ["DEQUANTIZE", "QUANTIZE"]


def test_what_comes_from_floats_stays() -> None:
    """QUANTIZE loses what DEQUANTIZE does not bring back."""
    data = model((FLOAT, INT8, FLOAT), ("QUANTIZE", "DEQUANTIZE"))
    assert names(data) == ["QUANTIZE", "DEQUANTIZE"]


def test_a_chain_that_ends_in_floats_is_a_table_as_far_as_it_goes() -> None:
    data = model((UINT8, INT8, PROBABILITY, FLOAT), ("QUANTIZE", "LOGISTIC", "DEQUANTIZE"))
    assert names(data) == ["TABLE", "DEQUANTIZE"]
    x = NUMBERS["uint8"]
    equal(data, x, runtimes.builtin_ref(data)(x))


def test_a_transpose_before_the_chain_is_kept() -> None:
    """The pass before moves it behind the chain, with the index of the op that it follows."""
    shape = (4, 2, 3)
    tensors = [build.tensor((2, 3, 4), *INT8), build.constant([2, 0, 1], "int32")]
    tensors += [build.tensor(shape, *one) for one in (INT8, FLOAT, FLOAT, WIDER)]
    ops: list[build.Op] = [
        ("TRANSPOSE", [0, 1], 2, {}),
        ("DEQUANTIZE", [2], 3, {}),
        ("TANH", [3], 4, {}),
        ("QUANTIZE", [4], 5, {}),
    ]
    data = build.model(tensors, ops)
    assert names(data) == ["TABLE", "TRANSPOSE"]
    x = np.arange(-12, 12).astype(np.int8).reshape(2, 3, 4)
    equal(data, x, runtimes.builtin_ref(data)(x))


def test_a_chain_behind_a_transpose_that_moves_nothing_is_a_table() -> None:
    order = build.constant([1, 0], "int32")
    tensors = [build.tensor((1, 256), *INT8), order, build.tensor((256, 1), *INT8)]
    tensors += [build.tensor((256, 1), *one) for one in (FLOAT, FLOAT, WIDER)]
    ops = [("TRANSPOSE", [0, 1], 2, {})]
    ops += [(op, [at], at + 1, {}) for at, op in enumerate(("DEQUANTIZE", "RELU", "QUANTIZE"), 2)]
    data = build.model(tensors, ops)
    assert names(data) == ["TABLE"]
    equal(data, NUMBERS["int8"], runtimes.builtin_ref(data)(NUMBERS["int8"]))
