import itertools

import pytest

import build
import chain
import control
import models
from edge_runtime.errors import ModelError
from edge_runtime.planner import plan
from edge_runtime.planner.portable import Portable
from edge_runtime.reader import read
from edgekit.convert.memory import SCRATCH, memory, of_plan
from several import NAMED, stateful, two

SIZES = [10, 40, 3, 100, 5, 70, 8, 2]


def test_the_documented_model(int8_model):
    data = int8_model.read_bytes()
    told = memory(data)
    assert told.arena == 16
    assert told.peak == 14
    assert [(span.place, span.size) for span in told.tensors] == [
        ("input", 784),
        ("arena", 14),
        ("output", 2),
        ("output", 2),
    ]
    assert [(span.first, span.reads, span.last) for span in told.tensors] == [
        (-1, (0,), 0),
        (0, (1,), 1),
        (1, (2,), 2),
        (2, (), 2),
    ]
    assert [step.alive for step in told.steps] == [(0, 1), (1, 2), (2, 3)]
    # 14 * 784 + 2 * 14 weights in the file; folded biases, multipliers, shifts, and a table of 256.
    assert told.file_bytes == sum(step.file_bytes for step in told.steps) == 11004
    assert told.table_bytes == (14 + 2) * 3 * 4 + 256
    assert told.steps[0].table_bytes == 14 * 3 * 4


def test_what_is_alive_together_lies_apart():
    told = memory(chain.dense(SIZES))
    for step in told.steps:
        placed = [told.tensors[i] for i in step.alive if told.tensors[i].place == "arena"]
        for one, other in itertools.combinations(placed, 2):
            assert one.offset + one.size <= other.offset or other.offset + other.size <= one.offset
        assert step.arena == sum(span.size for span in placed)
        assert all(span.offset + span.size <= told.arena for span in placed)


def test_sizes_and_places_are_those_of_the_plan():
    data = chain.dense(SIZES)
    told, made = memory(data), plan(read(data))
    assert told.arena == made.arena
    assert told.peak == 4 * (100 + 5)
    assert [span.name for span in told.tensors] == ["given", *(f"layer {i}" for i in range(7))]
    assert [span.size for span in told.tensors] == [4 * size for size in SIZES]
    computed = [slot for slot in made.slots if slot.data is None]
    assert [(span.place, span.offset) for span in told.tensors] == [
        (slot.place, slot.offset) for slot in computed
    ]
    assert told.file_bytes == 4 * sum(a * b for a, b in itertools.pairwise(SIZES))


def test_what_the_engine_cannot_plan_is_an_error():
    tensors = [build.tensor((1, 4), name="x"), build.tensor((1, 4), name="y")]
    with pytest.raises(ModelError, match="op 0, BITCAST 'y', is not supported"):
        memory(build.model(tensors, [("BITCAST", [0], 1, {})]))


def test_several_inputs_and_outputs_have_their_names():
    spans = memory(two(signature=NAMED)).tensors
    assert [(span.name, span.role, span.key) for span in spans] == [
        ("tensor 0", "input", "left"),
        ("tensor 1", "input", "right"),
        ("tensor 2", "activation", ""),
        ("tensor 3", "output", "difference"),
        ("tensor 4", "output", "probability"),
    ]
    assert [(span.first, span.reads, span.last) for span in spans] == [
        (-1, (0, 1), 1),
        (-1, (0, 1), 1),
        (0, (2,), 2),
        (1, (), 2),
        (2, (), 2),
    ]
    assert [span.key for span in memory(two()).tensors if span.role == "input"] == [
        "tensor 0",
        "tensor 1",
    ]


def test_a_state_is_in_the_arena_from_first_to_last():
    planned = memory(stateful())
    (state,) = (span for span in planned.tensors if span.role == "state")
    assert (state.name, state.key, state.place, state.offset) == ("tensor 1", "", "arena", 0)
    assert (state.first, state.reads, state.last) == (-1, (0,), 0)
    assert planned.steps[0].alive == (0, 1, 2)
    assert planned.steps[0].arena == state.size == 4


class Wants(Portable):
    """Variants of ADD that need 40 bytes of scratch memory."""

    def choose(self, kernel, slots):
        return ("wide", 40) if kernel.name.startswith("add") else super().choose(kernel, slots)


def test_scratch_is_alive_in_its_step_alone():
    data = two()
    planned = of_plan(data, read(data), plan(read(data), engine=Wants()))
    scratch = [span for span in planned.tensors if span.role == "scratch"]
    assert [(span.name, span.size, span.first, span.reads, span.last) for span in scratch] == [
        (SCRATCH, 40, step, (), step) for step in (0, 1)
    ]
    assert [step.level for step in planned.steps] == ["wide", "wide", "portable"]
    assert [step.arena for step in planned.steps] == [40, 40, 0]


def changes(planned):
    return [
        (one.op, one.name, one.kind, one.tensor, one.source, one.size) for one in planned.simplified
    ]


