"""Images to the numbers of a model's input, and the numbers of its output to floats: batches.

One input needs no NumPy: see :mod:`edge_runtime.plain`, which has the checks and tables of both.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import InputError
from edge_runtime.plain import affine, columns, require_on_scale

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from edge_runtime.graph import Tensor
    from edge_runtime.metadata import Preprocessing


CHUNK = 1 << 24
"""Bytes of inputs, counted as float32, that are processed at a time: 5,350 images of 28×28."""


def normalise(
    pixels: npt.NDArray[Any], mean: npt.ArrayLike, std: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    """Bring pixels or features onto a model's scale: ``(pixel - mean) / std`` in float32.

    The only place where this happens: in training, conversion, benchmarks and on the device.

    Args:
        pixels: 0 to 255, or features, of any shape; channels last.
        mean: one number, or one for each channel or feature.
        std: likewise.
    """
    import numpy as np

    scaled: npt.NDArray[np.float32] = np.subtract(pixels, mean, dtype=np.float32)
    scaled /= np.asarray(std, np.float32)
    return scaled


def encode(
    batch: npt.ArrayLike, tensor: Tensor, preprocessing: Preprocessing | None
) -> npt.NDArray[Any]:
    """Return a batch of images in the form of the model's input.

    Args:
        batch: inputs [N, ...]; uint8 is pixels, floats are on the model's scale already, and so
            are other integers for a model that was not trained on pixels. Where ``preprocessing``
            says that inputs are features, numbers of all types are. A last axis of length 1 is
            optional.
        tensor: the model's input.
        preprocessing: what brings raw inputs onto the model's scale; None where nothing is known.

    Returns:
        [N, ...] in the element type of ``tensor``.

    Raises:
        InputError: wrong shape or element type, NaN or infinity, or floats that are plainly not on
            the model's scale.
        MetadataError: pixels, and no usable normalisation.
        ModelError: the tensor is integer without scale and zero point.
    """
    import numpy as np

    chunks = list(encoded(batch, tensor, preprocessing))
    return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)


def encoded(
    batch: npt.ArrayLike, tensor: Tensor, preprocessing: Preprocessing | None
) -> Iterator[npt.NDArray[Any]]:
    """Yield what :func:`encode` returns in chunks of whole batches, about CHUNK bytes as float32.

    The whole batch is checked before the first chunk.
    """
    mean, std = (preprocessing.mean, preprocessing.std) if preprocessing else ((), ())
    if preprocessing and preprocessing.features:
        batch, mean, std = _from_features(batch, tensor, mean, std), (), ()
    images = _checked(batch, tensor, mean, std)
    rows = _rows([tensor])
    for start in range(0, max(1, len(images)), rows):
        yield _encode(images[start : start + rows], tensor, mean, std)


def encoded_inputs(
    batches: Sequence[npt.ArrayLike], inputs: Mapping[str, Tensor]
) -> Iterator[list[npt.NDArray[Any]]]:
    """Yield batches for several inputs as the model takes them, chunk by chunk as ``encoded`` does.

    Args:
        batches: for each input [N, ...], as many for each: floats or integers on its scale. uint8
            pixels are refused, as a file says only of one input how they are normalised.
        inputs: the model's inputs by name.

    Yields:
        For each input [N, ...] in its element type.

    Raises:
        InputError: see :func:`encode`; or not as many for each.
        ModelError: an input is integer without scale and zero point.
    """
    prepared: list[npt.NDArray[Any]] = []
    for batch, (name, tensor) in zip(batches, inputs.items(), strict=True):
        try:
            prepared.append(_checked(batch, tensor, (), ()))
            if prepared[-1].dtype == "uint8":
                raise InputError("expected numbers on its scale, got uint8: normalise pixels first")
        except InputError as error:
            raise InputError(f"input {name!r}: {error}") from None
    if len({len(one) for one in prepared}) > 1:
        counts = ", ".join(
            f"{len(one)} of {name!r}" for one, name in zip(prepared, inputs, strict=True)
        )
        raise InputError(f"the inputs are not as many each: {counts}")
    rows = _rows(list(inputs.values()))
    for start in range(0, max(1, len(prepared[0])), rows):
        yield [
            _encode(one[start : start + rows], tensor, (), ())
            for one, tensor in zip(prepared, inputs.values(), strict=True)
        ]


def _checked(
    batch: npt.ArrayLike, tensor: Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> npt.NDArray[Any]:
    """Return a batch [N, ...] in the shape of the input, if it can be one."""
    import numpy as np

    shape = tensor.shape[1:]
    try:
        images = np.asarray(batch)
    except ValueError as error:
        raise InputError(f"the batch is not an array: {error}") from error
    if images.ndim < 2 or _grey(images.shape[1:]) != _grey(shape):
        expected = ", ".join(map(str, ("N", *shape)))
        raise InputError(f"expected inputs [{expected}], got {list(images.shape)}")
    images = images.reshape(len(images), *shape)
    pixels = images.dtype == np.uint8
    if not pixels and images.dtype.kind != "f" and (images.dtype.kind not in "iu" or mean):
        raise InputError(f"expected uint8 pixels or floats, got {images.dtype}")
    if not pixels:
        _require_on_scale(images, tensor, mean, std)
    return images


def _from_features(
    batch: npt.ArrayLike, tensor: Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> npt.NDArray[np.float32]:
    """Return features [N, ...] on the model's scale, saturated to what its input can represent."""
    import numpy as np

    try:
        features = np.asarray(batch, np.float32)
    except ValueError as error:
        raise InputError(f"the features are not an array of numbers: {error}") from error
    if not np.isfinite(features).all():
        raise InputError("the inputs hold NaN or infinity")
    sizes = {len(values) for values in (mean, std)} - {1}
    if sizes - set(features.shape[-1:]):
        raise InputError(
            f"expected {sizes.pop()} features in the last axis, got {list(features.shape)}"
        )
    scaled = normalise(features, mean, std)
    if tensor.dtype == "float32":
        return scaled
    # A sensor's value far outside of the calibrated range saturates, as it does on the device.
    scale, zero_point = affine(tensor)
    limits = np.iinfo(tensor.dtype)
    low, high = ((limit - zero_point) * scale for limit in (limits.min, limits.max))
    return np.clip(scaled, np.float32(low), np.float32(high))


