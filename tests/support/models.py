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
from edge_runtime.planner.portable import Portable
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
    """Return models by name: the SEEDS of each op's tests, and the networks."""
    models = _networks(np.random.default_rng(3))
    for module in op_tests().values():
        assert not models.keys() & module.SEEDS.keys(), module
        models |= module.SEEDS
    return models


def plans(engine: Portable | None = None) -> Iterator[tuple[str, Plan]]:
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
