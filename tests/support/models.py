"""Small .tflite models, made in a millisecond: those of the tests of each op, and two networks."""

import functools
import importlib.util
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
from ai_edge_litert import schema_py_generated as schema

import build
from edge_runtime import ops
from edge_runtime.errors import ModelError
from edge_runtime.planner import plan
from edge_runtime.planner.plan import Plan
from edge_runtime.planner.portable import PORTABLE, Portable
from edge_runtime.reader import read

OPS = Path(__file__).parents[1] / "ops"


@functools.cache
def op_tests() -> dict[str, ModuleType]:
    """Return the modules tests/ops/test_<op>.py by op, in the order of their names."""
    return {
        path.stem.removeprefix("test_"): _module(path) for path in sorted(OPS.glob("test_*.py"))
    }


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"seeds_of_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seeds() -> dict[str, bytes]:
    """Return models by name: the SEEDS of each op's tests, and networks."""
    rng = np.random.default_rng(3)
    models = {**_networks(rng), "passes": _of_passes(rng), "variables": _of_variables()}
    for module in op_tests().values():
        assert not models.keys() & module.SEEDS.keys(), module
        models |= module.SEEDS
    return models


def plans(engine: Portable = PORTABLE) -> Iterator[tuple[str, Plan]]:
    """Yield name and plan of each model that the engine has, with each rounding."""
    for (name, data), rounding in product(seeds().items(), ops.ROUNDINGS):
        with suppress(ModelError):
            yield name, plan(read(data), rounding, engine)


def infinite() -> bytes:
    """Return a float32 model with infinity in its weights and in most of its outputs."""
    inf = float("inf")
    tensors = [
        build.tensor((1, 4)),
        build.constant([[inf, 1, 1, 1], [1, -inf, 1, 1], [1e38] * 4, [0.5] * 4], "float32"),
        build.constant([1, 1, -1, inf], "float32"),
        build.tensor((1, 4)),
    ]
    return build.model(tensors, [("FULLY_CONNECTED", [0, 1, 2], 3, {})])


def _networks(rng: np.random.Generator) -> dict[str, bytes]:
    def weights(outputs: int, depth: int, scale: float) -> list[schema.TensorT]:
        return [
            build.constant(rng.integers(-127, 128, (outputs, depth)), "int8", [0.01] * outputs),
            build.constant(rng.integers(-900, 900, outputs), "int32", [0.01 * scale] * outputs),
        ]

    documented = build.model(
        [
            build.tensor((1, 6, 6, 1), "int8", 1 / 255, -128),
            build.constant([-1, 36], "int32"),
            build.tensor((1, 36), "int8", 1 / 255, -128),
            *weights(14, 36, 1 / 255),
            build.tensor((1, 14), "int8", 0.05, -128),
            *weights(2, 14, 0.05),
            build.tensor((1, 2), "int8", 0.05, 4),
            build.tensor((1, 2), "int8", 1 / 256, -128),
        ],
        [
            ("RESHAPE", [0, 1], 2, {"newShape": [-1, 36]}),
            ("FULLY_CONNECTED", [2, 3, 4], 5, {"fusedActivationFunction": 1}),
            ("FULLY_CONNECTED", [5, 6, 7], 8, {}),
            ("LOGISTIC", [8], 9, {}),
        ],
    )
    shapes = build.model(
        [
            build.tensor((2, 3, 1, 4)),
            build.tensor((4,), "int32"),
            build.constant([0], "int32"),
            build.constant([1], "int32"),
            build.constant([1], "int32"),
            build.tensor((), "int32"),
            build.constant(12, "int32"),
            build.tensor((2,), "int32"),
            build.tensor((2, 12)),
            build.constant(rng.normal(size=(3, 12)), "float32"),
            build.tensor((2, 3)),
            build.constant(-1, "int32"),
            build.tensor((2, 3, 1)),
            build.tensor((2, 3)),
            build.tensor((2, 3)),
        ],
        [
            ("SHAPE", [0], 1, {"outType": 2}),
            ("STRIDED_SLICE", [1, 2, 3, 4], 5, {"shrinkAxisMask": 1}),
            ("PACK", [5, 6], 7, {"valuesCount": 2}),
            ("RESHAPE", [0, 7], 8, {}),
            ("FULLY_CONNECTED", [8, 9, -1], 10, {}),
            ("EXPAND_DIMS", [10, 11], 12, {}),
            ("SQUEEZE", [12], 13, {"squeezeDims": [2]}),
            ("LOGISTIC", [13], 14, {}),
        ],
    )
    return {"documented": documented, "shapes": shapes}


