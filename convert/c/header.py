"""The header of an exported model: what a user of the library reads."""

from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.meaning import LOGITS, PROBABILITIES
from edge_runtime.ops.requantize import LIMITS
from edgekit.convert.c import text
from edgekit.convert.c.facts import Facts, Port

MEANING = {
    PROBABILITIES: "Classes; their scores are probabilities, 0 to 1.",
    LOGITS: "Classes; their scores are logits, of which the highest is the answer.",
}


def render(facts: Facts, about: str, pixels: npt.NDArray[Any] | None) -> str:
    """Return the text of ``<name>.h``.

    Args:
        facts: of the model.
        about: the comment at the head of the file.
        pixels: what the pixels 0 to 255 are in the input's element type, [256, channels or 1];
            None where the model file does not say how they are normalised.
    """
    name, upper = facts.name, facts.name.upper()
    parts = [
        f"{about}\n#ifndef {upper}_H\n#define {upper}_H\n\n#include <stdint.h>\n",
        '#ifdef __cplusplus\nextern "C" {\n#endif\n',
        _macros(facts),
        f"typedef {text.C_TYPES[facts.input.dtype]} {name}_input_t;\n"
        f"typedef {text.C_TYPES[facts.output.dtype]} {name}_output_t;\n",
        _functions(facts),
    ]
    if facts.labels:
        parts.append(
            "/* Name of each class, UTF-8, in the order of the scores. */\n"
            f"extern const char *const {name}_labels[{upper}_CLASSES];\n"
        )
    if pixels is not None:
        parts.append(_quantize_pixels(facts, pixels))
    parts.append(_quantize_floats(facts))
    parts += [_score(facts), _best(facts)] if facts.classes else [_value(facts)]
    parts.append("#ifdef __cplusplus\n}\n#endif\n\n#endif\n")
    return "\n".join(parts)


def _macros(facts: Facts) -> str:
    upper = facts.name.upper()
    lines = [
        f'#define {upper}_MODEL_SHA256 \\\n    "{facts.sha256}"',
        f'#define {upper}_VERSION "{facts.version}" /* edgekit\'s */',
        "",
    ]
    for role, port in ("INPUT", facts.input), ("OUTPUT", facts.output):
        shape = " x ".join(map(str, port.shape))
        lines.append(f"/* {role.capitalize()}: {port.dtype} [{shape}], {_meaning(port)}. */")
        lines.append(f"#define {upper}_{role}_SIZE {port.elements}")
        if port.scale is not None:
            lines.append(f"#define {upper}_{role}_SCALE {text.real(port.scale)}")
            lines.append(f"#define {upper}_{role}_ZERO_POINT ({port.zero_point})")
        lines.append("")
    if facts.classes:
        lines += [f"/* {MEANING[facts.meaning]} */", f"#define {upper}_CLASSES {facts.classes}", ""]
    lines += [
        "/* Bytes of memory for activations. */",
        f"#define {upper}_ARENA_SIZE {max(1, facts.arena)}",
        "",
    ]
    return "\n".join(lines)


def _meaning(port: Port) -> str:
    if port.scale is None:
        return "the numbers themselves"
    return "where q stands for (q - zero point) * scale"


def _functions(facts: Facts) -> str:
    name, upper = facts.name, facts.name.upper()
    pad = " " * len(f"int {name}_run_in(")
    return f"""\
/* Runs the model on one image. Activations lie in a static arena, so one call at a time.
 * Returns 0; -1 when a pointer is NULL. Nothing has to be initialised before. */
int {name}_run(const {name}_input_t input[{upper}_INPUT_SIZE],
{" " * len(f"int {name}_run(")}{name}_output_t output[{upper}_OUTPUT_SIZE]);

/* The same with an arena of the caller's: {upper}_ARENA_SIZE bytes, aligned as int64_t is. Nothing
 * is kept in it between calls. Returns -1 also when it is not aligned. Input and output may lie
 * wherever their elements may. */
int {name}_run_in(void *arena,
{pad}const {name}_input_t input[{upper}_INPUT_SIZE],
{pad}{name}_output_t output[{upper}_OUTPUT_SIZE]);

/* Returns 0 while the weights and all other constants of {name}.c have the CRC-32 that they had
 * when edgekit wrote them, else -1. A linker drops it where nobody calls it. */
int {name}_check_constants(void);

/* Checks the constants, then runs the model on recorded inputs (in {name}_selftest.c). Returns
 * 0 only when every byte of every output is what edgekit recorded; -1 when a constant is another;
 * else 1 + the number of the first input that failed. */
int {name}_selftest(void);
"""


def _quantize_pixels(facts: Facts, pixels: npt.NDArray[Any]) -> str:
    name, upper = facts.name, facts.name.upper()
    body = _affine(facts, pixels)
    if body is None:
        body = _tabulated(facts, pixels)
    return f"""\
/* Brings pixels, 0 to 255, as the model was trained on them, into the input's form. */
static inline void {name}_quantize_u8(const uint8_t pixels[{upper}_INPUT_SIZE],
{" " * len(f"static inline void {name}_quantize_u8(")}{name}_input_t input[{upper}_INPUT_SIZE])
{{
{body}}}
"""


