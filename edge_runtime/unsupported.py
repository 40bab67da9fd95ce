"""What keeps a model from running: ops that the engine lacks, limits that break, files for others.

Only a refusal loads this; opening a model does without.
"""

from __future__ import annotations

from edge_runtime.check import kind, label, short
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_runtime.graph import Graph, Op, Tensor
    from edge_runtime.ops.call import Call

MAX_SHOWN = 200
"""Characters of a value that a message repeats."""

KINDS = 3
"""Kinds of ops that a message names; `edgekit inspect` has them all."""

NO_SUCH_OP = "the engine has no such op"
TENSORFLOW_OP = "an op of TensorFlow (SELECT_TF_OPS)"
CUSTOM_OP = "a custom op"
FLOAT16 = "float16 constants"
HYBRID = "int8 weights with float32 activations (hybrid)"
BLOCKWISE = "blockwise quantised weights"
SPARSE = "weights in the sparse layout"
INT4 = "int4 weights"
STATE = "tensors that keep a state"

ABSENT = (NO_SUCH_OP, TENSORFLOW_OP, CUSTOM_OP)
"""Reasons that say no more than the op's name."""

INSTEAD = {
    NO_SUCH_OP: "build the model of the ops in docs/SUPPORTED_OPS.md",
    TENSORFLOW_OP: "convert the model without such ops",
    CUSTOM_OP: "build the model without it",
    FLOAT16: "convert the Keras model as float32, or with --quantize",
    HYBRID: "convert with --quantize, which makes activations int8 too, or as float32",
    BLOCKWISE: "quantise with a scale for each channel",
    INT4: "convert with --quantize, which makes weights int8",
    STATE: "build the model without a state, which goes in and comes out instead",
    SPARSE: "convert it without the sparse layout: `edgekit export` leaves zeros out by itself",
}
"""Why an op is not run -> what else to do. LiteRT runs all of these but what ``not_for_litert``
tells."""

EDGETPU_OP = "edgetpu-custom-op"
"""The custom op that edgetpu_compiler leaves in place of what runs on the TPU."""

ETHOS_U_OP = "ethos-u"
"""The custom op that Arm's Vela leaves in place of what runs on the NPU."""

FLEX = "Flex"
"""What the names of TensorFlow's own ops begin with."""

LITERT_CUSTOM = frozenset(
    """
    AudioSpectrogram Convolution2DTransposeBias MaxPoolingWithArgmax2D MaxUnpooling2D Mfcc
    NumericVerify TFLite_Detection_PostProcess
    """.split()
)
"""Custom ops that LiteRT 2.3 brings along, in its kernels or in XNNPACK's."""


@record
class Unsupported:
    """An op that the engine does not run.

    Attributes:
        op: the op.
        output: name of its first output; "" when it has none.
        why: the reason, equal for all ops with the same: a key of ``INSTEAD``, or a limit.
        said: what follows the op's name in a sentence about it alone.
    """

    op: Op
    output: str
    why: str
    said: str

    @property
    def instead(self) -> str:
        """What to do about it."""
        return INSTEAD.get(self.why, "change the layer, or run the model with LiteRT")

    @property
    def output_is_known(self) -> bool:
        """Whether ops behind this one can be checked with what the file says of its output.

        Not where the op breaks a limit, which may be what the file says; and what DEQUANTIZE makes
        of float16 constants would be constant.
        """
        return self.why in INSTEAD and self.why != FLOAT16


def no_such_op(op: Op, tensors: Sequence[Tensor]) -> Unsupported:
    """Return that the engine does not have an op."""
    name = tensors[op.outputs[0]].name if op.outputs else ""
    why = NO_SUCH_OP
    if op.custom:
        why = TENSORFLOW_OP if op.name.startswith(FLEX) else CUSTOM_OP
    return Unsupported(op, name, why, ", is not supported")


def wrong_type(op: Op, tensors: Sequence[Tensor], tensor: Tensor) -> Unsupported:
    """Return that an op reads or writes a tensor of a type or form that the engine lacks."""
    found = tensor.dtype
    why = {"float16": FLOAT16, "int4": INT4}.get(found, f"{found} tensors")
    if tensor.blockwise:
        why, found = BLOCKWISE, "blockwise quantised"
    elif tensor.sparse:
        why, found = SPARSE, "sparse"
    elif tensor.variable:
        why, found = STATE, "kept from one inference to the next"
    name = tensors[op.outputs[0]].name
    return Unsupported(op, name, why, f": tensor {tensor.index} is {found}")