def test_ops_that_are_folded_or_aliases():
    planned = memory(models.seeds()["shapes"])
    assert changes(planned) == [
        (0, "SHAPE", "folded", "tensor 1", "", 16),
        (1, "STRIDED_SLICE", "folded", "tensor 5", "", 4),
        (2, "PACK", "folded", "tensor 7", "", 8),
        (3, "RESHAPE", "alias", "tensor 8", "tensor 0", 0),
        (5, "EXPAND_DIMS", "alias", "tensor 12", "tensor 10", 0),
        (6, "SQUEEZE", "alias", "tensor 13", "tensor 10", 0),
    ]
    assert [(step.op, step.name) for step in planned.steps] == [
        (4, "FULLY_CONNECTED"),
        (7, "LOGISTIC"),
    ]


def test_an_op_that_no_output_needs_is_dead():
    tensors = [build.tensor((1, 4)) for _ in range(4)]
    ops = [("LOGISTIC", [0], 1, {}), ("TANH", [0], 2, {}), ("TANH", [2], 3, {})]
    planned = memory(build.model(tensors, ops, inputs=[0], outputs=[1]))
    assert changes(planned) == [
        (1, "TANH", "dead", "tensor 2", "", 0),
        (2, "TANH", "dead", "tensor 3", "", 0),
    ]
    assert memory(two()).simplified == ()


def test_ops_whose_work_others_do_are_merged():
    """A loop is its rounds, and a chain of functions one table."""
    planned = memory(control.doubling(2))
    assert changes(planned) == [(0, "WHILE", "merged", "tensor 2", "", 0)]
    assert [(step.op, step.name) for step in planned.steps] == [(0, "ADD"), (0, "ADD")]
    int8, wider = ("int8", 0.05, 3), ("int8", 0.07, -9)
    tensors = [build.tensor((1, 4), *int8), build.tensor((1, 4)), build.tensor((1, 4), *wider)]
    chained = memory(build.model(tensors, [("DEQUANTIZE", [0], 1, {}), ("QUANTIZE", [1], 2, {})]))
    assert changes(chained) == [
        (0, "DEQUANTIZE", "merged", "tensor 1", "", 0),
        (1, "QUANTIZE", "merged", "tensor 2", "", 0),
    ]


def test_what_only_a_constant_needs_is_dead():
    tensors = [build.tensor((1, 4)), build.tensor((1, 4)), build.tensor((2,), "int32")]
    tensors += [build.tensor((1, 4))]
    ops = [("TANH", [0], 1, {}), ("SHAPE", [1], 2, {"outType": 2}), ("RESHAPE", [0, 2], 3, {})]
    planned = memory(build.model(tensors, ops))
    assert [one[:3] for one in changes(planned)[:2]] == [
        (0, "TANH", "dead"),
        (1, "SHAPE", "folded"),
    ]


def test_outputs_that_are_copied_are_no_ops_of_the_file():
    """Output 1 is output 0 in another shape, output 2 a constant that is calculated."""
    tensors = [
        build.tensor((1, 4)),
        build.tensor((1, 4)),
        build.tensor((2, 2)),
        build.constant([2, 2], "int32"),
        build.constant([[1, 2]], "float32"),
        build.tensor((1, 2)),
    ]
    ops = [
        ("LOGISTIC", [0], 1, {}),
        ("RESHAPE", [1, 3], 2, {}),
        ("TANH", [4], 5, {}),
    ]
    planned = memory(build.model(tensors, ops, inputs=[0], outputs=[1, 2, 5]))
    assert changes(planned) == [
        (1, "RESHAPE", "alias", "tensor 2", "tensor 1", 0),
        (2, "TANH", "folded", "tensor 5", "", 8),
        (None, "COPY", "copied", "tensor 2", "tensor 1", 0),
        (None, "COPY", "copied", "tensor 5", "tensor 5", 0),
    ]
    assert [step.op for step in planned.steps] == [0, None, None]
    assert [span.key for span in planned.tensors if span.role == "output"] == [
        "tensor 1",
        "tensor 2",
        "tensor 5",
    ]


def test_a_state_in_another_shape_is_copied():
    tensors = [build.tensor((1, 4)), build.tensor((4,)), build.tensor((1, 4))]
    tensors[1].isVariable = True
    tensors += [build.constant([1, 4], "int32"), build.tensor((1, 4))]
    ops = [
        ("RESHAPE", [1, 3], 2, {}),
        ("ADD", [0, 2], 4, {}),
    ]
    planned = memory(build.model(tensors, ops, inputs=[0], outputs=[4]))
    assert changes(planned) == [(0, "RESHAPE", "copied", "tensor 2", "tensor 1", 0)]
    assert [(step.op, step.name) for step in planned.steps] == [(0, "COPY"), (1, "ADD")]
    (state,) = (span for span in planned.tensors if span.role == "state")
    assert (state.name, state.reads, state.last) == ("tensor 1", (0,), 1)
