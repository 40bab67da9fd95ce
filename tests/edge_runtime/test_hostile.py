"""Hostile files: a ModelError or the right answer; no crash, no hang, no more memory than stated.

The corpus and the files with too much of something run in separate processes, so that a crash
or a hang is a failure of one test, with the number of the file.
"""

import copy
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import build
import edge_runtime
import hostile
import models
from edge_runtime import ModelError, ops, planner
from edge_runtime.planner import limits
from edge_runtime.planner.passes import variables
from edge_runtime.reader import read
from edge_runtime.record import replace

SUPPORT = Path(hostile.__file__).parent
MUTANTS = 800
WORKERS = 2


def run(*command: str, timeout: float) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", *command],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=hostile.environment(),
    )


def load(data: bytes, tmp_path: Path, backend: str = "native") -> edge_runtime.Model:
    path = tmp_path / "model.tflite"
    path.write_bytes(data)
    return edge_runtime.load(path, backend=backend)


def changed(name: str, **fields: object) -> bytes:
    """A small model with fields changed, named by their path in the object API."""
    tree = schema.ModelT.InitFromPackedBuf(models.seeds()[name])
    for path, value in fields.items():
        *parents, last = path.split("__")
        owner = tree.subgraphs[0]
        for step in parents:
            owner = owner[int(step)] if step.isdigit() else getattr(owner, step)
        setattr(owner, last, value)
    return build.pack(tree)


def test_the_small_models_hold_every_op() -> None:
    names = set()
    for name, data in models.seeds().items():
        outcome = hostile.check(data, 1)
        assert outcome in ("ran", "refused"), name
        if outcome == "ran":
            names |= {op.name for op in read(data).ops}
    assert names == {*ops.OPS, *ops.CUSTOM, *variables.OPS}


@pytest.mark.parametrize("worker", range(WORKERS))
@pytest.mark.slow
def test_mutants_are_refused_or_give_the_same_answers_everywhere(worker: int) -> None:
    first = worker * MUTANTS
    done = run(str(SUPPORT / "hostile.py"), str(first), str(first + MUTANTS), timeout=MUTANTS * 0.4)
    last = done.stderr.rpartition("mutant at work: ")[2]
    assert done.returncode == 0, f"exit code {done.returncode}, mutant {last[-3000:]}"
    counts = dict(zip(*[iter(done.stdout.split())] * 2, strict=True))
    # A corpus that is always refused, or never, would show nothing.
    assert int(counts["ran"]) > MUTANTS / 10
    assert int(counts["refused"]) > MUTANTS / 10


def test_a_crash_and_a_hang_would_be_seen() -> None:
    crash = run("-c", "import hostile, ctypes; hostile.watched(ctypes.string_at, 0)", timeout=60)
    hang = run("-c", "import hostile, time; hostile.watched(time.sleep, 60, seconds=1)", timeout=30)
    assert crash.returncode != 0
    assert hang.returncode != 0
    assert "Timeout" in hang.stderr


DENSE, SHAPES = "dense int8", "shapes"
TOO_MUCH = [2**30, 9]


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        (DENSE, {"operators__0__inputs": [0]}, "FULLY_CONNECTED: it has no input 1"),
        (DENSE, {"operators__0__inputs": []}, "it has to have a first input"),
        (DENSE, {"operators__0__outputs": [3, 3]}, "and one output"),
        (DENSE, {"operators__0__outputs": [0]}, "each tensor is written once"),
        (DENSE, {"operators__0__inputs": [3, 1, 2]}, "tensor 3 is read before it is made"),
        (DENSE, {"tensors__0__shape": [2, 9] + [1] * 7}, "input has 9 dimensions, at most 8"),
        (DENSE, {"tensors__0__shape": TOO_MUCH, "tensors__3__shape": [2**30, 5]}, "bytes"),
        (DENSE, {"tensors__0__type": build.TYPES["int16"]}, "int8, int8"),
        (DENSE, {"tensors__3__type": 1}, "its output is float16"),
        (DENSE, {"tensors__1__sparsity": schema.SparsityParametersT()}, "tensor 1 is sparse"),
        (SHAPES, {"operators__5__inputs": [10]}, "EXPAND_DIMS: it has no input 1"),
        (SHAPES, {"operators__1__inputs": [1, 2]}, "begin, end and stride are constant"),
        (SHAPES, {"operators__2__inputs": [5, -1]}, "PACK: it has no input 1"),
        (SHAPES, {"tensors__2__buffer": 7}, "tensor 2"),
    ],
)
def test_contradictions_are_named(
    name: str, fields: dict[str, object], message: str, tmp_path: Path
) -> None:
    for backend in "native", "reference":
        with pytest.raises(ModelError, match=message):
            load(changed(name, **fields), tmp_path, backend)


