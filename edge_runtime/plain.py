"""One input and its output in plain Python: the bits that NumPy calculates for a batch.

A sum, difference, product or quotient of two float32 is calculated in float64 and rounded, which
gives what float32 arithmetic gives. Source: S. Figueroa, When is double rounding innocuous?, 1995.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from itertools import cycle, repeat
from math import copysign, isfinite, prod
from operator import sub, truediv
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import InputError, MetadataError, ModelError
from edge_runtime.graph import FORMATS, SIZES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_runtime.graph import Tensor

WIDE, MANY = 64, 64
"""A model whose scale is wider than the first gets floats of -1 to 1 by mistake, if an input has at
least the second number of them: the pixels of an image, not the few features of a table."""

CODES = tuple("bBhHiIlLqQfd")
"""Numbers of C, by their codes in the buffer protocol."""


def float32(numbers: Iterable[float]) -> array[float]:
    """Return numbers rounded to float32; too large ones become infinite."""
    return array("f", numbers)


def flat(values: Any) -> array[Any] | None:
    """Return the numbers of a list, tuple or buffer of one dimension.

    Args:
        values: anything; elements of a buffer are numbers of C, and bytes are uint8.

    Returns:
        An array of the elements' type; "q" or "d" for a list. None for what has no or several
        dimensions, or is no list, tuple or buffer.

    Raises:
        InputError: the elements are no numbers.
    """
    if isinstance(values, list | tuple):
        if not values or hasattr(values[0], "__len__"):
            return None
        whole = all(isinstance(value, int) for value in values)
        try:
            return array("q" if whole else "d", values)
        except (TypeError, OverflowError) as error:
            raise InputError(f"expected numbers: {error}") from None
    try:
        view = memoryview(values)
    except TypeError:
        return None
    if view.ndim != 1:
        return None
    code = view.format.lstrip("@=<")  # ctypes adds the byte order
    if code not in CODES:
        raise InputError(f"expected numbers, got elements of {view.format!r}")
    return array(code, view.tobytes())


def encode(
    values: array[Any],
    tensor: Tensor,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    *,
    features: bool,
) -> bytes:
    """Return one input in the form of the model's input, as ``quantize.encode`` does for many.

    Args:
        values: as many numbers as an input has. If they are no features, uint8 is pixels, and
            floats are on the model's scale already.
        tensor: the model's input.
        mean: as in the model's metadata, and so are the others.
        std: likewise.
        features: likewise.

    Returns:
        The elements, of the type of ``tensor``, of one input.

    Raises:
        InputError: another number of them, NaN or infinity, or floats or integers that are plainly
            not on the model's scale.
        MetadataError: pixels, and no usable normalisation.
        ModelError: the tensor is integer without scale and zero point.
    """
    count = prod(tensor.shape[1:])
    if len(values) != count:
        raise InputError(f"expected one input of {count} numbers, got {len(values)}")
    if values.typecode == "B" and not features:
        return _of_pixels(values.tobytes(), columns(tensor, mean, std))
    if values.typecode not in "fd" and mean and not features:
        raise InputError("expected uint8 pixels or floats, got integers")
    numbers = float32(values)
    if not isfinite(sum(numbers)):
        raise InputError("the inputs hold NaN or infinity")
    if features:
        require_channels(tensor, mean, std)
        numbers = normalised(numbers, mean, std)
    else:
        require_on_scale(min(numbers), max(numbers), count, tensor, mean, std)
    return quantised(numbers, tensor).tobytes()


def _of_pixels(pixels: bytes, tables: tuple[array[Any], ...]) -> bytes:
    """Return the entry of its channel's table for each pixel."""
    code, size, channels = tables[0].typecode, tables[0].itemsize, len(tables)
    elements = array(code, bytes(len(pixels) * size))
    for channel, table in enumerate(tables):
        part = pixels[channel::channels]
        elements[channel::channels] = (
            array(code, part.translate(table.tobytes()))
            if size == 1
            else array(code, map(table.__getitem__, part))
        )
    return elements.tobytes()


