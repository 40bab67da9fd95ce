"""Reasons why a model does not run: missing ops, broken limits, files for other runtimes.

Only a refusal loads this module; opening a model does not.
"""

from __future__ import annotations

from edge_runtime.check import kind, label, short
from edge_runtime.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_runtime.graph import Graph, Op, Tensor
    from edge_runtime.ops.call import Call

MAX_SHOWN = 200
"""Most characters of a value in a message."""

KINDS, OF_KIND = 30, 160
"""Most kinds of ops that a message names, and most characters of the reason of each: honest models
have few of them, a hostile one may have thousands. `edgekit inspect` lists all."""

NO_SUCH_OP = "the engine has no such op"
TENSORFLOW_OP = "an op of TensorFlow (SELECT_TF_OPS)"
CUSTOM_OP = "a custom op"
FLOAT16 = "float16 tensors, of which DEQUANTIZE alone reads constants"
BLOCKWISE = "blockwise quantised weights"
SPARSE = "weights in the sparse layout"
INT4 = "int4 weights"
STATE = "constants that keep a state"

ABSENT = (NO_SUCH_OP, TENSORFLOW_OP, CUSTOM_OP)
"""Reasons that add nothing to the op's name."""

INSTEAD = {
    NO_SUCH_OP: "build the model of the ops in docs/SUPPORTED_OPS.md",
    TENSORFLOW_OP: "convert the model without such ops",
    CUSTOM_OP: "build the model without it",
    FLOAT16: "convert the Keras model as float32, or with --quantize",
    BLOCKWISE: "quantise with a scale for each channel",
    INT4: "convert with --quantize, which makes weights int8",
    STATE: "leave the state without a constant, or set it with ASSIGN_VARIABLE",
    SPARSE: "convert it without the sparse layout: `edgekit export` leaves zeros out anyway",
}
"""Reason why an op is not run -> what to do instead. LiteRT runs all of these except those that
``not_for_litert`` describes."""

EDGETPU_OP = "edgetpu-custom-op"
"""The custom op by which edgetpu_compiler replaces the ops that run on the TPU."""

ETHOS_U_OP = "ethos-u"
"""The custom op by which Arm's Vela replaces the ops that run on the NPU."""

FLEX = "Flex"
"""Prefix of the names of TensorFlow ops."""

LITERT_CUSTOM = frozenset(
    """
    AudioSpectrogram Convolution2DTransposeBias MaxPoolingWithArgmax2D MaxUnpooling2D Mfcc
    NumericVerify TFLite_Detection_PostProcess
    """.split()
)
"""Custom ops that LiteRT 2.3 includes, in its kernels or in XNNPACK's."""


@record
class Unsupported:
    """An op that the engine does not run.

    Attributes:
        op: the op.
        output: name of its first output; "" when it has none.
        why: the reason, the same text for all such ops: a key of ``INSTEAD``, or a limit.
        statement: continues the op's name in a sentence about it alone.
    """

    op: Op
    output: str
    why: str
    statement: str

    @property
    def instead(self) -> str:
        """What to do about it."""
        return INSTEAD.get(self.why, "change the layer, or run the model with LiteRT")

    @property
    def output_is_known(self) -> bool:
        """Whether later ops can be checked with the file's description of this op's output.

        Not where the op breaks a limit, which may concern that description.
        """
        return self.why in INSTEAD


def no_such_op(op: Op, tensors: Sequence[Tensor]) -> Unsupported:
    """Return that the engine does not have an op."""
    name = tensors[op.outputs[0]].name if op.outputs else ""
    why = NO_SUCH_OP
    if op.custom:
        why = TENSORFLOW_OP if op.name.startswith(FLEX) else CUSTOM_OP
    return Unsupported(op, name, why, ", is not supported")


def wrong_type(op: Op, tensors: Sequence[Tensor], tensor: Tensor) -> Unsupported:
    """Return that an op reads or writes a tensor of a type or form that the engine lacks."""
    form = tensor.dtype
    why = {"int4": INT4}.get(form, f"{form} tensors")
    if tensor.blockwise:
        why, form = BLOCKWISE, "blockwise quantised"
    elif tensor.sparse:
        why, form = SPARSE, "sparse"
    elif tensor.variable:
        why, form = STATE, "constant and kept from one inference to the next"
    name = tensors[op.outputs[0]].name
    return Unsupported(op, name, why, f": tensor {tensor.index} is {form}")


