import random

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import build
import mutate
from edge_runtime.errors import ModelError
from edge_runtime.graph import Graph, Op, Quantization, Tensor
from edge_runtime.reader import read
from edgekit.convert.macs import MAC_FORMULAS, Count, counted, macs
from edgekit.convert.runners import support
from edgekit.convert.summary import summarise


def graph_of(name, inputs, output, custom=False, outputs=(0,)):
    """One op; None is an optional input that is absent."""
    shapes = [output, *(shape for shape in inputs if shape is not None)]
    tensors = tuple(
        Tensor(index, str(index), shape, shape, "int8") for index, shape in enumerate(shapes)
    )
    present = iter(range(1, len(shapes)))
    op = Op(0, name, 1, tuple(-1 if s is None else next(present) for s in inputs), outputs, custom)
    return Graph("", tensors, (op,), (1,), (0,), {}, 1)


W, R, BIASES, NONE = [(4, 7)] * 3, [(4, 4)] * 3, [(4,)] * 3, [None] * 4
"""Of an LSTM without an input gate: input and recurrent weights, biases, and what is absent."""

CASES = [
    ("FULLY_CONNECTED", [(1, 784), (14, 784), (14,)], (1, 14), 784 * 14),
    ("FULLY_CONNECTED", [(5, 3, 7), (2, 7), None], (5, 3, 2), 5 * 3 * 2 * 7),
    ("CONV_2D", [(1, 8, 8, 3), (4, 3, 5, 3), (4,)], (1, 4, 4, 4), 4 * 4 * 4 * 3 * 5 * 3),
    # A grouped convolution: the kernel sees 3 of 6 channels.
    ("CONV_2D", [(1, 8, 8, 6), (4, 3, 3, 3), (4,)], (1, 8, 8, 4), 8 * 8 * 4 * 3 * 3 * 3),
    ("DEPTHWISE_CONV_2D", [(1, 8, 8, 6), (1, 3, 5, 6), (6,)], (1, 8, 8, 6), 8 * 8 * 6 * 15),
    ("TRANSPOSE_CONV", [(4,), (2, 3, 5, 6), (1, 4, 4, 6)], (1, 8, 8, 2), 4 * 4 * 6 * 3 * 5 * 2),
    ("BATCH_MATMUL", [(2, 3, 4), (2, 4, 5)], (2, 3, 5), 2 * 3 * 5 * 4),
    ("BATCH_MATMUL", [(2, 4, 3), (2, 4, 5)], (2, 3, 5), 2 * 3 * 5 * 4),  # adj_x
    ("ADD", [(1, 4), (1, 4)], (1, 4), None),
    ("CONV_3D", [(1, 8, 8, 8, 3), (2, 3, 4, 3, 5)], (1, 4, 4, 4, 5), 4 * 4 * 4 * 5 * 2 * 3 * 4 * 3),
    ("CONV_3D_TRANSPOSE", [(5,), (2, 3, 4, 5, 6), (1, 2, 2, 2, 6)], (9,), 8 * 6 * 2 * 3 * 4 * 5),
    ("RNN", [(2, 7), (4, 7), (4, 4), (4,), (2, 4)], (2, 4), 2 * (4 * 7 + 4 * 4)),
    ("SVDF", [(2, 7), (8, 7), (8, 10), (4,), (2, 80)], (2, 4), 2 * (8 * 7 + 8 * 10)),
    ("UNIDIRECTIONAL_SEQUENCE_RNN", [(3, 2, 7), (4, 7), (4, 4), (4,)], (3, 2, 4), 6 * (28 + 16)),
    (
        "BIDIRECTIONAL_SEQUENCE_RNN",
        [(3, 1, 7), (4, 7), (4, 4), (4,), (1, 4), (4, 7), (4, 4), (4,), (1, 4)],
        (3, 1, 8),
        3 * 2 * (28 + 16),
    ),
    # Without an input gate; the states behind the biases are matrices, too.
    (
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        [(1, 5, 7), None, *W, None, *R, *NONE, *BIASES, None, None, (1, 4), (1, 4)],
        (1, 5, 4),
        5 * 3 * (28 + 16),
    ),
    ("LSTM", [(2, 7), (2, 4), (16, 11), (16,), (2, 4)], (2, 4), 2 * 16 * 11),
    (
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        [(5, 1, 7), *(2 * [None, *W, None, *R, *NONE, *BIASES, None, None])],
        (5, 1, 4),
        5 * 2 * 3 * (28 + 16),
    ),
]


