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

_LUMA = """\
    const uint32_t luma = (uint32_t)19595 * pixel[0] + (uint32_t)38470 * pixel[1] +
                          (uint32_t)7471 * pixel[2];
    pixel[0] = (uint8_t)((luma + 0x8000) >> 16);
"""


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
        if facts.takes_pictures:
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
    raw = naming.raw_array(facts)
    pointers = f"const uint8_t {raw}[{size}]", array(facts, port, "input")
    return f"""\
/* Brings {raw}, 0 to 255, as the model was trained on them, into the input's form. */
{prototype(f"static inline void {name}_from_u8(", pointers)}
{{
    for (int32_t i = 0; i < {size}; i++)
        input[i] = {name}_from_byte({raw}[i], {channel});
}}
#define {name}_quantize_u8 {name}_from_u8 /* its former name */
"""


def _from_colours(facts: Facts) -> str:
    """Return the functions of pixels as cameras give them."""
    [port] = facts.inputs
    name, channels, size = facts.name, _channels(facts), macro(facts, port, "SIZE")
    count = size if channels == 1 else f"{size} / {channels}"
    luma, what = (_LUMA, "'s luma (BT.601)") if channels == 1 else ("", "")

    def picture(kind: str, parameter: str) -> str:
        start = f"static inline void {name}_from_{kind}("
        return f"""\
{prototype(start, (parameter, array(facts, port, "input")))}
{{
    for (int32_t i = 0; i < {count}; i++) {{
        uint8_t pixel[{COLOURS}];
        {name}_pixel_{kind}(rgb, i, pixel);
        for (int32_t c = 0; c < {channels}; c++)
            input[i * {channels} + c] = {name}_from_byte(pixel[c], c);
    }}
}}
"""

    return f"""\
/* Reads pixel i of a picture, a colour{what}, of 3 bytes, red first; the other
 * function of 16 bits, RRRRRGGGGGGBBBBB: five or six bits become eight by repeating their highest
 * ones. A camera that sends the high byte first needs them swapped before. */
static inline void {name}_pixel_rgb888(const void *frame, int32_t i, uint8_t *pixel)
{{
    const uint8_t *const rgb = (const uint8_t *)frame + i * 3;
    pixel[0] = rgb[0];
    pixel[1] = rgb[1];
    pixel[2] = rgb[2];
{luma}}}

static inline void {name}_pixel_rgb565(const void *frame, int32_t i, uint8_t *pixel)
{{
    const uint16_t rgb = ((const uint16_t *)frame)[i];
    const uint16_t r = rgb >> 11, g = rgb >> 5 & 63, b = rgb & 31;
    pixel[0] = (uint8_t)(r << 3 | r >> 2);
    pixel[1] = (uint8_t)(g << 2 | g >> 4);
    pixel[2] = (uint8_t)(b << 3 | b >> 2);
{luma}}}

/* Brings a picture of the input's size into its form: pixels of 3 bytes, red first. */
{picture("rgb888", f"const uint8_t rgb[{count} * 3]")}
/* The same of pixels of 16 bits. */
{picture("rgb565", f"const uint16_t rgb[{count}]")}"""


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
