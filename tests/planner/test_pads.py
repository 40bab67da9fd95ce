"""PAD folded into the convolution after it: the bytes of LiteRT, and one step less."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import build
import runtimes
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import drawn, near

AROUND = ((0, 0), (2, 1), (0, 3), (0, 0))
SHAPE = (1, 6, 7, 3)
WINDOW = (3, 2)
BIASES = {"int8": "int32", "uint8": "int32", "int16": "int64", "float32": "float32"}
STRIDE, DILATION = 2, 2
"""Along the rows; 1 along the columns."""


def model(
    dtype: str = "int8",
    op: str = "CONV_2D",
    *,
    shape: Sequence[int] = SHAPE,
    paddings: Sequence[Sequence[int]] = AROUND,
    value: int | None = None,
    padding: int = 1,
    further: Sequence[int] = (),
    window: tuple[int, int] = WINDOW,
    stride: int = STRIDE,
    outputs: int = SHAPE[3],
) -> bytes:
    """A PAD, or a PADV2 of a value, and a convolution with SAME (0) or VALID (1) padding."""
    rng = np.random.default_rng(0)
    scale, zero_point = {"float32": (0.0, 0), "int16": (0.05, 0)}.get(dtype, (0.05, 3))
    batches, height, width, channels = padded = tuple(
        size + sum(pair) for size, pair in zip(shape, paddings, strict=True)
    )
    rows = (height - (window[0] - 1) * DILATION + stride - 1) // stride
    columns = width - window[1] + 1
    if padding == 0:
        rows, columns = -(-height // stride), width
    weights = rng.integers(0, 100, (outputs, *window, channels))
    if op == "DEPTHWISE_CONV_2D":
        weights = weights[:1]
    kind = {"int16": "int8"}.get(dtype, dtype)
    tensors = [
        build.tensor(shape, dtype, scale, zero_point),
        build.constant(paddings, "int32"),
        build.tensor(padded, dtype, scale, zero_point),
        build.tensor(weights.shape, kind, scale / 5, data=weights.astype(kind)),
        build.tensor((batches, rows, columns, outputs), dtype, scale * 6),
        build.constant(range(outputs), BIASES[dtype], scale * scale / 5),
    ]
    inputs = [0, 1]
    if value is not None:
        inputs.append(6)
        content = np.array([value], dtype)
        tensors.append(build.tensor((1,), dtype, scale, zero_point, data=content))
    options: dict[str, Any] = {"padding": padding, "strideH": stride, "strideW": 1}
    options["dilationHFactor"] = DILATION
    if op == "DEPTHWISE_CONV_2D":
        options["depthMultiplier"] = 1
    ops = [("PAD" if value is None else "PADV2", inputs, 2, {}), (op, [2, 3, 5], 4, options)]
    return build.model(tensors, ops, outputs=[4, *further])


def test_the_value_of_a_pad_counts_and_one_of_a_padv2_may_be_missing() -> None:
    for name, value, left in ("PAD", 5, 2), ("PADV2", None, 1):
        tree = schema.ModelT.InitFromPackedBuf(model(value=value))
        tree.operatorCodes[0].builtinCode = getattr(schema.BuiltinOperator, name)
        tree.operatorCodes[0].deprecatedBuiltinCode = tree.operatorCodes[0].builtinCode
        assert len(names(build.pack(tree))) == left


def names(data: bytes) -> list[str]:
    return [step.op.name for step in plan(read(data)).steps]


@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "float32"])
@pytest.mark.parametrize("has_value", [False, True])
def test_the_convolution_pads(op: str, dtype: str, has_value: bool) -> None:
    zero = 3 if dtype in ("int8", "uint8") else 0
    data = model(dtype, op, value=zero if has_value else None)
    assert names(data) == [op]
    x = drawn(np.random.default_rng(1), dtype, SHAPE)
    near(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("outputs", [1, 5, 16])
@pytest.mark.parametrize("shape", [(1, 6, 7, 3), (1, 3, 2, 8), (2, 4, 5, 16)])
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_a_window_of_one_pads(dtype: str, shape: tuple[int, ...], outputs: int) -> None:
    data = model(dtype, shape=shape, window=(1, 1), stride=1, outputs=outputs)
    assert names(data) == ["CONV_2D"]
    x = drawn(np.random.default_rng(1), dtype, shape)
    near(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize(
    "changes",
    [
        {"paddings": ((0, 0), (1, 1), (1, 1), (1, 0))},
        {"paddings": ((1, 0), (1, 1), (1, 1), (0, 0))},
        {"value": 4},
        {"padding": 0},
        {"further": [2]},
    ],
    ids=["of channels", "of images", "another value", "SAME", "an output, too"],
)
def test_other_paddings_are_steps(changes: dict[str, Any]) -> None:
    data = model(**changes)
    assert len(names(data)) == 2
    x = drawn(np.random.default_rng(1), "int8", SHAPE)
    expected = runtimes.run_builtin_ref(data, [x])
    for name, engine in runtimes.engines(data).items():
        outputs = engine.run((x,))
        for one, value in zip(outputs if len(expected) > 1 else [outputs], expected, strict=True):
            np.testing.assert_array_equal(one, value, err_msg=name)
