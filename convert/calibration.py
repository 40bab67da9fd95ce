"""The calibration set: which images, and whether they look like what the model eats."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgekit.errors import DataError

FloatArray = npt.NDArray[np.float32]
FEW = 100
"""Below so many samples the observed range of an activation is often too narrow."""


@dataclass(frozen=True)
class CalibrationSet:
    """Model inputs that show the converter each activation's range.

    Attributes:
        inputs: float32 [N, *input shape], on the model's own scale.
        source: where they come from.
        counts: images of each class, in label order; empty when classes are not known.
        warnings: what about them does not look like the model's input.
    """

    inputs: FloatArray
    source: str
    counts: tuple[int, ...]
    warnings: tuple[str, ...]


def stratified(labels: npt.NDArray[np.int64], size: int, seed: int) -> npt.NDArray[np.int64]:
    """Return indices of ``size`` samples, as even over the classes as their counts allow.

    Drawn without replacement by NumPy's PCG64 from ``seed``, in ascending order.
    """
    rng = np.random.default_rng(seed)
    pools = [rng.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels)]
    chosen: list[npt.NDArray[np.int64]] = []
    left = min(size, len(labels))
    # The smallest class first: what it cannot give is shared by those that still can.
    for position, pool in enumerate(sorted(pools, key=len)):
        take = min(len(pool), left // (len(pools) - position))
        chosen.append(pool[:take])
        left -= take
    return np.sort(np.concatenate(chosen))


def from_inputs(
    inputs: FloatArray,
    groups: npt.NDArray[np.int64],
    source: str,
    size: int,
    seed: int,
    input_range: tuple[float, float] | None,
) -> CalibrationSet:
    """Draw a calibration set from training inputs [N, ...], evenly from their ``groups`` [N].

    Groups are the classes' indices, or all 0 where there are no classes. ``input_range`` is None
    for inputs that are no pixels.
    """
    chosen = stratified(groups, size, seed)
    counts = np.bincount(groups[chosen], minlength=int(groups.max()) + 1)
    return CalibrationSet(
        inputs=inputs[chosen],
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
    """Take a user's own array [N, *shape] of model inputs, at most ``size`` of them.

    Raises:
        DataError: the array cannot be the model's input at all.
    """
    if array.shape[1:] != shape or not len(array):
        raise DataError(
            f"{source}: expected an array [N, {', '.join(map(str, shape))}], got {array.shape}"
        )
    if array.dtype.kind not in "fiub":
        raise DataError(f"{source}: expected numbers, got {array.dtype}")
    warnings = lint(array, input_range)
    chosen = stratified(np.zeros(len(array), np.int64), size, seed)
    return CalibrationSet(array[chosen].astype(np.float32), source, (), warnings)


def lint(
    samples: npt.NDArray[np.generic], input_range: tuple[float, float] | None
) -> tuple[str, ...]:
    """Say what about representative ``samples`` does not look like the model's input.

    Args:
        samples: [N, ...].
        input_range: of pixels on the model's scale; None for a model of other numbers.

    Raises:
        DataError: a sample holds NaN or infinity.
    """
    if not np.isfinite(samples.astype(np.float64)).all():
        raise DataError("calibration set: holds NaN or infinity")
    found: list[str] = []
    if samples.dtype != np.float32:
        found.append(f"its dtype is {samples.dtype}, the model's input is float32")
    if input_range:
        found += _of_pixels(float(samples.min()), float(samples.max()), *input_range)
    if len(samples) < FEW:
        found.append(f"it has only {len(samples)} samples; {FEW} to 500 show the ranges better")
    return tuple(found)


def _of_pixels(least: float, most: float, low: float, high: float) -> list[str]:
    """Say what is odd about pixels from ``least`` to ``most`` in a range from low to high."""
    if high <= 1 and most > 2:
        return [
            f"it spans {least:g} to {most:g}, but the model expects {low:g} to {high:g}: "
            "0-255 pixels fed to a 0-1 model? divide by 255"
        ]
    if least < low - 0.05 * (high - low) or most > high + 0.05 * (high - low):
        return [f"it spans {least:g} to {most:g}, but the model expects {low:g} to {high:g}"]
    if (most - least) / (high - low) < 0.5:
        return [
            f"it spans only {least:g} to {most:g} of the {low:g} to {high:g} that the model "
            "expects; larger inputs will be clipped"
        ]
    return []