def broken_limit(call: Call, limit: str, value: str) -> Unsupported:
    """Return that an op is beyond a limit of the engine."""
    for tensor in call.inputs:
        if tensor and tensor.dtype == "float16":
            statement = f": tensor {tensor.index} is float16"
            return Unsupported(call.op, call.output.name, FLOAT16, statement)
    limit = f"{limit[:1].lower()}{limit[1:]}"
    statement = f": {limit}; here it is {value[:MAX_SHOWN]}"
    return Unsupported(call.op, call.output.name, limit, statement)


def refusal(graph: Graph, ops: Sequence[Unsupported]) -> str:
    """Return the sentence that refuses a model: all its ops that do not run, why, what to do.

    Ops of the same name and reason are named once, by the first of them.
    """
    advice = _advice(graph, ops)
    if len(ops) == 1:
        (op,) = ops
        sentence = f"{label(op.op)} {short(op.output)!r}{op.statement}"
        if op.why in ABSENT:
            return f"{sentence}: {advice}"
        known = f": {op.instead}" if op.why in INSTEAD else ""
        return f"{sentence}{known}; {advice}"
    kinds = counted(ops)
    named = ", ".join(_described(name, same) for (name, _), same in kinds[:KINDS])
    if (rest := len(kinds) - KINDS) > 0:
        named += f" and {rest} more kind{'s' if rest > 1 else ''}"
    return (
        f"the engine does not run {len(ops)} of its {len(graph.ops)} ops: {named}; {advice}; "
        "`edgekit inspect` says what to do instead of each"
    )


def _described(name: str, same: list[Unsupported]) -> str:
    """Return ops of one kind: "ABS (2, first 'a': the input is int8; here it is int32)"."""
    first, count = same[0], len(same)
    reason = "" if first.why in ABSENT else first.statement
    if len(reason) > OF_KIND:
        reason = f"{reason[: OF_KIND - 1]}…"
    return f"{name} ({count}, {'first ' if count > 1 else ''}{short(first.output)!r}{reason})"


def counted(ops: Sequence[Unsupported]) -> list[tuple[tuple[str, str], list[Unsupported]]]:
    """Return the ops by name and reason, the most frequent first."""
    kinds: dict[tuple[str, str], list[Unsupported]] = {}
    for op in ops:
        kinds.setdefault((kind(op.op), op.why), []).append(op)
    return sorted(kinds.items(), key=lambda kind: -len(kind[1]))


def _advice(graph: Graph, ops: Sequence[Unsupported]) -> str:
    if reason := not_for_litert(graph):
        return reason
    them = "it" if len(ops) == 1 else "them"
    sure = all(op.why in INSTEAD for op in ops)
    return f'LiteRT {"runs" if sure else "may run"} {them} (backend="litert")'


def not_for_litert(graph: Graph) -> str:
    """Return why LiteRT cannot run a file, and what to do; "" when there is no known reason."""
    custom = {op.name: kind(op) for op in graph.ops if op.custom and op.name not in LITERT_CUSTOM}
    if EDGETPU_OP in custom:
        return "it is compiled for the Edge TPU: open it with the backend edgetpu"
    if ETHOS_U_OP in custom:
        return (
            "Vela has compiled it for an Arm Ethos-U, and only TFLite Micro with that NPU runs it: "
            "use the file that Vela compiled"
        )
    for name, shown in custom.items():
        if name.startswith(FLEX):
            what = f"{TENSORFLOW_OP}, which LiteRT lacks: {INSTEAD[TENSORFLOW_OP]}"
        else:
            what = f"{CUSTOM_OP}, which only a runtime built with it runs: {INSTEAD[CUSTOM_OP]}"
        return f"{shown} is {what}"
    return _blockwise(graph)


def _blockwise(graph: Graph) -> str:
    """Return which blockwise weights LiteRT does not run correctly; "" if there are none.

    Measured with LiteRT 2.3: int4 weights of FULLY_CONNECTED with float16 scales are right. Its
    kernels give 0 for int8 weights and a wrong sum for float32 scales; a block that is longer than
    the row, or missing scales, crash the process.
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
                    "wrong answers or ends the process: quantise with a scale for each channel"
                )
    return ""


def _litert_reads(graph: Graph, weights: Tensor) -> bool:
    blocks = weights.blockwise
    if blocks is None or weights.dtype != "int4" or len(weights.shape) != 2:
        return False
    rows, depth = weights.shape
    if blocks.block < 1 or depth % blocks.block or blocks.zero_points not in (0, -1):
        return False
    if not 0 <= blocks.scales < len(graph.tensors):
        return False
    scales = graph.tensors[blocks.scales]
    fits = scales.shape == (rows, depth // blocks.block)
    return fits and scales.dtype == "float16" and scales.data is not None
