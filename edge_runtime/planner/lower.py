"""The ops of a graph as kernels, within the limits of all ops together."""

from __future__ import annotations

from edge_runtime.planner import limits
from edge_runtime.planner.limits import NotSupportedError, require_few

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from edge_runtime.graph import Graph, Op, Tensor
    from edge_runtime.ops.call import Call, Kernel
    from edge_runtime.unsupported import Unsupported

Lowered = tuple["Op", "Kernel"]


class Lowering:
    """Lowers the ops of one graph: ops whose tensors and options are the same once."""

    def __init__(self, graph: Graph) -> None:
        self.room = limits.room(graph)
        self._constants = self._scales = self._tables = 0
        self._kernels: dict[tuple[object, ...], Kernel] = {}

    def count(self, op: Op, constants: int) -> None:
        """Count bytes of constants that an op reads or makes.

        Raises:
            ModelError: all ops up to this one have too many.
        """
        self._constants += constants
        require_few(op, self._constants, self.room, "read and make at most {} bytes of constants")

    def kernel(self, call: Call, module: ModuleType) -> Kernel:
        """Return the kernel of an op.

        Raises:
            ModelError: all ops up to this one have too many constants, scales or tables.
            NotSupportedError: a parameter does not fit into int32.
        """
        kernel = self._kernels.get(key := _key(call))
        if kernel is None:
            # A bias has the scales of its weights once more, and no multipliers of its own.
            self._scales += max(_slices(tensor) for tensor in call.inputs if tensor)
            require_few(
                call.op, self._scales, limits.MAX_SCALES, "have at most {} scales of slices"
            )
            kernel = self._kernels[key] = module.lower(call)
            self._tables += sum(constant.table for constant in kernel.constants)
            require_few(
                call.op, self._tables, limits.MAX_TABLES, "have at most {} tabulated functions"
            )
        self.count(call.op, sum(len(constant.data) for constant in kernel.constants))
        limits.require_int32(call, {**kernel.params, **kernel.hints})
        return kernel


def lower(
    graph: Graph, rounding: str, lowering: Lowering
) -> tuple[list[Lowered], list[Unsupported]]:
    """Return the kernels of a graph whose shapes are settled, and the ops that have none.

    Raises:
        ModelError: the ops together are beyond a limit.
    """
    lowered: list[Lowered] = []
    left: list[Unsupported] = []
    for op in graph.ops:
        try:
            module = limits.module_of(op, graph.tensors)
            call = limits.call_of(op, graph.tensors, rounding)
            lowering.count(op, sum(one.size for one in call.inputs if one and one.data is not None))
            lowered.append((op, lowering.kernel(call, module)))
        except NotSupportedError as error:
            left.append(error.what)
    return lowered, left


def _key(call: Call) -> tuple[object, ...]:
    """Return all that the lowering of an op depends on; a constant stands for its bytes."""
    parts = (
        one and (one.shape, one.dtype, one.quantization, -1 if one.data is None else one.index)
        for one in (*call.inputs, *call.outputs)
    )
    # As text 0.0 and -0.0 are different, and NaN is NaN.
    return (call.op.name, repr(call.op.options), *parts)


def _slices(tensor: Tensor) -> int:
    """Return the number of scales where there is one for each slice."""
    quantization = tensor.quantization
    per_channel = quantization is not None and quantization.per_channel
    return len(quantization.scales) if quantization is not None and per_channel else 0
