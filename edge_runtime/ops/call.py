"""The input and the outputs of an op's module: calls, kernels, constants."""

from __future__ import annotations

import struct

from edge_runtime.errors import UnsoundError
from edge_runtime.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_runtime.graph import Op, Tensor

NONE: Mapping[str, int] = {}


@record
class Call:
    """An op as its module sees it: with the shapes of this plan, and constants where known.

    Attributes:
        op: the op of the graph.
        inputs: its tensors; None for an optional one that is absent.
        outputs: its outputs; their shapes are those of the file until ``shapes(call)`` has settled
            them, before ``fold`` and ``lower``.
        rounding: one of ``ops.ROUNDINGS``.
        intermediates: tensors whose quantisation the op uses in between.
    """

    op: Op
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    rounding: str = "litert"
    intermediates: tuple[Tensor, ...] = ()

    def input(self, position: int) -> Tensor:
        """Return an input that the op has to have.

        Raises:
            UnsoundError: it is not there.
        """
        tensor = self.optional(position)
        if tensor is None:
            raise UnsoundError(f"op {self.op.index}, {self.op.name}: it has no input {position}")
        return tensor

    def optional(self, position: int) -> Tensor | None:
        """Return an input that may be absent; None when it is."""
        return self.inputs[position] if position < len(self.inputs) else None

    @property
    def all_computed(self) -> bool:
        """Whether all inputs are there and none is a constant.

        A constant is stored once, however many tensors are run at once.
        """
        return all(tensor is not None and tensor.data is None for tensor in self.inputs)

    @property
    def output(self) -> Tensor:
        """The first output, of most ops the only one."""
        return self.outputs[0]


@record
class Constant:
    """A constant tensor that the lowering adds.

    Attributes:
        dtype: element type.
        data: little-endian bytes.
        table: whether it tabulates a function of this op, which costs up to a millisecond.
    """

    dtype: str
    data: bytes
    table: bool = False

    HIDDEN = ("data",)


@record
class Kernel:
    """What runs an op.

    Attributes:
        name: of the kernel: the C function is ``ek_`` and this, the NumPy function this, in
            ``kernels/<family>.py``.
        params: int32 values by name, in the order of the C struct.
        inputs: positions of the op's inputs that the kernel reads.
        constants: further tensors, which follow the inputs.
        in_place: whether the first output may lie where the first input lay.
        rows: name of the parameter that counts independent rows or elements: n times as many, on n
            tensors one behind the other, are n runs. None when there is none.
        bands: whether rows of an output [batches, output_height, output_width, ...] are the same
            kernel with a smaller output_height, and ``top`` less by the strides of the rows before
            them, on the whole input; columns likewise.
        loops: whether the first of the ``constants`` is the loops of ``broadcast``.
        weights: those of ``inputs`` that are constants in every model, by the op's CONSTRAINTS.
        hints: int32 values that only the packers of variants read, behind ``params``.
    """

    name: str
    params: Mapping[str, int]
    inputs: tuple[int, ...]
    constants: tuple[Constant, ...] = ()
    in_place: bool = False
    rows: str | None = "count"
    bands: bool = False
    loops: bool = False
    weights: tuple[int, ...] = ()
    hints: Mapping[str, int] = NONE

    @property
    def packed(self) -> bytes:
        """Parameters and hints as C reads them: int32 in the machine's byte order."""
        values = (*self.params.values(), *self.hints.values())
        return struct.pack(f"={len(values)}i", *values)

    @property
    def flash(self) -> tuple[int, ...]:
        """Positions, among the C function's tensors, of those that it reads through flash.h.

        They are the weights and all ``constants``. Where flash and RAM are apart (AVR) these have
        to lie in flash, and all others in RAM: a constant of the file that is read both ways, say
        by FULLY_CONNECTED and ADD, is stored twice.
        """
        count = len(self.inputs)
        weights = (at for at in range(count) if self.inputs[at] in self.weights)
        return (*weights, *range(count, count + len(self.constants)))


def int32s(values: list[int], *, table: bool = False) -> Constant:
    """Return ``values`` as a constant of int32."""
    return Constant("int32", struct.pack(f"<{len(values)}i", *values), table)


def int64s(values: list[int]) -> Constant:
    """Return ``values`` as a constant of int64."""
    return Constant("int64", struct.pack(f"<{len(values)}q", *values))


def float32s(values: list[float]) -> Constant:
    """Return ``values`` as a constant of float32."""
    return Constant("float32", struct.pack(f"<{len(values)}f", *values))
