"""REVERSE_SEQUENCE: each sequence of a batch in reverse, up to its length."""

from __future__ import annotations

from math import prod

from edge_runtime.graph import SIZES
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, same_shape

TYPES = ("float32", "uint8", "int16", "int32", "int64")


def types_are_supported(call: Call) -> str | None:
    """Input and output are both float32, uint8, int16, int32 or int64; lengths int32 or int64."""
    types = [call.input(0).dtype, call.output.dtype, call.input(1).dtype]
    fits = types[0] == types[1] and types[0] in TYPES and types[2] in ("int32", "int64")
    return None if fits else ", ".join(types)


def dimensions_are_there(call: Call) -> str | None:
    """The dimensions of batches and sequences are two of the input's."""
    options, rank = call.op.options, len(call.input(0).shape)
    batch, sequence = options["batch_dim"], options["seq_dim"]
    fits = 0 <= batch < rank and 0 <= sequence < rank and batch != sequence
    return None if fits else f"{batch} and {sequence} of {describe(call.input(0))}"


def lengths_fit(call: Call) -> str | None:
    """There is a length for each batch."""
    batches = call.input(0).shape[call.op.options["batch_dim"]]
    return None if call.input(1).shape == (batches,) else describe(call.input(1))


CONSTRAINTS = (types_are_supported, dimensions_are_there, lengths_fit)

shapes = same_shape


def lower(call: Call) -> Kernel:
    """Return the kernel of the lengths' type; it copies bytes and serves every element type."""
    shape, options = call.input(0).shape, call.op.options
    first, second = sorted((options["batch_dim"], options["seq_dim"]))
    params = {
        "outer": prod(shape[:first]),
        "first": shape[first],
        "middle": prod(shape[first + 1 : second]),
        "second": shape[second],
        "bytes": prod(shape[second + 1 :]) * SIZES[call.output.dtype],
        "batch_first": int(options["batch_dim"] == first),
    }
    name = f"reverse_sequence_{call.input(1).dtype}"
    return Kernel(name, params, (0, 1), rows=None)
