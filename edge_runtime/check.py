"""Checks on which every engine relies: inputs and outputs, and the order of reads and writes.

LiteRT does not check these: a file that breaks one of them crashes its process.
"""

from __future__ import annotations

from edge_runtime.errors import InputError, ModelError
from edge_runtime.graph import FORMATS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap

    from edge_runtime.graph import Graph, Op, Tensor

_LSTM = (1, 5, 9, 10, 11, 12, 16, 17)
OPTIONAL_INPUTS: dict[str, tuple[int, ...]] = {
    "BIDIRECTIONAL_SEQUENCE_LSTM": (*_LSTM, *(17 + position for position in _LSTM), *range(39, 48)),
    "BIDIRECTIONAL_SEQUENCE_RNN": (9, 10, 11),
    "CONV_2D": (2,),
    "CONV_3D": (2,),
    "CONV_3D_TRANSPOSE": (3,),
    "DEPTHWISE_CONV_2D": (2,),
    "FULLY_CONNECTED": (2,),
    "LSTM": (*_LSTM, 20, 21, 22, 23),
    "SVDF": (3,),
    "TRANSPOSE_CONV": (3,),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (*_LSTM, 20, 21, 22, 23),
}
"""Builtin -> positions of the inputs that may be absent, -1 in the file. Source: where LiteRT's
kernels call GetOptionalInputTensor."""

MAX_PORTS = 256
"""Most inputs, and most outputs, of a model."""

MAX_NAME = 40
"""Most characters of a name in a message: tensors of fused layers have hundreds."""


def require_runnable(graph: Graph) -> None:
    """Raise unless an engine can run the graph safely.

    Raises:
        ModelError: it has no input or no output, or one that is empty or whose type no buffer has,
            or an op reads a tensor that no earlier op writes.
    """
    for what, indices in ("input", graph.inputs), ("output", graph.outputs):
        if not 1 <= len(indices) <= MAX_PORTS:
            raise ModelError(f"it has {len(indices)} {what}s, and 1 to {MAX_PORTS} can be run")
        for index in indices:
            _require_port(what, graph.tensors[index])
    if len(set(graph.inputs)) < len(graph.inputs):
        raise ModelError("two of its inputs are the same tensor")
    require_order(graph)
    known = {index for op in graph.ops for index in op.outputs}.union(graph.inputs)
    if any(index not in known and graph.tensors[index].data is None for index in graph.outputs):
        raise ModelError("no op writes its output")


def _require_port(what: str, tensor: Tensor) -> None:
    """Raise unless a buffer can hold an input or output."""
    if tensor.dtype not in FORMATS:
        raise ModelError(f"its {what} is {tensor.dtype}, and not one of {', '.join(FORMATS)}")
    form = f"{tensor.dtype} {list(tensor.signature)}"
    constant = what == "input" and tensor.data is not None
    if constant or tensor.variable or not tensor.elements:
        raise ModelError(f"its {what} {form} is constant or empty")


def require_digest(name: str, data: bytes | mmap.mmap, digest: str) -> None:
    """Raise unless the file called ``name`` has the hex SHA-256 ``digest``.

    Raises:
        InputError: ``digest`` is no SHA-256.
        ModelError: the content has a different one.
    """
    from hashlib import sha256

    if len(digest) != 64 or not set(digest.lower()) <= set("0123456789abcdef"):
        raise InputError(f"digest={digest!r} is no SHA-256, which has 64 hexadecimal digits")
    if (actual := sha256(data).hexdigest()) != digest.lower():
        raise ModelError(
            f"{name}: its SHA-256 is {actual} and not {digest.lower()}: it was changed, or is "
            "another file"
        )


def require_order(graph: Graph) -> None:
    """Raise unless every op has its inputs, reads only written tensors and writes only new ones.

    Raises:
        ModelError: an op lacks an input, reads a tensor that is not written yet, or writes one
            that is.
    """
    constant = {tensor.index for tensor in graph.tensors if tensor.data is not None}
    written = constant.union(graph.inputs)
    for op in graph.ops:
        for position, index in enumerate(op.inputs):
            if index < 0:
                if not op.custom and position not in OPTIONAL_INPUTS.get(op.name, ()):
                    raise ModelError(f"{label(op)}: it has no input {position}")
            elif index not in written and not graph.tensors[index].variable:
                raise ModelError(f"{label(op)}: tensor {index} is read before it is made")
        if again := written.intersection(op.outputs):
            name = short(graph.tensors[min(again)].name)
            raise ModelError(f"{label(op)}: each tensor is written once; here it is {name!r}")
        written.update(op.outputs)


def label(op: Op) -> str:
    """Return an op's number and name for a message."""
    return f"op {op.index}, {kind(op)}"


def kind(op: Op) -> str:
    """Return an op's name for a message; quoted if custom, since the file then chooses it."""
    return repr(short(op.name)) if op.custom else op.name


def short(name: str) -> str:
    """Return a name from the file, truncated to MAX_NAME characters."""
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"
