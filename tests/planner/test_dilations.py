"""SPACE_TO_BATCH_ND, a convolution, BATCH_TO_SPACE_ND as one: the bytes of LiteRT, in one step."""

from typing import Any

import numpy as np
import pytest

import build
import runtimes
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import drawn, equal

HEIGHT, WIDTH, CHANNELS = 7, 6, 3
BLOCK = (2, 3)
PADS = ((2, 3), (3, 3))
CROPS = ((0, 1), (0, 0))
WINDOW = (3, 2)


def model(
    op: str = "CONV_2D",
    *,
    block: tuple[int, int] = BLOCK,
    pads: Any = PADS,
    crops: Any = CROPS,
    zero_point: int = 3,
    **options: int,
) -> bytes:
    rng = np.random.default_rng(0)
    padded = [size + sum(pair) for size, pair in zip((HEIGHT, WIDTH), pads, strict=True)]
    inner = [size // by for size, by in zip(padded, BLOCK, strict=True)]
    outer = [size - taps + 1 for size, taps in zip(inner, WINDOW, strict=True)]
    if options.get("padding") == 0:
        outer = inner
    whole = [size * by - sum(pair) for size, by, pair in zip(outer, block, crops, strict=True)]
    batches = BLOCK[0] * BLOCK[1]
    weights = rng.integers(-99, 100, (CHANNELS if op == "CONV_2D" else 1, *WINDOW, CHANNELS))
    tensors = [
        build.tensor((1, HEIGHT, WIDTH, CHANNELS), "int8", 0.05, 3),
        build.constant(BLOCK, "int32"),
        build.constant(pads, "int32"),
        build.tensor((batches, *inner, CHANNELS), "int8", 0.05, zero_point),
        build.tensor(weights.shape, "int8", 0.01, data=weights.astype(np.int8)),
        build.constant([5, 6, 7], "int32", 0.0005),
        build.tensor((batches, *outer, CHANNELS), "int8", 0.1, -7),
        build.constant(block, "int32"),
        build.constant(crops, "int32"),
        build.tensor((batches // (block[0] * block[1]), *whole, CHANNELS), "int8", 0.1, -7),
    ]
    settings = {"padding": 1, "strideH": 1, "strideW": 1, **options}
    if op != "CONV_2D":
        settings["depthMultiplier"] = 1
    ops = [
        ("SPACE_TO_BATCH_ND", [0, 1, 2], 3, {}),
        (op, [3, 4, 5], 6, settings),
        ("BATCH_TO_SPACE_ND", [6, 7, 8], 9, {}),
    ]
    return build.model(tensors, ops)


def check(data: bytes) -> None:
    x = drawn(np.random.default_rng(1), "int8", (1, HEIGHT, WIDTH, CHANNELS))
    equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_three_ops_are_one(op: str) -> None:
    data = model(op)
    assert [step.op.name for step in plan(read(data)).steps] == [op]
    check(data)


@pytest.mark.parametrize(
    "changes",
    [
        {"padding": 0},
        {"dilationHFactor": 2, "pads": ((2, 7), (3, 3))},
        {"crops": ((3, 0), (0, 0))},
        {"block": (3, 2)},
    ],
    ids=["SAME", "dilated", "crops beyond the padding", "another block"],
)
def test_others_stay_three(changes: dict[str, Any]) -> None:
    data = dilated() if "dilationHFactor" in changes else model(**changes)
    assert len(plan(read(data)).steps) == 3
    check(data)


def dilated() -> bytes:
    """The convolution has a dilation of its own."""
    tree = build.schema.ModelT.InitFromPackedBuf(model(pads=((2, 7), (3, 3))))
    graph = tree.subgraphs[0]
    graph.operators[1].builtinOptions.dilationHFactor = 2
    for tensor, rows in (graph.tensors[6], 2), (graph.tensors[9], 2 * BLOCK[0]):
        tensor.shape = [tensor.shape[0], tensor.shape[1] - rows, *tensor.shape[2:]]
    return build.pack(tree)
