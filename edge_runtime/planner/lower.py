"""Ops to kernels, within the limits on all ops together."""

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
    """Lowers the ops of a graph.

    Ops with the same constants and options, whose other tensors are alike, have the same kernel,
    and an engine packs what it reads once: the rounds of a loop are as small as one.
    """

    def __init__(self, graph: Graph) -> None:
        self.room, self._most = limits.room(graph), limits.constants_room(graph)
        self._constants = self._scales = self._tables = 0
        self._kernels: dict[tuple[object, ...], list[Kernel]] = {}

    def count(self, op: Op, constants: int) -> None:
        """Count the bytes of constants that an op reads or makes.

        Raises:
            ModelError: the ops up to this one have too many.
        """
        self._constants += constants
        require_few(op, self._constants, self._most, "read and make at most {} bytes of constants")

    def kernel(self, call: Call, module: ModuleType) -> Kernel:
        """Return the kernel of an op.

        Raises:
            ModelError: the ops up to this one have too many constants, scales or tables.
            NotSupportedError: a parameter does not fit into int32.
        """
        # One lookup: the key has the scales of all channels, and hashing them takes time.
        known = self._kernels.setdefault(_key(call), [])
        if not known:
            # A bias repeats the scales of its weights and needs no further multipliers.
            self._scales += max(_slices(tensor) for tensor in call.inputs if tensor)
            require_few(
                call.op, self._scales, limits.MAX_SCALES, "have at most {} scales of slices"
            )
            kernel: Kernel = module.lower(call)
            known.append(kernel)
            read = sum(tensor.size for tensor in call.inputs if tensor and tensor.data is not None)
            self.count(call.op, read + sum(len(constant.data) for constant in kernel.constants))
            self._tables += sum(constant.table for constant in kernel.constants)
            require_few(
                call.op, self._tables, limits.MAX_TABLES, "have at most {} tabulated functions"
            )
        kernel = known[0]
        limits.require_int32(call, {**kernel.params, **kernel.hints})
        return kernel


def lower(
    graph: Graph, rounding: str, lowering: Lowering
) -> tuple[list[Lowered], list[Unsupported]]:
    """Return the kernels of a graph with inferred shapes, and the ops that are not supported.

    Raises:
        ModelError: the ops together exceed a limit.
    """
    lowered: list[Lowered] = []
    left: list[Unsupported] = []
    for op in graph.ops:
        try:
            module = limits.module_of(op, graph.tensors)
            call = limits.call_of(op, graph.tensors, rounding)
            lowered.append((op, lowering.kernel(call, module)))
        except NotSupportedError as error:
            left.append(error.what)
    return lowered, left


def _key(call: Call) -> tuple[object, ...]:
    """Return everything that an op's kernel depends on; an index stands for constant bytes."""
    # As text, 0.0 and -0.0 differ, and NaN equals NaN.
    options = repr(call.op.options)
    tensors = (*call.inputs, *call.outputs, *call.intermediates)
    return (call.op.name, options, *map(_tensor_key, tensors))


def _tensor_key(tensor: Tensor | None) -> tuple[object, ...] | None:
    if tensor is None:
        return None
    constant = -1 if tensor.data is None else tensor.index
    return (tensor.shape, tensor.dtype, tensor.quantization, constant)


def _slices(tensor: Tensor) -> int:
    """Return the number of scales of a tensor with one for each slice; 0 for other tensors."""
    quantization = tensor.quantization
    per_channel = quantization is not None and quantization.per_channel
    return len(quantization.scales) if quantization is not None and per_channel else 0
