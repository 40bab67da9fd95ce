"""Resource variables: states of the plan, against LiteRT, run after run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import build
import edge_runtime
import exported
import runtimes
from build import Op
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from edgekit.convert.c.library import library

FIRST = np.array([[1, -2, 3, -4, 5]])
QUANTIZED = {"int8": (0.05, 3), "float32": (0.0, 0)}
HANDLE = {"container": "", "sharedName": "total"}


def model(
    ops: Sequence[Op],
    outputs: Sequence[int],
    *,
    dtype: str = "float32",
    first: npt.NDArray[Any] = FIRST,
    call: int = 1,
    init: Sequence[Op] = (("ASSIGN_VARIABLE", [0, 1], [], {}),),
) -> bytes:
    """A model of 1: its input, 2 to 6: tensors like it, and 0: the handle of a variable."""
    quantized = QUANTIZED[dtype]
    tensors = [build.tensor((), "resource")]
    tensors += [build.tensor((1, 5), dtype, *quantized) for _ in range(6)]
    before: list[Op] = [("CALL_ONCE", [], [], {"initSubgraphIndex": call})]
    before.append(("VAR_HANDLE", [], 0, HANDLE))
    value = build.tensor(first.shape, dtype, *quantized, data=first.astype(dtype))
    called = [build.tensor((), "resource"), value, build.tensor((1, 5), dtype, *quantized)]
    graph = (called, [("VAR_HANDLE", [], 0, HANDLE), *init], [], [])
    return build.file([(tensors, [*before, *ops], [1], outputs), graph])


def runs(data: bytes, xs: Sequence[npt.NDArray[Any]]) -> list[list[npt.NDArray[Any]]]:
    """Return LiteRT's outputs, run after run."""
    interpreter = Interpreter(
        model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    results = []
    for x in xs:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        details = interpreter.get_output_details()
        results.append([interpreter.get_tensor(one["index"]) for one in details])
    return results


READ: Op = ("READ_VARIABLE", [0], 2, {})
SUM: Op = ("ADD", [1, 2], 3, {})
ASSIGN: Op = ("ASSIGN_VARIABLE", [0, 3], [], {})
AGAIN: Op = ("READ_VARIABLE", [0], 4, {})

ROADS: dict[str, tuple[list[Op], list[int]]] = {
    "a sum": ([READ, SUM, ASSIGN], [3]),
    "read before and after": ([READ, SUM, ASSIGN, AGAIN, ("SUB", [4, 2], 5, {})], [5, 3]),
    "read is an output": ([READ, SUM, ASSIGN], [2]),
    "the input is assigned": ([READ, ("ASSIGN_VARIABLE", [0, 1], [], {}), SUM], [3]),
    "assigned twice": ([READ, SUM, ASSIGN, ("ASSIGN_VARIABLE", [0, 1], [], {})], [3]),
    "what was read is assigned": ([READ, ("ASSIGN_VARIABLE", [0, 2], [], {}), SUM], [3]),
    "only read": ([READ, SUM], [3]),
    "only assigned": ([("ADD", [1, 1], 3, {}), ASSIGN], [3]),
}


@pytest.mark.parametrize("first", [FIRST, np.full((1, 5), 7)], ids=["numbers", "one number"])
@pytest.mark.parametrize("dtype", QUANTIZED)
@pytest.mark.parametrize("road", ROADS)
def test_variables_are_what_litert_has(
    road: str, dtype: str, first: npt.NDArray[Any], tmp_path: Path
) -> None:
    ops, outputs = ROADS[road]
    data = model(ops, outputs, dtype=dtype, first=first)
    xs = [np.arange(n, n + 5)[None].astype(dtype) for n in range(4)]
    expected = runs(data, xs)
    path = tmp_path / "model.tflite"
    path.write_bytes(data)
    litert = edge_runtime.load(path, backend="litert")
    for name, engine in {**runtimes.engines(data), "litert": litert}.items():
        for _ in range(2):
            for x, values in zip(xs, expected, strict=True):
                output = engine.run((x,))
                for one, value in zip(output if len(values) > 1 else [output], values, strict=True):
                    assert one.tobytes() == value.tobytes(), name
            engine.reset()


def test_what_is_read_before_it_is_assigned_is_not_copied() -> None:
    ops, outputs = ROADS["a sum"]
    planned = plan(read(model(ops, outputs)))
    assert [step.kernel.name for step in planned.steps] == ["add_float32", "copy"]
    (state,) = planned.states
    assert planned.steps[0].reads[1] == planned.steps[1].writes[0] == state.slot


def test_a_variable_that_is_only_read_is_a_constant() -> None:
    ops, outputs = ROADS["only read"]
    assert plan(read(model(ops, outputs))).states == ()


@pytest.mark.compiler
@pytest.mark.parametrize("first", [FIRST, np.full((1, 5), 7)], ids=["numbers", "one number"])
def test_exported_c_has_the_first_values(first: npt.NDArray[Any], tmp_path: Path) -> None:
    ops, outputs = ROADS["a sum"]
    data = model(ops, outputs, first=first)
    c = exported.Exported(library(data, "model.tflite", "m"), tmp_path)
    xs = [np.arange(n, n + 5)[None].astype(np.float32) for n in range(3)]
    for x, (value,) in zip(xs, runs(data, xs), strict=True):
        assert c.run(x).tobytes() == value.tobytes()
    assert c.selftest() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"call": 7}, "there is no subgraph 7 to call"),
        ({"call": 0}, "there is no subgraph 0 to call"),
        ({"init": ()}, "variable 'total' has no constant as its first value"),
        (
            {"init": [("ADD", [1, 1], 2, {}), ("ASSIGN_VARIABLE", [0, 2], [], {})]},
            "variable 'total' has no constant as its first value",
        ),
        ({"init": [("ASSIGN_VARIABLE", [0, 1], [], {})] * 2}, "it assigns 'total' twice"),
        ({"init": [("ASSIGN_VARIABLE", [0], [], {})]}, "does not have a handle and a tensor"),
        ({"init": [("ASSIGN_VARIABLE", [1, 0], [], {})]}, "does not have a handle and a tensor"),
    ],
)
def test_variables_that_cannot_be_run_are_refused(arguments: Any, message: str) -> None:
    ops, outputs = ROADS["a sum"]
    with pytest.raises(ModelError, match=message):
        plan(read(model(ops, outputs, **arguments)))


def test_a_handle_is_for_variables_alone() -> None:
    with pytest.raises(ModelError, match="it reads the handle of a variable"):
        plan(read(model([READ, ("ADD", [0, 1], 3, {})], [3])))


def test_a_variable_keeps_its_shape() -> None:
    data = model([("ADD", [1, 1], 3, {}), ASSIGN, READ], [3], first=np.zeros((2, 5)))
    with pytest.raises(ModelError, match=r"its first value; here it is \[1, 5\] for \[2, 5"):
        plan(read(data))


def test_a_subgraph_is_called_once_however_often_that_is_asked() -> None:
    ops, outputs = ROADS["a sum"]
    again: Op = ("CALL_ONCE", [], [], {"initSubgraphIndex": 1})
    assert len(plan(read(model([again, *ops], outputs))).states) == 1


def test_a_variable_that_is_only_read_may_be_an_output() -> None:
    (output,) = runs(data := model([READ, SUM], [2]), [np.ones((1, 5), np.float32)])[0]
    for name, engine in runtimes.engines(data).items():
        assert engine.run(np.ones((1, 5), np.float32)).tobytes() == output.tobytes(), name
