"""Multiply-accumulates of an inference, including loops and branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from edge_runtime.graph import Graph, Op, Tensor

_MATRICES = "steps of the sequence × elements of the weight matrices"
MAC_FORMULAS = {
    "FULLY_CONNECTED": "output elements × input depth",
    "CONV_2D": "output elements × kernel height × kernel width × input channels of the kernel",
    "CONV_3D": "output elements × kernel depth × height × width × input channels",
    "DEPTHWISE_CONV_2D": "output elements × kernel height × kernel width",
    "TRANSPOSE_CONV": "input elements × kernel height × kernel width × output channels",
    "CONV_3D_TRANSPOSE": "input elements × kernel depth × height × width × output channels",
    "BATCH_MATMUL": "output elements × inner dimension",
    "RNN": _MATRICES,
    "LSTM": _MATRICES,
    "SVDF": _MATRICES,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _MATRICES,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _MATRICES,
    "BIDIRECTIONAL_SEQUENCE_RNN": _MATRICES,
    "BIDIRECTIONAL_SEQUENCE_LSTM": _MATRICES,
    "WHILE": "those of an iteration × iterations",
    "IF": "those of the branch with fewer",
}
"""How multiply-accumulates are counted, padding included; other ops count none."""

_LSTM = (*range(1, 9), 16)
MATRICES = {
    "RNN": (1, 2),
    "LSTM": _LSTM,
    "SVDF": (1, 2),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (1, 2),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _LSTM,
    "BIDIRECTIONAL_SEQUENCE_RNN": (1, 2, 5, 6, 10, 11),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (*_LSTM, *(17 + position for position in _LSTM), *range(40, 48)),
}
"""Op -> positions of its weight matrices. Source: the kernels of these names in LiteRT."""

BASIC_LSTM = 5
"""Inputs of an LSTM of the older, basic form, whose only matrix is the third."""

UNCOUNTED = frozenset(
    """
    CALL STABLEHLO_CASE STABLEHLO_COMPOSITE STABLEHLO_CONVOLUTION STABLEHLO_CUSTOM_CALL
    STABLEHLO_DOT_GENERAL STABLEHLO_WHILE
    """.split()
)
"""Builtins that multiply and are not counted, like custom ops."""

DEEPEST = 16
"""Largest depth of nested loops that is counted."""


@dataclass(frozen=True)
class Count:
    """Multiply-accumulates.

    Attributes:
        macs: the number; None for an op that multiplies nothing or is not counted.
        exact: whether the number is complete; otherwise there may be more.
    """

    macs: int | None = None
    exact: bool = True


def counted(graphs: Sequence[Graph]) -> list[Count]:
    """Count the ops of the first subgraph, with the subgraphs that they run.

    Args:
        graphs: all subgraphs of a file.
    """
    return [_op(graphs, graphs[0], op, 0, {}) for op in graphs[0].ops]


def subgraphs_of(op: Op) -> tuple[int, ...]:
    """Return the numbers of the subgraphs that an op runs."""
    return tuple(value for key, value in op.options.items() if key.endswith("_subgraph"))


def total(counts: Sequence[Count]) -> Count:
    """Return the sum of counts."""
    return Count(sum(count.macs or 0 for count in counts), all(count.exact for count in counts))


def macs(graph: Graph, op: Op) -> int | None:
    """Return the multiply-accumulates of ``op`` alone by ``MAC_FORMULAS``, None for other ops."""
    if op.custom or not op.outputs:
        return None
    output = graph.tensors[op.outputs[0]].shape
    shapes = [graph.tensors[index].shape if index >= 0 else () for index in op.inputs]
    match op.name, shapes:
        case "FULLY_CONNECTED", [_, [_, depth], *_]:
            return prod(output) * depth
        case "CONV_2D", [_, [_, height, width, channels], *_]:
            return prod(output) * height * width * channels
        case "CONV_3D", [_, [depth, height, width, channels, _], *_]:
            return prod(output) * depth * height * width * channels
        case "DEPTHWISE_CONV_2D", [_, [_, height, width, _], *_]:
            return prod(output) * height * width
        case "TRANSPOSE_CONV", [_, [channels, height, width, _], image, *_]:
            return prod(image) * height * width * channels
        case "CONV_3D_TRANSPOSE", [_, [depth, height, width, channels, _], image, *_]:
            return prod(image) * depth * height * width * channels
        case "BATCH_MATMUL", [[*_, rows, columns], *_]:
            # The left operand may be stored transposed; the output's rows decide.
            return prod(output) * (columns if output[-2:-1] == (rows,) else rows)
        case name, [[_, *_] as sequence, *_] if name in MATRICES:
            at = (2,) if name == "LSTM" and len(shapes) == BASIC_LSTM else MATRICES[name]
            matrices = [shapes[i] for i in at if i < len(shapes) and len(shapes[i]) == 2]
            return prod(sequence[:-1]) * sum(map(prod, matrices)) if matrices else None
    return None


def _op(
    graphs: Sequence[Graph], graph: Graph, op: Op, depth: int, cache: dict[int, Count]
) -> Count:
    if op.custom or op.name in UNCOUNTED:
        return Count(None, exact=False)
    # CALL_ONCE runs once and not in every inference.
    if op.name not in ("WHILE", "IF"):
        number = macs(graph, op)
        open_sizes = any(-1 in graph.tensors[index].signature[1:] for index in op.outputs)
        return Count(number, number is None or not open_sizes)
    first, second = (_subgraph(graphs, i, depth + 1, cache) for i in subgraphs_of(op))
    if op.name == "IF":
        same = first == second
        return Count(min(first.macs or 0, second.macs or 0), same and first.exact)
    once = (first.macs or 0) + (second.macs or 0)
    times = _iterations(graphs, graph, op)
    if times is None:
        return Count(once, exact=once == 0 and first.exact and second.exact)
    # The condition runs once more than the body.
    return Count(times * once + (first.macs or 0), first.exact and second.exact)


def _subgraph(graphs: Sequence[Graph], number: int, depth: int, cache: dict[int, Count]) -> Count:
    """Count a subgraph; one that runs itself, or does not exist, is not counted."""
    if depth > DEEPEST or not 0 < number < len(graphs):
        return Count(0, exact=False)
    if number not in cache:
        cache[number] = Count(0, exact=False)
        graph = graphs[number]
        cache[number] = total([_op(graphs, graph, op, depth, cache) for op in graph.ops])
    return cache[number]


def _iterations(graphs: Sequence[Graph], graph: Graph, loop: Op) -> int | None:
    """Return how often a WHILE runs its body; None where the file alone does not determine it.

    It does for a counter that starts at a constant, grows by a constant and is compared with a
    constant; of several such conditions, the first that fails ends the loop.
    """
    first, second = subgraphs_of(loop)
    if not (0 < first < len(graphs) and 0 < second < len(graphs)):
        return None
    cond, body = graphs[first], graphs[second]
    waiting = list(cond.outputs[:1])
    times: list[int] = []
    visited: set[int] = set()
    while waiting:
        index = waiting.pop()
        maker = _maker(cond, index)
        # An op of a damaged file may read what it writes.
        if maker is None or len(maker.inputs) != 2 or index in visited or len(visited) > DEEPEST:
            return None
        visited.add(index)
        left, right = maker.inputs
        if maker.name == "LOGICAL_AND":
            waiting += [left, right]
            continue
        limit = _constant(cond, right)
        if maker.name != "LESS" or limit is None or left not in cond.inputs:
            return None
        place = cond.inputs.index(left)
        if place >= min(len(loop.inputs), len(body.inputs), len(body.outputs)):
            return None
        start = _constant(graph, loop.inputs[place])
        step = _step(body, body.inputs[place], body.outputs[place])
        if start is None or not step or step < 0:
            return None
        times.append(max(0, -(-(limit - start) // step)))
    return min(times, default=None)


def _step(body: Graph, counter: int, output: int) -> int | None:
    """Return the constant by which a body adds to its counter."""
    maker = _maker(body, output)
    if maker is None or maker.name != "ADD" or counter not in maker.inputs:
        return None
    others = [index for index in maker.inputs if index != counter]
    return _constant(body, others[0]) if len(others) == 1 else None


def _maker(graph: Graph, index: int) -> Op | None:
    """Return the op that writes a tensor."""
    return next((op for op in graph.ops if index in op.outputs), None)


def _constant(graph: Graph, index: int) -> int | None:
    """Return the value of a constant integer; None for other tensors."""
    tensor = graph.tensors[index] if index >= 0 else None
    if tensor is None or tensor.data is None or tensor.elements != 1 or tensor.sparse:
        return None
    if tensor.dtype not in ("int32", "int64"):
        return None
    return int.from_bytes(tensor.data, "little", signed=True)


def tensors_of(graphs: Sequence[Graph], op: Op) -> Iterator[Tensor]:
    """Yield the inputs of an op of the first subgraph, and all tensors of what it runs."""
    yield from (graphs[0].tensors[index] for index in op.inputs if index >= 0)
    waiting, visited = list(subgraphs_of(op)), {0}
    while waiting:
        number = waiting.pop()
        if number not in visited and 0 < number < len(graphs):
            visited.add(number)
            yield from graphs[number].tensors
            waiting += [i for inner in graphs[number].ops for i in subgraphs_of(inner)]
