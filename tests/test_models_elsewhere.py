"""Models made elsewhere, in EDGEKIT_MODELS: the engine runs what LiteRT runs, byte for byte.

The folder is not part of the project. A model with states runs a sequence from its beginning.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import edge_runtime

pytestmark = [pytest.mark.slow, pytest.mark.unsanitized]

FOLDER = os.environ.get("EDGEKIT_MODELS")
FILES = sorted(Path(FOLDER).glob("*.tflite")) if FOLDER else []
INPUTS = 3
WITHIN = 1e-4
"""Of the largest number of an output: how far a float may be from LiteRT's."""


def drawn(rng: np.random.Generator, detail: dict[str, Any]) -> npt.NDArray[Any]:
    """Return random numbers for an input: of all that a small type has, small ones of others."""
    dtype, shape = np.dtype(detail["dtype"]), detail["shape"]
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    if dtype.kind == "b" or dtype.itemsize > 2:
        return rng.integers(0, 2, shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)


def of_litert(content: bytes) -> list[tuple[list[Any], list[Any]]] | None:
    """Return inputs and outputs of LiteRT, run after run; None where it does not run the model."""
    try:
        interpreter = Interpreter(
            model_content=content,
            num_threads=1,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        )
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError):
        return None
    rng = np.random.default_rng(0)
    runs = []
    for _ in range(INPUTS):
        inputs = [drawn(rng, detail) for detail in interpreter.get_input_details()]
        for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        details = interpreter.get_output_details()
        runs.append((inputs, [interpreter.get_tensor(one["index"]) for one in details]))
    return runs


@pytest.mark.skipif(not FOLDER, reason="needs models made elsewhere: set EDGEKIT_MODELS")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_litert_runs_is_run_with_its_bytes(path: Path) -> None:
    content = path.read_bytes()
    runs = of_litert(content)
    if runs is None:  # there is nothing to compare with
        return
    model = edge_runtime.load(path)
    for inputs, expected in runs:
        outputs = model.run(tuple(inputs))
        for output, value in zip(
            outputs if len(expected) > 1 else [outputs], expected, strict=True
        ):
            assert (output.shape, output.dtype) == (value.shape, value.dtype)
            if value.dtype == np.float32:
                most = WITHIN * max(float(np.abs(value).max()), 1e-30)
                np.testing.assert_allclose(output, value, rtol=0, atol=most)
            else:
                np.testing.assert_array_equal(output, value)


@pytest.mark.skipif(not FOLDER, reason="needs models made elsewhere: set EDGEKIT_MODELS")
def test_there_are_models() -> None:
    assert FILES
