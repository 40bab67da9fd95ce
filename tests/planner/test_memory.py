"""The layout of memory: lifetimes, scratch, states, several inputs and outputs."""

from collections.abc import Sequence

import pytest

from edge_runtime.graph import Graph
from edge_runtime.ops.call import Kernel
from edge_runtime.planner import plan
from edge_runtime.planner.plan import Plan, Slot
from graphs import graph, tensor

ADD = {"fused_activation": 0, "pot_scale_int16": 0}
FLOAT = tensor((8,))


class Wants:
    """An engine that has a variant with scratch memory for one kernel."""

    def __init__(self, kernel: str, scratch: int) -> None:
        self.kernel, self.scratch = kernel, scratch
        self.asked: list[tuple[str, list[bool]]] = []

    def choose(self, kernel: Kernel, slots: Sequence[Slot]) -> tuple[str, int]:
        self.asked.append((kernel.name, [slot.data is not None for slot in slots]))
        return ("fast", self.scratch) if kernel.name == self.kernel else ("portable", 0)

    def run(self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[int]) -> tuple[bytes, ...]:
        raise NotImplementedError


def network() -> Graph:
    """Two dense layers with an activation between them that cannot work in place."""
    weights = tensor((8, 8), data=[0.5] * 64)
    return graph(
        [FLOAT, weights, FLOAT, FLOAT, weights, tensor((1, 8))],
        [
            ("FULLY_CONNECTED", [0, 1, -1], [2], DENSE),
            ("TANH", [2], [3], {}),
            ("FULLY_CONNECTED", [3, 4, -1], [5], DENSE),
        ],
    )


DENSE = dict.fromkeys(("fused_activation", "weights_format", "keep_num_dims"), 0)


def alive(result: Plan, slot: int) -> set[int]:
    """Return the steps during which a slot's bytes are in use."""
    touched = [index for index, step in enumerate(result.steps) if slot in step.slots]
    return set(range(min(touched), max(touched) + 1))


def test_scratch_is_part_of_the_arena() -> None:
    without = plan(network())
    engine = Wants("fully_connected_float32", 1000)
    result = plan(network(), engine=engine)
    assert [step.level for step in result.steps] == ["fast", "portable", "fast"]
    assert result.arena >= without.arena + 1000
    for step in result.steps:
        if step.level == "portable":
            assert step.scratch == ()
            continue
        (scratch,) = step.scratch
        assert step.slots[-1] == scratch
        slot = result.slots[scratch]
        assert (slot.place, slot.size, slot.dtype) == ("arena", 1000, "uint8")
        assert slot.offset + slot.size <= result.arena
        for other in (*step.reads, *step.writes):
            neighbour = result.slots[other]
            if neighbour.place == "arena":
                start, end = neighbour.offset, neighbour.offset + neighbour.size
                assert end <= slot.offset or start >= slot.offset + 1000


def test_scratch_of_steps_that_follow_each_other_is_the_same_memory() -> None:
    result = plan(network(), engine=Wants("fully_connected_float32", 1000))
    offsets = {result.slots[slot].offset for step in result.steps for slot in step.scratch}
    assert result.arena < 2000
    assert offsets


def test_variants_are_chosen_by_constant_inputs() -> None:
    engine = Wants("", 0)
    plan(network(), engine=engine)
    assert engine.asked == [
        ("fully_connected_float32", [False, True, True]),
        ("tanh_float32", [False]),
        ("fully_connected_float32", [False, True, True]),
    ]


def test_states_share_the_arena_with_nothing() -> None:
    state = tensor((8,), "int8", scale=0.5, zero_point=-3, variable=True)
    int8 = tensor((8,), "int8", scale=0.5, zero_point=-3)
    result = plan(
        graph(
            [int8, state, int8, int8, int8],
            [
                ("ADD", [0, 0], [2], ADD),
                ("ADD", [2, 1], [3], ADD),
                ("ADD", [3, 0], [4], ADD),
            ],
        )
    )
    (state_,) = result.states
    slot = result.slots[state_.slot]
    assert (slot.place, slot.size, state_.fill) == ("arena", 8, 253)
    for number, other in enumerate(result.slots):
        if other.place == "arena" and number != state_.slot:
            assert other.offset + other.size <= slot.offset or other.offset >= slot.offset + 8


def test_several_inputs_and_outputs_have_their_positions() -> None:
    result = plan(
        graph(
            [FLOAT, FLOAT, FLOAT, FLOAT],
            [("ADD", [0, 1], [2], ADD), ("TANH", [2], [3], {})],
            inputs=[1, 0],
            outputs=[3, 2],
        )
    )
    places = [
        [(result.slots[slot].place, result.slots[slot].offset) for slot in slots]
        for slots in (result.inputs, result.outputs)
    ]
    assert places == [[("input", 0), ("input", 1)], [("output", 0), ("output", 1)]]
    # An output that is read again is not overwritten, although TANH could work in place.
    assert result.steps[1].reads != result.steps[1].writes


def test_scratch_of_zero_bytes_has_no_slot() -> None:
    result = plan(network(), engine=Wants("tanh_float32", 0))
    assert all(step.scratch == () for step in result.steps)


@pytest.mark.parametrize("scratch", [1 << 27])
def test_scratch_counts_towards_the_limit_of_a_model(scratch: int) -> None:
    from edge_runtime.errors import ModelError

    with pytest.raises(ModelError, match=r"take 134.* bytes; a file of 1000 bytes may"):
        plan(network(), engine=Wants("tanh_float32", scratch))


def test_no_kernel_works_in_place_on_the_way_to_a_state() -> None:
    """Its earlier value is read after the first op and before the last."""
    result = plan(
        graph(
            [tensor((4,)), tensor((4,)), tensor((4,)), tensor((4,), variable=True)],
            [
                ("RELU", [0], [1], {}),
                ("MAXIMUM", [3, 0], [2], {}),
                ("RELU", [1], [3], {}),
            ],
            outputs=[2],
        )
    )
    relu, _, last = (result.slots[step.writes[0]] for step in result.steps)
    assert relu.place == last.place == "arena"
    assert relu.offset != last.offset
