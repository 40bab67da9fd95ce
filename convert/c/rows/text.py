"""Chains of steps as C: a loop over a table of actions, each a case of a switch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge_runtime.planner.plan import Slot
from edgekit.convert.c import layout
from edgekit.convert.c.blocks import definitions
from edgekit.convert.c.conditions import branches
from edgekit.convert.c.forms import ConstantArray, Form, StepForms
from edgekit.convert.c.params import local
from edgekit.convert.c.parse import Block
from edgekit.convert.c.rows.plans import RowPlan
from edgekit.convert.c.rows.repeats import Folded, folded
from edgekit.convert.c.rows.schedule import DROP, FEED, RUN, Action, Chain
from edgekit.convert.c.rows.steps import RowStep

HEADER = "rows.h"

Operand = Callable[[ConstantArray | Slot | None], str]
"""Returns the C expression of a tensor's address."""


def feed_start(plan: RowPlan, port: str, names: Mapping[str, str]) -> list[str]:
    """Return the lines with which the function begins that takes a row of the input.

    Args:
        plan: a plan with rows that the caller brings.
        port: the input's name.
        names: names of functions and types -> those in the file.
    """
    assert plan.fed is not None
    assert plan.fed.fed is not None
    rows, at = names["EkHeld"], plan.fed.tracked.index(plan.fed.fed)
    return [
        f"    {rows} *const rows = ({rows} *)(void *)(memory + {plan.state});",
        f"    const void *line = {port};",
        "    if (row == 0)",
        f"        memset(rows, 0, {len(plan.fed.tracked) + 1} * sizeof *rows);",
        f"    if (row != rows[{at}].end || row >= {plan.fed.rows[plan.fed.fed]})",
        "        return -1;",
    ]


def blocks(plan: RowPlan | None) -> list[Block]:
    """Return what the text of a plan's chains uses of rows.h."""
    if plan is None or not plan.chains:
        return []
    kinds = {action.kind for chain in plan.chains for action in chain.actions}
    names = {"EkHeld", "ek_held_row"}
    names |= {"ek_drop_rows"} if DROP in kinds else set()
    names |= {"ek_copy_row"} if FEED in kinds else set()
    steps = [one for chain in plan.chains for one in chain.steps]
    if any(one.folds for one in steps):
        names.add("ek_copy_params")
    if any(one.moving is not None for one in steps):
        names |= {"ek_params_of_rows", "EkRowStep"}
    return definitions(HEADER, names)


def whole(plan: RowPlan | None, forms: Sequence[StepForms]) -> list[StepForms]:
    """Return the steps that are in no chain."""
    chains = () if plan is None else plan.chains
    return [
        step
        for index, step in enumerate(forms)
        if not any(chain.first <= index < chain.end for chain in chains)
    ]


def texts(
    plan: RowPlan | None,
    forms: Sequence[StepForms],
    names: Mapping[str, str],
    operand: Operand,
) -> dict[int, list[str]]:
    """Return for each step in a chain the lines in its place: those of the chain for the first.

    Args:
        plan: the plan; None where there are no chains.
        forms: all steps of the plan in C.
        names: names of kernels, constants, macros and functions -> those in the file.
        operand: writes the address of a tensor.
    """
    found: dict[int, list[str]] = {}
    if plan is None:
        return found
    for chain in plan.chains:
        found |= {index: [""] for index in range(chain.first, chain.end)}
        found[chain.first] = ["", *_ChainText(plan, chain, forms, names, operand).lines()]
    return found


