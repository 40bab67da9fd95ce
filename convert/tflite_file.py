"""A float .tflite file as the model to convert: made by litert-torch, JAX, TensorFlow, anybody."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import edge_runtime
from edge_runtime.errors import BackendError, EdgeRuntimeError, ModelError
from edge_runtime.graph import Graph, Tensor, ports
from edge_runtime.metadata import read_metadata
from edge_runtime.reader import read
from edgekit.convert.calibration import FloatArray
from edgekit.convert.foreign_file import TFLITE
from edgekit.convert.opened import FloatFile, Opened, TensorSpec
from edgekit.convert.weights import Weight
from edgekit.errors import ModelFileError

ORIGIN = "TFLite"


def is_one(path: Path) -> bool:
    """Tell whether the file at ``path`` is a .tflite file, by its first bytes."""
    with path.open("rb") as opened:
        return opened.read(8)[4:] == TFLITE


def load(path: Path) -> Opened:
    """Open the float .tflite file at ``path``; its forward pass is edgekit's engine, or LiteRT's.

    Raises:
        ModelFileError: it is damaged, or quantised already.
    """
    content = path.read_bytes()
    try:
        graph = read(content)
        metadata = read_metadata(graph, content)
    except EdgeRuntimeError as error:
        raise ModelFileError(f"{path}: {error}") from error
    if found := next(filter(None, map(_quantised, graph.tensors)), ""):
        raise ModelFileError(
            f"{path}: is quantised already ({found}): `edgekit bench`, `inspect` and `export` "
            "accept it as it is; to quantise in another way, give the float model that it was made "
            "from"
        )
    if not graph.inputs or not graph.outputs:
        raise ModelFileError(f"{path}: has no input or no output")
    return Opened(
        call=_call(path),
        inputs=_specs(ports(graph, graph.inputs, graph.input_names)),
        outputs=_specs(ports(graph, graph.outputs, graph.output_names)),
        origin=ORIGIN,
        weights=_weights(graph),
        owner=None,
        file=FloatFile(content, graph, metadata),
        note=_left_out(graph),
    )


def _left_out(graph: Graph) -> str:
    """Return which signatures are not converted, by the names of their outputs; "" for none."""
    others = [", ".join(one.output_names) for one in graph.others if one.output_names]
    if not others or not graph.output_names:
        return ""
    kept = ", ".join(graph.output_names)
    return f"converts the signature with the output {kept}, and leaves out the one with " + (
        " and the one with ".join(others)
    )


def _quantised(tensor: Tensor) -> str:
    """Return why a tensor shows that its file is quantised; "" where it does not."""
    if tensor.quantization is not None or tensor.blockwise is not None:
        return f"{tensor.name[:60]!r} is {tensor.dtype}"
    return f"{tensor.name[:60]!r} is float16" if tensor.dtype == "float16" else ""


def _specs(named: dict[str, Tensor]) -> tuple[TensorSpec, ...]:
    """Return inputs or outputs; a batch of 1 is open, because batches run one after another."""
    return tuple(
        TensorSpec(
            name,
            (
                None if tensor.shape[:1] == (1,) else next(iter(tensor.shape), None),
                *(None if size < 0 else size for size in tensor.signature[1:]),
            ),
            tensor.dtype,
        )
        for name, tensor in named.items()
    )


def _weights(graph: Graph) -> tuple[Weight, ...]:
    return tuple(
        Weight(f"tensor {tensor.name!r}", np.frombuffer(tensor.data, np.float32))
        for tensor in graph.tensors
        if tensor.data is not None and tensor.dtype == "float32" and tensor.elements > 1
    )


def _call(path: Path) -> Callable[..., tuple[Any, ...]]:
    """Return the forward pass, from float32 [N, *shape] of each input to each output, [N, ...]."""
    opened: list[edge_runtime.Model] = []

    def call(*inputs: FloatArray) -> tuple[Any, ...]:
        if not opened:
            opened.append(_open(path))
        model = opened[0]
        try:
            outputs = model.run(inputs if len(inputs) > 1 else inputs[0])
        except EdgeRuntimeError as error:
            raise _not_run(path, error) from error
        if isinstance(outputs, dict):
            outputs = tuple(outputs.values())
        return outputs if isinstance(outputs, tuple) else (outputs,)

    return call


def _open(path: Path) -> edge_runtime.Model:
    """Open it with edgekit's engine, or with LiteRT where it has ops that the engine lacks."""
    try:
        return edge_runtime.load(path, backend="native")
    except (BackendError, ModelError):
        try:
            return edge_runtime.load(path, backend="litert")
        except EdgeRuntimeError as error:
            raise _not_run(path, error) from error


def _not_run(path: Path, error: EdgeRuntimeError) -> ModelFileError:
    reason = str(error).removeprefix(f"{path}: ")
    return ModelFileError(f"{path}: cannot be run: {reason}")
