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
    "CONCATENATION": "concatenation",
    "DEPTHWISE_CONV_2D": "depthwise_conv_2d",
    "DEQUANTIZE": "dequantize",
    "EXPAND_DIMS": "expand_dims",
    "FULLY_CONNECTED": "fully_connected",
    "LEAKY_RELU": "leaky_relu",
    "LOGISTIC": "logistic",
    "MUL": "mul",
    "PACK": "pack",
    "QUANTIZE": "quantize",
    "RELU": "relu",
    "RELU6": "relu",
    "RELU_N1_TO_1": "relu",
    "RESHAPE": "reshape",
    "SHAPE": "shape",
    "SOFTMAX": "softmax",
    "SQUEEZE": "squeeze",
    "STRIDED_SLICE": "strided_slice",
    "SUB": "sub",
    "TANH": "tanh",
    "TRANSPOSE_CONV": "transpose_conv",
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
