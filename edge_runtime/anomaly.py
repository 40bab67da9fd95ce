"""How far an autoencoder's output is from its input: the score of an anomaly.

The score is the mean of the squared differences of output and input on the model's scale. Exported
C calculates it as well, ``<name>_score``, and gets the same bits. Where input and output are
quantised it is calculated in whole numbers: both are brought to the same steps, binary fractions of
the larger scale, and their squared differences added up.
"""

from __future__ import annotations

from math import floor, prod

from edge_runtime.errors import ModelError
from edge_runtime.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    from edge_runtime.graph import Tensor

BITS = {"int8": (12, 0), "uint8": (12, 0), "int16": (24, 20)}
"""Integer element type -> binary places of the larger scale in a step, and the lowest bits of a
difference that are dropped, so that its square has at most 42 bits. The smaller scale is rounded to
a step, which moves an element by at most a thirtieth of a level of the larger one; with int16 the
steps that are left are sixteenths of such a level."""

MOST_ELEMENTS = 1 << 21
"""Most elements whose squared differences of 42 bits fit into 63."""


@record
class Steps:
    """How differences of a quantised input and output are counted.

    Attributes:
        input: steps of one level of the input.
        output: steps of one level of the output.
        dropped: lowest bits of a difference that are dropped.
        unit: mean squared error of a score of 1.
    """

    input: int
    output: int
    dropped: int
    unit: float


def steps(source: Tensor, output: Tensor) -> Steps | None:
    """Return how differences are counted; None if one of the two is not quantised.

    Raises:
        ModelError: they have different numbers of elements, or too many.
    """
    elements = prod(source.shape[1:])
    if prod(output.shape[1:]) != elements or elements > MOST_ELEMENTS:
        raise ModelError(
            f"its output {list(output.shape)} does not rebuild its input {list(source.shape)}, "
            f"with at most {MOST_ELEMENTS} elements: it has no score of anomalies"
        )
    return counted(source, output, elements)


def counted(source: Any, output: Any, elements: int) -> Steps | None:
    """Return how differences of ``elements`` elements are counted.

    Args:
        source: what has the ``dtype`` and the ``scale`` of the input.
        output: likewise of the output.
        elements: number of elements of each.
    """
    if source.scale is None or output.scale is None:
        return None
    if not {source.dtype, output.dtype} <= BITS.keys():
        return None
    larger = max(source.scale, output.scale)
    places, dropped = max(BITS[tensor.dtype] for tensor in (source, output))
    step = larger / (1 << places) * (1 << dropped)
    return Steps(
        input=round(source.scale / larger * (1 << places)),
        output=round(output.scale / larger * (1 << places)),
        dropped=dropped,
        unit=step * step / elements,
    )


def raw_scores(
    inputs: npt.NDArray[Any], outputs: npt.NDArray[Any], source: Tensor, output: Tensor
) -> npt.NDArray[Any]:
    """Return what ``<name>_score`` returns for inputs and outputs in their element types.

    Args:
        inputs: [N, ...].
        outputs: [N, ...], those of the inputs.
        source: the model's input.
        output: the model's output.

    Returns:
        uint64 [N], in units of ``Steps.unit``; where one of the two is not quantised float32 [N],
        the mean squared error itself.
    """
    import numpy as np

    x, y = inputs.reshape(len(inputs), -1), outputs.reshape(len(outputs), -1)
    unit = steps(source, output)
    if unit:
        ahead = (y.astype(np.int64) - int(output.zero_point or 0)) * unit.output
        behind = (x.astype(np.int64) - int(source.zero_point or 0)) * unit.input
        apart = np.abs(ahead - behind) >> unit.dropped
        scores: npt.NDArray[Any] = (apart * apart).sum(axis=1).astype(np.uint64)
        return scores
    difference = _real(y, output) - _real(x, source)
    # One after the other, as C adds them.
    sums = np.add.accumulate(difference * difference, axis=1, dtype=np.float32)[:, -1]
    means: npt.NDArray[Any] = sums / np.float32(x.shape[1])
    return means


def errors(scores: npt.NDArray[Any], source: Tensor, output: Tensor) -> npt.NDArray[np.float64]:
    """Return the mean squared errors, float64 [N], of raw scores [N]."""
    import numpy as np

    one = steps(source, output)
    return scores.astype(np.float64) * (one.unit if one else 1.0)


def error_of_one(x: array[Any], y: array[Any], source: Tensor, output: Tensor) -> float:
    """Return the mean squared error of one input without NumPy, as :func:`errors` has it.

    Args:
        x: the input, in its element type.
        y: its output, likewise.
        source: the model's input.
        output: the model's output.

    Raises:
        ModelError: see :func:`steps`.
    """
    from edge_runtime.plain import dequantised, float32

    how = steps(source, output)
    if how:
        behind, ahead = int(source.zero_point or 0), int(output.zero_point or 0)
        apart = (
            abs((b - ahead) * how.output - (a - behind) * how.input) >> how.dropped
            for a, b in zip(x, y, strict=True)
        )
        return float(sum(one * one for one in apart)) * how.unit
    reals = dequantised(y.tobytes(), output), dequantised(x.tobytes(), source)
    differences = float32(b - a for b, a in zip(*reals, strict=True))
    # One after the other, as C adds them.
    total = float32([0])
    for square in float32(one * one for one in differences):
        total[0] += square
    return float32([total[0] / len(x)])[0]


def raw_threshold(threshold: float, how: Steps | None) -> int | float:
    """Return the largest raw score that is no anomaly, of a threshold as a mean squared error.

    Args:
        threshold: the mean squared error.
        how: how differences are counted, of ``steps`` or ``counted``.
    """
    return floor(threshold / how.unit) if how else threshold


def _real(values: npt.NDArray[Any], tensor: Tensor) -> npt.NDArray[np.float32]:
    from edge_runtime.quantize import dequantize

    return dequantize(values, tensor)
