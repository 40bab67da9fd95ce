"""The functions of an exported model that run it in an arena of its own, and reset it."""

from collections.abc import Sequence

import numpy as np

from edge_runtime.planner.plan import Slot, State
from edgekit.convert.c import layout, naming, text
from edgekit.convert.c.facts import Facts

Kept = tuple[Slot, State]
"""Place in the arena of a tensor that is kept between calls, and what it holds first."""


def functions(facts: Facts, states: Sequence[Kept]) -> str:
    """Return the functions that run a model, reset it, or take rows of its input.

    Args:
        facts: facts of the model.
        states: what the arena keeps between calls.
    """
    return _run_with_states(facts, states) if states else _run(facts)


def _run_fed(facts: Facts) -> str:
    """Return the functions that run the model, and take the rows of its input, in either arena."""
    name, [port] = facts.name, facts.inputs
    outputs = ", ".join(one.name for one in facts.outputs)
    row = f"{port.name} + row * {name.upper()}_ROW_SIZE"
    return f"""\
int {name}_run_in(void *arena,
    {layout.lines(naming.parameters(facts))})
{{
    if (!{port.name})
        return -1;
    for (int32_t row = 0; row < {name.upper()}_ROWS; row++)
        if ({name}_feed_row_in(arena, row, {row}, {outputs}) < 0)
            return -1;
    return 0;
}}

{_arena(facts, f"{name}_ek_arena")}
int {name}_feed_row(int32_t row,
    {layout.lines(naming.row_parameters(facts))})
{{
    return {name}_feed_row_in({name}_ek_arena, row, {port.name}, {outputs});
}}

int {name}_run({layout.lines(naming.parameters(facts))})
{{
{_call_run_in(facts, f"{name}_ek_arena")}
}}
"""


def _run(facts: Facts) -> str:
    arena = f"{facts.name}_ek_arena"
    if facts.fed_rows:
        return _run_fed(facts)
    return f"""\
{_arena(facts, arena)}
int {facts.name}_run({layout.lines(naming.parameters(facts))})
{{
{_call_run_in(facts, arena)}
}}
"""


def _call_run_in(facts: Facts, arena: str) -> str:
    arguments = ", ".join([arena, *(port.name for port in facts.ports)])
    return layout.wrapped(f"return {facts.name}_run_in({arguments});", "    ")


def _arena(facts: Facts, arena: str) -> str:
    """Return the static arena, and the functions that tell where its inputs and outputs lie."""
    size = f"{facts.name.upper()}_ARENA_SIZE"
    places = "".join(
        f"""
{naming.c_type(facts, port)} *{naming.place(facts, port)}(void)
{{
    void *const place = (uint8_t *){arena} + {naming.macro(facts, port, "OFFSET")};
    return ({naming.c_type(facts, port)} *)place;
}}
"""
        for port in facts.ports
        if port.offset is not None
    )
    return f"""\
int64_t {arena}[({size} + sizeof(int64_t) - 1) / sizeof(int64_t)];
{places}"""


def _run_with_states(facts: Facts, states: Sequence[Kept]) -> str:
    """Return the functions that reset a model, and the one that runs it in an arena of its own."""
    name = facts.name
    arena, is_reset = f"{name}_ek_arena", f"{name}_ek_is_reset"
    arrays = fills = ""
    for slot, state in states:
        if state.data is None:
            fills += f"    memset(memory + {slot.offset}, {state.fill}, {slot.size});\n"
        else:
            first = f"{name}_ek_state_{state.slot}"
            arrays += text.array(first, np.frombuffer(state.data, np.uint8)) + "\n"
            fills += f"    memcpy(memory + {slot.offset}, {first}, {slot.size});\n"
    return f"""\
{arrays}{_arena(facts, arena)}
static int {is_reset};

void {name}_reset_in(void *arena)
{{
    uint8_t *const memory = (uint8_t *)arena;
    if (!memory)
        return;
{fills}}}

void {name}_reset(void)
{{
    {name}_reset_in({arena});
    {is_reset} = 1;
}}

int {name}_run({layout.lines(naming.parameters(facts))})
{{
    if (!{is_reset})
        {name}_reset();
{_call_run_in(facts, arena)}
}}
"""
