"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR: an image with another number of rows and columns.

All roundings have the bytes of LiteRT and TFLite Micro. XNNPACK, which runs RESIZE_BILINEAR by
default, weighs int8 and uint8 in steps of 2**-11 and adds floats in another order.
"""

from __future__ import annotations

from edge_runtime.graph import SIZES
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, named, not_both_of, whole_number

MOST = 2**20
"""Most rows and columns. 1024 times their number fits int32, and they are exact as float32."""

BILINEAR = {
    "float32": "resize_bilinear_float32",
    "int8": "resize_bilinear_int8_once",
    "int16": "resize_bilinear_int16_once",
    "uint8": "resize_bilinear_uint8_float",
}
"""Element type -> kernel."""


def types_are_supported(call: Call) -> str | None:
    """Input and output are both int8, uint8, int16 or float32."""
    return not_both_of(call, *BILINEAR)


def input_is_an_image(call: Call) -> str | None:
    """The input is [batches, rows, columns, channels], of 1 to 2**20 rows and columns."""
    shape = call.input(0).shape
    fits = len(shape) == 4 and all(1 <= size <= MOST for size in shape[1:3])
    return None if fits else describe(call.input(0))


def size_is_known(call: Call) -> str | None:
    """The size is two constant int32 numbers, 1 to 2**20 rows and columns."""
    tensor = call.input(1)
    size = whole_number(tensor)
    if size is None or tensor.dtype != "int32" or tensor.shape != (2,):
        return named(tensor)
    return None if all(1 <= length <= MOST for length in size) else str(list(size))


def centres_fit(call: Call) -> str | None:
    """RESIZE_BILINEAR has not both align_corners and half_pixel_centers."""
    options = call.op.options
    both = options["align_corners"] and options["half_pixel_centers"]
    return "both" if both and call.op.name == "RESIZE_BILINEAR" else None


CONSTRAINTS = (types_are_supported, input_is_an_image, size_is_known, centres_fit)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape with the rows and columns of the size."""
    batches, _, _, channels = call.input(0).shape
    return ((batches, *(whole_number(call.input(1)) or ()), channels),)


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type; the nearest pixels are copied whatever they hold."""
    batches, rows, columns, channels = call.input(0).shape
    dtype, nearest = call.output.dtype, call.op.name == "RESIZE_NEAREST_NEIGHBOR"
    params = {
        "batches": batches,
        "rows": rows,
        "columns": columns,
        "channels": channels * (SIZES[dtype] if nearest else 1),
        "output_rows": call.output.shape[1],
        "output_columns": call.output.shape[2],
        "align_corners": int(call.op.options["align_corners"] != 0),
        "half_pixel_centers": int(call.op.options["half_pixel_centers"] != 0),
    }
    return Kernel("resize_nearest" if nearest else BILINEAR[dtype], params, (0,), rows="batches")
