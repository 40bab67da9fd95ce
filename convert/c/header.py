"""The header of an exported model: what a user of the library reads."""

from typing import Any

import numpy.typing as npt

from edge_runtime.meaning import LOGITS, MULTILABEL, PROBABILITIES
from edgekit.convert.c import anomaly, audio, checksum, layout, naming, raw_inputs, text
from edgekit.convert.c.facts import Facts, Port
from edgekit.convert.c.layout import prototype
from edgekit.convert.c.naming import array, macro

MEANING = {
    PROBABILITIES: "Classes; their scores are probabilities, 0 to 1.",
    LOGITS: "Classes; their scores are logits, of which the highest is the answer.",
}


def render(facts: Facts, about: str, pixels: npt.NDArray[Any] | None, frames: str = "") -> str:
    """Return the text of ``<name>.h``.

    Args:
        facts: facts of the model.
        about: the comment at the head of the file.
        pixels: the pixels 0 to 255 in the element type of the only input, [256, channels or 1];
            None where the model file does not say how they are normalised.
        frames: the functions of a camera's frames, if there are any.
    """
    name, upper = facts.name, facts.name.upper()
    parts = [
        f"{about}\n#ifndef {upper}_H\n#define {upper}_H\n\n#include <stdint.h>\n",
        '#ifdef __cplusplus\nextern "C" {\n#endif\n',
        _macros(facts),
        "".join(
            f"typedef {text.C_TYPES[port.dtype]} {naming.c_type(facts, port)};\n"
            for port in facts.ports
        ),
        _functions(facts),
    ]
    if facts.state:
        parts.append(_reset(facts))
    if facts.fed_rows:
        parts.append(_feed_row(facts))
    if facts.labels:
        what, count = naming.labelled(facts)
        parts.append(
            f"/* Name of each {what}, UTF-8, in the order of the scores. */\n"
            f"extern const char *const {name}_labels[{count}];\n"
        )
    parts += [*raw_inputs.functions(facts, pixels), *([frames] if frames else [])]
    if facts.audio:
        parts.append(audio.declarations(facts))
    if facts.classes:
        parts += [_score(facts), _best(facts)]
    else:
        parts += [_value(facts, port) for port in facts.outputs]
    if facts.scores_anomalies:
        parts.append(anomaly.declaration(facts))
    parts.append(checksum.DECLARATIONS.format(name=name))
    parts.append("#ifdef __cplusplus\n}\n#endif\n\n#endif\n")
    return "\n".join(parts)


def _macros(facts: Facts) -> str:
    upper = facts.name.upper()
    lines = [
        f'#define {upper}_MODEL_SHA256 \\\n    "{facts.sha256}"',
        f'#define {upper}_VERSION "{facts.version}" /* edgekit\'s */',
        "",
    ]
    for port in facts.ports:
        shape = " x ".join(map(str, port.shape))
        title = naming.buffer(facts, port).capitalize().replace("_", " ", 1)
        lines.append(f"/* {title}: {port.dtype} [{shape}], {_meaning(port)}. */")
        lines.append(f"#define {macro(facts, port, 'SIZE')} {port.elements}")
        if port.scale is not None:
            lines.append(f"#define {macro(facts, port, 'SCALE')} {text.real(port.scale)}")
            lines.append(f"#define {macro(facts, port, 'ZERO_POINT')} ({port.zero_point})")
        if port.offset is not None:
            lines.append(f"#define {macro(facts, port, 'OFFSET')} {port.offset}")
        lines.append("")
    if facts.classes:
        lines += [f"/* {MEANING[facts.meaning]} */", f"#define {upper}_CLASSES {facts.classes}", ""]
    if facts.task == MULTILABEL:
        half = "0, as it is a logit" if facts.meaning == LOGITS else "0.5"
        lines += [
            "/* Labels that do not exclude each other: one applies where its",
            f" * {facts.name}_value is above {half}. */",
            f"#define {upper}_LABELS {facts.outputs[0].elements}",
            "",
        ]
    if facts.classes and facts.threshold is not None:
        lines += [
            f"/* {_compared(facts)} above which the second class is the answer. */",
            f"#define {upper}_THRESHOLD {text.real(facts.threshold)}",
            "",
        ]
    lines += [
        "/* Bytes of memory for activations. */",
        f"#define {upper}_ARENA_SIZE {max(1, facts.arena)}",
        "",
    ]
    return "\n".join(lines)


def _compared(facts: Facts) -> str:
    """Return what the threshold of two classes is compared with."""
    if facts.meaning != LOGITS:
        return "Score of the second class"
    return "Logit of the second class" if facts.single else "Difference of both logits"


def _meaning(port: Port) -> str:
    if port.dtype == "bool":
        return "0 or 1"
    if port.scale is None:
        return "the numbers themselves"
    return "where q stands for (q - zero point) * scale"


def _functions(facts: Facts) -> str:
    name, upper = facts.name, facts.name.upper()
    what = f"on one {facts.noun}" if len(facts.ports) == 2 else "once"
    own = "your input is" if len(facts.inputs) == 1 else "your inputs are"
    return f"""\
{_places(facts)}
/* Runs the model {what}. Activations lie in a static arena, so one call at a time.
 * Returns 0; -1 when a pointer is NULL. Nothing has to be initialised before.
 * {_ports(facts)} may also lie in buffers of yours, outside of the arena; {own}
 * then left as {"it is" if len(facts.inputs) == 1 else "they are"}. */
{prototype(f"int {name}_run(", naming.parameters(facts))};

/* The same with an arena of the caller's: {upper}_ARENA_SIZE bytes, aligned as int64_t is. \
{_kept(facts)}
{prototype(f"int {name}_run_in(", ["void *arena", *naming.parameters(facts)])};

/* Returns 0 while the weights and all other constants of {name}.c have the CRC-32 that they had
 * when edgekit wrote them, else -1. A linker drops it where nobody calls it. */
int {name}_check_constants(void);

/* Checks the constants, then runs the model on inputs that it draws (in {name}_selftest.c).
 * Returns 0 only when every byte of the outputs, and of the activations that they leave in the
 * arena, is what edgekit's engine computed; -1 when a constant is another, 1 when a result
 * is.{_resets(facts)} */
int {name}_selftest(void);
"""


