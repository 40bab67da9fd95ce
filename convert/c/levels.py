"""The levels of the engine's variants that are exported: where they run, and in which order."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge_runtime.planner.overlap import Order


@dataclass(frozen=True)
class ExportLevel:
    """The exporter's view of a level of the engine's table.

    Attributes:
        condition: the macro of kernel.h that is defined where its kernels run; "" everywhere.
        params: names of the parameters that its packers append to the kernel's own.
        types: types of the constants that its packers write, by position among a kernel's tensors,
            where they are not the kernel's own.
    """

    condition: str = ""
    params: tuple[str, ...] = ()
    types: Mapping[int, str] = field(default_factory=dict)


DSP_TYPES = {1: "uint32", 4: "int8"}
"""Words of weights, and shifts of FULLY_CONNECTED."""

LEVELS = {
    "rvv": ExportLevel("EK_RVV"),
    "helium": ExportLevel("EK_HELIUM", ("ties",)),
    "skip_dsp": ExportLevel("EK_DSP", ("input_zero_point", "chunk"), DSP_TYPES),
    "sparse_dsp": ExportLevel("EK_DSP", types=DSP_TYPES),
    "dsp": ExportLevel("EK_DSP", ("chunk",), DSP_TYPES),
    "fpu": ExportLevel("EK_FPU"),
    "skip": ExportLevel("", ("input_zero_point",)),
    "sparse": ExportLevel(),
    "computed": ExportLevel("", ("multiplier", "shift", "radius")),
}
"""The levels that are exported besides the portable one, the best first."""

UNREAD: Mapping[tuple[str, str], tuple[int, ...]] = {
    ("conv_2d_int8_twice", "dsp"): (2, 3, 4),
    ("depthwise_conv_2d_int8_twice", "dsp"): (2, 4),
    ("softmax_int8_twice", "computed"): (1,),
    ("softmax_uint8_twice", "computed"): (1,),
}
"""Kernel and level -> positions of the constants that the form does not read: they are left out."""

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