def _of_passes(rng: np.random.Generator) -> bytes:
    """Return a network that each pass of the planner changes."""

    def eight(*shape: int) -> schema.TensorT:
        return build.tensor(shape, "int8", 0.1, 3)

    weights = build.constant(rng.integers(-127, 128, (2, 2, 2, 2)), "int8", 0.05)
    window = {"padding": 1, "strideH": 1, "strideW": 1}
    tensors = [
        eight(1, 2, 4, 5),
        build.constant([0, 2, 3, 1], "int32"),
        eight(1, 4, 5, 2),
        build.tensor((1, 4, 5, 2)),
        build.tensor((1, 4, 5, 2)),
        eight(1, 4, 5, 2),
        build.constant([[0, 0], [1, 0], [0, 1], [0, 0]], "int32"),
        eight(1, 5, 6, 2),
        weights,
        eight(1, 4, 5, 2),
        build.constant([2, 2], "int32"),
        build.constant([[1, 1], [1, 2]], "int32"),
        eight(4, 3, 4, 2),
        eight(4, 2, 3, 2),
        build.constant([[0, 0], [0, 1]], "int32"),
        eight(1, 4, 5, 2),
        build.constant([0, 3, 1, 2], "int32"),
        eight(1, 2, 4, 5),
    ]
    return build.model(
        tensors,
        [
            ("TRANSPOSE", [0, 1], 2, {}),
            ("DEQUANTIZE", [2], 3, {}),
            ("TANH", [3], 4, {}),
            ("QUANTIZE", [4], 5, {}),
            ("PAD", [5, 6], 7, {}),
            ("CONV_2D", [7, 8, -1], 9, window),
            ("SPACE_TO_BATCH_ND", [9, 10, 11], 12, {}),
            ("CONV_2D", [12, 8, -1], 13, window),
            ("BATCH_TO_SPACE_ND", [13, 10, 14], 15, {}),
            ("TRANSPOSE", [15, 16], 17, {}),
        ],
    )


def _of_variables() -> bytes:
    """Return a network that adds its inputs up, in a resource variable and in a tensor."""
    handle = {"container": "", "sharedName": "sum"}
    tensors = [
        build.tensor((1, 4)),
        build.tensor((), "resource"),
        *(build.tensor((1, 4)) for _ in range(3)),
        build.tensor((1, 4), variable=True),
        build.tensor((1, 4)),
        build.constant([4, 1], "int32"),
        build.tensor((4, 1)),
    ]
    ops: list[build.Op] = [
        ("CALL_ONCE", [], [], {"initSubgraphIndex": 1}),
        ("VAR_HANDLE", [], 1, handle),
        ("READ_VARIABLE", [1], 2, {}),
        ("ADD", [0, 2], 3, {}),
        ("ASSIGN_VARIABLE", [1, 3], [], {}),
        ("READ_VARIABLE", [1], 4, {}),
        ("SUB", [4, 5], 6, {}),
        ("ABS", [0], 5, {}),
        ("RESHAPE", [6, 7], 8, {}),
    ]
    called = [build.tensor((), "resource"), build.constant([[1, -2, 3, 4]], "float32")]
    first: list[build.Op] = [("VAR_HANDLE", [], 0, handle), ("ASSIGN_VARIABLE", [0, 1], [], {})]
    return build.file([(tensors, ops, [0], [8, 3]), (called, first, [], [])])
