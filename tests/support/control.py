"""Small models with WHILE and IF: their subgraphs, built by hand."""

from collections.abc import Sequence
from typing import Any

import build
from build import Op


def counts_to(bound: int, *others: Any) -> build.Graph:
    """A condition: the counter, tensor 0, is below a constant; further tensors are not read."""
    tensors = [build.tensor((), "int32"), *others]
    count = len(tensors)
    tensors += [build.constant(bound, "int32"), build.tensor((), "bool")]
    return (tensors, [("LESS", [0, count], count + 1, {})], range(count), [count + 1])


def body(
    tensors: Sequence[Any], ops: Sequence[Op], inputs: Sequence[int], outputs: Sequence[int]
) -> build.Graph:
    """A body: tensor 0 is the counter, tensor 1 is 1, and tensor 2 becomes the next counter."""
    counter = [build.tensor((), "int32"), build.constant(1, "int32"), build.tensor((), "int32")]
    step: Op = ("ADD", [0, 1], 2, {})
    return ([*counter, *tensors], [step, *ops], [0, *inputs], [2, *outputs])


def loop(*subgraphs: build.Graph, cond: int = 1, body: int = 2) -> bytes:
    """A model of input 0, the counter's start 1, and WHILE's outputs 2 and 3; 3 is its output."""
    tensors = [build.tensor((1, 3)), build.constant(0, "int32")]
    tensors += [build.tensor((), "int32"), build.tensor((1, 3))]
    options = {"condSubgraphIndex": cond, "bodySubgraphIndex": body}
    graph = (tensors, [("WHILE", [1, 0], [2, 3], options)], [0], [3])
    return build.file([graph, *subgraphs])


def doubling(rounds: int, **changes: int) -> bytes:
    """x + x, as often as there are rounds."""
    value = build.tensor((1, 3))
    doubled = body([build.tensor((1, 3)), build.tensor((1, 3))], [("ADD", [3, 3], 4, {})], [3], [4])
    return loop(counts_to(rounds, value), doubled, **changes)


def dense(weights: Any, rounds: int) -> bytes:
    """Weights [3, 3] times x, round after round."""
    values = [
        build.tensor((1, 3)),
        build.constant(weights, "float32"),
        build.tensor((1, 3)),
    ]
    product: Op = ("FULLY_CONNECTED", [3, 4, -1], 5, {})
    return loop(counts_to(rounds, build.tensor((1, 3))), body(values, [product], [3], [5]))


def branches(condition: bool | None) -> bytes:
    """x + x or x - x, by a constant; by the first input if it is None."""
    tensors = [
        build.tensor((), "bool") if condition is None else build.constant(condition, "bool"),
        build.tensor((1, 3)),
        build.tensor((1, 3)),
    ]
    options = {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2}
    inputs = [1] if condition is not None else [1, 0]
    graph = (tensors, [("IF", [0, 1], 2, options)], inputs, [2])
    then, otherwise = (
        ([build.tensor((1, 3)), build.tensor((1, 3))], [(op, [0, 0], 1, {})], [0], [1])
        for op in ("ADD", "SUB")
    )
    return build.file([graph, then, otherwise])
