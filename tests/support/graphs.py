"""Small graphs without a file, for tests of the planner."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.graph import Graph, Op, Quantization, Tensor

Shape = tuple[int, ...]


def tensor(
    shape: Shape,
    dtype: str = "float32",
    *,
    data: npt.ArrayLike | None = None,
    scale: float | None = None,
    zero_point: int = 0,
    variable: bool = False,
) -> Tensor:
    """Return a tensor whose index ``graph`` sets."""
    content = None if data is None else memoryview(np.asarray(data, dtype).tobytes())
    quantization = None if scale is None else Quantization((scale,), (zero_point,))
    return Tensor(
        index=0,
        name="",
        shape=shape,
        signature=shape,
        dtype=dtype,
        quantization=quantization,
        data=content,
        variable=variable,
    )


def graph(
    tensors: Sequence[Tensor],
    ops: Sequence[tuple[str, Sequence[int], Sequence[int], dict[str, Any]]],
    inputs: Sequence[int] = (0,),
    outputs: Sequence[int] | None = None,
) -> Graph:
    """Return a graph.

    Args:
        tensors: tensors in the order of their indices.
        ops: name, inputs, outputs and options of each op.
        inputs: indices of the inputs.
        outputs: indices of the outputs; None for those of the last op.
    """
    numbered = tuple(
        Tensor(**{**vars(item), "index": index, "name": f"t{index}"})
        for index, item in enumerate(tensors)
    )
    records = tuple(
        Op(index, name, 1, tuple(reads), tuple(writes), options=options)
        for index, (name, reads, writes, options) in enumerate(ops)
    )
    outputs = tuple(ops[-1][2] if outputs is None else outputs)
    return Graph(
        description="",
        tensors=numbered,
        ops=records,
        inputs=tuple(inputs),
        outputs=outputs,
        metadata={},
        size=1000,
        input_names=tuple(f"t{index}" for index in inputs),
        output_names=tuple(f"t{index}" for index in outputs),
    )


def names(graph: Graph) -> list[str]:
    """Return the names of the ops in their order."""
    return [op.name for op in graph.ops]
