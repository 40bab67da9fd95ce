"""Steps of a plan that run row by row: the kernel of one row, and the rows of inputs it needs.

A row is a row of an image, or a column of an image of one row, as CONV_1D has it: what lies one
after another in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge_runtime.ops.call import int32s
from edge_runtime.planner.parts import outermost_loop
from edge_runtime.planner.plan import Plan, Step, constant_slots
from edge_runtime.record import replace as replaced

if TYPE_CHECKING:
    from edge_runtime.planner.plan import Engine


@dataclass(frozen=True)
class Window:
    """The rows of an input that a row of an output needs.

    Attributes:
        rows: rows of the input.
        stride: rows from the window of one output row to that of the next.
        before: rows of padding before the first one.
        reach: rows that a window covers.
    """

    rows: int
    stride: int = 1
    before: int = 0
    reach: int = 1

    def first(self, row: int) -> int:
        """Return the first row of the input that a row of the output needs."""
        return max(row * self.stride - self.before, 0)

    def end(self, row: int) -> int:
        """Return the row behind the last one that a row of the output needs."""
        return min(row * self.stride - self.before + self.reach, self.rows)

    @property
    def is_single(self) -> bool:
        """Whether a row of the output needs the same row of the input."""
        return (self.stride, self.before, self.reach) == (1, 0, 1)


@dataclass(frozen=True)
class RowStep:
    """A step that runs row by row.

    Attributes:
        step: the step; its kernel computes one row.
        rows: rows of its outputs.
        windows: slot of each input of which it needs some rows -> which; it needs all of others.
        axis: "h" where rows are those of an image, "w" where they are the columns of its only row.
        scratch: bytes of scratch memory for a row.
        folds: whether each row of the input is added to the scratch memory, and the last one
            completes the outputs, which have no rows.
        at_once: rows that are computed at once, or all that are left where these are fewer.
    """

    step: Step
    rows: int
    windows: Mapping[int, Window]
    axis: str
    scratch: int = 0
    folds: bool = False
    at_once: int = 1

    @property
    def outputs(self) -> tuple[int, ...]:
        """Slots of the outputs that it computes by rows."""
        return () if self.folds else self.step.writes

    @property
    def whole(self) -> frozenset[int]:
        """Slots of the inputs and constants that it needs as a whole."""
        return frozenset(self.step.reads) - self.windows.keys()

    @property
    def moving(self) -> tuple[str, str, str] | None:
        """Parameters that depend on the row: rows under the windows, of padding, of the output."""
        if not self.step.kernel.bands or self.folds:
            return None
        if self.at_once == 1 and all(window.is_single for window in self.windows.values()):
            return None
        side, start = ("height", "top") if self.axis == "h" else ("width", "left")
        return side, start, f"output_{side}"

    def count(self, row: int) -> int:
        """Return how many rows are computed at once from a row on."""
        return min(self.at_once, self.rows - row)

    def params(self, row: int) -> Mapping[str, int]:
        """Return the parameters of the kernel that computes rows from a row on."""
        if self.folds:
            return {**self.step.kernel.params, "row": row}
        if self.moving is None:
            return self.step.kernel.params
        [window] = self.windows.values()
        size, start, rows = self.moving
        count = self.count(row)
        covered = window.end(row + count - 1) - window.first(row)
        padding = max(window.before - row * window.stride, 0)
        return {**self.step.kernel.params, size: covered, start: padding, rows: count}


def fold_step(plan: Plan, step: Step, sums: int) -> RowStep | None:
    """Return an average of all rows as a step that adds one row after another; None for others.

    Args:
        plan: the plan.
        step: one of its steps.
        sums: slot of the sums.
    """
    params = step.kernel.params
    if (
        step.kernel.name != "pool_average_int8_once"
        or params["batches"] != 1
        or params["output_height"] != 1
        or params["top"] != 0
        or params["height"] == 1
        or params["window_height"] < params["height"]
    ):
        return None
    own = replaced(
        _with(step, name="pool_average_row_int8_once", params={**params, "row": 0}),
        scratch=(sums,),
    )
    windows = {step.reads[0]: Window(params["height"])}
    size = 4 * plan.slots[step.writes[0]].size
    return RowStep(own, params["height"], windows, "h", scratch=size, folds=True)


def row_step(plan: Plan, step: Step, engine: Engine, at_once: int) -> RowStep | None:
    """Return a step of a plan as one that runs row by row; None where it cannot.

    Args:
        plan: the plan.
        step: one of its steps.
        engine: says how much scratch memory the kernel of a row needs.
        at_once: rows that a step with windows computes at once.
    """
    one = _row_step(plan, step)
    if one is None:
        return None
    if step.kernel.bands:
        one = replace(one, at_once=min(at_once, one.rows))
    kernel, count = one.step.kernel, len(one.step.kernel.constants)
    contents = [plan.slots[slot] for slot in step.reads[: len(step.reads) - count]]
    contents += constant_slots(kernel.constants)
    kinds = {tuple(one.params(row).items()) for row in range(one.rows)}
    rows = [replaced(kernel, params=dict(kind)) for kind in sorted(kinds)]
    return replace(one, scratch=max(engine.choose(row, contents)[1] for row in rows))


def _row_step(plan: Plan, step: Step) -> RowStep | None:
    kernel = step.kernel
    if kernel.bands:
        return _windowed(plan, step)
    shape = plan.graph.tensors[step.op.outputs[0]].shape
    rows = next((size for size in shape[1:-1] if size > 1), 1)
    axis = "h" if len(shape) == 4 and shape[1] > 1 else "w"
    if rows == 1 or shape[0] != 1:
        return None
    if kernel.rows is not None:
        return _elementwise(plan, step, kernel.rows, rows, axis)
    return _broadcast(plan, step, rows, axis) if kernel.loops else None


def _computed(plan: Plan, slots: Sequence[int]) -> list[int]:
    return [slot for slot in slots if plan.slots[slot].data is None]


def _with(step: Step, **changes: object) -> Step:
    """Return a step whose kernel has other fields."""
    return replaced(step, kernel=replaced(step.kernel, **changes))


def _windowed(plan: Plan, step: Step) -> RowStep | None:
    """Return a step whose window moves over the rows of one image."""
    params = step.kernel.params
    axis, side, start = "h", "height", "top"
    if params["height"] == params["output_height"] == 1:
        axis, side, start = "w", "width", "left"
    reach = (params[f"window_{side}"] - 1) * params.get(f"dilation_{axis}", 1) + 1
    window = Window(params[side], params[f"stride_{axis}"], params[start], reach)
    rows = params[f"output_{side}"]
    inside = all(window.first(row) < window.end(row) for row in range(rows))
    computed = _computed(plan, step.reads)
    if params["batches"] != 1 or window.rows == 1 or computed != [step.reads[0]] or not inside:
        return None
    # A packer sees the padding of all rows, that before the first and that behind the last.
    behind = max((rows - 1) * window.stride - window.before + reach - window.rows, 0)
    seen = max(reach - window.before - behind, 1)
    own = _with(step, params={**params, side: seen, f"output_{side}": 1})
    return RowStep(own, rows, {step.reads[0]: window}, axis)


def _elementwise(plan: Plan, step: Step, count: str, rows: int, axis: str) -> RowStep | None:
    """Return a step of independent elements, of which each row has as many."""
    params, read = step.kernel.params, _computed(plan, step.reads)
    total = params[count]
    sizes = [plan.slots[slot].size for slot in (*read, *step.writes)]
    if not read or total % rows or any(size % total for size in sizes):
        return None
    own = _with(step, params={**params, count: total // rows})
    return RowStep(own, rows, dict.fromkeys(read, Window(rows)), axis)


def _broadcast(plan: Plan, step: Step, rows: int, axis: str) -> RowStep | None:
    """Return a step of broadcast inputs, each of which has a part for each row or none."""
    kernel = step.kernel
    inputs = step.reads[: len(kernel.inputs)]
    found = outermost_loop(kernel, [plan.slots[slot] for slot in inputs])
    if found is None:
        return None
    table, at, advances = found
    if table[at] % rows:
        return None
    windows = {slot: Window(rows) for slot, by in zip(inputs, advances, strict=True) if by}
    own_table = [*table[:at], table[at] // rows, *table[at + 1 :]]
    own = _with(step, constants=(int32s(own_table), *kernel.constants[1:]))
    return RowStep(own, rows, windows, axis)
