"""A model in every engine of ours and in LiteRT, as functions of the raw input."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import edge_runtime
from edge_runtime import _native
from edge_runtime.backends import native
from edge_runtime.planner import plan
from edge_runtime.reader import read

Run = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]

INSTRUCTIONS = _native.instructions()
"""Instruction sets that this machine has kernels for."""


def engines(data: bytes, **options: Any) -> dict[str, edge_runtime.Model]:
    """Return the reference, and native with each instruction set, opened on a model."""
    opened = {}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder, "model.tflite")
        path.write_bytes(data)
        opened["reference"] = edge_runtime.load(path, backend="reference", **options)
        for level in INSTRUCTIONS:
            patch.setenv(native.VARIABLE, level)
            opened[f"native {level}"] = edge_runtime.load(path, backend="native", **options)
    return opened


def builtin_ref(data: bytes) -> Run:
    """Return LiteRT's BUILTIN_REF as a function of the raw input."""
    return _litert(data, "BUILTIN_REF")


def builtin(data: bytes) -> Run:
    """Return LiteRT's other kernels, without a delegate: for ops that BUILTIN_REF lacks."""
    return _litert(data, "BUILTIN_WITHOUT_DEFAULT_DELEGATES")


def xnnpack(data: bytes) -> Run:
    """Return LiteRT with its XNNPACK delegate as a function of the raw input."""
    return _litert(data, "AUTO")


PEERS = {"litert": builtin_ref, "xnnpack": xnnpack}
"""Rounding -> the runtime whose bytes it gives."""


def run_builtin_ref(data: bytes, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """Return all outputs of LiteRT's BUILTIN_REF, in the order of the graph, as inputs are."""
    interpreter = _interpreter(data, "BUILTIN_REF")
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]


def _interpreter(data: bytes, resolver: str) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=data,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType[resolver],
    )
    interpreter.allocate_tensors()
    return interpreter


def _litert(data: bytes, resolver: str) -> Run:
    interpreter = _interpreter(data, resolver)
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]

    def run(tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        interpreter.set_tensor(source, tensor)
        interpreter.invoke()
        output: npt.NDArray[Any] = interpreter.get_tensor(target)
        return output

    return run


def agree(
    engines: Mapping[str, edge_runtime.Model],
    tensor: npt.NDArray[Any],
    expected: npt.NDArray[Any],
) -> None:
    """Require that each of some engines answers with ``expected``, of any shape and type."""
    for name, engine in engines.items():
        np.testing.assert_array_equal(engine.run(tensor), expected, err_msg=name)


def equal(
    data: bytes, tensor: npt.NDArray[Any], expected: npt.NDArray[Any], rounding: str = "litert"
) -> None:
    """Require that every engine answers with ``expected``, floats with the same bytes."""
    for name, engine in engines(data, rounding=rounding).items():
        answer = np.asarray(engine.run(tensor))
        assert (answer.shape, answer.dtype) == (expected.shape, expected.dtype), name
        np.testing.assert_array_equal(answer, expected, err_msg=name)
        if expected.dtype == np.float32:
            assert answer.tobytes() == expected.tobytes(), name


def equal_one_by_one(data: bytes, batch: npt.NDArray[Any]) -> None:
    """Require of a model of one tensor, and of a batch of these, what LiteRT gives for each."""
    litert = builtin_ref(data)
    agree(engines(data), batch, np.concatenate([litert(one[None]) for one in batch]))


def refused(data: bytes) -> str:
    """Return the message with which the planner refuses a model."""
    with pytest.raises(edge_runtime.ModelError) as error:
        plan(read(data))
    return str(error.value)


def drawn(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return random numbers: integers of the whole range, floats around 0."""
    if dtype == "float32":
        return (rng.normal(size=shape) * 4).astype(np.float32)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)


def f32(value: float) -> float:
    """Round to float32."""
    return float(np.float32(value))
