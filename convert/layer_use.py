"""How the layers of a quantised model use their numbers: ranges, saturation, channels."""

from dataclasses import dataclass

import numpy as np

from edge_runtime.graph import Graph, Op, Tensor
from edge_runtime.ops.constraints import LIMITS
from edge_runtime.reader import read
from edgekit.convert.calibration import Arrays
from edgekit.convert.compare import intermediates

BOUNDED = ("LOGISTIC", "SOFTMAX", "TANH")
"""Ops whose outputs approach the ends of their range by nature."""


@dataclass(frozen=True)
class LayerUse:
    """How a layer uses the numbers of its output and of its weights.

    Attributes:
        op: index and name, as "1 FULLY_CONNECTED".
        tensor: name of its output.
        used: share of the output type's range between the smallest and the largest value, 0 to 1.
        saturated: share of values at either end of the range, of which some may be beyond it; that
            of a RELU's zero is not counted. None for an op of BOUNDED.
        spread: largest over smallest scale of the weights' channels; None without such scales.
    """

    op: str
    tensor: str
    used: float
    saturated: float | None
    spread: float | None


def layer_uses(model: bytes, inputs: Arrays) -> list[LayerUse]:
    """Return how each layer with a quantised output uses its range on some inputs.

    Args:
        model: content of a .tflite file.
        inputs: for each input float32 [N, *shape].

    Raises:
        MissingExtraError: ai-edge-litert is not installed.
    """
    graph = read(model)
    if graph.subgraphs > 1:
        return []
    ops = [op for op in graph.ops if op.outputs and _quantised(graph.tensors[op.outputs[0]])]
    indices = [op.outputs[0] for op in ops]
    least, most = np.full(len(ops), np.inf), np.full(len(ops), -np.inf)
    ends, counts = np.zeros(len(ops)), np.zeros(len(ops))
    for values in intermediates(model, graph, indices, inputs):
        for i, (index, real) in enumerate(zip(indices, values, strict=True)):
            scale, zero_point, low, high = _range(graph.tensors[index])
            steps = np.rint(real / scale) + zero_point
            least[i], most[i] = min(least[i], steps.min()), max(most[i], steps.max())
            # At a zero point of the lowest value, that value is the zero that RELU makes.
            at_low = (steps <= low) & (zero_point != low)
            ends[i] += np.count_nonzero(at_low | (steps >= high))
            counts[i] += steps.size
    uses = []
    for i, op in enumerate(ops):
        _, _, low, high = _range(graph.tensors[indices[i]])
        used = (most[i] - least[i] + 1) / (high - low + 1)
        uses.append(
            LayerUse(
                op=f"{op.index} {op.name}",
                tensor=graph.tensors[indices[i]].name,
                used=float(used),
                saturated=None if op.name in BOUNDED else float(ends[i] / counts[i]),
                spread=_spread(graph, op),
            )
        )
    return uses


def _quantised(tensor: Tensor) -> bool:
    quantization = tensor.quantization
    return tensor.dtype in LIMITS and quantization is not None and not quantization.per_channel


def _range(tensor: Tensor) -> tuple[float, int, int, int]:
    """Return scale and zero point, and the ends of the type."""
    quantization = tensor.quantization
    assert quantization is not None
    return quantization.scales[0], quantization.zero_points[0], *LIMITS[tensor.dtype]


def _spread(graph: Graph, op: Op) -> float | None:
    for index in op.inputs[1:2]:
        quantization = graph.tensors[index].quantization if index >= 0 else None
        if quantization is not None and len(quantization.scales) > 1:
            return max(quantization.scales) / max(min(quantization.scales), 1e-30)
    return None
