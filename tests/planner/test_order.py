"""The order of steps: as little memory as any order needs, and the plan's own among equals."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from edge_runtime.planner import order, plan
from edge_runtime.planner.one_arena import one_arena
from edge_runtime.planner.order import least_memory
from edge_runtime.planner.plan import Plan
from graphs import graph, tensor

ADD = {"fused_activation": 0, "pot_scale_int16": 0}
JOIN = {"axis": 1, "fused_activation": 0}


def drawn(seed: int) -> Plan:
    """Return a plan of joins and reductions of tensors that were computed before."""
    rng = np.random.default_rng(seed)
    tensors, ops, used = [tensor((1, 4 * int(rng.integers(1, 9))))], [], set()
    for _ in range(7):
        reads = rng.choice(len(tensors), min(len(tensors), int(rng.integers(1, 4))), replace=False)
        sizes = [tensors[index].shape[1] for index in reads]
        if len(reads) > 1:
            ops.append(("CONCATENATION", [*map(int, reads)], [len(tensors)], JOIN))
            tensors.append(tensor((1, sum(sizes))))
        else:
            outputs = int(rng.integers(1, 40))
            weights = tensor((outputs, sizes[0]), data=[1.0] * (outputs * sizes[0]))
            options = {"fused_activation": 0, "weights_format": 0, "keep_num_dims": False}
            options |= {"asymmetric_quantize_inputs": False}
            ops.append(("FULLY_CONNECTED", [int(reads[0]), -2, -1], [len(tensors)], options))
            used.add((len(ops) - 1, weights))
            tensors.append(tensor((1, outputs)))
    for number, weights in used:
        name, reads, writes, options = ops[number]
        ops[number] = (name, [reads[0], len(tensors), -1], writes, options)
        tensors.append(weights)
    read = {index for _, reads, _, _ in ops for index in reads}
    outputs = [writes[0] for _, _, writes, _ in ops if writes[0] not in read]
    return plan(graph(tensors, ops, outputs=outputs))


def every(planned: Plan) -> Iterator[list[int]]:
    """Yield all orders in which each step follows those whose outputs it reads."""
    writer = {slot: index for index, step in enumerate(planned.steps) for slot in step.writes}
    before = [{writer[slot] for slot in step.reads if slot in writer} for step in planned.steps]

    def further(executed: list[int]) -> Iterator[list[int]]:
        if len(executed) == len(before):
            yield executed
        for index, steps in enumerate(before):
            if index not in executed and steps <= set(executed):
                yield from further([*executed, index])

    yield from further([])


def peak(planned: Plan, steps: Sequence[int]) -> int:
    """Return the most bytes of tensors that are alive at once."""
    last = {slot: at for at, index in enumerate(steps) for slot in planned.steps[index].reads}
    last |= dict.fromkeys(planned.outputs, len(steps))
    alive, most = set(planned.inputs), 0
    for at, index in enumerate(steps):
        alive |= set(planned.steps[index].writes)
        most = max(most, sum(planned.slots[slot].size for slot in alive))
        alive = {slot for slot in alive if last.get(slot, -1) > at}
    return most


@pytest.mark.parametrize("seed", range(40))
def test_no_order_needs_less(seed: int) -> None:
    planned = drawn(seed)
    found = least_memory(planned, {}, set())
    steps = [planned.steps.index(step) for step in found.steps]
    peaks = [peak(planned, one) for one in every(planned)]
    assert peak(planned, steps) == min(peaks)
    assert steps in list(every(planned))


def test_some_orders_are_better_than_those_of_the_plan() -> None:
    better = 0
    for seed in range(40):
        planned = drawn(seed)
        better += least_memory(planned, {}, set()).steps != planned.steps
    assert 5 < better < 35


def branches() -> Plan:
    """Return a plan of two branches, wide in the middle, that the file computes side by side."""
    fully = {"fused_activation": 0, "weights_format": 0, "keep_num_dims": False}
    fully |= {"asymmetric_quantize_inputs": False}
    wide, narrow = tensor((400, 8), data=[0.5] * 3200), tensor((8, 400), data=[0.25] * 3200)
    shapes = [(1, 8), (1, 400), (1, 400), (1, 8), (1, 8), (1, 8)]
    ops = [
        ("FULLY_CONNECTED", [0, 6, -1], [1], fully),
        ("FULLY_CONNECTED", [0, 6, -1], [2], fully),
        ("FULLY_CONNECTED", [1, 7, -1], [3], fully),
        ("FULLY_CONNECTED", [2, 7, -1], [4], fully),
        ("ADD", [3, 4], [5], ADD),
    ]
    return plan(graph([*map(tensor, shapes), wide, narrow], ops, outputs=[5]))


def test_branches_run_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = branches()
    placed = one_arena(planned, lambda _: None, lambda _: False)
    assert [planned.steps.index(step) for step in placed.plan.steps] == [0, 2, 1, 3, 4]
    assert placed.plan.arena < 1600 + 100
    monkeypatch.setattr(order, "MOST_STEPS", 4)
    placed = one_arena(planned, lambda _: None, lambda _: False)
    assert placed.plan.steps == planned.steps
    assert placed.plan.arena > 3200


def test_steps_that_share_a_state_stay_in_their_order() -> None:
    """The state is read before it changes, although changing it first would need less."""
    planned = plan(
        graph(
            [tensor((8,)), tensor((8,), variable=True), *[tensor((8,))] * 4],
            [
                ("ADD", [0, 1], [2], ADD),
                ("MAXIMUM", [0, 0], [3], {}),
                ("ADD", [1, 3], [4], ADD),
                ("ADD", [2, 4], [5], ADD),
            ],
            outputs=[5],
        )
    )
    found = least_memory(planned, {}, set())
    at = {id(step): index for index, step in enumerate(found.steps)}
    assert at[id(planned.steps[0])] < at[id(planned.steps[2])]
