"""LiteRT with each of its sets of kernels, to compare edgekit's in bytes and time.

``edge_runtime.load(backend="litert")`` runs LiteRT as people use it, with XNNPACK; only this module
opens the other sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.backends.litert import without_info
from edge_runtime.errors import ModelError
from edge_runtime.reader import read
from edgekit.benchmarks.tensors import Raw, joined, parts

RESOLVERS = {
    "XNNPACK": "AUTO",
    "BUILTIN": "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
    "BUILTIN_REF": "BUILTIN_REF",
}
"""Set of kernels -> LiteRT's ``OpResolverType``: the default, with the XNNPACK delegate; the
optimised kernels without it; the reference kernels."""


@dataclass(frozen=True)
class LiteRTModel:
    """An interpreter that is ready to run.

    Attributes:
        interpreter: LiteRT's interpreter.
        inputs: indices of the input tensors, for ``set_tensor``, in the order of ``Model.inputs``.
        outputs: indices of the output tensors, for ``get_tensor``, likewise.
    """

    interpreter: Any
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def input(self) -> int:
        """Index of the first input tensor."""
        return self.inputs[0]

    @property
    def output(self) -> int:
        """Index of the first output tensor."""
        return self.outputs[0]

    def run(self, raw: Raw) -> Any:
        """Run the model on arrays of the inputs' shapes and types."""
        for index, tensor in zip(self.inputs, parts(raw), strict=True):
            self.interpreter.set_tensor(index, tensor)
        self.interpreter.invoke()
        return joined(self.interpreter.get_tensor(index) for index in self.outputs)


def open_litert(model: Path | bytes, kernels: str, shape: Sequence[int] = ()) -> LiteRTModel:
    """Open a .tflite file in LiteRT with one thread.

    Args:
        model: the file, or its content.
        kernels: one of RESOLVERS.
        shape: new shape of the first input; () to leave it as it is.

    Raises:
        ModelError: LiteRT cannot run the model with these kernels or in this shape.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    content = model if isinstance(model, bytes) else model.read_bytes()
    graph = read(content)
    try:
        with without_info():
            interpreter = Interpreter(
                model_content=content,
                num_threads=1,
                experimental_op_resolver_type=OpResolverType[RESOLVERS[kernels]],
            )
            if shape:
                interpreter.resize_tensor_input(graph.inputs[0], shape)
            interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"LiteRT's {kernels} cannot run it: {error}") from error
    return LiteRTModel(interpreter, graph.inputs, graph.outputs)


def with_open_batch(content: bytes) -> bytes:
    """Return a copy of a .tflite file whose RESHAPEs accept every batch size.

    A converter that fixes the batch writes [1, 784] as the constant new shape, and LiteRT then
    refuses a resized input; in the copy the first dimension is -1, which RESHAPE computes.
    """
    copy = bytearray(content)
    graph = read(content)
    start = _address(content)
    for op in graph.ops:
        if op.name != "RESHAPE" or len(op.inputs) < 2 or op.inputs[1] < 0:
            continue
        tensor = graph.tensors[op.inputs[1]]
        if tensor.data is None or tensor.dtype != "int32":
            continue
        shape = tensor.data.cast("B").cast("i").tolist()
        if shape[:1] == [1] and -1 not in shape:
            offset = _address(tensor.data) - start
            copy[offset : offset + 4] = (-1).to_bytes(4, "little", signed=True)
    return bytes(copy)


def _address(buffer: bytes | memoryview) -> int:
    """Return the address of a buffer in memory."""
    return int(np.frombuffer(buffer, np.uint8).ctypes.data)