@pytest.mark.parametrize(("name", "inputs", "output", "expected"), CASES)
def test_macs(name, inputs, output, expected):
    graph = graph_of(name, inputs, output)
    assert macs(graph, graph.ops[0]) == expected


def test_every_formula_has_a_case():
    assert {name for name, *_ in CASES} - {"ADD"} == set(MAC_FORMULAS) - {"WHILE", "IF"}


@pytest.mark.parametrize("name", MAC_FORMULAS)
@pytest.mark.parametrize("inputs", [[], [(3,)], [None, None, None], [(), ()], [(1,), (2,), (3,)]])
def test_impossible_shapes_count_nothing(name, inputs):
    graph = graph_of(name, inputs, (2, 2))
    assert macs(graph, graph.ops[0]) is None


def test_a_custom_op_counts_nothing_whatever_its_name():
    graph = graph_of("FULLY_CONNECTED", [(1, 2), (3, 2)], (1, 3), custom=True)
    assert macs(graph, graph.ops[0]) is None


def test_an_op_without_output_counts_nothing():
    graph = graph_of("FULLY_CONNECTED", [(1, 2), (3, 2)], (1, 3), outputs=())
    assert macs(graph, graph.ops[0]) is None


@pytest.mark.parametrize("model", ["model.tflite", "model_int8.tflite"])
def test_the_documented_model(model, artifacts):
    data = (artifacts / model).read_bytes()
    summary = summarise(data)
    dense = [op for op in summary.ops if op.name == "FULLY_CONNECTED"]
    quantized = model == "model_int8.tflite"
    weight, bias = (1, 4) if quantized else (4, 4)

    assert summary.size == len(data)
    assert summary.macs == 784 * 14 + 14 * 2 == 11004
    assert [op.macs for op in dense] == [784 * 14, 14 * 2]
    assert [op.constant_bytes for op in dense] == [
        784 * 14 * weight + 14 * bias,
        14 * 2 * weight + 2 * bias,
    ]
    assert summary.constant_bytes == sum(op.constant_bytes for op in summary.ops)
    assert [op.name for op in summary.ops][-1] == "LOGISTIC"
    (given,), (scores,) = summary.inputs, summary.outputs
    assert (given.shape, scores.shape) == ((1, 28, 28, 1), (1, 2))
    assert given.dtype == ("int8" if quantized else "float32")
    assert len(given.scales) == len(given.zero_points) == (1 if quantized else 0)
    assert all(op.weights.startswith("int8 per-" if quantized else "float32") for op in dense)


@pytest.mark.parametrize(
    ("quantization", "expected"),
    [
        (None, "int8"),
        (Quantization((0.5,), (0,)), "int8 per-tensor"),
        (Quantization((0.5, 0.5), (0, 0)), "int8 per-channel"),
    ],
)
def test_granularity_of_weights(quantization, expected, monkeypatch):
    graph = graph_of("FULLY_CONNECTED", [(1, 4), (2, 4)], (1, 2))
    data = memoryview(bytes(8))
    weights = Tensor(2, "w", (2, 4), (2, 4), "int8", quantization, data)
    shared = Tensor(3, "again", (8,), (8,), "int8", None, data)
    changed = Graph(
        "", (*graph.tensors[:2], weights, shared), graph.ops, (1,), (0,), {"": data}, 100
    )
    monkeypatch.setattr("edgekit.convert.summary.read", lambda _: changed)
    summary = summarise(b"")
    assert summary.ops[0].weights == expected
    # Two tensors in one buffer are stored once.
    assert summary.constant_bytes == summary.ops[0].constant_bytes == 8


