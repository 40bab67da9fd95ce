"""DENSIFY: a sparse constant, every engine against LiteRT."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.errors import UnsoundError
from edge_runtime.planner import plan
from edge_runtime.reader import read

Matrix = npt.NDArray[Any]


def vector(values: Sequence[int], kind: int) -> tuple[int, Any]:
    """Return a union of the schema: 1 of int32, 2 of uint16, 3 of uint8."""
    table = [schema.Int32VectorT, schema.Uint16VectorT, schema.Uint8VectorT][kind - 1]()
    table.values = list(values)
    return kind, table


def level(segments: Sequence[int], indices: Sequence[int], kind: int) -> Any:
    """Return a sparse level."""
    made = schema.DimensionMetadataT(format=1)
    made.arraySegmentsType, made.arraySegments = vector(segments, kind)
    made.arrayIndicesType, made.arrayIndices = vector(indices, kind)
    return made


def rows(dense: Matrix, kind: int = 1) -> tuple[Any, list[Any]]:
    """Return the layout of compressed rows, and their numbers."""
    where = [np.flatnonzero(row) for row in dense]
    segments = [0, *np.cumsum([len(one) for one in where])]
    layout = schema.SparsityParametersT(traversalOrder=[0, 1])
    layout.dimMetadata = [schema.DimensionMetadataT(denseSize=len(dense))]
    layout.dimMetadata.append(level(segments, np.concatenate(where), kind))
    return layout, [row[one] for row, one in zip(dense, where, strict=True)]


def blocks(dense: Matrix, size: int) -> tuple[Any, list[Any]]:
    """Return the layout of rows of blocks [1, size], and their numbers."""
    parts = dense.reshape(len(dense), -1, size)
    where = [np.flatnonzero(row.any(axis=1)) for row in parts]
    layout = schema.SparsityParametersT(traversalOrder=[0, 1, 2], blockMap=[1])
    segments = [0, *np.cumsum([len(one) for one in where])]
    layout.dimMetadata = [schema.DimensionMetadataT(denseSize=len(dense))]
    layout.dimMetadata.append(level(segments, np.concatenate(where), 3))
    layout.dimMetadata.append(schema.DimensionMetadataT(denseSize=size))
    return layout, [row[one] for row, one in zip(parts, where, strict=True)]


def dense(dtype: str) -> Matrix:
    rng = np.random.default_rng(0)
    numbers = rng.integers(-100, 100, (5, 8))
    return (numbers * (rng.random((5, 8)) < 0.4)).astype(dtype)


def model(dtype: str, layout: Any, numbers: Sequence[Any], shape: Sequence[int] = (5, 8)) -> bytes:
    """A sparse constant that is made dense and added to the input, of float16 as float32."""
    scale = 0.5 if dtype == "int8" else 0.0
    plain = "float32" if dtype == "float16" else dtype
    content = np.concatenate([np.ravel(one) for one in numbers]).astype(dtype)
    constant = build.tensor(shape, dtype, scale, data=content)
    constant.sparsity = layout
    tensors = [build.tensor(shape, plain, scale), constant, build.tensor(shape, dtype, scale)]
    ops = [("DENSIFY", [1], 2, {})]
    if dtype == "float16":
        tensors.append(build.tensor(shape, "float32"))
        ops.append(("DEQUANTIZE", [2], 3, {}))
    tensors.append(build.tensor(shape, plain, scale))
    ops.append(("ADD", [0, len(tensors) - 2], len(tensors) - 1, {}))
    return build.model(tensors, ops)


SEEDS = {f"DENSIFY {dtype}": model(dtype, *rows(dense(dtype))) for dtype in ("float32", "int8")}
SEEDS["DENSIFY float16"] = model("float16", *blocks(dense("float16"), 4))


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
@pytest.mark.parametrize(
    "layout",
    [lambda x: rows(x), lambda x: rows(x, 2), lambda x: rows(x, 3), lambda x: blocks(x, 4)],
    ids=["int32", "uint16", "uint8", "blocks"],
)
def test_it_is_what_litert_gives(dtype: str, layout: Any) -> None:
    data = model(dtype, *layout(dense(dtype)))
    assert [step.op.name for step in plan(read(data)).steps] == ["ADD"]
    kind = "float32" if dtype == "float16" else dtype
    x = runtimes.drawn(np.random.default_rng(1), kind, (5, 8))
    runtimes.equal(data, x, runtimes.builtin_ref(data)(x))


def test_order_of_dimensions_and_blocks_of_both() -> None:
    x = dense("float32")[:4]
    layout = schema.SparsityParametersT(traversalOrder=[1, 0, 3, 2], blockMap=[0, 1])
    sizes = (2, 2, 4, 2)  # columns of blocks, rows of blocks, columns and rows in a block
    layout.dimMetadata = [schema.DimensionMetadataT(denseSize=size) for size in sizes]
    numbers = x.reshape(2, 2, 2, 4).transpose(2, 0, 3, 1)
    data = model("float32", layout, [numbers], (4, 8))
    runtimes.equal(data, np.zeros_like(x), x + np.float32(0))
    np.testing.assert_array_equal(runtimes.builtin_ref(data)(np.zeros_like(x)), x)


def damaged(change: str) -> bytes:
    layout, numbers = rows(dense("float32"))
    sparse = layout.dimMetadata[1]
    if change == "an index":
        sparse.arrayIndices.values[0] = 4000
    elif change == "segments":
        sparse.arraySegments.values.pop()
    elif change == "repeated":
        sparse.arraySegments.values = [0, len(sparse.arrayIndices.values)] * 3
    elif change == "rows":
        layout.dimMetadata[0].denseSize = 4000
    elif change == "numbers":
        numbers = numbers[:2]
    return model("float32", layout, numbers)


@pytest.mark.parametrize("change", ["an index", "segments", "repeated", "rows", "numbers"])
def test_what_leaves_the_tensor_is_refused(change: str) -> None:
    with pytest.raises(UnsoundError, match="its sparse constant is damaged"):
        plan(read(damaged(change)))


def test_limits_are_told() -> None:
    layout, numbers = rows(dense("float32"))
    layout.traversalOrder = [0, 0]
    with pytest.raises(ModelError, match="with a level for each dimension"):
        plan(read(model("float32", layout, numbers)))
    with pytest.raises(ModelError, match="both float16 or both int8"):
        plan(read(model("int16", *rows(dense("int16")))))
    with pytest.raises(ModelError, match="a sparse constant of the file"):
        plan(read(model("float32", None, [dense("float32")])))
