"""The ops of edge_runtime's own engine: one name, one pair of files each.

``ops/<op>.py`` has ``CONSTRAINTS`` (a function each, whose docstring is the error text; it returns
what breaks the limit, None when nothing does), ``shape(call)`` (the output's shape) and
``lower(call)``: the kernel that runs the op, None when the output is the input's bytes as they
are. An op whose output the planner can know has ``fold(call)`` instead, which returns its bytes.

A kernel is a NumPy function, the definition of its meaning, and ``ek_<its name>`` in
``ops/<op>.c``. Both take the same int32 parameters and the same flat tensors: the op's inputs,
the constants of the lowering, the output.
"""

from __future__ import annotations

import struct

from edge_runtime.errors import UnsoundError
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from edge_runtime.graph import Op, Tensor

OPS = {
    "ADD": "add",
    "CONCATENATION": "concatenation",
    "DEQUANTIZE": "dequantize",
    "EXPAND_DIMS": "expand_dims",
    "FULLY_CONNECTED": "fully_connected",
    "LEAKY_RELU": "leaky_relu",
    "LOGISTIC": "logistic",
    "MUL": "mul",
    "PACK": "pack",
    "QUANTIZE": "quantize",
    "RELU": "relu",
    "RELU6": "relu",
    "RELU_N1_TO_1": "relu",
    "RESHAPE": "reshape",
    "SHAPE": "shape",
    "SOFTMAX": "softmax",
    "SQUEEZE": "squeeze",
    "STRIDED_SLICE": "strided_slice",
    "SUB": "sub",
    "TANH": "tanh",
}
"""Builtin -> module of this folder."""

ROUNDINGS = ("litert", "xnnpack", "tflite-micro")
"""Whose bytes an integer model gives, where runtimes differ: LiteRT's reference kernels'
(OpResolverType.BUILTIN_REF), XNNPACK's, which rounds everything once, or TFLite Micro's, which
rounds twice."""


@record
class Call:
    """An op as its module sees it: with the shapes of this plan, and constants where known.

    Attributes:
        op: the op of the graph.
        inputs: its tensors; None for an optional one that is absent.
        output: its only output; ``shape`` is as in the file until ``shape(call)`` has told it,
            which is before ``fold`` and ``lower``.
        rounding: one of ROUNDINGS.
    """

    op: Op
    inputs: tuple[Tensor | None, ...]
    output: Tensor
    rounding: str = "litert"

    def input(self, position: int) -> Tensor:
        """Return an input that the op has to have.

        Raises:
            UnsoundError: it is not there.
        """
        tensor = self.inputs[position] if position < len(self.inputs) else None
        if tensor is None:
            raise UnsoundError(f"op {self.op.index}, {self.op.name}: it has no input {position}")
        return tensor


@record
class Constant:
    """A tensor that the lowering made.

    Attributes:
        dtype: element type.
        data: little-endian bytes.
        table: whether it tabulates a function of this op, up to a millisecond of Python.
    """

    dtype: str
    data: bytes
    table: bool = False

    HIDDEN = ("data",)


@record
class Kernel:
    """What runs an op.

    Attributes:
        reference: (params, *tensors) -> output; flat ndarrays. Its name names the C function.
        params: a record of int32 values in the order in which the C function reads them.
        inputs: positions of the op's inputs that the kernel reads.
        constants: further tensors, which follow the inputs.
        in_place: whether the output may lie where the first input lay.
        rows: the field of ``params`` that counts rows (or elements) of which each stands for
            itself: n times as many, on n tensors one behind the other, are n runs. None when
            there is no such field.
        weights: those of ``inputs`` that are constants in every model, by the op's CONSTRAINTS.
    """

    reference: Callable[..., Any]
    params: Any
    inputs: tuple[int, ...]
    constants: tuple[Constant, ...] = ()
    in_place: bool = False
    rows: str | None = "count"
    weights: tuple[int, ...] = ()

    @property
    def flash(self) -> tuple[int, ...]:
        """Positions among the C function's tensors of those that it reads through flash.h.

        They are the weights and all ``constants``. Where flash and RAM are apart (AVR) these have
        to lie in flash, and all others in RAM: a constant of the file that is read both ways, say
        by FULLY_CONNECTED and ADD, is needed twice.
        """
        count = len(self.inputs)
        weights = (at for at in range(count) if self.inputs[at] in self.weights)
        return (*weights, *range(count, count + len(self.constants)))

    @property
    def name(self) -> str:
        """Name of the kernel; the C function is called ``ek_`` and this."""
        return self.reference.__name__


def find(name: str) -> ModuleType | None:
    """Import the module of the builtin ``name``, None when there is none."""
    if name not in OPS:
        return None
    module = OPS[name]
    return __import__(f"{__name__}.{module}", fromlist=[module])


def int32s(values: list[int], *, table: bool = False) -> Constant:
    """Return ``values`` as a constant."""
    return Constant("int32", struct.pack(f"<{len(values)}i", *values), table)


def int64s(values: list[int]) -> Constant:
    """Return the same as int64."""
    return Constant("int64", struct.pack(f"<{len(values)}q", *values))
