"""Steps in parts: all parts of a step together write what the step writes, in any order."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import models
import networks
import runtimes
from edge_runtime import kernels
from edge_runtime.errors import ModelError
from edge_runtime.planner import plan
from edge_runtime.planner.parts import _ranges, parts
from edge_runtime.planner.plan import Plan, Step
from edge_runtime.reader import read

Array = npt.NDArray[Any]


def outputs(step: Step, params: Any, tensors: list[Array]) -> list[Array]:
    """Return the outputs of a step's kernel with other parameters, in NumPy."""
    answer = kernels.run(step.kernel.name, params, *tensors)
    return list(answer) if isinstance(answer, tuple) else [answer]


def ran(planned: Plan, rng: np.random.Generator) -> Iterator[tuple[Step, dict[int, Array]]]:
    """Yield each step of a plan without states on random inputs, and all tensors after it."""
    slots = planned.slots
    values = {
        index: np.frombuffer(slot.data, slot.dtype)
        for index, slot in enumerate(slots)
        if slot.data is not None
    }
    for index in planned.inputs:
        elements = slots[index].size // np.dtype(slots[index].dtype).itemsize
        values[index] = runtimes.drawn(rng, slots[index].dtype, (elements,))
    for step in planned.steps:
        written = outputs(step, step.kernel.params, [values[slot] for slot in step.reads])
        values.update(zip(step.writes, written, strict=True))
        yield step, values


def cut(tensor: Array, first: int, size: int) -> Array:
    """Return bytes of a tensor, as elements unless they are part of one, as a copy's may be."""
    content = tensor.view(np.uint8)[first : first + size]
    return content if size % tensor.itemsize else content.view(tensor.dtype)


def require_parts(planned: Plan, rng: np.random.Generator, most: int) -> int:
    """Require of each step that its parts are the step; return how many have several."""
    shared = 0
    for step, values in ran(planned, rng):
        each = parts(step, planned.slots, most)
        shared += len(each) > 1
        assert 1 <= len(each) <= most
        written = {slot: bytearray(values[slot].nbytes) for slot in step.writes}
        for part in each:
            spans = dict(zip((*step.reads, *step.writes), part.spans, strict=True))
            tensors = [cut(values[slot], *spans[slot]) for slot in step.reads]
            for position, content in part.constants.items():
                tensors[position] = np.frombuffer(content, tensors[position].dtype)
            written_by = outputs(step, part.params, tensors)
            for slot, output in zip(step.writes, written_by, strict=True):
                first, size = spans[slot]
                assert output.nbytes == size
                written[slot][first : first + size] = output.tobytes()
        for slot in step.writes:
            assert written[slot] == values[slot].tobytes(), (step.kernel.name, most)
    return shared


@pytest.mark.parametrize("most", [2, 3, 8])
def test_parts_of_every_op_are_the_op(most: int) -> None:
    rng = np.random.default_rng(most)
    plans = (planned for _, planned in models.plans() if not planned.states)
    shared = sum(require_parts(planned, rng, most) for planned in plans)
    assert shared > 100


@pytest.mark.parametrize("scheme", networks.SCHEMES)
def test_parts_of_random_layers_are_the_layers(scheme: str) -> None:
    rng = np.random.default_rng(1)
    shared: set[str] = set()
    for seed in range(40):
        try:
            planned = plan(read(networks.network(seed, scheme)))
        except ModelError:
            continue
        for most in 2, 5:
            require_parts(planned, rng, most)
        shared |= {
            step.kernel.name.split("_")[0]
            for step in planned.steps
            if len(parts(step, planned.slots, 2)) > 1
        }
    assert {"pool"} | ({"conv", "depthwise"} if scheme != "hybrid" else set()) <= shared


@pytest.mark.parametrize(
    ("total", "count", "ranges"),
    [
        (1, 4, [(0, 1)]),
        (3, 2, [(0, 1), (1, 2)]),
        (5, 8, [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]),
    ],
)
def test_ranges(total: int, count: int, ranges: list[tuple[int, int]]) -> None:
    assert _ranges(total, count) == ranges


def test_ranges_of_units() -> None:
    assert _ranges(3000, 2, 64) == [(0, 1472), (1472, 1528)]
