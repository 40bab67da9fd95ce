"""The committed models of tests/golden: where they are, and what edgekit reads in them."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime import Model, load
from edge_runtime.graph import Tensor
from edge_runtime.metadata import read_metadata
from edge_runtime.reader import read

FOLDER = Path(__file__).parents[1] / "golden"
RECORD = FOLDER / "golden.json"
"""File name -> what ``describe`` returned when the file was made."""

FLOAT = FOLDER / "digits_float32.tflite"
INT8 = FOLDER / "digits_int8.tflite"
DYNAMIC = FOLDER / "dynamic_batch.tflite"
CONVOLUTIONAL = FOLDER / "convolutional.tflite"
TABLE_INT8 = FOLDER / "table_int8.tflite"
TABLE_INT16 = FOLDER / "table_int16.tflite"
FILES = (FLOAT, INT8, DYNAMIC, CONVOLUTIONAL, TABLE_INT8, TABLE_INT16)
RUN = (FLOAT, INT8, DYNAMIC, TABLE_INT8, TABLE_INT16)
"""Those of which every op is the engine's; their answers are in the record."""


def inputs(model: Model, count: int = 50) -> npt.NDArray[Any]:
    """Return inputs [count, 1, ...] that no library's random generator decides.

    Integers are over the full range of their type, floats from -1 to 1.
    """
    shape = (count, 1, *model.input.shape[1:])
    values = (np.arange(np.prod(shape)) * 40_503 % 65_537).reshape(shape)
    if model.input.dtype == "float32":
        return (values / 32_768 - 1).astype(np.float32)
    return values.astype(model.input.dtype)


def answers(model: Model) -> str:
    """Return the SHA-256 of the model's answers to ``inputs``."""
    outputs = [model.run(x).tobytes() for x in inputs(model)]
    return hashlib.sha256(b"".join(outputs)).hexdigest()


def _text(tensor: Tensor) -> str:
    scales = len(tensor.quantization.scales) if tensor.quantization else 0
    return f"{tensor.dtype} {list(tensor.signature)}, scales: {scales}"


def describe(path: Path) -> dict[str, Any]:
    """Return what edgekit reads in a file, as JSON holds it."""
    data = path.read_bytes()
    graph = read(data)
    metadata = read_metadata(graph, data)
    description: dict[str, Any] = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "ops": [op.name for op in graph.ops],
        "tensors": [_text(tensor) for tensor in graph.tensors],
    }
    if metadata:
        description |= {
            "labels": list(metadata.labels),
            "normalization": [*metadata.mean, *metadata.std],
            "framing": metadata.framing,
            "meaning": metadata.meaning,
            "dataset": metadata.provenance["data"]["name"],
        }
    if path in RUN:
        description["answers"] = answers(load(path, backend="native"))
    return description
