"""The ops of edge_runtime's own engine, one file each.

``ops/<op>.py`` has ``CONSTRAINTS`` (a function each, whose docstring is the error text; it returns
what breaks the limit, None when nothing does), ``shapes(call)`` (the shape of each output) and
``lower(call)``: the kernel that runs the op. An op whose output the planner can know has
``fold(call)`` instead, which returns its bytes; one whose output is its first input's bytes under
another shape has ``ALIAS = True``. ``ELEMENTWISE = True``: each element of the output depends on
one element of each input, which are broadcast.

A kernel is ``ek_<its name>`` in ``kernels/<family>.c`` and, as the definition of its meaning, a
NumPy function in ``kernels/<family>.py``. Both have the same int32 parameters and the same flat
tensors: the op's inputs, the constants of the lowering, and the outputs.
"""

from __future__ import annotations

from os.path import dirname, join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

# In a wheel, those that few networks have lie there: see setup.py.
__path__.append(join(dirname(__path__[0]), "seldom.zip", "ops"))  # noqa: PTH118, PTH120

OPS = {
    "ABS": "abs",
    "ADD": "add",
    "ADD_N": "add_n",
    "ARG_MAX": "arg_max",
    "ARG_MIN": "arg_max",
    "AVERAGE_POOL_2D": "pool",
    "BATCH_MATMUL": "batch_matmul",
    "BATCH_TO_SPACE_ND": "space_to_batch_nd",
    "BROADCAST_TO": "broadcast_to",
    "CAST": "cast",
    "CEIL": "unary",
    "CONCATENATION": "concatenation",
    "CONV_2D": "conv_2d",
    "COS": "unary",
    "CUMSUM": "cumsum",
    "DENSIFY": "densify",
    "DEPTHWISE_CONV_2D": "depthwise_conv_2d",
    "DEPTH_TO_SPACE": "space_to_depth",
    "DEQUANTIZE": "dequantize",
    "DIV": "div",
    "ELU": "elu",
    "EMBEDDING_LOOKUP": "embedding_lookup",
    "EQUAL": "comparison",
    "EXP": "exp",
    "EXPAND_DIMS": "expand_dims",
    "FILL": "fill",
    "FLOOR": "unary",
    "FLOOR_DIV": "floor_div",
    "FLOOR_MOD": "floor_div",
    "FULLY_CONNECTED": "fully_connected",
    "GATHER": "gather",
    "GATHER_ND": "gather_nd",
    "GELU": "gelu",
    "GREATER": "comparison",
    "GREATER_EQUAL": "comparison",
    "HARD_SWISH": "hard_swish",
    "IF": "control_flow",
    "L2_NORMALIZATION": "l2_normalization",
    "L2_POOL_2D": "pool",
    "LEAKY_RELU": "leaky_relu",
    "LESS": "comparison",
    "LESS_EQUAL": "comparison",
    "LOG": "log",
    "LOGICAL_AND": "logical",
    "LOGICAL_NOT": "unary",
    "LOGICAL_OR": "logical",
    "LOGISTIC": "logistic",
    "LOG_SOFTMAX": "log_softmax",
    "LSTM": "unidirectional_sequence_lstm",
    "MAXIMUM": "maximum",
    "MAX_POOL_2D": "pool",
    "MEAN": "reduce",
    "MINIMUM": "maximum",
    "MIRROR_PAD": "mirror_pad",
    "MUL": "mul",
    "NEG": "unary",
    "NOT_EQUAL": "comparison",
    "ONE_HOT": "one_hot",
    "PACK": "pack",
    "PAD": "pad",
    "PADV2": "pad",
    "POW": "pow",
    "PRELU": "prelu",
    "QUANTIZE": "quantize",
    "RANGE": "range",
    "RANK": "rank",
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
    "RNN": "unidirectional_sequence_rnn",
    "ROUND": "unary",
    "RSQRT": "roots",
    "SELECT": "select",
    "SELECT_V2": "select",
    "SHAPE": "shape",
    "SIGN": "unary",
    "SIN": "unary",
    "SLICE": "slice",
    "SOFTMAX": "softmax",
    "SPACE_TO_BATCH_ND": "space_to_batch_nd",
    "SPACE_TO_DEPTH": "space_to_depth",
    "SPLIT": "split",
    "SPLIT_V": "split_v",
    "SQRT": "roots",
    "SQUARE": "unary",
    "SQUARED_DIFFERENCE": "squared_difference",
    "SQUEEZE": "squeeze",
    "STRIDED_SLICE": "strided_slice",
    "SUB": "sub",
    "SUM": "reduce",
    "SVDF": "svdf",
    "TANH": "tanh",
    "TILE": "tile",
    "TOPK_V2": "topk_v2",
    "TRANSPOSE": "transpose",
    "TRANSPOSE_CONV": "transpose_conv",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "unidirectional_sequence_lstm",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "unidirectional_sequence_rnn",
    "UNPACK": "unpack",
    "WHILE": "control_flow",
    "ZEROS_LIKE": "zeros_like",
}
"""Builtin -> module of this folder."""

ROUNDINGS = ("litert", "xnnpack", "tflite-micro")
"""Whose bytes an integer model gives, where runtimes differ: LiteRT's reference kernels'
(OpResolverType.BUILTIN_REF), XNNPACK's, which rounds everything once, or TFLite Micro's, which
rounds twice."""


CUSTOM = {"TFLite_Detection_PostProcess": "detection_postprocess"}
"""Likewise of custom ops that LiteRT has, by their custom codes."""

OWN = {"COPY": "copy", "TABLE": "table"}
"""Likewise of ops that no file has: passes of the planner add them."""


_FOUND: dict[str, ModuleType] = {}


def find(name: str, *, custom: bool = False) -> ModuleType | None:
    """Import the module of the builtin ``name``, or of that custom op; None when there is none."""
    module = CUSTOM.get(name) if custom else OPS.get(name) or OWN.get(name)
    if module is None:
        return None
    if module not in _FOUND:
        _FOUND[module] = __import__(f"{__name__}.{module}", fromlist=[module])
    return _FOUND[module]