def broken_limit(call: Call, limit: str, value: str) -> Unsupported:
    """Return that an op is beyond a limit of the engine."""
    first, *others = call.inputs
    quantised = any(
        one and one.data is not None and one.dtype in ("int8", "uint8") for one in others
    )
    name = call.output.name
    if quantised and first and first.dtype == call.output.dtype == "float32":
        return Unsupported(call.op, name, HYBRID, f": {HYBRID}")
    limit = f"{limit[:1].lower()}{limit[1:]}"
    return Unsupported(call.op, name, limit, f": {limit}; here it is {value[:MAX_SHOWN]}")


def refusal(graph: Graph, ops: Sequence[Unsupported]) -> str:
    """Return the sentence that refuses a model: what, how many, the worst few, what to do."""
    advice = _advice(graph, ops)
    if len(ops) == 1:
        (one,) = ops
        said = f"{label(one.op)} {short(one.output)!r}{one.said}"
        if one.why in ABSENT:
            return f"{said}: {advice}"
        return f"{said}: {one.instead}; {advice}" if one.why in INSTEAD else said
    kinds = counted(ops)
    named = ", ".join(
        f"{name} ({len(same)}{'' if why in ABSENT else f', {short(why)}'})"
        for (name, why), same in kinds[:KINDS]
    )
    if (rest := len(kinds) - KINDS) > 0:
        named += f" and {rest} more kind{'s' if rest > 1 else ''}"
    return (
        f"the engine does not run {len(ops)} of its {len(graph.ops)} ops: {named}; {advice}; "
        "`edgekit inspect` lists all with their reasons"
    )


def counted(ops: Sequence[Unsupported]) -> list[tuple[tuple[str, str], list[Unsupported]]]:
    """Return the ops by name and reason, the most frequent first."""
    kinds: dict[tuple[str, str], list[Unsupported]] = {}
    for one in ops:
        kinds.setdefault((kind(one.op), one.why), []).append(one)
    return sorted(kinds.items(), key=lambda kind: -len(kind[1]))


def _advice(graph: Graph, ops: Sequence[Unsupported]) -> str:
    if reason := not_for_litert(graph):
        return reason
    them = "it" if len(ops) == 1 else "them"
    sure = all(one.why in INSTEAD for one in ops)
    return f'LiteRT {"runs" if sure else "may run"} {them} (backend="litert")'


def not_for_litert(graph: Graph) -> str:
    """Return why LiteRT cannot run a file, and what to do; "" when nothing is known against it."""
    custom = {op.name: kind(op) for op in graph.ops if op.custom and op.name not in LITERT_CUSTOM}
    if EDGETPU_OP in custom:
        return "it is compiled for the Edge TPU: open it with the backend edgetpu"
    if ETHOS_U_OP in custom:
        return (
            "Vela has compiled it for an Arm Ethos-U, and only TFLite Micro with that NPU runs it: "
            "take the file that Vela was given"
        )
    for name, shown in custom.items():
        if name.startswith(FLEX):
            what = f"{TENSORFLOW_OP}, which LiteRT lacks: {INSTEAD[TENSORFLOW_OP]}"
        else:
            what = f"{CUSTOM_OP}, which only a runtime built with it runs: {INSTEAD[CUSTOM_OP]}"
        return f"{shown} is {what}"
    return _blockwise(graph)


def _blockwise(graph: Graph) -> str:
    """Return which blockwise weights LiteRT cannot be trusted with.

    Measured with LiteRT 2.3: int4 weights of FULLY_CONNECTED with float16 scales are right. int8
    ones give 0 and float32 scales a wrong sum in its own kernels, a block that is longer than the
    row or scales that are not there end the process.
    """
    right: set[int] = set()
    for op in graph.ops:
        if op.name == "FULLY_CONNECTED" and len(op.inputs) > 1 and op.inputs[1] >= 0:
            weights = graph.tensors[op.inputs[1]]
            if weights.blockwise and _litert_reads(graph, weights):
                right.add(weights.index)
    for op in graph.ops:
        for position, index in enumerate(op.inputs):
            tensor = graph.tensors[index]
            if index >= 0 and tensor.blockwise and not (position == 1 and index in right):
                return (
                    f"{label(op)}: LiteRT does not run these blockwise quantised weights, it gives "
                    "wrong answers or ends: quantise with a scale for each channel"
                )
    return ""


def _litert_reads(graph: Graph, weights: Tensor) -> bool:
    how = weights.blockwise
    if how is None or weights.dtype != "int4" or len(weights.shape) != 2:
        return False
    rows, depth = weights.shape
    if how.block < 1 or depth % how.block or how.zero_points not in (0, -1):
        return False
    if not 0 <= how.scales < len(graph.tensors):
        return False
    scales = graph.tensors[how.scales]
    fits = scales.shape == (rows, depth // how.block)
    return fits and scales.dtype == "float16" and scales.data is not None
