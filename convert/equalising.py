"""Cross-layer equalisation: layers rescaled so that one scale fits all channels between them.

Where only a positive factor passes between two layers, output channel i of the first may be divided
by s[i] and the weights of the second that read it multiplied by s[i]: the model stays the same
function. With s[i] = sqrt(r1[i] / r2[i]) both have the same range of weights in every channel.

Source: M. Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction",
2019, arXiv 1906.04721, section 4.1.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.graph import Graph, Op, Tensor
from edge_runtime.ops.activation import BOUNDS
from edge_runtime.reader import read

LAYERS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
"""Op with weights -> the axis of its weights that its output channels lie along."""

INPUT_AXES = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 1}
"""Op with weights -> the axis of its weights that its input channels lie along."""

PASSING = ("AVERAGE_POOL_2D", "LEAKY_RELU", "MAX_POOL_2D", "RELU")
"""Ops that keep the last dimension, and pass a positive factor of a channel on."""

RESHAPING = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE")
SCALING = tuple(code for code, name in enumerate(BOUNDS) if name in ("NONE", "RELU"))
"""Codes of the fused activations that pass a positive factor on."""

ROUNDS = 50
"""Most passes over all pairs; each disturbs its neighbours less than the one before."""

SETTLED = 1e-3
"""No factor is farther from 1 in the last pass."""

SMALLEST = 2.0**-12
"""Share of the largest range that a smaller one counts as: a channel that is all but dead would
get a factor that makes a number like no other of its bias."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """Two layers that follow each other.

    Attributes:
        first: tensors of the first one's weights and, if it has one, bias.
        axis: axis of its weights that the channels between both lie along.
        second: tensor of the second one's weights.
        input_axis: axis of the second one's weights that its input channels lie along.
        channels: for each position along that axis which channel of the first it reads.
    """

    first: tuple[int, ...]
    axis: int
    second: int
    input_axis: int
    channels: npt.NDArray[np.int64]


def equalised(model: bytes) -> bytes:
    """Return a float .tflite file as the same function, with the ranges of its channels equalised.

    Weights and biases are changed where they are; all else stays as it is, byte by byte. A constant
    that anything else uses as well is left alone, and so are its layers.

    Args:
        model: the file.

    Returns:
        The file; the same bytes where no two layers can be equalised.
    """
    content = np.frombuffer(bytearray(model), np.uint8)
    graph = read(content.data)
    found = _pairs(graph)
    changed = {index for pair in found for index in (*pair.first, pair.second)}
    places = {index: _place(graph.tensors[index], content) for index in changed}
    values = {index: place.astype(np.float64) for index, place in places.items()}
    for _ in range(ROUNDS):
        factors = [_equalise(pair, values) for pair in found]
        if all(np.abs(one - 1).max() <= SETTLED for one in factors):
            break
    for index, place in places.items():
        place[...] = values[index]
    return content.tobytes()


def _equalise(pair: Pair, values: dict[int, Floats]) -> Floats:
    """Rescale the two layers of a pair; return the factor of each channel."""
    weights, *biases = pair.first
    count = values[weights].shape[pair.axis]
    r1 = np.abs(np.moveaxis(values[weights], pair.axis, 0).reshape(count, -1)).max(axis=1)
    reading = np.moveaxis(values[pair.second], pair.input_axis, 0).reshape(len(pair.channels), -1)
    r2 = np.zeros(count)
    np.maximum.at(r2, pair.channels, np.abs(reading).max(axis=1))
    s, used, unread = np.ones(count), (r1 > 0) & (r2 > 0), r2 == 0
    if used.any():
        r1, r2 = (np.maximum(r, r.max() * SMALLEST) for r in (r1, r2))
        s[used] = np.sqrt(r1[used] / r2[used])
        # Any factor is right where nothing is read: none that leaves the largest range there.
        s[unread] = np.maximum(1, r1[unread] / np.sqrt(r1 * r2)[used].max())
    values[weights] /= _along(s, pair.axis, values[weights].ndim)
    for bias in biases:
        values[bias] /= s
    values[pair.second] *= _along(s[pair.channels], pair.input_axis, values[pair.second].ndim)
    return s


def _along(factors: Floats, axis: int, rank: int) -> Floats:
    return factors.reshape([-1 if i == axis else 1 for i in range(rank)])


def _pairs(graph: Graph) -> list[Pair]:
    """Return the pairs of layers that can be equalised, in the order of the graph."""
    if graph.subgraphs > 1:
        return []
    uses = Counter(_start(tensor) for tensor in _constants_read(graph))
    readers: dict[int, list[Op]] = {}
    for op in graph.ops:
        for index in op.inputs:
            readers.setdefault(index, []).append(op)
    found = []
    for op in graph.ops:
        first = _rescalable(graph, op, uses)
        if not first or op.options.get("fused_activation", 0) not in SCALING:
            continue
        channels = graph.tensors[first[0]].shape[LAYERS[op.name]]
        source, second = op.outputs[0], None
        while source not in graph.outputs and len(readers.get(source, [])) == 1:
            reader = readers[source][0]
            if reader.name in LAYERS or not _passes(graph, reader, source, channels):
                second = reader
                break
            source = reader.outputs[0]
        if second is None or second.inputs[:1] != (source,):
            continue
        weights = _rescalable(graph, second, uses)[:1]
        read = _channels_read(graph, second, source, channels) if weights else None
        if read is not None:
            found.append(Pair(first, LAYERS[op.name], weights[0], INPUT_AXES[second.name], read))
    return found


def _rescalable(graph: Graph, op: Op, uses: Counter[int]) -> tuple[int, ...]:
    """Return weights and bias of a layer if they may be changed; () otherwise.

    A bias of zeros stays as it is, and may be shared: it is left out.
    """
    if op.name not in LAYERS or op.custom or len(op.inputs) < 2 or op.inputs[1] < 0:
        return ()
    weights, *biases = (graph.tensors[index] for index in op.inputs[1:3] if index >= 0)
    found = []
    for tensor in (weights, *biases):
        if tensor.dtype != "float32" or tensor.data is None or tensor.sparse:
            return ()
        if tensor in biases and not np.frombuffer(tensor.data, "<f4").any():
            continue
        if uses[_start(tensor)] > 1:
            return ()
        found.append(tensor.index)
    return tuple(found)


def _passes(graph: Graph, op: Op, source: int, channels: int) -> bool:
    """Tell whether an op passes a positive factor on, of each position modulo ``channels``.

    Positions are those of the last dimension.
    """
    if op.custom or op.inputs[:1] != (source,):
        return False
    before, after = (graph.tensors[index] for index in (source, op.outputs[0]))
    if op.options.get("fused_activation", 0) not in SCALING:
        return False
    if op.name in PASSING:
        return True
    if op.name in RESHAPING:
        # The order of the numbers stays, so that each is of the channel of its position still.
        last = after.signature[-1:]
        return bool(last) and last[0] > 0 and last[0] % channels == 0
    if op.name not in ("MEAN", "PAD", "REDUCE_MAX") or len(op.inputs) < 2:
        return False
    numbers = _integers(graph.tensors[op.inputs[1]])
    if numbers is None:
        return False
    rank = len(before.shape)
    if op.name == "PAD":
        return numbers.size == 2 * rank and not numbers[-2:].any()
    return not np.isin(numbers, (-1, rank - 1)).any()


def _channels_read(
    graph: Graph, op: Op, source: int, channels: int
) -> npt.NDArray[np.int64] | None:
    """Return which channel each position along the input axis of an op's weights reads."""
    weights = graph.tensors[op.inputs[1]]
    size, last = weights.shape[INPUT_AXES[op.name]], graph.tensors[source].shape[-1]
    positions, step = np.arange(size), 1
    if op.name == "DEPTHWISE_CONV_2D":
        step = size // last  # the outputs of an input channel are neighbours
    elif op.name == "CONV_2D" and size != last:
        return None  # groups
    if size % channels:
        return None
    return positions // step % channels


def _integers(tensor: Tensor) -> npt.NDArray[np.integer] | None:
    if tensor.data is None or tensor.dtype not in ("int32", "int64"):
        return None
    return np.frombuffer(tensor.data, tensor.dtype)


def _constants_read(graph: Graph) -> Iterator[Tensor]:
    """Yield the constants that ops read, or that are outputs, once for each use."""
    for indices in (*(op.inputs for op in graph.ops), graph.outputs):
        yield from (graph.tensors[i] for i in indices if i >= 0 and graph.tensors[i].data)


def _start(tensor: Tensor) -> int:
    """Return the address of a constant, the same for tensors that share a buffer."""
    return int(np.frombuffer(tensor.data or b"", np.uint8).ctypes.data)


def _place(tensor: Tensor, content: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return a float constant as a view into the file's content, to write to."""
    start = _start(tensor) - content.ctypes.data
    return content[start : start + tensor.size].view("<f4").reshape(tensor.shape)
