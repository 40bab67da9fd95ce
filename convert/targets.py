"""What each target can run, and what keeps a graph from running there."""

from dataclasses import dataclass

from edge_runtime.graph import Graph, Op
from edgekit.convert.conversion import Conversion
from edgekit.errors import TargetError


@dataclass(frozen=True)
class Target:
    """A device that a .tflite file is meant for.

    Attributes:
        name: as in ``--target``.
        title: name for people.
        schemes: number formats it can run.
        per_channel_dense: whether a FULLY_CONNECTED layer may have a scale for each output.
        operators: builtin ops it runs; None means all of TFLite's.
        fallback: where other ops run instead; "" means nowhere.
    """

    name: str
    title: str
    schemes: tuple[str, ...]
    per_channel_dense: bool
    operators: frozenset[str] | None
    fallback: str


# tensorflow/lite/micro/micro_mutable_op_resolver.h: the builtins a resolver can add.
MICRO_OPERATORS = frozenset(
    """
    ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND
    BROADCAST_ARGS BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM
    DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE DIV DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL
    EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER
    GREATER_EQUAL HARD_SWISH IF L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG
    LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM
    MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2 PRELU QUANTIZE READ_VARIABLE REDUCE_MAX REDUCE_MIN
    RELU RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT SELECT_V2
    SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE
    SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH TRANSPOSE TRANSPOSE_CONV
    UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE
    """.split()
)

# Coral documentation, "TensorFlow models on the Edge TPU", table of supported operations.
EDGETPU_OPERATORS = frozenset(
    """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS FULLY_CONNECTED
    L2_NORMALIZATION LOGISTIC MAX_POOL_2D MAXIMUM MEAN MINIMUM MUL PACK PAD PRELU QUANTIZE
    REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR
    RSQRT SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH
    TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM
    """.split()
)

# tflite_supported_operators.py of ethos-u-vela 5.2. Earlier releases accept per-axis scales for
# convolutions only, so dense layers get one scale here.
ETHOS_U_OPERATORS = frozenset(
    """
    ABS ADD ARG_MAX AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXP EXPAND_DIMS
    FULLY_CONNECTED HARD_SWISH LEAKY_RELU LOGISTIC MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL
    PACK PAD PRELU QUANTIZE RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR
    RESIZE_NEAREST_NEIGHBOR RSQRT SHAPE SLICE SOFTMAX SPLIT SPLIT_V SQUARED_DIFFERENCE SQUEEZE
    STRIDED_SLICE SUB TANH TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK
    """.split()
)

TARGETS = {
    target.name: target
    for target in (
        Target(
            name="litert",
            title="LiteRT on a CPU",
            schemes=("float32", "int8", "int16x8", "float16", "dynamic"),
            per_channel_dense=True,
            operators=None,
            fallback="",
        ),
        Target(
            # TFLite Micro supports per-channel Dense weights since September 2024 (its pull request
            # 2673); earlier releases misread them and gave wrong answers (pull request 2602).
            name="mcu",
            title="TFLite Micro on a microcontroller",
            schemes=("float32", "int8", "int16x8"),
            per_channel_dense=False,
            operators=MICRO_OPERATORS,
            fallback="",
        ),
        Target(
            name="edgetpu",
            title="Coral Edge TPU",
            schemes=("int8",),
            per_channel_dense=False,
            operators=EDGETPU_OPERATORS,
            fallback="the host CPU",
        ),
        Target(
            name="ethos-u",
            title="Arm Ethos-U",
            schemes=("int8", "int16x8"),
            per_channel_dense=False,
            operators=ETHOS_U_OPERATORS,
            fallback="the Cortex-M",
        ),
    )
}


BRIDGES = ("QUANTIZE", "DEQUANTIZE")
"""Ops between floating point and integers."""


@dataclass(frozen=True)
class Verdict:
    """Whether a target runs a graph.

    Attributes:
        target: its name.
        runs: whether it runs at all.
        problems: why not, one line each.
        fallbacks: ops that run elsewhere, one line each.
    """

    target: str
    runs: bool
    problems: tuple[str, ...]
    fallbacks: tuple[str, ...]


def check_conversion(conversion: Conversion) -> None:
    """Refuse a conversion that its target cannot run, before any work is done.

    Raises:
        TargetError: the scheme or the batch does not fit the target.
    """
    target = TARGETS[conversion.target]
    if conversion.scheme not in target.schemes:
        raise TargetError(
            f"--target {target.name}: {target.title} does not run {conversion.scheme} models; "
            f"use --quantize --scheme {' or '.join(s for s in target.schemes if s != 'float32')}"
        )
    if target.name != "litert" and conversion.batch != 1:
        raise TargetError(f"--target {target.name}: {target.title} needs --batch 1")


def check_graph(graph: Graph, name: str) -> Verdict:
    """Compare ``graph`` with what target ``name`` runs."""
    target = TARGETS[name]
    problems: list[str] = []
    fallbacks: list[str] = []
    if name != "litert":
        problems += _dynamic(graph)
        problems += _batched(graph)
    if "float32" not in target.schemes:
        problems += [
            f"{label}: computes in floating point; full integer quantisation is needed"
            for label in float_operators(graph)
        ]
    for op in graph.ops:
        reason = unsupported(graph, op, target)
        if reason and target.fallback:
            fallbacks.append(f"{_label(op)}: {reason}; runs on {target.fallback}")
        elif reason:
            problems.append(f"{_label(op)}: {reason}")
    return Verdict(name, not problems, tuple(problems), tuple(fallbacks))


def float_operators(graph: Graph) -> list[str]:
    """Return the ops that compute in floating point, as "op 3 LOGISTIC"; full int8 has none.

    Ops that the converter could not quantise come first: they are why QUANTIZE and DEQUANTIZE are
    there.
    """
    ops = [op for op in graph.ops if is_float(graph, op)]
    return [_label(op) for op in sorted(ops, key=lambda op: op.name in BRIDGES)]


def is_float(graph: Graph, op: Op) -> bool:
    """Tell whether an op reads or writes floating-point numbers."""
    return any(
        index >= 0 and graph.tensors[index].dtype.startswith("float")
        for index in (*op.inputs, *op.outputs)
    )


def unsupported(graph: Graph, op: Op, target: Target) -> str:
    """Return why a target does not run an op, "" when nothing is known against it."""
    if target.operators is not None and (op.custom or op.name not in target.operators):
        return f"not an op of {target.title}"
    if op.name == "FULLY_CONNECTED" and not target.per_channel_dense:
        weights = graph.tensors[op.inputs[1]].quantization if len(op.inputs) > 1 else None
        if weights is not None and weights.per_channel:
            return f"per-channel weights, which {target.title} does not support in a dense layer"
    return ""


def _dynamic(graph: Graph) -> list[str]:
    return [
        f"tensor {tensor.index} {tensor.name!r}: dynamic shape {list(tensor.signature)}"
        for tensor in graph.tensors
        if -1 in tensor.signature
    ]


def _batched(graph: Graph) -> list[str]:
    return [
        f"input {graph.tensors[i].name!r}: batch {graph.tensors[i].shape[0]}, only 1 is possible"
        for i in graph.inputs
        if graph.tensors[i].shape[:1] not in ((), (1,))
    ]


def _label(op: Op) -> str:
    return f"op {op.index} {op.name}"
