"""Stages that threads share: their parts may run in any order, in memory laid out for them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import build
import models
import networks
import runtimes
from edge_runtime import kernels
from edge_runtime.errors import ModelError
from edge_runtime.ops.window import SAME
from edge_runtime.planner import plan, stages
from edge_runtime.planner.parts import Part
from edge_runtime.planner.plan import Plan, Step
from edge_runtime.reader import read

Array = npt.NDArray[Any]


@pytest.fixture(autouse=True)
def all_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "LEAST", 0)


def share(planned: Plan, count: int = 2) -> tuple[Plan, tuple[stages.Stage, ...]]:
    return stages.share(planned, count, lambda step, part: True)  # noqa: ARG005


class Memory:
    """The memory of a plan: arena, inputs and outputs, each bytes."""

    def __init__(self, planned: Plan, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.slots = planned.slots
        self.arena = rng.integers(0, 256, planned.arena, np.uint8)
        self.ports: dict[tuple[str, int], Array] = {}
        for index in planned.outputs:
            self.ports["output", self.slots[index].offset] = np.zeros(
                self.slots[index].size, np.uint8
            )
        for index in planned.inputs:
            slot = self.slots[index]
            shape = (slot.size // np.dtype(slot.dtype).itemsize,)
            drawn = runtimes.drawn(np.random.default_rng(7 + index), slot.dtype, shape)
            self.ports["input", slot.offset] = drawn.view(np.uint8)

    def tensor(self, index: int, first: int, size: int) -> Array:
        """Return bytes of a slot, which are those in memory."""
        slot = self.slots[index]
        if slot.data is not None:
            return np.frombuffer(slot.data, np.uint8)[first : first + size]
        if slot.place == "arena":
            return self.arena[slot.offset :][first : first + size]
        return self.ports[slot.place, slot.offset][first : first + size]

    def run(self, step: Step, part: Part) -> None:
        """Run a part of a step."""
        count = len(step.reads)
        tensors = []
        for position, (slot, span) in enumerate(zip(step.reads, part.spans, strict=False)):
            content = self.tensor(slot, *span).copy()
            if position in part.constants:
                content = np.frombuffer(part.constants[position], np.uint8)
            dtype = np.dtype(self.slots[slot].dtype)
            tensors.append(content if len(content) % dtype.itemsize else content.view(dtype))
        answer = kernels.run(step.kernel.name, part.params, *tensors)
        outputs = answer if isinstance(answer, tuple) else (answer,)
        for slot, span, output in zip(step.writes, part.spans[count:], outputs, strict=True):
            self.tensor(slot, *span)[:] = np.ascontiguousarray(output).view(np.uint8)


def answers(
    planned: Plan, shared: tuple[stages.Stage, ...], order: int
) -> dict[tuple[str, int], bytes]:
    """Run the stages, the parts of each one after another, forwards (1) or backwards (-1)."""
    memory = Memory(planned, order % 5)
    for stage in shared:
        steps = planned.steps[stage.first : stage.first + len(stage.parts)]
        for part in range(len(stage.parts[0]))[::order]:
            for step, each in zip(steps, stage.parts, strict=True):
                memory.run(step, each[part])
    return {place: port.tobytes() for place, port in memory.ports.items() if place[0] == "output"}


def require_the_same(data: bytes) -> int:
    """Require the same outputs whatever the order of parts; return the longest stage's steps."""
    try:
        planned = plan(read(data))
    except ModelError:
        return 0
    if planned.states:
        return 0
    expected = answers(*share(planned, 1), 1)
    longest = 0
    for count in 2, 5:
        moved, shared = share(planned, count)
        assert answers(moved, shared, 1) == expected
        assert answers(moved, shared, -1) == expected
        longest = max(longest, *(len(one.parts) for one in shared if len(one.parts[0]) > 1), 0)
    return longest


def test_parts_of_small_models_run_in_any_order() -> None:
    assert max(require_the_same(data) for data in models.seeds().values()) > 1


@pytest.mark.parametrize("scheme", networks.SCHEMES)
def test_parts_of_random_networks_run_in_any_order(scheme: str) -> None:
    longest = [require_the_same(networks.network(seed, scheme)) for seed in range(25)]
    assert max(longest) > 1


def layers(*kinds: str, size: int = 8, channels: int = 4) -> bytes:
    """Return layers that keep an image's size: "3" and "1", windows of CONV_2D, or "relu"."""
    rng = np.random.default_rng(1)
    image = (1, size, size, channels)
    tensors, nodes = [build.tensor(image)], []
    for kind in kinds:
        tensors.append(build.tensor(image))
        output = len(tensors) - 1
        source = nodes[-1][2] if nodes else 0
        if kind == "relu":
            nodes.append(("RELU", [source], output, {}))
            continue
        window = int(kind)
        tensors += [
            build.constant(rng.normal(size=(channels, window, window, channels)), "float32"),
            build.constant(rng.normal(size=channels), "float32"),
        ]
        options = {"padding": SAME, "strideH": 1, "strideW": 1}
        options |= {"dilationHFactor": 1, "dilationWFactor": 1}
        nodes.append(("CONV_2D", [source, output + 1, output + 2], output, options))
    return build.model(tensors, nodes, outputs=[nodes[-1][2]])


@pytest.mark.parametrize(
    ("kinds", "lengths"),
    [
        (("1", "1", "1"), [3]),
        (("3", "1", "relu"), [3]),  # parts need only their own rows of what the first layer writes
        (("1", "3", "3"), [1, 1, 1]),  # and here rows of their neighbours
        (("3", "1", "3", "1"), [2, 2]),
        (("1",) * 11, [8, 3]),
    ],
)
def test_a_stage_ends_where_parts_need_each_other(
    kinds: tuple[str, ...], lengths: list[int]
) -> None:
    data = layers(*kinds)
    _, shared = share(plan(read(data)))
    assert [len(stage.parts) for stage in shared] == lengths
    assert all(len(each) == 2 for stage in shared for each in stage.parts)
    require_the_same(data)


def test_a_stage_has_the_same_parts_in_each_step() -> None:
    """Three rows are three parts, and nine positions four."""
    _, shared = share(plan(read(layers("3", "1", size=3))), 4)
    assert [len(stage.parts[0]) for stage in shared] == [3, 4]


def test_parts_that_an_engine_does_not_run_are_not_shared() -> None:
    planned = plan(read(layers("1", "3", "1")))
    _, shared = stages.share(
        planned,
        2,
        lambda step, part: step.kernel.params["window_height"] == 1,  # noqa: ARG005
    )
    assert [len(stage.parts[0]) for stage in shared] == [2, 1, 2]


def test_memory_of_a_stage_is_alive_until_its_end() -> None:
    planned = plan(read(layers("1", "1", "1", "1")))
    assert planned.arena == 2 * 1024  # tensors in turns
    assert share(planned)[0].arena == 3 * 1024
    assert share(planned, 1)[0].arena == planned.arena


def test_little_work_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan(read(layers("1", "3")))
    works = [stages.work(step, planned.slots) for step in planned.steps]
    # 64 positions of 4 channels: 256 outputs of 4 or 36 products, and the bytes of all tensors.
    moved = [8 * (2 * 1024 + 4 * (16 * taps + 4)) for taps in (1, 9)]
    assert works == [256 * 4 + moved[0], 256 * 36 + moved[1]]
    monkeypatch.setattr(stages, "LEAST", works[1])
    assert [len(stage.parts[0]) for stage in share(planned)[1]] == [1, 2]
