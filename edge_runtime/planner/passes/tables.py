"""Put chains of functions of one 8-bit number together to a table."""

from __future__ import annotations

from edge_runtime import ops
from edge_runtime.ops.call import Call
from edge_runtime.planner.limits import NotSupportedError
from edge_runtime.planner.plan import Slot, constant_slots
from edge_runtime.planner.uses import Changes, changed, only_readers
from edge_runtime.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Graph, Op, Tensor
    from edge_runtime.planner.lower import Lowering
    from edge_runtime.planner.plan import Engine

BYTES = ("int8", "uint8")
NUMBERS = bytes(index % 256 for index in range(-128, 128))
"""All bytes in the order of a table: by the int8 number of each."""


def tables(graph: Graph, rounding: str, lowering: Lowering, engine: Engine) -> Graph:
    """Return the graph with a table in place of each chain from 8 bits to 8 bits.

    So DEQUANTIZE, a function of floats and QUANTIZE become a table, and nothing at all where each
    number stays as it is. The table has what the kernels of the chain calculate for all 256
    numbers: the bytes stay the same.

    Args:
        graph: its ops keep the limits of their modules.
        rounding: one of ``ops.ROUNDINGS``.
        lowering: lowers the ops of this graph.
        engine: runs their kernels.
    """
    readers = only_readers(graph)
    tensors = list(graph.tensors)
    changes: Changes = {}
    for op in graph.ops:
        if op.outputs in changes or not _is_link(graph, op, tensors):
            continue
        chain = _chain(graph, op, tensors, readers)
        if not chain:
            continue
        content = _values(chain, tensors, rounding, lowering, engine)
        if content is None:  # lowering the graph says which limit it is
            return graph
        source, output = chain[0].inputs[0], chain[-1].outputs[0]
        changes |= {one.outputs: None for one in chain}
        changes[chain[-1].outputs] = _replacement(chain[-1], tensors, source, output, content)
    return changed(replace(graph, tensors=tuple(tensors)), changes) if changes else graph


def is_elementwise(op: Op) -> bool:
    """Return whether an op treats the elements of its inputs one by one."""
    return not op.custom and hasattr(ops.find(op.name), "ELEMENTWISE")


def _is_link(graph: Graph, op: Op, tensors: list[Tensor]) -> bool:
    """Return whether an op is a function of the numbers of a computed tensor, one by one."""
    if not is_elementwise(op) or len(op.inputs) != 1:
        return False
    source = tensors[op.inputs[0]]
    return source.data is None and not source.variable and op.outputs[0] not in graph.inputs


def _chain(graph: Graph, first: Op, tensors: list[Tensor], readers: dict[int, Op]) -> list[Op]:
    """Return the longest chain of at least two links that begins and ends with 8 bits; or []."""
    if tensors[first.inputs[0]].dtype not in BYTES:
        return []
    chain, longest = [first], 0
    while (following := readers.get(chain[-1].outputs[0])) and _is_link(graph, following, tensors):
        chain.append(following)
        if tensors[following.outputs[0]].dtype in BYTES:
            longest = len(chain)
    return chain[:longest]


def _values(
    chain: list[Op], tensors: list[Tensor], rounding: str, lowering: Lowering, engine: Engine
) -> bytes | None:
    """Return the bytes of a chain's values for all numbers; None where a limit is in the way."""
    content = NUMBERS
    for op in chain:
        module = ops.find(op.name)
        assert module is not None
        source, output = (
            replace(tensors[index], shape=(256,), signature=(256,))
            for index in (op.inputs[0], op.outputs[0])
        )
        call = Call(op, (source,), (output,), rounding)
        try:
            kernel = lowering.kernel(call, module)
        except NotSupportedError:
            return None
        reads = [Slot(call.input(0).dtype, len(content), memoryview(content), "constant")]
        reads += constant_slots(kernel.constants)
        (content,) = engine.run(kernel, reads, [call.output.size])
    return content


def _replacement(last: Op, tensors: list[Tensor], source: int, output: int, content: bytes) -> Op:
    """Return the op of a table, which a new tensor holds; an alias where nothing changes."""
    same = tensors[source].dtype == tensors[output].dtype
    if content == NUMBERS and same:
        options = {"new_shape": tensors[output].shape}
        return replace(last, name="RESHAPE", inputs=(source,), options=options)
    from edge_runtime.ops.table import table_op

    table = replace(
        tensors[output],
        index=len(tensors),
        name="",
        shape=(256,),
        signature=(256,),
        data=memoryview(content),
        variable=False,
    )
    tensors.append(table)
    return table_op(last.index, source, table.index, output)