def _affine(facts: Facts, pixels: npt.NDArray[Any]) -> str | None:
    """Return the loop where a pixel becomes itself and an offset; None where it does not."""
    if facts.input.dtype == "float32" or pixels.shape[1] != 1:
        return None
    offsets = pixels[:, 0].astype(np.int64) - np.arange(256)
    if offsets.min() != offsets.max():
        return None
    offset = int(offsets[0])
    moved = f"pixels[i] {'-' if offset < 0 else '+'} {abs(offset)}" if offset else "pixels[i]"
    return f"""\
    for (int32_t i = 0; i < {facts.name.upper()}_INPUT_SIZE; i++)
        input[i] = ({facts.name}_input_t)({moved});
"""


def _tabulated(facts: Facts, pixels: npt.NDArray[Any]) -> str:
    name, channels = facts.name, pixels.shape[1]
    if facts.input.dtype == "float32":
        mean, std = (_per_channel(values, channels) for values in (facts.mean, facts.std))
        made = f"((float)pixels[i] - mean[i % {channels}]) / std[i % {channels}]"
        tables = [("mean", mean), ("std", std)]
    else:
        made = (
            f"table[pixels[i] * {channels} + i % {channels}]"
            if channels > 1
            else ("table[pixels[i]]")
        )
        tables = [("table", pixels)]
    arrays = "".join(text.array(label, values) for label, values in tables)
    indented = "".join(f"    {line}\n" for line in arrays.splitlines())
    return f"""\
{indented}    for (int32_t i = 0; i < {name.upper()}_INPUT_SIZE; i++)
        input[i] = {made};
"""


def _per_channel(values: tuple[float, ...], channels: int) -> npt.NDArray[np.float32]:
    return np.broadcast_to(np.asarray(values, np.float32), channels)


def _quantize_floats(facts: Facts) -> str:
    name, upper = facts.name, facts.name.upper()
    signature = f"""\
static inline void {name}_quantize_float(const float values[{upper}_INPUT_SIZE],
{" " * len(f"static inline void {name}_quantize_float(")}{name}_input_t input[{upper}_INPUT_SIZE])
"""
    if facts.input.scale is None:
        return f"""\
/* Brings numbers on the model's own scale into the input's form, which is the same. */
{signature}{{
    for (int32_t i = 0; i < {upper}_INPUT_SIZE; i++)
        input[i] = values[i];
}}
"""
    low, high = LIMITS[facts.input.dtype]
    return f"""\
/* Brings numbers on the model's own scale into the input's form: to the nearest, halves away from
 * zero; what the type cannot hold becomes its end, and NaN the lowest. */
{signature}{{
    for (int32_t i = 0; i < {upper}_INPUT_SIZE; i++) {{
        const float steps = values[i] / {upper}_INPUT_SCALE;
        const float low = (float)({low} - {upper}_INPUT_ZERO_POINT);
        const float high = (float)({high} - {upper}_INPUT_ZERO_POINT);
        const float cut = steps > low ? steps < high ? steps : high : low;
        const int32_t whole = (int32_t)cut;
        const float rest = cut - (float)whole;
        const int32_t moved = rest >= 0.5f ? 1 : rest <= -0.5f ? -1 : 0;
        input[i] = ({name}_input_t)(whole + moved + {upper}_INPUT_ZERO_POINT);
    }}
}}
"""


def _number(facts: Facts, element: str) -> str:
    """Return the C expression of the number that an element of the output stands for."""
    upper = facts.name.upper()
    if facts.output.scale is None:
        return element
    return f"(float)({element} - {upper}_OUTPUT_ZERO_POINT) * {upper}_OUTPUT_SCALE"


def _value(facts: Facts) -> str:
    name, upper = facts.name, facts.name.upper()
    return f"""\
/* Returns the number at ``index`` of the output, 0 to {upper}_OUTPUT_SIZE - 1. */
static inline float {name}_value(const {name}_output_t output[{upper}_OUTPUT_SIZE], int index)
{{
    return {_number(facts, "output[index]")};
}}
"""


def _score(facts: Facts) -> str:
    name, upper = facts.name, facts.name.upper()
    if facts.single:
        other = "-score" if facts.meaning == LOGITS else "1.0f - score"
        body = f"""\
    const float score = {_number(facts, "output[0]")};
    return index ? score : {other};
"""
    else:
        body = f"    return {_number(facts, 'output[index]')};\n"
    what = "the score"
    if facts.meaning == LOGITS:
        what = "the logit, what stands before {}".format("sigmoid," if facts.single else "softmax,")
    return f"""\
/* Returns {what} of class ``index``, 0 to {upper}_CLASSES - 1. */
static inline float {name}_score(const {name}_output_t output[{upper}_OUTPUT_SIZE], int index)
{{
{body}}}
"""


def _best(facts: Facts) -> str:
    name, upper = facts.name, facts.name.upper()
    return f"""\
/* Returns the class with the highest score, the first of equals. */
static inline int {name}_best(const {name}_output_t output[{upper}_OUTPUT_SIZE])
{{
    int best = 0;
    for (int index = 1; index < {upper}_CLASSES; index++)
        if ({name}_score(output, index) > {name}_score(output, best))
            best = index;
    return best;
}}
"""
