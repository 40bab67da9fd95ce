"""Recurrent layers of Keras without their loop: each step as ops of its own.

A loop becomes TFLite's WHILE, which TensorFlow's calibrator, edgekit's engine and most devices do
not run. TFLite's own recurrent ops would keep their state from one inference to the next, which
Keras' layers do not. Unrolled, a layer computes the same, in a larger file.
"""

from collections.abc import Iterable
from typing import Any

MOST_STEPS = 256
"""Longest sequence that is unrolled: each step is some 20 ops, which the converter reads slowly."""

SEQUENCE = 3
"""Dimensions of a sequence of vectors: batch, steps, features."""


def unroll(layers: Iterable[Any]) -> str:
    """Unroll the recurrent layers among those of a built Keras model; return which, in words.

    A layer stays a loop whose sequence is longer than MOST_STEPS, of no fixed length or not one of
    vectors, or that keeps its state from one call to the next.
    """
    unrolled = []
    for layer in layers:
        steps = _steps(layer)
        if steps is None or steps > MOST_STEPS:
            continue
        for one in _directions(layer):
            if getattr(one, "unroll", None) is False and not one.stateful:
                one.unroll = True
                unrolled.append(f"{one.name} ({steps} steps)")
    if not unrolled:
        return ""
    return f"unrolled {', '.join(unrolled)}: many runtimes have no loops"


def _directions(layer: Any) -> tuple[Any, ...]:
    """Return the two layers of a Bidirectional, of all others the layer itself."""
    if hasattr(layer, "forward_layer"):
        return layer.forward_layer, layer.backward_layer
    return (layer,)


def _steps(layer: Any) -> int | None:
    """Return the length of the layer's sequences, None where it is open or there are none."""
    # A layer that is used twice may have no input of its own.
    inputs = getattr(layer, "input", None)
    first = inputs[0] if isinstance(inputs, (list, tuple)) and inputs else inputs
    shape = tuple(getattr(first, "shape", ()))
    return shape[1] if len(shape) == SEQUENCE else None
