"""The kernels of RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR in NumPy; in C resize.c.

Source: tensorflow/lite/kernels/internal/reference/resize_bilinear.h, resize_nearest_neighbor.h.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]

UNITS = 1 << 10
"""The weight 1 of the integer kernels."""


@record
class Resize:
    """Parameters of all kernels; a channel of ``resize_nearest`` is a byte."""

    batches: int
    rows: int
    columns: int
    channels: int
    output_rows: int
    output_columns: int
    align_corners: int
    half_pixel_centers: int


def resize_nearest(params: Resize, image: Array) -> Array:
    """Define the kernel that copies the nearest pixels.

    Args:
        image: any type, [batches * rows * columns * channels] bytes.
    """
    pixels = image.view(np.uint8).reshape(
        params.batches, params.rows, params.columns, params.channels
    )
    rows = _nearest(params, params.rows, params.output_rows)
    columns = _nearest(params, params.columns, params.output_columns)
    return pixels[:, rows][:, :, columns].ravel().view(image.dtype)


def _nearest(params: Resize, size: int, output: int) -> Array:
    """Return the nearest row, or column, of each of the output."""
    offset = np.float32(0.5 if params.half_pixel_centers else 0)
    at = (np.arange(output, dtype=np.float32) + offset) * _step(params, size, output)
    whole = at.astype(np.int64)
    if params.align_corners:
        whole += at - whole.astype(np.float32) >= np.float32(0.5)
    return np.minimum(whole, size - 1)


def _step(params: Resize, size: int, output: int) -> np.float32:
    """Return the rows of the input that one row of the output is."""
    if params.align_corners and output > 1:
        return np.float32(size - 1) / np.float32(output - 1)
    return np.float32(size) / np.float32(output)


def resize_bilinear_float32(params: Resize, image: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: four products, added in this order; the same bytes as LiteRT's."""
    return _mixed_float(params, image).ravel()


def resize_bilinear_uint8_float(params: Resize, image: Array) -> npt.NDArray[np.uint8]:
    """Define the uint8 kernel: the float32 one's value, halves up."""
    mixed = _mixed_float(params, image.astype(np.float32)) + np.float32(0.5)
    return mixed.astype(np.uint8).ravel()


def _mixed_float(params: Resize, image: Array) -> Array:
    y0, y1, down = _taps_float(params, params.rows, params.output_rows)
    x0, x1, right = _taps_float(params, params.columns, params.output_columns)
    down, right = down[:, None, None], right[:, None]
    up, left = np.float32(1) - down, np.float32(1) - right
    top, bottom = _rows(params, image, y0, y1)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        total: Array = top[:, :, x0] * up * left + bottom[:, :, x0] * down * left
        total = total + top[:, :, x1] * up * right + bottom[:, :, x1] * down * right
    # -0.0 becomes 0.0.
    return total + np.float32(0)


def _taps_float(params: Resize, size: int, output: int) -> tuple[Array, Array, Array]:
    """Return, for each row of the output, two of the input, and the weight of the second."""
    half = np.float32(0.5 if params.half_pixel_centers else 0)
    at = (np.arange(output, dtype=np.float32) + half) * _step(params, size, output) - half
    lower = np.minimum(np.maximum(np.floor(at), 0).astype(np.int64), size - 1)
    upper = np.minimum(np.ceil(at).astype(np.int64), size - 1)
    return lower, upper, at - lower.astype(np.float32)


def resize_bilinear_int8_once(params: Resize, image: Array) -> npt.NDArray[np.int8]:
    """Define the int8 kernel: weights of 10 bits, the sum rounded, halves away from zero."""
    return _mixed(params, image).astype(np.int8)


def resize_bilinear_int16_once(params: Resize, image: Array) -> npt.NDArray[np.int16]:
    """Define the int16 kernel: the same."""
    return _mixed(params, image).astype(np.int16)


def _mixed(params: Resize, image: Array) -> Array:
    y0, y1, down = _taps(params, params.rows, params.output_rows)
    x0, x1, right = _taps(params, params.columns, params.output_columns)
    down, right = down[:, None, None], right[:, None]
    top, bottom = _rows(params, image.astype(np.int64), y0, y1)
    column = top * (UNITS - down) + bottom * down
    total = column[:, :, x0] * (UNITS - right) + column[:, :, x1] * right
    half = UNITS * UNITS // 2
    result: Array = (np.sign(total) * ((np.abs(total) + half) // (UNITS * UNITS))).ravel()
    return result


def _taps(params: Resize, size: int, output: int) -> tuple[Array, Array, Array]:
    """Return, for each row of the output, two of the input, and the weight of the second.

    Where the rounded step leads past the last row, LiteRT reads what lies behind the row; here the
    last row is repeated. (1 row to 65 is such a case.)
    """
    if params.align_corners and output > 1:
        size_of_steps, steps = size - 1, output - 1
    else:
        size_of_steps, steps = size, output
    step = (UNITS * size_of_steps + steps // 2) // steps
    at = np.arange(output, dtype=np.int64) * step
    if params.half_pixel_centers:
        at += step // 2 - UNITS // 2
    lower = np.clip(at // UNITS, 0, size - 1)
    upper = np.clip((at + UNITS - 1) // UNITS, 0, size - 1)
    return lower, upper, np.where(upper > lower, at - UNITS * lower, 0)


def _rows(params: Resize, image: Array, y0: Array, y1: Array) -> tuple[Array, Array]:
    """Return the first and the second row of each of the output."""
    pixels = image.reshape(params.batches, params.rows, params.columns, params.channels)
    return pixels[:, y0], pixels[:, y1]
