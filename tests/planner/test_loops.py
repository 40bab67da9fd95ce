"""Loops and branches, unrolled: the bytes of LiteRT, and what is refused."""

from typing import Any

import numpy as np
import pytest

import build
import runtimes
from build import Op
from control import body, branches, counts_to, dense, doubling, loop
from edge_runtime import ModelError, planner
from edge_runtime.planner import plan
from edge_runtime.reader import read
from runtimes import equal

X = np.array([[1.5, -2, 3]], np.float32)
VALUE = (1, 3)


def names(data: bytes) -> list[str]:
    return [step.op.name for step in plan(read(data)).steps]


def same(data: bytes, x: Any = X) -> None:
    equal(data, x, runtimes.builtin_ref(data)(x))


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_a_loop_is_its_rounds(rounds: int) -> None:
    data = doubling(rounds)
    assert names(data) == ["ADD"] * rounds
    same(data)


def test_a_loop_of_no_round_copies_its_input() -> None:
    data = doubling(0)
    assert names(data) == ["COPY"]
    same(data)


def test_tensors_may_change_places() -> None:
    """a, b = b, a + b."""
    tensors = [build.tensor(VALUE) for _ in range(5)]
    tensors += [build.constant(0, "int32"), build.tensor((), "int32")]
    options = {"condSubgraphIndex": 1, "bodySubgraphIndex": 2}
    ops: list[Op] = [("WHILE", [5, 0, 0], [6, 1, 2], options), ("SUB", [2, 1], 3, {})]
    values = [build.tensor(VALUE) for _ in range(3)]
    graphs = [
        counts_to(5, *values[:2]),
        body(values, [("ADD", [3, 4], 5, {})], [3, 4], [4, 5]),
    ]
    data = build.file([(tensors, ops, [0], [3]), *graphs])
    assert names(data) == ["ADD"] * 5 + ["SUB"]
    same(data)


def test_a_counter_is_read_in_and_behind_the_loop() -> None:
    """The sum of x and 2, 3, 4 as floats, and of the last counter, 5."""
    tensors = [build.tensor(VALUE), build.tensor(VALUE), build.tensor((), "int32")]
    tensors += [build.constant(2, "int32"), build.tensor(()), build.tensor(VALUE)]
    options = {"condSubgraphIndex": 1, "bodySubgraphIndex": 2}
    types = {"inDataType": 2, "outDataType": 0}
    ops: list[Op] = [
        ("WHILE", [3, 0], [2, 1], options),
        ("CAST", [2], 4, types),
        ("ADD", [1, 4], 5, {}),
    ]
    inner: list[Op] = [("CAST", [0], 4, types), ("ADD", [3, 4], 5, {})]
    values = [build.tensor(VALUE), build.tensor(()), build.tensor(VALUE)]
    graphs = [counts_to(5, build.tensor(VALUE)), body(values, inner, [3], [5])]
    data = build.file([(tensors, ops, [0], [5]), *graphs])
    assert names(data) == ["ADD"] * 4
    same(data)


def nested() -> bytes:
    """x + x in each of 0 + 1 + 2 rounds: the inner loop counts to the outer one's counter."""
    options = {"condSubgraphIndex": 3, "bodySubgraphIndex": 4}
    cond = (
        [*(build.tensor((), "int32") for _ in range(2)), build.tensor(VALUE)],
        [("LESS", [0, 1], 3, {})],
        [0, 1, 2],
        [3],
    )
    cond[0].append(build.tensor((), "bool"))
    doubled = body(
        [build.tensor((), "int32"), build.tensor(VALUE), build.tensor(VALUE)],
        [("ADD", [4, 4], 5, {})],
        [3, 4],
        [3, 5],
    )
    values = [build.tensor(VALUE), build.tensor(VALUE), build.constant(0, "int32")]
    values += [build.tensor((), "int32") for _ in range(2)]
    inside: list[Op] = [("WHILE", [5, 0, 3], [6, 7, 4], options)]
    outside = body(values, inside, [3], [4])
    return loop(counts_to(3, build.tensor(VALUE)), outside, cond, doubled)


def test_loops_may_be_nested() -> None:
    data = nested()
    assert names(data) == ["ADD"] * 3
    same(data)


@pytest.mark.parametrize(("condition", "name"), [(True, "ADD"), (False, "SUB")])
def test_a_constant_chooses_a_branch(condition: bool, name: str) -> None:
    data = branches(condition)
    assert names(data) == [name]
    same(data)