def _rows(tensors: Sequence[Tensor]) -> int:
    """Return the rows of a chunk, a multiple of the model's batch."""
    batch = tensors[0].shape[0]
    size = CHUNK // (4 * max(1, sum(prod(tensor.shape[1:]) for tensor in tensors)))
    return max(batch, size - size % batch)


def _encode(
    chunk: npt.NDArray[Any], tensor: Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> npt.NDArray[Any]:
    """Return a chunk of what was checked in the element type of ``tensor``."""
    import numpy as np

    if chunk.dtype == np.uint8:
        return _look_up(chunk, pixel_table(tensor, mean, std))
    return quantize(chunk.astype(np.float32, copy=False), tensor)


def _grey(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape without a channel axis of length 1."""
    return shape[:-1] if shape[-1:] == (1,) else shape


@lru_cache
def pixel_table(
    tensor: Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> npt.NDArray[Any]:
    """Return each pixel value as an element of ``tensor``, [256, channels or 1]."""
    import numpy as np

    table = np.stack([np.frombuffer(one, tensor.dtype) for one in columns(tensor, mean, std)], 1)
    table.flags.writeable = False
    return table


def _look_up(pixels: npt.NDArray[np.uint8], table: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the entry of ``table`` for each pixel."""
    import numpy as np

    channels = table.shape[1]
    return table[:, 0].take(pixels) if channels == 1 else table[pixels, np.arange(channels)]


def _require_on_scale(
    values: npt.NDArray[Any], tensor: Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    """Raise InputError unless numbers can be images on the model's scale."""
    import numpy as np

    if values.size == 0:
        return
    with np.errstate(over="ignore"):
        low, high = (float(np.float32(bound)) for bound in (values.min(), values.max()))
    require_on_scale(low, high, values.size, tensor, mean, std)


def quantize(values: npt.NDArray[np.float32], tensor: Tensor) -> npt.NDArray[Any]:
    """Return ``values`` in the element type of ``tensor``.

    ``q = clamp(round(value / scale) + zero_point)`` with the division in float32 and halves rounded
    away from zero, which is what TFLite's QUANTIZE does (reference_ops::AffineQuantize).

    Args:
        values: finite float32 of any shape.
        tensor: a float32 tensor, for which the values are unchanged, or an integer tensor.

    Raises:
        ModelError: the tensor is integer without scale and zero point.
    """
    import numpy as np

    if tensor.dtype == "float32":
        return values
    scale, zero_point = affine(tensor)
    with np.errstate(over="ignore"):
        scaled = (values / np.float32(scale)).astype(np.float64)
    # In float64 adding the half is exact; in float32 0.49999997 + 0.5 is 1.
    rounded = np.trunc(scaled + np.copysign(0.5, scaled))
    limits = np.iinfo(tensor.dtype)
    clamped: npt.NDArray[Any] = np.clip(rounded + zero_point, limits.min, limits.max)
    return clamped.astype(tensor.dtype)


def dequantize(values: npt.NDArray[Any], tensor: Tensor) -> npt.NDArray[np.float32]:
    """Return the float32 ``(q - zero_point) * scale`` that the ``values`` of ``tensor`` stand for.

    Raises:
        ModelError: the tensor is integer without scale and zero point.
    """
    import numpy as np

    if tensor.dtype == "float32":
        return values
    scale, zero_point = affine(tensor)
    return (values.astype(np.int32) - zero_point).astype(np.float32) * np.float32(scale)
