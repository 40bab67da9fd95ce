"""The levels of the engine's variants that are exported: where they run, and in which order."""

from collections.abc import Mapping
from dataclasses import dataclass

from edge_runtime.planner.overlap import Order


@dataclass(frozen=True)
class ExportLevel:
    """The exporter's view of a level of the engine's table.

    Attributes:
        condition: the macro of kernel.h that is defined where its kernels run; "" everywhere.
        params: names of the parameters that its packers append to the kernel's own.
        weights: type of the weights that its packers write.
    """

    condition: str = ""
    params: tuple[str, ...] = ()
    weights: str = "int8"


LEVELS = {
    "rvv": ExportLevel("EK_RVV"),
    "helium": ExportLevel("EK_HELIUM", ("ties",)),
    "skip_dsp": ExportLevel("EK_DSP", ("input_zero_point", "chunk"), "uint32"),
    "sparse_dsp": ExportLevel("EK_DSP", weights="uint32"),
    "dsp": ExportLevel("EK_DSP", ("chunk",), "uint32"),
    "fpu": ExportLevel("EK_FPU"),
    "skip": ExportLevel("", ("input_zero_point",)),
    "sparse": ExportLevel(),
    "computed": ExportLevel("", ("multiplier", "shift", "radius")),
}
"""The levels that are exported besides the portable one, the best first."""


ORDERS: Mapping[tuple[str, str], Order] = {
    ("conv_2d_int8_twice", "dsp"): Order(positions=3, gathered=True),
    ("depthwise_conv_2d_int8_twice", "dsp"): Order(by_channel=True, rows=2, columns=12),
    ("pool_average_int8_once", "dsp"): Order(),
    ("conv_2d_int8_twice", "helium"): Order(positions=2, gathered=True),
    ("depthwise_conv_2d_int8_twice", "helium"): Order(),
    ("conv_2d_int8_twice", "rvv"): Order(),
    ("depthwise_conv_2d_int8_twice", "rvv"): Order(),
}
"""Kernel and level -> the order in which a form other than the portable one reads and writes. The
output of a form that is not here never overlaps its input."""
