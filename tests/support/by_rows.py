"""Plans by rows in NumPy, in memory as they lay it out: the reference of what exported C does."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime import kernels
from edge_runtime.planner.one_arena import OneArena
from edge_runtime.planner.plan import Plan, Step
from edgekit.convert.c.rows.plans import RowPlan
from edgekit.convert.c.rows.schedule import DROP, FEED, Chain

Bytes = npt.NDArray[np.uint8]


class Memory:
    """Arena, inputs and outputs. What no tensor needs holds random bytes.

    Args:
        by_rows: the plan.
        inputs: bytes of each input.
        seed: of the random bytes.
    """

    def __init__(self, by_rows: RowPlan, inputs: Sequence[Bytes], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.by_rows, self.slots = by_rows, by_rows.plan.slots
        self.arena = self.noise(by_rows.plan.arena)
        self.inputs = dict(zip(by_rows.plan.inputs, inputs, strict=True))
        self.outputs = {slot: self.noise(self.slots[slot].size) for slot in by_rows.plan.outputs}

    def noise(self, size: int) -> Bytes:
        return self.rng.integers(0, 256, size, np.uint8)

    def run(self) -> list[bytes]:
        """Return the outputs."""
        chains = {one.first: one for one in self.by_rows.chains}
        at = 0
        while at < len(self.by_rows.plan.steps):
            if at in chains:
                self.run_chain(chains[at])
                at = chains[at].end
            else:
                step = self.by_rows.plan.steps[at]
                self.run_step(step, step.kernel.params, {})
                at += 1
        return [self.outputs[slot].tobytes() for slot in self.by_rows.plan.outputs]

    def place(self, slot: int) -> Bytes:
        """Return the memory from where a slot lies."""
        one = self.slots[slot]
        if one.data is not None:
            return np.frombuffer(one.data, np.uint8)
        if one.place == "arena":
            return self.arena[one.offset :]
        if one.place == "input":
            return self.inputs[slot]
        return self.outputs[self.by_rows.plan.outputs[one.offset]]

    def run_step(
        self,
        step: Step,
        params: Any,
        parts: dict[int, tuple[int, int]],
        *,
        folds: bool = False,
    ) -> None:
        """Run a kernel on parts of its tensors: first byte and size, by slot."""
        tensors = []
        for slot in step.reads:
            first, size = parts.get(slot, (0, self.slots[slot].size))
            content = self.place(slot)[first : first + size].copy()
            assert len(content) == size
            tensors.append(content.view(self.slots[slot].dtype))
        if folds:
            [slot] = step.scratch
            tensors.append(self.place(slot)[: self.slots[slot].size].view(np.int32))
        answer = kernels.run(step.kernel.name, params, *tensors)
        for slot in () if folds else step.scratch:
            self.place(slot)[: self.slots[slot].size] = self.noise(self.slots[slot].size)
        outputs = answer if isinstance(answer, tuple) else (answer,)
        for slot, output in zip(step.writes, outputs, strict=True):
            content = np.ascontiguousarray(output).view(np.uint8).ravel()
            first, size = parts.get(slot, (0, self.slots[slot].size))
            assert len(content) == size
            self.place(slot)[first : first + size] = content

    def run_chain(self, chain: Chain) -> None:
        """Run a chain's actions."""
        rows = chain.rows
        size = {slot: self.slots[slot].size // count for slot, count in rows.items()}
        first, end = dict.fromkeys(rows, 0), dict.fromkeys(rows, 0)
        counted: dict[int, int] = {}
        for action in chain.actions:
            slot = action.which
            if action.kind == DROP:
                held = end[slot] - first[slot]
                content = self.place(slot)[: held * size[slot]].copy()
                kept = content[action.count * size[slot] :]
                content = np.concatenate([kept, self.noise(len(content) - len(kept))])
                self.place(slot)[: len(content)] = content
                first[slot] += action.count
            elif action.kind == FEED:
                line = self.inputs[slot][end[slot] * size[slot] :][: size[slot]]
                self.place(slot)[(end[slot] - first[slot]) * size[slot] :][: len(line)] = line
                end[slot] += 1
            else:
                one = chain.steps[action.which]
                step = self.by_rows.plan.steps[chain.first + action.which]
                row = end.get(step.writes[0], 0)
                if one.folds:
                    row = counted[step.writes[0]] = counted.get(step.writes[0], -1) + 1
                parts = {}
                for slot, window in one.windows.items():
                    low, high = window.first(row), window.end(row)
                    assert slot not in step.writes
                    assert first[slot] <= low
                    assert slot not in chain.tracked or high <= end[slot]
                    parts[slot] = (low - first[slot]) * size[slot], (high - low) * size[slot]
                for slot in one.outputs:
                    parts[slot] = (row - first[slot]) * size[slot], size[slot]
                    end[slot] += 1
                self.run_step(step, one.params(row), parts, folds=one.folds)


def whole(plan: Plan, inputs: Sequence[Bytes]) -> list[bytes]:
    """Return the outputs of a plan whose steps run as a whole, and in which nothing overlaps."""
    outputs = (0,) * len(plan.outputs)
    return Memory(RowPlan(OneArena(plan, (), outputs, {})), inputs, 0).run()
