"""Instructions that a chain takes more than its steps as a whole, by a model of the DSP kernels.

The kernels for Cortex-M cores with the DSP extension calculate three positions of a convolution at
once, or two, and two rows of a depthwise one: what is left over at the end of a call costs more.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from edgekit.convert.c.rows.schedule import FEED, RUN, Chain
from edgekit.convert.c.rows.steps import RowStep

CALL = 500
"""Instructions of a call beside the kernel's loops: its parameters and pointers, and the kernel's
own first and last ones."""

BYTE = 0.35
"""Instructions of moving a byte."""

FOLD = 6
"""Instructions of adding a number to a sum in memory."""

GROUP = {3: (17.5, 60), 2: (15, 62)}
"""Positions at once -> instructions of a word of weights, four taps of two outputs, and of two
outputs beside them."""

WORD = 12
"""Instructions of gathering a word, four taps, of these positions."""

DEPTHWISE = {2: (31.5, 6.5), 1: (19.5, 5.0)}
"""Rows at once -> instructions of a channel's output in each, and of gathering a column of it."""

BLOCK = 75
"""Instructions of a channel of a block of columns beside these."""

COLUMNS = 12
"""Columns of the image in a block."""


def more(chain: Chain, pitches: Mapping[int, int]) -> int:
    """Return the instructions that a chain takes more than its steps as a whole.

    Args:
        chain: the chain.
        pitches: slot of each tensor that it reads or writes by rows -> bytes of a row.
    """
    held = dict.fromkeys(chain.rows, 0)
    done = [0] * len(chain.steps)
    moved = 0
    calls = -sum(_whole(one) for one in chain.steps)
    known: dict[tuple[int, int], float] = {}
    for action in chain.actions:
        if action.kind == RUN:
            one = chain.steps[action.which]
            count = one.count(done[action.which])
            if (action.which, count) not in known:
                known[action.which, count] = _call(one, count, pitches)
            calls += known[action.which, count]
            done[action.which] += count
            for slot in one.outputs:
                held[slot] += count
            continue
        slot = action.which
        held[slot] += action.count if action.kind == FEED else -action.count
        moved += pitches[slot] * (action.count if action.kind == FEED else held[slot])
    return int(calls + moved * BYTE)


def _whole(one: RowStep) -> float:
    """Return the instructions of a step as a whole."""
    return CALL if one.folds else CALL + _loops(one, one.rows)


def _call(one: RowStep, rows: int, pitches: Mapping[int, int]) -> float:
    """Return the instructions of a call that calculates some rows."""
    if one.folds:
        return CALL + FOLD * sum(pitches[slot] for slot in one.windows)
    return CALL + _loops(one, rows)


def _loops(one: RowStep, rows: int) -> float:
    """Return the instructions of a kernel's loops for some rows, as far as they depend on these."""
    params = one.step.kernel.params
    if not one.step.kernel.bands or not ("depth" in params or "multiplier" in params):
        return 0
    width = params["output_width"] if one.axis == "h" else 1
    if "depth" in params:
        taps = prod(params[name] for name in ("window_height", "window_width", "depth"))
        return _convolution(-(-taps // 4), -(-params["outputs"] // 2), rows * width)
    channels = params["channels"] * params["multiplier"]
    stride = params["stride_w"]
    blocks = -(-width // max(1, COLUMNS // stride))
    pairs = rows // 2 if params["stride_h"] == 1 else 0
    return channels * sum(
        times * (BLOCK * blocks + width * (output + column * stride))
        for times, (output, column) in (
            (pairs, DEPTHWISE[2]),
            (rows - 2 * pairs, DEPTHWISE[1]),
        )
    )


def _convolution(words: int, pairs: int, positions: int) -> float:
    """Return the instructions of positions, in groups of three and at last of two."""
    twos = {0: 0, 1: min(positions // 3 + 1, 2), 2: 1}[positions % 3]
    threes = max(positions - 2 * twos, 0) // 3
    return sum(
        times * (pairs * (words * word + outputs) + WORD * words)
        for times, (word, outputs) in ((threes, GROUP[3]), (twos, GROUP[2]))
    )