def _ports(facts: Facts) -> str:
    return "Input and output" if len(facts.ports) == 2 else "Inputs and outputs"


def _places(facts: Facts) -> str:
    """Return the functions that tell where inputs and outputs lie in the static arena."""
    functions = "".join(
        f"{naming.c_type(facts, port)} *{naming.place(facts, port)}(void);\n"
        for port in facts.ports
        if port.offset is not None
    )
    given = ", ".join(
        naming.buffer(facts, port) if port.offset is None else f"{naming.place(facts, port)}()"
        for port in facts.ports
    )
    run = layout.wrapped(f"{facts.name}_run({given});", "    ").replace("\n", "\n * ")
    outputs = "the output" if len(facts.outputs) == 1 else "the outputs"
    if facts.kept:
        use = f"Read {outputs} before the next run."
        rooms = outputs
    else:
        inputs = "the input" if len(facts.inputs) == 1 else "the inputs"
        use = f"A run overwrites {inputs}. Read {outputs} before you fill in the next."
        rooms = f"{inputs} and {outputs}"
    return f"""\
/* Where the arena of {facts.name}_run has room for {rooms}, for which no other memory is
 * needed then:
 *
 * {run}
 *
 * {use} */
{functions}"""


def _kept(facts: Facts) -> str:
    """Return the end of the comment on the function with an arena of the caller's."""
    where = f"""\
{_ports(facts)}
 * lie so many bytes from its start as {macro(facts, facts.outputs[0], "OFFSET")} says for one, or
 * outside of it wherever their elements may."""
    if facts.state:
        return f"""\
Call
 * {facts.name}_reset_in before the first run, and leave it as it is between runs. Returns -1 also
 * when it is not aligned. {where} */"""
    return f"""\
Nothing
 * is kept in it between calls. Returns -1 also when it is not aligned. {where} */"""


def _resets(facts: Facts) -> str:
    return f" Calls {facts.name}_reset before and after." if facts.state else ""


def _reset(facts: Facts) -> str:
    name = facts.name
    return f"""\
/* The model remembers: {facts.state} bytes of its arena keep their values from one inference to the
 * next, and change its outputs. This sets them to their first values, which the static arena has at
 * the start. */
void {name}_reset(void);

/* The same for an arena of the caller's, to be called before the first {name}_run_in with it. Does
 * nothing when the pointer is NULL. */
void {name}_reset_in(void *arena);
"""


def _feed_row(facts: Facts) -> str:
    name, upper, size = facts.name, facts.name.upper(), facts.inputs[0].elements
    start, parameters = f"int {name}_feed_row(", naming.row_parameters(facts)
    return f"""\
/* The input row by row, as a camera gives lines: it is in memory nowhere as a whole. */
#define {upper}_ROWS {facts.fed_rows}
#define {upper}_ROW_SIZE {size // facts.fed_rows}

/* Takes a row of the input, 0 to {upper}_ROWS - 1, one after another; 0 begins anew. Returns how
 * many are left: 0 with the last one, which completes the output, in the same place each time.
 * -1 when a pointer is NULL, or it is the turn of another row. Uses the arena of {name}_run. */
{prototype(start, ["int32_t row", *parameters])};

/* The same with an arena of the caller's, as {name}_run_in has it; it is left as it is until the
 * last row. */
{prototype(f"int {name}_feed_row_in(", ["void *arena", "int32_t row", *parameters])};
"""


def _value(facts: Facts, port: Port) -> str:
    function = f"{facts.name}_value{naming.suffix(facts, port)}"
    return f"""\
/* Returns the number at ``index`` of the output, 0 to {macro(facts, port, "SIZE")} - 1. */
static inline float {function}(const {array(facts, port, "output")}, int index)
{{
    return {naming.real(facts, port, "output[index]")};
}}
"""


def _score(facts: Facts) -> str:
    name, upper, [port] = facts.name, facts.name.upper(), facts.outputs
    if facts.single:
        other = "-score" if facts.meaning == LOGITS else "1.0f - score"
        body = f"""\
    const float score = {naming.real(facts, port, "output[0]")};
    return index ? score : {other};
"""
    else:
        body = f"    return {naming.real(facts, port, 'output[index]')};\n"
    what = "the score"
    if facts.meaning == LOGITS:
        what = "the logit, what stands before {}".format("sigmoid," if facts.single else "softmax,")
    return f"""\
/* Returns {what} of class ``index``, 0 to {upper}_CLASSES - 1. */
static inline float {name}_score(const {array(facts, port, "output")}, int index)
{{
{body}}}
"""


def _best(facts: Facts) -> str:
    name, upper = facts.name, facts.name.upper()
    if facts.threshold is not None:
        first = (
            f" - {name}_score(output, 0)" if facts.meaning == LOGITS and not facts.single else ""
        )
        return f"""\
/* Returns the class that {upper}_THRESHOLD decides. */
static inline int {name}_best(const {name}_output_t output[{upper}_OUTPUT_SIZE])
{{
    return {name}_score(output, 1){first} > {upper}_THRESHOLD;
}}
"""
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
