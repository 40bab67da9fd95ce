import itertools

import pytest

import build
import chain
from edge_runtime.errors import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from edgekit.convert.memory import memory

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
    with pytest.raises(ModelError, match="op 0, COS 'y', is not supported"):
        memory(build.model(tensors, [("COS", [0], 1, {})]))
