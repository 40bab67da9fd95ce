"""C functions that bring raw inputs into a model's input: pixels, features, numbers.

They calculate what ``edge_runtime`` does, in the same order: the bytes are the same.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.ops.constraints import LIMITS
from edgekit.convert.c import naming, text
from edgekit.convert.c.facts import Facts, Port
from edgekit.convert.c.layout import prototype
from edgekit.convert.c.naming import array, macro

COLOURS = 3


def functions(facts: Facts, pixels: npt.NDArray[Any] | None) -> list[str]:
    """Return the functions of a header.

    Args:
        facts: facts of the model.
        pixels: the bytes 0 to 255 in the element type of the only input, [256, channels or 1];
            None where the model file does not say how they are normalised.
    """
    parts = []
    if pixels is not None:
        parts += [_from_byte(facts, pixels), _from_u8(facts)]
        if facts.inputs[0].picture:
            parts.append(_from_colours(facts))
    if facts.features:
        parts.append(_from_features(facts))
    return [*parts, *(_quantize_floats(facts, port) for port in facts.inputs if port.takes_floats)]


def _channels(facts: Facts) -> int:
    """Return the channels of the only input, if it is a picture; 1 if it is not."""
    sizes = facts.inputs[0].picture
    return sizes[2] if sizes else 1


def _from_byte(facts: Facts, pixels: npt.NDArray[Any]) -> str:
    """Return the function of one byte; of one channel where these differ."""
    name, tables = facts.name, ""
    if (offset := _offset(facts, pixels)) is not None:
        moved = f"value {'-' if offset < 0 else '+'} {abs(offset)}" if offset else "value"
        element, unused = f"({name}_input_t)({moved})", True
    elif facts.inputs[0].dtype == "float32":
        means, deviations = (
            np.broadcast_to(np.asarray(values, np.float32), pixels.shape[1])
            for values in (facts.mean, facts.std)
        )
        tables = text.array("mean", means) + text.array("std", deviations)
        unused = pixels.shape[1] == 1
        at = "0" if unused else "channel"
        element = f"((float)value - mean[{at}]) / std[{at}]"
    else:
        tables, unused = text.array("table", pixels), pixels.shape[1] == 1
        element = "table[value]" if unused else f"table[value * {pixels.shape[1]} + channel]"
    indented = "".join(f"    {line}\n" for line in tables.splitlines())
    ignored = "    (void)channel;\n" if unused else ""
    return f"""\
/* Returns byte 0 to 255 of a channel, as the model was trained on it, in the input's form. */
static inline {name}_input_t {name}_from_byte(uint8_t value, int32_t channel)
{{
{indented}{ignored}    return {element};
}}
"""


def _offset(facts: Facts, pixels: npt.NDArray[Any]) -> int | None:
    """Return what is added to a byte, where that is all; else None."""
    if facts.inputs[0].dtype == "float32" or pixels.shape[1] != 1:
        return None
    offsets = pixels[:, 0].astype(np.int64) - np.arange(256)
    return int(offsets[0]) if offsets.min() == offsets.max() else None


def _from_u8(facts: Facts) -> str:
    [port] = facts.inputs
    name, size = facts.name, macro(facts, port, "SIZE")
    channel = f"i % {port.shape[-1]}" if port.shape[-1] > 1 else "0"
    pointers = f"const uint8_t pixels[{size}]", array(facts, port, "input")
    return f"""\
/* Brings pixels, 0 to 255, as the model was trained on them, into the input's form. */
{prototype(f"static inline void {name}_from_u8(", pointers)}
{{
    for (int32_t i = 0; i < {size}; i++)
        input[i] = {name}_from_byte(pixels[i], {channel});
}}
#define {name}_quantize_u8 {name}_from_u8 /* its former name */
"""


def _from_colours(facts: Facts) -> str:
    """Return the functions of pixels as cameras give them."""
    [port] = facts.inputs
    name, channels, size = facts.name, _channels(facts), macro(facts, port, "SIZE")
    pixels = size if channels == 1 else f"{size} / {channels}"
    start = f"static inline void {name}_colour("
    parameters = array(facts, port, "input"), "int32_t i", "uint8_t r", "uint8_t g", "uint8_t b"
    if channels == COLOURS:
        stored = "".join(
            f"    input[i * {COLOURS} + {c}] = {name}_from_byte({colour}, {c});\n"
            for c, colour in enumerate("rgb")
        )
    else:
        stored = f"""\
    const uint32_t luma = (uint32_t)19595 * r + (uint32_t)38470 * g + (uint32_t)7471 * b;
    input[i] = {name}_from_byte((uint8_t)((luma + 0x8000) >> 16), 0);
