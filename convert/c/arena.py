"""The arena of exported C, in which any form of a step may run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_runtime.planner import one_arena
from edge_runtime.planner.overlap import Order
from edgekit.convert.c.forms import can_run_in_pieces, extension
from edgekit.convert.c.levels import LEVELS, ORDERS

if TYPE_CHECKING:
    from edge_runtime.ops.call import Kernel
    from edge_runtime.planner.one_arena import OneArena
    from edge_runtime.planner.plan import Plan


def laid_out(plan: Plan, *, keep_input: bool = False) -> OneArena:
    """Return a plan in one arena, in which any form of its steps may run.

    Args:
        plan: the plan of the model.
        keep_input: leave no room for inputs in the arena.

    Raises:
        BackendError: there is no C extension.
    """
    return one_arena.one_arena(
        plan,
        orders,
        lambda step, length: can_run_in_pieces(plan, step, length),
        keep_input=keep_input,
    )


def orders(kernel: Kernel) -> list[Order] | None:
    """Return the orders of a kernel's forms; None where one of them is not known."""
    each = [Order()]
    for level in LEVELS:
        if level in extension().variants(kernel.name):
            order = ORDERS.get((kernel.name, level))
            if order is None:
                return None
            each.append(order)
    return each
