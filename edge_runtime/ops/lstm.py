"""The inputs of an LSTM, and the sizes that its kernels begin with."""

from __future__ import annotations

from edge_runtime.ops.call import Call

INPUTS = 24
"""Inputs of the op; without normalisation the last 4 may be missing."""

WEIGHTS, RECURRENT, PEEPHOLES, BIASES = range(1, 5), range(5, 9), range(9, 12), range(12, 16)
PROJECTION, PROJECTION_BIAS, OUTPUT_STATE, CELL_STATE, NORMS = 16, 17, 18, 19, range(20, 24)
"""Positions of the inputs: those of gates are of the input, forget, cell and output gate; the cell
gate has no peephole weights."""

CONSTANT = (*range(1, 18), *NORMS)
"""Positions of the weights."""


def sizes(call: Call) -> dict[str, int]:
    """Return the parameters that all kernels begin with."""
    cells, outputs = call.input(RECURRENT[3]).shape
    *sequence, inputs = call.input(0).shape
    time_major = call.op.options.get("time_major", 0) != 0
    batches, times = (*sequence, 1)[:2]
    if time_major:
        batches, times = times, batches
    return {
        "batches": batches,
        "times": times,
        "inputs": inputs,
        "cells": cells,
        "outputs": outputs,
        "time_major": int(time_major),
        "coupled": int(call.optional(WEIGHTS[0]) is None),
        "peephole": int(call.optional(PEEPHOLES[1]) is not None),
        "projection": int(call.optional(PROJECTION) is not None),
        "layer_norm": int(call.optional(NORMS[1]) is not None),
    }