"""
    return f"""\
/* Sets pixel i of the input to a colour{"" if channels > 1 else "'s luma (BT.601)"}. */
{prototype(start, parameters)}
{{
{stored}}}

/* Brings a picture of the input's size into its form: pixels of 3 bytes, red first. */
{
        prototype(
            f"static inline void {name}_from_rgb888(",
            (f"const uint8_t rgb[{pixels} * 3]", array(facts, port, "input")),
        )
    }
{{
    for (int32_t i = 0; i < {pixels}; i++)
        {name}_colour(input, i, rgb[i * 3], rgb[i * 3 + 1], rgb[i * 3 + 2]);
}}

/* The same of pixels of 16 bits, RRRRRGGGGGGBBBBB: five or six bits become eight by repeating their
 * highest ones. A camera that sends the high byte first needs them swapped before. */
{
        prototype(
            f"static inline void {name}_from_rgb565(",
            (f"const uint16_t rgb[{pixels}]", array(facts, port, "input")),
        )
    }
{{
    for (int32_t i = 0; i < {pixels}; i++) {{
        const uint16_t r = rgb[i] >> 11, g = rgb[i] >> 5 & 63, b = rgb[i] & 31;
        {name}_colour(input, i, (uint8_t)(r << 3 | r >> 2), (uint8_t)(g << 2 | g >> 4),
                      (uint8_t)(b << 3 | b >> 2));
    }}
}}
"""


def _from_features(facts: Facts) -> str:
    """Return the function of features, each with its own mean and deviation."""
    [port] = facts.inputs
    size = macro(facts, port, "SIZE")
    tables = ""
    places = []
    for label, values in ("mean", facts.mean), ("std", facts.std):
        tables += text.array(label, np.asarray(values, np.float32))
        places.append(f"{label}[{f'i % {len(values)}' if len(values) > 1 else 0}]")
    indented = "".join(f"    {line}\n" for line in tables.splitlines())
    value = f"(features[i] - {places[0]}) / {places[1]}"
    pointers = f"const float features[{size}]", array(facts, port, "input")
    return f"""\
/* Brings features in their own units, as the model was trained on them, into the input's form. What
 * it cannot hold becomes its end, and NaN the lowest. */
{prototype(f"static inline void {facts.name}_from_features(", pointers)}
{{
{indented}{_rounded(facts, port, value)}}}
"""


def _quantize_floats(facts: Facts, port: Port) -> str:
    pointers = f"const float values[{macro(facts, port, 'SIZE')}]", array(facts, port, "input")
    start = f"static inline void {facts.name}_quantize_float{naming.suffix(facts, port)}("
    what = "into the input's form, which is the same."
    if port.scale is not None:
        what = """\
into the input's form: to the nearest, halves away from
 * zero; what the type cannot hold becomes its end, and NaN the lowest."""
    return f"""\
/* Brings numbers on the model's own scale {what} */
{prototype(start, pointers)}
{{
{_rounded(facts, port, "values[i]")}}}
"""


def _rounded(facts: Facts, port: Port, value: str) -> str:
    """Return the loop that stores numbers on the model's scale in the input.

    Args:
        facts: facts of the model.
        port: the input.
        value: C expression of number ``i``.
    """
    size, scale, zero_point = (macro(facts, port, one) for one in ("SIZE", "SCALE", "ZERO_POINT"))
    if port.scale is None:
        return f"""\
    for (int32_t i = 0; i < {size}; i++)
        input[i] = {value};
"""
    low, high = LIMITS[port.dtype]
    return f"""\
    for (int32_t i = 0; i < {size}; i++) {{
        const float value = {value};
        const float steps = value / {scale};
        const float low = (float)({low} - {zero_point});
        const float high = (float)({high} - {zero_point});
        const float cut = steps > low ? steps < high ? steps : high : low;
        const int32_t whole = (int32_t)cut;
        const float rest = cut - (float)whole;
        const int32_t moved = rest >= 0.5f ? 1 : rest <= -0.5f ? -1 : 0;
        input[i] = ({naming.c_type(facts, port)})(whole + moved + {zero_point});
    }}
"""
