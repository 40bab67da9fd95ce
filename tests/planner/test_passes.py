"""All passes together: random graphs give the same bytes with and without them, run after run."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest

import build
import models
import runtimes
from edge_runtime import planner
from edge_runtime.backends import native, reference
from edge_runtime.planner import plan
from edge_runtime.planner.lower import Lowering
from edge_runtime.planner.portable import PORTABLE
from edge_runtime.reader import read
from hostile import same

GRAPHS, OPS, RUNS = 150, 9, 3
SHAPE = (1, 4, 6, 2)
QUANTIZED = [(0.1, 3), (0.02, -20), (0.1, 0)]
VARIABLES = 2
OFF = ("pads", "dilations", "transposes")
FLOATS, BYTES = ("RELU", "ABS", "TANH", "NEG"), ("RELU", "QUANTIZE", "LOGISTIC")


class Network:
    """A graph that grows by random ops."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.tensors = [build.tensor(SHAPE)]
        self.ops: list[build.Op] = [("CALL_ONCE", [], [], {"initSubgraphIndex": 1})]
        self.handles = []
        for variable in range(VARIABLES):
            self.handles.append(self._add(build.tensor((), "resource")))
            self.ops.append(("VAR_HANDLE", [], self.handles[-1], _handle(variable)))
        self.ready = [0]
        self.assigned: set[int] = set()
        for _ in range(OPS):
            self._grow()

    def file(self) -> bytes:
        """Return the model; its outputs are the last tensor and another one."""
        called: list[Any] = []
        ops: list[build.Op] = []
        for variable in range(VARIABLES):
            called.append(build.tensor((), "resource"))
            called.append(build.constant(np.full(SHAPE, variable + 0.5), "float32"))
            at = 2 * variable
            ops += [
                ("VAR_HANDLE", [], at, _handle(variable)),
                ("ASSIGN_VARIABLE", [at, at + 1], [], {}),
            ]
        computed = [at for at in self.ready[1:] if not self.tensors[at].isVariable]
        outputs = {*computed[-1:], *self.rng.choice(computed, 1).tolist()} if computed else set()
        return build.file([(self.tensors, self.ops, [0], sorted(outputs)), (called, ops, [], [])])

    def _add(self, tensor: Any) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _output(self, shape: Any, dtype: str, quantization: Any = None) -> int:
        scale, zero_point = quantization or ((0.0, 0) if dtype == "float32" else self._quantized())
        tensor = build.tensor(
            shape, dtype, scale, zero_point, variable=bool(self.rng.random() < 0.06)
        )
        return self._add(tensor)

    def _quantized(self) -> tuple[float, int]:
        return QUANTIZED[self.rng.integers(len(QUANTIZED))]

    def _constant(self, values: Any) -> int:
        return self._add(build.constant(values, "int32"))

    def _grow(self) -> None:
        source = self.ready[-1 - int(self.rng.integers(min(3, len(self.ready))))]
        tensor = self.tensors[source]
        shape, eight = tuple(tensor.shape), tensor.type == build.TYPES["int8"]
        dtype = "int8" if eight else "float32"
        held = (tensor.quantization.scale[0], tensor.quantization.zeroPoint[0]) if eight else None
        options: dict[str, Any] = {}
        inputs = [source]
        kind = self.rng.choice(
            [
                *("TRANSPOSE", "TRANSPOSE", "unary", "unary", "cast", "ADD", "PAD", "dilated"),
                *("RESHAPE", "READ_VARIABLE", "ASSIGN_VARIABLE"),
            ]
        )
        if kind in ("PAD", "dilated") and min(shape[1:3]) < 2:
            return
        if kind == "TRANSPOSE":
            order = self.rng.permutation(4)
            inputs.append(self._constant(order))
            other = held if self.rng.random() < 0.8 else None
            output = self._output([shape[axis] for axis in order], dtype, other)
        elif kind == "unary":
            kind = self.rng.choice(BYTES if eight else FLOATS)
            fixed = {"RELU": held, "LOGISTIC": (1 / 256, -128)}.get(kind) if eight else None
            output = self._output(shape, dtype, fixed)
        elif kind == "cast":
            kind, dtype = ("DEQUANTIZE", "float32") if eight else ("QUANTIZE", "int8")
            output = self._output(shape, dtype)
        elif kind == "ADD":
            values = self.rng.integers(-9, 10, (1, 1, 1, shape[3]))
            addend = build.tensor(
                values.shape, dtype, *(held or (0.0, 0)), data=values.astype(dtype)
            )
            inputs.append(self._add(addend))
            output = self._output(shape, dtype)
        elif kind == "RESHAPE":
            shape = tuple(int(size) for size in self.rng.permutation(shape))
            inputs.append(self._constant(shape))
            output = self._output(shape, dtype, held)
        elif kind == "PAD":
            pads = [[0, 0], *self.rng.integers(0, 3, (2, 2)).tolist(), [0, 0]]
            inputs.append(self._constant(pads))
            shape = tuple(size + sum(pair) for size, pair in zip(shape, pads, strict=True))
            padded = self._output(shape, dtype, held)
            self.ops.append(("PAD", inputs, padded, {}))
            self.ready.append(padded)
            self._convolve(padded, shape, dtype)
            return
        elif kind == "dilated":
            self._dilate(source, shape, dtype, held)
            return
        elif dtype != "float32" or shape != SHAPE:
            return
        else:
            variable = int(self.rng.integers(VARIABLES))
            if kind == "ASSIGN_VARIABLE":
                self.ops.append((kind, [self.handles[variable], source], [], {}))
                return
            inputs, output = [self.handles[variable]], self._add(build.tensor(SHAPE))
        self.ops.append((kind, inputs, output, options))
        self.ready.append(output)

    def _convolve(self, source: int, shape: Any, dtype: str) -> int:
        """Add a convolution of 2 by 2 with the padding VALID."""
        numbers = self.rng.integers(-9, 10, (shape[3], 2, 2, shape[3]))
        kind = "int8" if dtype == "int8" or self.rng.random() < 0.3 else "float32"
        scale = 0.05 if kind == "int8" else 0.0
        weights = self._add(build.tensor(numbers.shape, kind, scale, data=numbers.astype(kind)))
        batches, height, width, channels = shape
        output = self._output((batches, height - 1, width - 1, channels), dtype)
        options = {"padding": 1, "strideH": 1, "strideW": 1}
        self.ops.append(("CONV_2D", [source, weights, -1], output, options))
        self.ready.append(output)
        return output

    def _dilate(self, source: int, shape: Any, dtype: str, held: Any) -> None:
        """Add SPACE_TO_BATCH_ND by 2 and 1, a convolution, and what is the opposite."""
        block, pads = self._constant([2, 1]), self._constant([[2, 2 + shape[1] % 2], [1, 0]])
        inner = (2 * shape[0], (shape[1] + 4 + shape[1] % 2) // 2, shape[2] + 1, shape[3])
        spread = self._output(inner, dtype, held)
        self.ops.append(("SPACE_TO_BATCH_ND", [source, block, pads], spread, {}))
        middle = self._convolve(spread, inner, dtype)
        shape = tuple(self.tensors[middle].shape)
        crops = self._constant([[1, 0], [0, 0]])
        joined = (shape[0] // 2, 2 * shape[1] - 1, *shape[2:])
        quantization = self.tensors[middle].quantization
        held = (quantization.scale[0], quantization.zeroPoint[0]) if quantization else None
        output = self._output(joined, dtype, held)
        self.ops.append(("BATCH_TO_SPACE_ND", [middle, block, crops], output, {}))
        self.ready.append(output)


def _handle(variable: int) -> dict[str, str]:
    return {"container": "", "sharedName": f"variable {variable}"}


@pytest.mark.parametrize("part", range(2))
def test_passes_keep_every_byte(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = 0
    for number in range(part * GRAPHS, (part + 1) * GRAPHS):
        data = Network(np.random.default_rng(number)).file()
        graph = read(data)
        if not graph.outputs:
            continue
        xs = [runtimes.drawn(np.random.default_rng(run), "float32", SHAPE) for run in range(RUNS)]
        with monkeypatch.context() as patch:
            patch.setattr(planner, "tables", lambda graph, *_: graph)
            for name in OFF:
                patch.setitem(planner.REWRITES, name, set())
            unchanged = reference.ReferenceSession(graph, plan(graph))
        sessions = [reference.open_session(graph, data), native.open_session(graph, data)]
        fewer += len(plan(graph).steps) < len(unchanged._plan.steps)
        with np.errstate(all="ignore"):
            for x in xs:
                expected = unchanged.run([x])
                for session in sessions:
                    for output, other in zip(session.run([x]), expected, strict=True):
                        array = np.frombuffer(memoryview(output).cast("B"), other.dtype)
                        assert same(array.reshape(other.shape), other), number
    assert fewer > GRAPHS / 4


@pytest.mark.parametrize("name", planner.REWRITES)
def test_a_pass_is_left_out_where_it_does_nothing(name: str) -> None:
    module = import_module(f"edge_runtime.planner.passes.{name}")
    engine, concerned = PORTABLE, 0
    for data in models.seeds().values():
        graph = read(data)
        context = ("litert", Lowering(graph), engine) if name == "loops" else ()
        if planner.REWRITES[name].isdisjoint(op.name for op in graph.ops):
            assert vars(module)[name](graph, *context) is graph
        else:
            concerned += 1
    assert concerned


@pytest.mark.parametrize("kind", ["TRANSPOSE", "PAD", "dilated"])
@pytest.mark.parametrize("resource", [False, True])
def test_a_variable_is_read_where_the_file_reads_it(kind: str, *, resource: bool) -> None:
    """Before it is assigned, though what reads the result comes after that."""
    rng = np.random.default_rng(0)
    weights = build.constant(rng.integers(-9, 10, (2, 2, 2, 2)), "float32")
    tensors = [build.tensor(SHAPE), build.tensor((), "resource")]
    tensors += [build.tensor(SHAPE, variable=not resource), weights]
    conv = {"padding": 1, "strideH": 1, "strideW": 1}
    if kind == "TRANSPOSE":
        tensors += [build.constant([0, 2, 1, 3], "int32"), build.tensor((1, 6, 4, 2))]
        tensors += [build.tensor((1, 6, 4, 2))]
        before, after = [("TRANSPOSE", [2, 4], 5, {})], [("ABS", [5], 6, {})]
    elif kind == "PAD":
        tensors += [build.constant([[0, 0], [1, 0], [0, 1], [0, 0]], "int32")]
        tensors += [build.tensor((1, 5, 7, 2)), build.tensor((1, 4, 6, 2))]
        before, after = [("PAD", [2, 4], 5, {})], [("CONV_2D", [5, 3, -1], 6, conv)]
    else:
        tensors += [build.constant([2, 2], "int32"), build.tensor((4, 2, 3, 2))]
        tensors += [build.tensor((1, 2, 4, 2)), build.constant([[0, 0], [0, 0]], "int32")]
        tensors += [build.tensor((4, 1, 2, 2))]
        before = [("SPACE_TO_BATCH_ND", [2, 4, 7], 5, {})]
        after = [("CONV_2D", [5, 3, -1], 8, conv), ("BATCH_TO_SPACE_ND", [8, 4, 7], 6, {})]
    handle, write = _handle(0), [("ASSIGN_VARIABLE", [1, 0], [], {})]
    first = [("CALL_ONCE", [], [], {"initSubgraphIndex": 1}), ("VAR_HANDLE", [], 1, handle)]
    first.append(("READ_VARIABLE", [1], 2, {}))
    if not resource:
        # An op that writes a tensor that keeps its value.
        first, write = [], [("ABS", [0], 2, {})]
    called = [build.tensor((), "resource"), build.constant(np.zeros(SHAPE), "float32")]
    init = [("VAR_HANDLE", [], 0, handle), ("ASSIGN_VARIABLE", [0, 1], [], {})]
    data = build.file(
        [(tensors, [*first, *before, *write, *after], [0], [6]), (called, init, [], [])]
    )
    for engine in runtimes.engines(data).values():
        outputs = [engine.run(np.full(SHAPE, number, np.float32)) for number in (3, 5, 0)]
        assert [bool(np.any(output)) for output in outputs] == [False, True, True]
