"""Values as C: numbers, arrays. What is printed is read back as the same bits."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.convert.c import layout

C_TYPES = {
    "bool": "uint8_t",
    "float32": "float",
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "uint8": "uint8_t",
    "uint16": "uint16_t",
    "uint32": "uint32_t",
}
"""NumPy's name of an element type -> C's."""

STRING_OR_IDENTIFIER = re.compile(r'"(?:[^"\\\n]|\\.)*"|\b[A-Za-z_]\w*')

LEAST = {-(2**31): "INT32_MIN", -(2**63): "INT64_MIN"}
"""Numbers without a literal: C reads the sign after the number, which is too large by then."""


def number(value: float, dtype: str) -> str:
    """Return a number of the element type as a C constant."""
    if dtype == "float32":
        return real(value)
    whole = int(value)
    return LEAST.get(whole, f"{whole}u" if dtype == "uint32" else str(whole))


def real(value: float) -> str:
    """Return a float32 as the shortest decimal constant that is read as the same bits.

    Infinity needs math.h. NaN has no constant that says its bits.
    """
    assert not math.isnan(value)
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    text = np.format_float_scientific(np.float32(value), unique=True, trim="0")
    return f"{text}f"


def array(
    name: str, values: npt.NDArray[Any], *, size: str = "", storage: str = "static const"
) -> str:
    """Return the definition of a one-dimensional array.

    Args:
        name: name of the array.
        values: its elements, of any shape and a type in ``C_TYPES``.
        size: what stands in the brackets; the number of elements where it is empty.
        storage: what stands before the type.
    """
    dtype = str(values.dtype)
    # Most numbers are there often; 0 and -0 as floats are the same number, but not the same text.
    bits = values.ravel().view(f"u{values.itemsize}")
    each, places = np.unique(bits, return_inverse=True)
    numbers: Iterable[Any] = each.view(values.dtype)
    # A float32 of NumPy is printed faster than a Python float, an int of Python than one of NumPy.
    numbers = numbers if dtype == "float32" else each.view(values.dtype).tolist()
    texts = [number(value, dtype) for value in numbers]
    items = map(texts.__getitem__, places.tolist())
    return (
        f"{storage} {C_TYPES[dtype]} {name}[{size or values.size}] = {{\n"
        f"{layout.filled(items, '    ')}\n}};\n"
    )


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Return C in which identifiers have other names; a string stays as it is.

    The instruction "add" of an assembler is not the function ``add``.
    """
    return STRING_OR_IDENTIFIER.sub(lambda one: names.get(one[0], one[0]), text)