LENGTH, UNITS = 28, 8


def looped(*, limit: int | None = LENGTH, start: int = 0, step: int = 1) -> bytes:
    """A recurrent layer as the converter writes it: a WHILE with a dense layer in its body.

    Without a limit the loop ends where a third input of the model says.
    """

    def counter() -> schema.TensorT:
        return build.tensor((), "int32")

    def state() -> schema.TensorT:
        return build.tensor((1, UNITS))

    weights = build.constant(np.ones((UNITS, UNITS)), "float32")
    last = counter() if limit is None else build.constant(limit, "int32")
    first, by = build.constant(start, "int32"), build.constant(step, "int32")
    carried = [0, 1, 2] if limit is None else [0, 1]
    first_ops = [("WHILE", carried, [3, 4], {"condSubgraphIndex": 1, "bodySubgraphIndex": 2})]
    body_ops = [("ADD", [0, 3], 5, {}), ("FULLY_CONNECTED", [1, 4, -1], 6, {})]
    body = [counter(), state(), counter(), by, weights, counter(), state()]
    return build.file(
        [
            ([first, state(), counter(), counter(), state(), counter()], first_ops, [1], [4]),
            (
                [counter(), state(), last, build.tensor((), "bool")],
                [("LESS", [0, 2], 3, {})],
                carried,
                [3],
            ),
            (body, body_ops, carried, [5, 6]),
        ]
    )


def test_a_loop_counts_with_its_iterations_and_constants():
    summary = summarise(looped())
    assert (summary.macs, summary.macs_at_least) == (LENGTH * UNITS * UNITS, False)
    assert summary.constant_bytes == 4 * (UNITS * UNITS + 3)
    (loop,) = summary.ops
    assert loop.macs == summary.macs
    assert loop.constant_bytes == summary.constant_bytes


@pytest.mark.parametrize(
    ("changes", "iterations"),
    [
        ({"start": 20}, 8),
        ({"step": 3}, 10),
        ({"limit": 0}, 0),
        ({"start": 99}, 0),
        ({"step": 0}, None),
        ({"step": -1}, None),
        ({"limit": None}, None),
    ],
)
def test_iterations_are_known_or_said_to_be_at_least_one(changes, iterations):
    summary = summarise(looped(**changes))
    assert summary.macs == (1 if iterations is None else iterations) * UNITS * UNITS
    assert summary.macs_at_least == (iterations is None)


def test_a_loop_that_runs_itself_ends():
    tree = schema.ModelT.InitFromPackedBuf(looped())
    inner = tree.subgraphs[0].operators[0]
    tree.subgraphs[2].operators.append(inner)
    assert summarise(build.pack(tree)).macs_at_least
    for number in -1, 0, 3, 2**31 - 1:
        inner.builtinOptions.bodySubgraphIndex = number
        assert summarise(build.pack(tree)).macs_at_least


def test_a_condition_that_reads_itself_ends():
    tree = schema.ModelT.InitFromPackedBuf(looped())
    tree.operatorCodes[1] = schema.OperatorCodeT(86, None, 1, 86)
    tree.subgraphs[1].operators[0].inputs = [3, 3]
    assert [op.name for op in read(build.pack(tree)).others[0].ops] == ["LOGICAL_AND"]
    assert summarise(build.pack(tree)).macs_at_least


def test_damaged_loops_are_refused_or_counted():
    for index in range(150):
        content = mutate.mutant(looped(), random.Random(index))
        refusal = ""
        try:
            assert summarise(content).macs >= 0
            assert len(support(content).runners) == 5
        except ModelError as error:
            refusal = str(error)
        assert "\n" not in refusal


def test_a_custom_op_may_hide_any_number():
    graph = graph_of("my_op", [(1, 2)], (1, 3), custom=True)
    assert counted([graph]) == [Count(None, exact=False)]