@lru_cache
def columns(
    tensor: Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> tuple[array[Any], ...]:
    """Return the pixels 0 to 255 as elements of ``tensor``, of each channel or of all.

    Raises:
        MetadataError: there is no normalisation, or it is of other channels.
        ModelError: the tensor is integer without scale and zero point.
    """
    if not mean:
        raise MetadataError(
            "the model file does not say how pixels are normalised: pass floats on the model's "
            "scale, or let `edgekit convert` or `edgekit label` write it"
        )
    pixels = range(256)
    return tuple(
        quantised(normalised(pixels, [mean[c % len(mean)]], [std[c % len(std)]]), tensor)
        for c in range(require_channels(tensor, mean, std))
    )


def require_channels(tensor: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> int:
    """Return the number of channels of a normalisation: 1, or that of the input."""
    channels = max(len(mean), len(std))
    if channels not in (1, tensor.shape[-1]):
        raise MetadataError(
            f"the normalisation is of {channels} channels, the input has {list(tensor.shape)}"
        )
    return channels


def require_on_scale(
    low: float,
    high: float,
    count: int,
    tensor: Tensor,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> None:
    """Raise InputError unless ``count`` float32 from low to high can be on the model's scale."""
    if not (isfinite(low) and isfinite(high)):
        raise InputError("the inputs hold NaN or infinity")
    if mean:
        channels = range(max(len(mean), len(std)))
        bounds = [
            (pixel - mean[c % len(mean)]) / std[c % len(std)]
            for c in channels
            for pixel in (0.0, 255.0)
        ]
        bottom, top = min(bounds), max(bounds)
    elif tensor.dtype != "float32":
        scale, zero_point = affine(tensor)
        bottom, top = ((limit - zero_point) * scale for limit in limits(tensor.dtype))
    else:
        return
    # Values beyond the bounds by the whole range are no overshoot of a filter or an augmentation.
    if high - top > top - bottom or bottom - low > top - bottom:
        raise InputError(
            f"floats from {low:g} to {high:g} are not on the model's scale, which is {bottom:g} to "
            f"{top:g}: pass uint8 pixels, which are normalised here, or normalise them first"
        )
    if top - bottom > WIDE and count >= MANY and low >= -1 and 0 < high <= 1:
        raise InputError(
            f"floats from {low:g} to {high:g} are not on the model's scale, which is {bottom:g} to "
            f"{top:g}: multiply them by {top:g}, or pass uint8 pixels"
        )


def normalised(
    numbers: Sequence[float], mean: Sequence[float], std: Sequence[float]
) -> array[float]:
    """Return what ``quantize.normalise`` does; channels or features follow each other."""
    differences = float32(map(sub, numbers, cycle(float32(mean))))
    return float32(map(truediv, differences, cycle(float32(std))))


def quantised(numbers: array[float], tensor: Tensor) -> array[Any]:
    """Return what ``quantize.quantize`` does: float32 as elements of ``tensor``."""
    if tensor.dtype == "float32":
        return numbers
    scale, zero_point = affine(tensor)
    low, high = (limit - zero_point for limit in limits(tensor.dtype))
    steps = float32(map(truediv, numbers, repeat(float32([scale])[0])))
    # int() drops the fraction.
    return array(
        FORMATS[tensor.dtype],
        [int(min(max(step + copysign(0.5, step), low), high)) + zero_point for step in steps],
    )


def dequantised(output: bytes, tensor: Tensor) -> array[Any]:
    """Return what ``quantize.dequantize`` does: the float32 that elements of ``tensor`` mean.

    Args:
        output: the elements.
        tensor: what they are elements of.

    Raises:
        ModelError: the tensor is integer without scale and zero point.
    """
    elements = array(FORMATS[tensor.dtype], output)
    if tensor.dtype == "float32":
        return elements
    scale, zero_point = affine(tensor)
    differences = float32(map(sub, elements, repeat(zero_point)))
    [factor] = float32([scale])
    return float32(difference * factor for difference in differences)


def limits(dtype: str) -> tuple[int, int]:
    """Return the least and the greatest integer of an element type."""
    if dtype == "uint8":
        return 0, 255
    half = 1 << (8 * SIZES[dtype] - 1)
    return -half, half - 1


def affine(tensor: Tensor) -> tuple[float, int]:
    """Return scale and zero point of an integer tensor.

    Raises:
        ModelError: it is another tensor, or does not have one of each.
    """
    quantization = tensor.quantization
    if quantization is None or quantization.per_channel or "int" not in tensor.dtype:
        raise ModelError(
            f"tensor {tensor.name!r} is {tensor.dtype} without one scale and zero point, so the "
            "file does not say what its numbers mean: use run(), which accepts raw tensors"
        )
    return quantization.scales[0], quantization.zero_points[0]