def written(rounds: int) -> bytes:
    """Row n of the output is x * 2 ** n: written by slices of which the first or last is empty."""
    shape, row = (rounds, 1, 3), (1, 1, 3)
    tensors = [build.tensor(row), build.constant(0, "int32")]
    tensors += [build.constant(np.zeros(shape), "float32"), build.tensor((), "int32")]
    tensors += [build.tensor(row), build.tensor(shape)]
    options = {"condSubgraphIndex": 1, "bodySubgraphIndex": 2}
    graph = (tensors, [("WHILE", [1, 0, 2], [3, 4, 5], options)], [0], [5])
    values = [
        build.tensor(row),  # 3: the row, and what was written before
        build.tensor(shape),
        build.constant([1], "int32"),  # 5: a shape
        build.tensor((1,), "int32"),
        build.constant([-1, -1], "int32"),  # 7
        build.tensor((3,), "int32"),
        build.constant([0, 0, 0], "int32"),  # 9
        build.tensor((1, 1, 3)),
        build.tensor((1,), "int32"),  # 11
        build.constant([0, 0], "int32"),
        build.tensor((3,), "int32"),  # 13
        build.constant([-1, -1, -1], "int32"),
        build.tensor((1, 1, 3)),  # 15
        build.tensor(shape),
        build.tensor(row),  # 17
    ]
    values[7].shapeSignature = values[12].shapeSignature = [-1, 1, 3]  # the slices, 10 and 15
    ops: list[Op] = [
        ("RESHAPE", [0, 5], 6, {}),
        ("CONCATENATION", [6, 7], 8, {}),
        ("SLICE", [4, 9, 8], 10, {}),
        ("RESHAPE", [2, 5], 11, {}),
        ("CONCATENATION", [11, 12], 13, {}),
        ("SLICE", [4, 13, 14], 15, {}),
        ("CONCATENATION", [10, 3, 15], 16, {}),
        ("ADD", [3, 3], 17, {}),
    ]
    cond = counts_to(rounds, build.tensor(row), build.tensor(shape))
    return build.file([graph, cond, body(values, ops, [3, 4], [17, 16])])


@pytest.mark.parametrize("rounds", [1, 2, 4])
def test_a_sequence_is_written_row_by_row(rounds: int) -> None:
    same(written(rounds), X[None])


def test_all_rounds_have_one_kernel_and_its_constants() -> None:
    data = dense(np.arange(9).reshape(3, 3) / 9, 4)
    planned = plan(read(data))
    assert len({id(step.kernel) for step in planned.steps}) == 1
    constants = [
        tuple(slot for slot in step.reads if planned.slots[slot].data) for step in planned.steps
    ]
    assert len(constants) == 4
    assert len(set(constants)) == 1
    x = np.random.default_rng(1).normal(size=VALUE).astype(np.float32)
    expected = runtimes.builtin_ref(data)(x)
    answers = {name: engine.run(x) for name, engine in runtimes.engines(data).items()}
    for answer in answers.values():
        np.testing.assert_allclose(answer, expected, rtol=1e-6)
        assert answer.tobytes() == answers["reference"].tobytes()


def test_an_op_that_all_rounds_lack_is_named_once() -> None:
    values = [build.tensor(VALUE), build.tensor(VALUE)]
    ops: list[Op] = [("BITCAST", [3], 4, {})]
    data = loop(counts_to(3, build.tensor(VALUE)), body(values, ops, [3], [4]))
    (found,) = planner.unsupported(read(data))
    assert (found.op.index, found.op.name) == (0, "BITCAST")
    with pytest.raises(ModelError, match="op 0, BITCAST 'tensor 4', is not supported"):
        plan(read(data))


def endless(*, ops: bool) -> bytes:
    """A loop whose condition is always true, with or without an op in it."""
    cond = (
        [build.tensor((), "int32"), build.tensor(VALUE), build.constant(True, "bool")],
        [],
        [0, 1],
        [2],
    )
    values = [build.tensor((), "int32"), build.tensor(VALUE), build.tensor(VALUE)]
    steps: list[Op] = [("ADD", [1, 1], 2, {})] if ops else []
    return loop(cond, (values, steps, [0, 1], [0, 2 if ops else 1]))


def recursive() -> bytes:
    """An IF whose branch is an IF that runs it."""
    graph = ([build.constant(True, "bool"), build.tensor(VALUE), build.tensor(VALUE)],)
    options = {"thenSubgraphIndex": 1, "elseSubgraphIndex": 1}
    branch: Op = ("IF", [0, 1], 2, options)
    return build.file([(*graph, [branch], [1], [2]), (list(graph[0]), [branch], [1], [2])])


def other_body(tensors: list[Any], outputs: list[int], inputs: tuple[int, ...] = (3,)) -> bytes:
    return loop(counts_to(2, build.tensor(VALUE)), body(tensors, [], inputs, outputs))


VALUES = [build.tensor(VALUE), build.tensor(VALUE)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (endless(ops=True), "op 0, WHILE: its rounds have more than 4096 ops"),
        (endless(ops=False), "op 0, WHILE: its rounds have more than 4096 ops"),
        (doubling(5000), "op 0, WHILE: its rounds have more than 4096 ops"),
        (recursive(), "op 0, IF: more than 16 subgraphs run inside each other"),
        (
            doubling(2, body=7),
            "there is no subgraph 7 to run",
        ),
        (
            doubling(2, cond=0),
            "there is no subgraph 0 to run",
        ),
        (other_body(VALUES, [4]), "no op writes an output of subgraph 2"),
        (other_body(VALUES, [3, 3]), "subgraph 2 has 2 inputs and 3 outputs for 2 and 2"),
        (other_body(VALUES, [3], (3, 4)), "subgraph 2 has 3 inputs and 2 outputs for 2 and 2"),
        (other_body([build.tensor(VALUE, "int32")], [3]), "is given float32, None for int32"),
        (other_body([build.tensor(VALUE, variable=True)], [3]), "subgraph 2 keeps a state"),
    ],
)
def test_what_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        plan(read(data))


def test_the_most_rounds_are_planned() -> None:
    assert len(plan(read(doubling(2000))).steps) == 2000
