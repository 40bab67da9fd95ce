"""The calibration set: which inputs it has, and warnings where they look unlike the model's."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit import archives
from edgekit.errors import DataError

FloatArray = npt.NDArray[np.float32]
Arrays = tuple[FloatArray, ...]
"""An array [N, ...] for each input or output of a model, in its order."""

FEW = 100
"""With fewer samples, the observed range of an activation is often too narrow."""


@dataclass(frozen=True)
class CalibrationSet:
    """Model inputs that show the converter each activation's range.

    Attributes:
        inputs: for each input of the model float32 [N, *shape], on its own scale.
        source: where they come from.
        counts: images of each class, in label order; empty when classes are not known.
        warnings: what does not look like the model's input, a line each.
    """

    inputs: Arrays
    source: str
    counts: tuple[int, ...]
    warnings: tuple[str, ...]

    @property
    def samples(self) -> int:
        """How many inputs it has."""
        return len(self.inputs[0])


def stratified(labels: npt.NDArray[np.int64], size: int, seed: int) -> npt.NDArray[np.int64]:
    """Return indices of ``size`` samples, spread over the classes as evenly as their counts allow.

    Drawn without replacement by NumPy's PCG64 from ``seed``, in ascending order.
    """
    rng = np.random.default_rng(seed)
    pools = [rng.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels)]
    drawn: list[npt.NDArray[np.int64]] = []
    remaining = min(size, len(labels))
    # The smallest class first: the larger ones share what it cannot supply.
    for position, pool in enumerate(sorted(pools, key=len)):
        take = min(len(pool), remaining // (len(pools) - position))
        drawn.append(pool[:take])
        remaining -= take
    return np.sort(np.concatenate(drawn))


def from_inputs(
    inputs: FloatArray,
    groups: npt.NDArray[np.int64],
    source: str,
    size: int,
    seed: int,
    input_range: tuple[float, float] | None,
) -> CalibrationSet:
    """Draw a calibration set from training inputs [N, ...], evenly from their ``groups`` [N].

    Groups are class indices, or all 0 where there are no classes. ``input_range`` is None for
    inputs that are not pixels.
    """
    chosen = stratified(groups, size, seed)
    counts = np.bincount(groups[chosen], minlength=int(groups.max()) + 1)
    return CalibrationSet(
        inputs=(inputs[chosen],),
        source=source,
        counts=tuple(int(n) for n in counts) if len(counts) > 1 else (),
        warnings=lint(inputs[chosen], input_range),
    )


def from_array(
    array: npt.NDArray[np.generic],
    source: str,
    shape: tuple[int, ...],
    size: int,
    seed: int,
    input_range: tuple[float, float] | None,
) -> CalibrationSet:
    """Draw a calibration set of at most ``size`` inputs from a user's array [N, *shape].

    Raises:
        DataError: the array's shape or dtype is not that of a model input.
    """
    if array.shape[1:] != shape or not len(array):
        raise DataError(
            f"{source}: expected an array [N, {', '.join(map(str, shape))}], got {array.shape}"
        )
    if array.dtype.kind not in "fiub":
        raise DataError(f"{source}: expected numbers, got {array.dtype}")
    warnings = lint(array, input_range)
    chosen = stratified(np.zeros(len(array), np.int64), size, seed)
    return CalibrationSet((array[chosen].astype(np.float32),), source, (), warnings)


def from_arrays(arrays: Arrays, source: str, size: int, seed: int) -> CalibrationSet:
    """Draw a calibration set of at most ``size`` rows of ``arrays``, for each input [N, ...].

    Args:
        arrays: for each input of the model float32 [N, *shape].
        source: where the arrays come from.
        size: number of rows at most.
        seed: seed of the draw.
    """
    chosen = stratified(np.zeros(len(arrays[0]), np.int64), size, seed)
    drawn = tuple(array[chosen] for array in arrays)
    return CalibrationSet(drawn, source, (), lint(drawn[0], None))


def lint(
    samples: npt.NDArray[np.generic], input_range: tuple[float, float] | None
) -> tuple[str, ...]:
    """Return a line for each property of ``samples`` that does not look like the model's input.

    Args:
        samples: [N, ...].
        input_range: pixels 0 and 255 on the model's scale; None for a model of other numbers.

    Raises:
        DataError: a sample holds NaN or infinity.
    """
    if not np.isfinite(samples.astype(np.float64)).all():
        raise DataError("calibration set: holds NaN or infinity")
    warnings: list[str] = []
    if samples.dtype != np.float32:
        warnings.append(f"its dtype is {samples.dtype}, the model's input is float32")
    if input_range:
        warnings += _of_pixels(float(samples.min()), float(samples.max()), *input_range)
    if len(samples) < FEW:
        warnings.append(f"it has only {len(samples)} samples; {FEW} to 500 show the ranges better")
    return tuple(warnings)


def _of_pixels(smallest: float, largest: float, low: float, high: float) -> list[str]:
    """Return what is odd about pixels that span ``smallest`` to ``largest``, not low to high."""
    if high <= 1 and largest > 2:
        return [
            f"it spans {smallest:g} to {largest:g}, but the model expects {low:g} to {high:g}: "
            "0-255 pixels fed to a 0-1 model? divide by 255"
        ]
    if smallest < low - 0.05 * (high - low) or largest > high + 0.05 * (high - low):
        return [f"it spans {smallest:g} to {largest:g}, but the model expects {low:g} to {high:g}"]
    if (largest - smallest) / (high - low) < 0.5:
        return [
            f"it spans only {smallest:g} to {largest:g} of the {low:g} to {high:g} that the model "
            "expects; larger inputs will be clipped"
        ]
    return []


def read_array(source: str) -> npt.NDArray[Any]:
    """Return the array of an .npy file.

    Raises:
        DataError: it cannot be read, or is an .npz.
    """
    try:
        array = np.load(source, allow_pickle=False)
    except archives.DAMAGED_ARRAY as error:
        raise DataError(
            f"{source}: not a readable .npy array ({archives.no_array(error)})"
        ) from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{source}: is an .npz; --calibration needs one .npy array")
    return array