def test_a_number_outside_the_vector_is_not_taken(tmp_path: Path) -> None:
    tree = schema.ModelT.InitFromPackedBuf(models.seeds()[SHAPES])
    begin = tree.subgraphs[0].tensors[2].buffer
    tree.buffers[begin].data = np.frombuffer(struct.pack("<i", 9), np.uint8)
    with pytest.raises(ModelError, match=r"lies inside the tensor; .* \[9\] of int32 \[4\]"):
        load(build.pack(tree), tmp_path)


def reshaped(scales: int) -> bytes:
    """Constant weights that a RESHAPE makes [9, 2]; their scales are of what the file says."""
    weights = build.tensor((scales, 18 // scales), "int8", [0.1] * scales)
    tensors = [
        build.tensor((1, 2), "int8", 0.1),
        build.constant(np.ones(18), "int8", 0.1),
        build.constant([9, 2], "int32"),
        weights,
        build.tensor((1, 9), "int8", 0.1),
    ]
    nodes: list[build.Op] = [
        ("RESHAPE", [1, 2], 3, {}),
        ("FULLY_CONNECTED", [0, 3, -1], 4, {}),
    ]
    return build.model(tensors, nodes)


def test_scales_are_counted_against_the_shape_that_is_made(tmp_path: Path) -> None:
    load(reshaped(9), tmp_path)
    with pytest.raises(
        ModelError, match=r"a scale for each slice .*; here it is 6 along axis 0 of \[9"
    ):
        load(reshaped(6), tmp_path)


@pytest.mark.parametrize("scale", [1e-45, 1e-38, 1e-20, 1e20, 3.4e38])
@pytest.mark.parametrize(
    ("name", "tensor"),
    [(DENSE, 0), (DENSE, 1), (DENSE, 3), ("documented", 5), ("LOGISTIC int8", 0)],
)
def test_absurd_scales_end_in_saturated_numbers(name: str, tensor: int, scale: float) -> None:
    scales = np.array([scale], np.float32)
    data = changed(name, **{f"tensors__{tensor}__quantization__scale": scales})
    assert hostile.check(data) == "ran"


def test_messages_stay_short(tmp_path: Path) -> None:
    long = "x" * 100_000
    for fields in (
        {"tensors__3__name": long, "operators__0__inputs": [0, 3]},
        {
            "tensors__3__name": long,
            "tensors__0__type": 0,
        },
    ):
        with pytest.raises(ModelError) as caught:
            load(changed(DENSE, **fields), tmp_path)
        assert len(str(caught.value)) < 1000


def joined(tensors: list[Any], nodes: list[build.Op], size: int) -> bytes:
    """The ops whose outputs of so many elements are joined: what nobody reads is dropped."""
    written = [node[2] for node in nodes]
    tensors.append(build.tensor((1, len(nodes) * size), "int8", 0.1))
    join: build.Op = ("CONCATENATION", written, len(tensors) - 1, {"axis": 1})
    return build.model(tensors, [*nodes, join])


def apart(data: bytes) -> bytes:
    """A file of such ops, each with a tensor of its own of the shared weights' bytes."""
    tree = schema.ModelT.InitFromPackedBuf(data)
    (graph,) = tree.subgraphs
    weights = graph.tensors[1]
    for op in graph.operators[:-1]:
        op.inputs = [0, len(graph.tensors), -1]
        graph.tensors.append(weights)
    return build.pack(tree)


def column(outputs: int, ops: int = 1) -> bytes:
    """Weights of depth 1, which ops share: the most that a file can make of its bytes."""
    tensors = [
        build.tensor((1, 1), "int8", 0.1, 7),
        build.constant(np.ones((outputs, 1)), "int8", 0.1),
        *(build.tensor((1, outputs), "int8", 0.1) for _ in range(ops)),
    ]
    nodes: list[build.Op] = [("FULLY_CONNECTED", [0, 1, -1], 2 + i, {}) for i in range(ops)]
    return joined(tensors, nodes, outputs)


def row(depth: int, ops: int) -> bytes:
    """Weights of one output, which may take 16 times their bytes when they are packed."""
    tensors = [
        build.tensor((1, depth), "int8", 0.1, 7),
        build.constant(np.ones((1, depth)), "int8", 0.1),
        *(build.tensor((1, 1), "int8", 0.1) for _ in range(ops)),
    ]
    nodes: list[build.Op] = [("FULLY_CONNECTED", [0, 1, -1], 2 + i, {}) for i in range(ops)]
    return joined(tensors, nodes, 1)


def column_apart(outputs: int, ops: int) -> bytes:
    return apart(column(outputs, ops))


def row_apart(depth: int, ops: int) -> bytes:
    return apart(row(depth, ops))


def wide(ops: int, size: int) -> bytes:
    """Activations that are all alive at the end, with hardly a byte in the file."""
    tensors = [build.tensor((1, size)) for _ in range(ops + 1)]
    nodes: list[build.Op] = [("LOGISTIC", [0], 1 + i, {}) for i in range(ops)]
    return build.model(tensors, nodes, outputs=[node[2] for node in nodes])


def of_slices(scales: list[float], outputs: list[float]) -> bytes:
    """Ops of the same weights, which have a scale for each output."""
    count = len(scales)
    tensors = [
        build.tensor((1, 1), "int8", 0.1, 7),
        build.constant(np.ones((count, 1)), "int8", scales),
        *(build.tensor((1, count), "int8", scale) for scale in outputs),
    ]
    nodes: list[build.Op] = [
        ("FULLY_CONNECTED", [0, 1, -1], 2 + index, {}) for index in range(len(outputs))
    ]
    return build.model(tensors, nodes, outputs=[node[2] for node in nodes])


def softmaxes(betas: list[float]) -> bytes:
    tensors = [build.tensor((1, 4), "int8", 0.1)]
    tensors += [build.tensor((1, 4), "int8", 1 / 256, -128) for _ in betas]
    nodes: list[build.Op] = [
        ("SOFTMAX", [0], 1 + index, {"beta": beta}) for index, beta in enumerate(betas)
    ]
    return build.model(tensors, nodes, outputs=[node[2] for node in nodes])


def test_ops_that_are_the_same_are_lowered_once() -> None:
    planned = planner.plan(read(of_slices([0.1, 0.2], [0.1, 0.1, 0.3])))
    first, second, other = (step.kernel for step in planned.steps)
    assert first is second
    assert first.constants[-1].data != other.constants[-1].data
    planned = planner.plan(read(softmaxes([1.0, 2.0, 1.0])))
    first, other, second = (step.kernel for step in planned.steps)
    assert first is second
    assert first.constants[-1].data != other.constants[-1].data


def test_what_takes_time_to_lower_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SCALES", 9)
    monkeypatch.setattr(limits, "MAX_TABLES", 3)
    scales = [0.1, 0.2, 0.3]
    planner.plan(read(of_slices(scales, [0.1, 0.2, 0.3, 0.1, 0.2])))
    planner.plan(read(softmaxes([1.0, 2.0, 3.0, 1.0])))
    with pytest.raises(ModelError, match="op 3, FULLY_CONNECTED: all ops have at most 9 scales"):
        planner.plan(read(of_slices(scales, [0.1, 0.2, 0.3, 0.4])))
    with pytest.raises(ModelError, match="op 3, SOFTMAX: all ops have at most 3 tabulated"):
        planner.plan(read(softmaxes([1.0, 2.0, 3.0, 4.0])))


def test_the_scales_of_a_bias_are_those_of_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    scales = [0.1, 0.2, 0.3]
    tensors = [
        build.tensor((1, 4), "int8", 0.05),
        build.constant(np.ones((3, 4)), "int8", scales),
        build.constant(np.ones(3), "int32", build.products(0.05, scales)),
        build.tensor((1, 3), "int8", 0.1),
    ]
    graph = read(build.model(tensors, [("FULLY_CONNECTED", [0, 1, 2], 3, {})]))
    monkeypatch.setattr(limits, "MAX_SCALES", 3)
    planner.plan(graph)
    monkeypatch.setattr(limits, "MAX_SCALES", 2)
    with pytest.raises(ModelError, match="at most 2 scales"):
        planner.plan(graph)


def test_an_option_of_minus_zero_is_not_that_of_zero() -> None:
    nodes: list[build.Op] = [("LEAKY_RELU", [at], at + 1, {"alpha": 0.5}) for at in range(2)]
    graph = read(build.model([build.tensor((1, 4)) for _ in range(3)], nodes))
    ops = [
        replace(op, options={"alpha": alpha})
        for op, alpha in zip(graph.ops, (0.0, -0.0), strict=True)
    ]
    first, second = (step.kernel for step in planner.plan(replace(graph, ops=tuple(ops))).steps)
    assert first.params != second.params


TIMED = """
import sys, time
from pathlib import Path
from edge_runtime.planner import plan
from edge_runtime.reader import read

data = Path(sys.argv[1]).read_bytes()
before = time.process_time()
print(len(plan(read(data)).steps), time.process_time() - before)
"""
SECONDS = 4
"""What planning of 4,096 ops takes at most, of one core; the slowest takes 2 s on one of 2020."""


def repeated(name: str) -> bytes:
    """The ops of a small model until there are 4,096, each with a state for an output.

    So none is dropped, none folded, and all outputs are alive at once. Their scales differ, so that
    each is lowered.
    """
    tree = schema.ModelT.InitFromPackedBuf(models.seeds()[name])
    graph = tree.subgraphs[0]
    nodes = list(graph.operators)
    written = sum(len(node.outputs) for node in nodes)
    added = []
    for number in range(1, limits.MAX_OPS // written):
        renamed: dict[int, int] = {}
        for node in nodes:
            again = copy.copy(node)
            again.inputs = [renamed.get(int(index), int(index)) for index in node.inputs]
            for index in node.outputs:
                tensor = copy.copy(graph.tensors[int(index)])
                tensor.isVariable = True
                if tensor.quantization is not None and tensor.quantization.scale is not None:
                    tensor.quantization = copy.copy(tensor.quantization)
                    scale = tensor.quantization.scale * (1 + number * 1e-5)
                    tensor.quantization.scale = scale.astype(np.float32)
                renamed[int(index)] = len(graph.tensors)
                graph.tensors.append(tensor)
            again.outputs = [renamed[int(index)] for index in node.outputs]
            added.append(again)
    graph.operators = [*added, *nodes]
    return build.pack(tree)


@pytest.mark.slow
@pytest.mark.skipif(hostile.SANITIZED, reason="AddressSanitizer needs time, too")
@pytest.mark.parametrize(
    "name", ["conv int8", "conv hybrid", "matmul int8 int8 int8", "STRIDED_SLICE int8", "ADD int8"]
)
def test_thousands_of_ops_are_planned_in_seconds(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(repeated(name))
    done = run("-c", TIMED, str(path), timeout=60)
    assert done.returncode == 0, done.stderr
    steps, seconds = done.stdout.split()
    assert int(steps) > limits.MAX_OPS - 100
    assert float(seconds) < SECONDS


PEAK = """
import sys, edge_runtime
from edge_runtime.backends import native
from edge_runtime.ops import fully_connected, logistic

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM"))

before = peak()
try:
    edge_runtime.load(sys.argv[1], backend="native")
    print("opened")
except edge_runtime.ModelError as error:
    print(error)
print(peak() - before)
"""
OPENING, BESIDES = 256, 128 << 20
"""What docs/embed.md states: times the file, and bytes."""


PACKED = "opened|too much memory"
"""Some instruction sets pack weights of such shapes into many times their bytes, others do not."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")
@pytest.mark.skipif(hostile.SANITIZED, reason="AddressSanitizer needs memory, too")
@pytest.mark.parametrize(
    ("make", "arguments", "outcome"),
    [
        (column, (1_000_000,), PACKED),
        (column, (1_000_000, 4), PACKED),
        (column, (500_000, 20), "opened"),
        (column_apart, (1_000_000, 4), PACKED),
        (column_apart, (1_000_000, 400), "all ops read and make at most"),
        (row, (60_000, 200), PACKED),
        (row, (60_000, 4000), PACKED),
        (row_apart, (60_000, 200), PACKED),
        (row_apart, (60_000, 4000), "all ops read and make at most"),
        (column, (1, limits.MAX_OPS - 1), "opened"),
        (column, (1, limits.MAX_OPS), "ops, and the engine takes at most 4096"),
        (column, (1, 40_000), "ops, and the engine takes at most 4096"),
        (wide, (1, 1 << 20), "opened"),
        (wide, (1, 1 << 22), "opened"),
        (wide, (1, 9 << 20), "activations take"),
        (wide, (2, 3 << 21), "activations take"),
        (wide, (1, 2**31 - 1), "bytes, and is not empty"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_opening_takes_what_is_stated(
    make: Callable[..., bytes], arguments: tuple[int, ...], outcome: str, tmp_path: Path
) -> None:
    path, data = tmp_path / "model.tflite", make(*arguments)
    path.write_bytes(data)
    done = run("-c", PEAK, str(path), timeout=60)
    assert done.returncode == 0, done.stderr
    message, _, grown = done.stdout.strip().rpartition("\n")
    assert any(part in message for part in outcome.split("|")), message
    assert int(grown) < OPENING * len(data) + BESIDES


def images(size: int, channels: int) -> bytes:
    """Two convolutions over an image, the first from 3 channels, and their sum, in float32."""
    shape = (1, size, size, channels)
    tensors = [build.tensor((1, size, size, 3))]
    tensors += [build.constant(np.ones((channels, 3, 3, depth)), "float32") for depth in (3, 1)]
    tensors += [build.tensor(shape) for _ in range(3)]
    options = {"padding": 0, "strideH": 1, "strideW": 1}
    nodes: list[build.Op] = [
        ("CONV_2D", [0, 1, -1], 3, options),
        ("CONV_2D", [3, 2, -1], 4, options),
        ("ADD", [3, 4], 5, {}),
    ]
    return build.model(tensors, nodes)


@pytest.mark.parametrize(("size", "channels"), [(96, 8), (224, 64), (320, 64)])
def test_activations_of_honest_networks_have_room(size: int, channels: int) -> None:
    data = images(size, channels)
    assert len(data) < 30_000
    planner.plan(read(data))


def test_more_than_that_is_refused() -> None:
    message = r"take 8.* bytes; a file of .* bytes may take 67108864: make images, channels or"
    with pytest.raises(ModelError, match=message):
        planner.plan(read(images(400, 64)))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")
@pytest.mark.skipif(hostile.SANITIZED, reason="AddressSanitizer needs memory, too")
def test_an_honest_model_takes_little(int8_model: Path) -> None:
    done = run("-c", PEAK, str(int8_model), timeout=60)
    message, grown = done.stdout.split()
    assert message == "opened"
    assert int(grown) < 1 << 20


NO_MEMORY = """
import resource, sys, edge_runtime
from edge_runtime.planner import limits
limits.ROOM = 2**62
resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
try:
    edge_runtime.load(sys.argv[1], backend="native")
except edge_runtime.ModelError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a limit of Linux")
@pytest.mark.skipif(hostile.SANITIZED, reason="AddressSanitizer needs memory, too")
def test_memory_that_is_not_there_is_a_model_error(tmp_path: Path) -> None:
    # ADD reads both activations, so that one of them needs the arena: 8 GB.
    tensors = [build.tensor((1, 2**31 - 1)) for _ in range(4)]
    nodes: list[build.Op] = [("LOGISTIC", [0], 1, {}), ("LOGISTIC", [0], 2, {})]
    path = tmp_path / "model.tflite"
    path.write_bytes(build.model(tensors, [*nodes, ("ADD", [1, 2], 3, {})]))
    done = run("-c", NO_MEMORY, str(path), timeout=60)
    assert "weights and activations take too much memory" in done.stdout, done.stderr
