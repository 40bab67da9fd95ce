"""The ops of edge_runtime's own engine, one file each.

``ops/<op>.py`` has ``CONSTRAINTS`` (a function each, whose docstring is the error text; it returns
what breaks the limit, None when nothing does), ``shapes(call)`` (the shape of each output) and
``lower(call)``: the kernel that runs the op. An op whose output the planner can know has
``fold(call)`` instead, which returns its bytes; one whose output is its first input's bytes under
another shape has ``ALIAS = True``.

A kernel is ``ek_<its name>`` in ``kernels/<family>.c`` and, as the definition of its meaning, a
NumPy function in ``kernels/<family>.py``. Both have the same int32 parameters and the same flat
tensors: the op's inputs, the constants of the lowering, and the outputs.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

OPS = {
    "ADD": "add",
    "AVERAGE_POOL_2D": "pool",
    "BROADCAST_TO": "broadcast_to",
    "CONCATENATION": "concatenation",
    "CONV_2D": "conv_2d",
    "DEPTH_TO_SPACE": "space_to_depth",
    "DEQUANTIZE": "dequantize",
    "EQUAL": "comparison",
    "EXPAND_DIMS": "expand_dims",
    "FULLY_CONNECTED": "fully_connected",
    "GREATER": "comparison",
    "GREATER_EQUAL": "comparison",
    "L2_POOL_2D": "pool",
    "LEAKY_RELU": "leaky_relu",
    "LESS": "comparison",
    "LESS_EQUAL": "comparison",
    "LOGICAL_AND": "logical",
    "LOGICAL_OR": "logical",
    "LOGISTIC": "logistic",
    "MAXIMUM": "maximum",
    "MAX_POOL_2D": "pool",
    "MEAN": "reduce",
    "MINIMUM": "maximum",
    "MUL": "mul",
    "NOT_EQUAL": "comparison",
    "ONE_HOT": "one_hot",
    "PACK": "pack",
    "PAD": "pad",
    "PADV2": "pad",
    "QUANTIZE": "quantize",
    "REDUCE_ALL": "reduce",
    "REDUCE_ANY": "reduce",
    "REDUCE_MAX": "reduce",
    "REDUCE_MIN": "reduce",
    "REDUCE_PROD": "reduce",
    "RELU": "relu",
    "RELU6": "relu",
    "RELU_0_TO_1": "relu",
    "RELU_N1_TO_1": "relu",
    "RESHAPE": "reshape",
    "RESIZE_BILINEAR": "resize",
    "RESIZE_NEAREST_NEIGHBOR": "resize",
    "REVERSE_SEQUENCE": "reverse_sequence",
    "REVERSE_V2": "reverse_v2",
    "SELECT": "select",
    "SELECT_V2": "select",
    "SHAPE": "shape",
    "SLICE": "slice",
    "SOFTMAX": "softmax",
    "SPACE_TO_DEPTH": "space_to_depth",
    "SPLIT": "split",
    "SPLIT_V": "split_v",
    "SQUEEZE": "squeeze",
    "STRIDED_SLICE": "strided_slice",
    "SUB": "sub",
    "SUM": "reduce",
    "TANH": "tanh",
    "TILE": "tile",
    "TOPK_V2": "topk_v2",
    "TRANSPOSE": "transpose",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "unidirectional_sequence_lstm",
    "UNPACK": "unpack",
}
"""Builtin -> module of this folder."""

ROUNDINGS = ("litert", "xnnpack", "tflite-micro")
"""Whose bytes an integer model gives, where runtimes differ: LiteRT's reference kernels'
(OpResolverType.BUILTIN_REF), XNNPACK's, which rounds everything once, or TFLite Micro's, which
rounds twice."""


OWN = {"COPY": "copy"}
"""Likewise of ops that no file has: passes of the planner add them."""


def find(name: str) -> ModuleType | None:
    """Import the module of the builtin ``name``, None when there is none."""
    module = OPS.get(name) or OWN.get(name)
    if module is None:
        return None
    return __import__(f"{__name__}.{module}", fromlist=[module])
