"""EMBEDDING_LOOKUP: the rows of a table that indices name, as they are or as float32."""

from __future__ import annotations

from math import prod

from edge_runtime.graph import SIZES
from edge_runtime.ops.call import Call, Kernel, float32s
from edge_runtime.ops.constraints import describe

TYPES = (("float32", "float32"), ("int8", "int8"), ("uint8", "uint8"), ("int8", "float32"))
"""Element types of table and output."""


def types_are_supported(call: Call) -> str | None:
    """Table and output are both float32, int8 or uint8, or int8 and float32; indices are int32."""
    types = call.input(1).dtype, call.output.dtype
    fits = types in TYPES and call.input(0).dtype == "int32"
    return None if fits else ", ".join((*types, call.input(0).dtype))


def shapes_fit(call: Call) -> str | None:
    """The indices have one dimension, and the table at least two."""
    indices, table = call.input(0), call.input(1)
    if len(indices.shape) == 1 and len(table.shape) > 1 and table.elements:
        return None
    return f"{describe(indices)} and {describe(table)}"


def quantization_fits(call: Call) -> str | None:
    """What becomes float32 has one scale, or one for each row, and the zero point 0."""
    table = call.input(1)
    quantization = table.quantization
    if table.dtype == call.output.dtype:
        return None
    if quantization is None or any(quantization.zero_points):
        return str(quantization)
    axis = quantization.axis
    return f"scales along axis {axis}" if quantization.per_channel and axis else None


CONSTRAINTS = (types_are_supported, shapes_fit, quantization_fits)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the table's shape with as many rows as there are indices."""
    return ((*call.input(0).shape, *call.input(1).shape[1:]),)


def lower(call: Call) -> Kernel:
    """Return the kernel of GATHER, or the one that scales rows to float32."""
    indices, table = call.input(0), call.input(1)
    rows, *columns = table.shape
    # A table is there once, however many tensors are run at once, if it is constant.
    alone = indices.data is None and table.data is not None
    if table.dtype == call.output.dtype:
        params = {
            "batches": 1,
            "outer": 1,
            "axis": rows,
            "coordinates": indices.elements,
            "bytes": prod(columns) * SIZES[table.dtype],
        }
        return Kernel("gather_int32", params, (1, 0), rows="coordinates" if alone else None)
    assert table.quantization is not None
    scales = list(table.quantization.scales)
    constants = (float32s(scales * rows if len(scales) == 1 else scales),)
    params = {"count": indices.elements, "rows": rows, "columns": prod(columns)}
    kernel = "embedding_lookup_hybrid"
    return Kernel(kernel, params, (0, 1), constants, rows="count" if alone else None)