@dataclass(frozen=True)
class _ChainText:
    """Writes a chain.

    Attributes:
        plan: the plan that it belongs to.
        chain: the chain.
        forms: all steps of the plan in C.
        names: names of kernels, constants, macros and functions -> those in the file.
        operand: writes the address of a tensor.
    """

    plan: RowPlan
    chain: Chain
    forms: Sequence[StepForms]
    names: Mapping[str, str]
    operand: Operand

    def lines(self) -> list[str]:
        """Return the lines of the loop over its actions, in braces.

        With rows that the caller brings it ends where the next one is needed, and goes on there.
        """
        chain = self.chain
        actions = list(dict.fromkeys(chain.actions))
        numbers = {action: number for number, action in enumerate(actions)}
        order = folded([numbers[action] for action in chain.actions])
        kind = "uint8_t" if len(actions) <= 256 else "uint16_t"
        cases = [
            line
            for action in actions
            for line in (f"        case {numbers[action]}:", *self._action(action))
        ]
        return [
            "    {",
            f"        static const {kind} order[] = {{",
            layout.filled(map(str, order.numbers), "            "),
            "        };",
            *([] if chain.fed is not None else self._start(order)),
            f"        for (; {self._next} < {len(order.numbers)}; {self._next}++) {{",
            *(self._repeat(order) if order.more else []),
            f"        switch (order[{self._next}]) {{",
            *cases,
            "        }",
            "        }",
            "    }",
        ]

    @property
    def _next(self) -> str:
        """The position in the order, which is kept where the caller brings rows."""
        return f"rows[{len(self.chain.tracked)}].first" if self.chain.fed is not None else "next"

    @property
    def _again(self) -> str:
        """How many times the part of the order was repeated, likewise."""
        return f"rows[{len(self.chain.tracked)}].end" if self.chain.fed is not None else "again"

    def _start(self, order: Folded) -> list[str]:
        """Return the declarations of what changes in a loop from its first to its last action."""
        none = ", ".join("{0, 0}" for _ in self.chain.tracked)
        return [
            f"        {self.names['EkHeld']} rows[] = {{{none}}};",
            f"        int32_t next = 0{', again = 0' if order.more else ''};",
        ]

    def _repeat(self, order: Folded) -> list[str]:
        """Return the lines that go back from the end of the part to its start."""
        return [
            f"        if ({self._next} == {order.end} && {self._again} < {order.more}) {{",
            f"            {self._next} = {order.start};",
            f"            {self._again}++;",
            "        }",
        ]

    def _action(self, action: Action) -> list[str]:
        if action.kind == RUN:
            return [*self._run(action.which), "            break;"]
        address = self.operand(self.plan.plan.slots[action.which])
        rows, size = self._rows(action.which), self._bytes(action.which)
        lines = [f"{self.names['ek_drop_rows']}({address}, &{rows}, {action.count}, {size});"]
        if action.kind == FEED:
            place = f"{self.names['ek_held_row']}({address}, {rows}.end - {rows}.first, {size})"
            lines = [
                "if (!line)",
                f"    return (int)({self.chain.rows[action.which]} - {rows}.end);",
                f"{self.names['ek_copy_row']}({place}, line, {size});",
                f"{rows}.end++;",
                "line = NULL;",
            ]
        return [f"            {line}" for line in (*lines, "break;")]

    def _rows(self, slot: int) -> str:
        return f"rows[{self.chain.tracked.index(slot)}]"

    def _bytes(self, slot: int) -> int:
        """Return the bytes of a row."""
        return self.plan.plan.slots[slot].size // self.chain.rows[slot]

    def _run(self, at: int) -> list[str]:
        """Return the lines that compute the next row of a step."""
        index = self.chain.first + at
        forms = self.forms[index]
        one = self.chain.steps[at]
        calls = branches(forms.forms, self.names, lambda form: self._call(one, index, form))
        return [f"            EK_STEP({index}) /* {forms.op} */", *calls]

    def _call(self, one: RowStep, index: int, form: Form) -> list[str]:
        """Return the lines that compute the next row of a step by one of its forms."""
        step = self.plan.plan.steps[index]
        params, chosen = dict(form.params), "params"
        row, first = f"{self._rows(step.writes[0])}.end", "row"
        lines = [f"const int32_t row = {row};"]
        added = "1"
        if one.folds or one.moving is not None:
            chosen = "own"
            lines.append(f"int32_t own[{len(params)}];")
        if one.folds:
            lines += [
                f"{self.names['ek_copy_params']}(own, params, {len(params)});",
                f"own[{list(params).index('row')}] = row;",
            ]
        if one.moving is not None:
            [window] = one.windows.values()
            size, start, _ = one.moving
            params |= {size: window.rows, start: window.before}
            at = [list(params).index(name) for name in one.moving]
            first, added = "low", f"own[{at[2]}]"
            numbers = window.stride, window.reach, one.at_once, one.rows, len(params), *at
            lines += [
                f"static const {self.names['EkRowStep']} step = "
                f"{{{', '.join(map(str, numbers))}}};",
                f"const int32_t low = {self.names['ek_params_of_rows']}(own, params, &step, row);",
            ]
        operands = []
        for slot, tensor in zip(step.slots, form.tensors, strict=True):
            address = self.operand(tensor)
            if slot in one.outputs or slot in one.windows:
                at_row = "row" if slot in one.outputs else first
                if slot in self.chain.rings:
                    at_row = f"{at_row} - {self._rows(slot)}.first"
                address = f"{self.names['ek_held_row']}({address}, {at_row}, {self._bytes(slot)})"
            operands.append(address)
        lines = [
            *local("params", tuple(params.items()), ""),
            *lines,
            "void *const tensors[] = {",
            *(f"    {operand}," for operand in operands),
            "};",
            f"{self.names[f'ek_{form.kernel}']}({chosen}, tensors);",
            *(f"{self._rows(slot)}.end += {added};" for slot in step.writes),
        ]
        return ["            {", *(f"                {line}" for line in lines), "            }"]
