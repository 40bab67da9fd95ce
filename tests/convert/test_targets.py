"""What a target runs is checked before anything is written."""

from pathlib import Path

import pytest

from edge_runtime.graph import Graph, Op, Quantization, Tensor
from edge_runtime.reader import read
from edge_runtime.record import replace
from edgekit.convert.conversion import Conversion
from edgekit.convert.targets import TARGETS, check_conversion, check_graph, float_operators
from edgekit.errors import TargetError


@pytest.fixture(scope="module")
def per_channel(int8_model: Path) -> Graph:
    return read(int8_model.read_bytes())


def per_tensor(graph: Graph) -> Graph:
    def single(tensor: Tensor) -> Tensor:
        if tensor.quantization is None:
            return tensor
        return replace(tensor, quantization=Quantization(tensor.quantization.scales[:1], (0,)))

    return replace(graph, tensors=tuple(single(tensor) for tensor in graph.tensors))


def with_op(graph: Graph, name: str, *, custom: bool = False) -> Graph:
    odd = Op(len(graph.ops), name, 1, graph.outputs, graph.outputs, custom)
    return replace(graph, ops=(*graph.ops, odd))


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_runs_the_documented_model(per_channel: Graph, target: str) -> None:
    graph = per_channel if TARGETS[target].per_channel_dense else per_tensor(per_channel)
    verdict = check_graph(graph, target)
    assert verdict.runs
    assert verdict.fallbacks == ()


def test_per_channel_dense_layers_are_named(per_channel: Graph) -> None:
    verdict = check_graph(per_channel, "edgetpu")
    assert verdict.runs
    assert [line.split(":")[0] for line in verdict.fallbacks] == [
        "op 1 FULLY_CONNECTED",
        "op 2 FULLY_CONNECTED",
    ]
    assert "runs on the host CPU" in verdict.fallbacks[0]
    assert not check_graph(per_channel, "mcu").runs


@pytest.mark.parametrize("target", ["edgetpu", "ethos-u"])
def test_each_op_that_falls_back_is_named(per_channel: Graph, target: str) -> None:
    verdict = check_graph(with_op(per_tensor(per_channel), "CUMSUM"), target)
    assert verdict.runs
    (line,) = verdict.fallbacks
    assert line.startswith("op 4 CUMSUM: not an op of")


@pytest.mark.parametrize(("name", "custom"), [("UNIQUE", False), ("my_op", True)])
def test_where_nothing_falls_back_an_unknown_op_is_a_problem(
    per_channel: Graph, name: str, custom: bool
) -> None:
    verdict = check_graph(with_op(per_tensor(per_channel), name, custom=custom), "mcu")
    assert not verdict.runs
    assert verdict.problems == (f"op 4 {name}: not an op of TFLite Micro on a microcontroller",)
    assert check_graph(with_op(per_channel, name), "litert").runs


def test_dynamic_shapes_and_batches_are_problems(per_channel: Graph) -> None:
    tensors = list(per_tensor(per_channel).tensors)
    index = per_channel.inputs[0]
    tensors[index] = replace(tensors[index], signature=(-1, 28, 28, 1))
    verdict = check_graph(replace(per_channel, tensors=tuple(tensors)), "edgetpu")
    assert "dynamic shape [-1, 28, 28, 1]" in verdict.problems[0]
    tensors[index] = replace(tensors[index], shape=(8, 28, 28, 1), signature=(8, 28, 28, 1))
    verdict = check_graph(replace(per_channel, tensors=tuple(tensors)), "mcu")
    assert "batch 8" in verdict.problems[0]


def test_float_ops_are_problems_for_integer_targets(float_model: Path) -> None:
    verdict = check_graph(read(float_model.read_bytes()), "edgetpu")
    assert not verdict.runs
    assert "op 1 FULLY_CONNECTED: computes in floating point" in " ".join(verdict.problems)
    assert check_graph(read(float_model.read_bytes()), "mcu").runs


@pytest.mark.parametrize(
    ("conversion", "said"),
    [
        (Conversion("float32", "edgetpu"), "--quantize --scheme int8"),
        (Conversion("int16x8", "edgetpu"), "does not run int16x8"),
        (Conversion("float16", "mcu"), "does not run float16"),
        (Conversion("dynamic", "ethos-u"), "does not run dynamic"),
        (Conversion("int8", "mcu", batch=4), "needs --batch 1"),
        (Conversion("int8", "edgetpu", batch=0), "needs --batch 1"),
    ],
)
def test_a_conversion_that_cannot_work_is_refused_first(conversion: Conversion, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        check_conversion(conversion)


def test_the_op_that_could_not_be_quantised_is_named_before_those_beside_it() -> None:
    """As the converter leaves ELU in an int8 model."""
    dtypes = ("int8", "float32", "float32", "int8")
    tensors = tuple(Tensor(i, str(i), (1, 4), (1, 4), dtype) for i, dtype in enumerate(dtypes))
    names = ("DEQUANTIZE", "ELU", "QUANTIZE")
    ops = tuple(Op(i, name, 1, (i,), (i + 1,)) for i, name in enumerate(names))
    graph = Graph("", tensors, ops, (0,), (3,), {}, 1)
    assert float_operators(graph) == ["op 1 ELU", "op 0 DEQUANTIZE", "op 2 QUANTIZE"]
