"""The README.md of an export: what the library is, its figures, how it is called and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.convert.c import layout, naming
from edgekit.escape import markdown_code, shell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgekit.convert.c.facts import Port
    from edgekit.convert.c.library import CLibrary


def readme(library: CLibrary, build: str) -> str:
    """Return README.md; ``build`` is the section about building, which depends on the target."""
    return f"""\
# {library.name}

{markdown_code(library.model)} as plain C, by edgekit {library.version}: no interpreter, no heap,
nothing to initialise.

SHA-256 of the model: `{library.sha256}`

## Build

{build}
## Figures

{_figures(library)}
Code and stack depend on the compiler. An emulated core measures flash, RAM with the peak of the
stack, and instructions of each inference and of each op:

    edgekit bench --core cortex-m4 {shell(library.model)}

{_inputs(library)}
{_outputs(library)}
## Use

```c
{_usage(library)}```

`{library.name}.h` documents the rest: an arena of your own (`{library.name}_run_in`), and helpers
that {_helpers(library)}.

{_sound(library)}{_state(library)}## Self-test

`{library.name}_selftest()` compares the CRC-32 of all constants, draws inputs, runs the model on
them, and returns 0 only when every byte of all outputs, and of the activations that are left in the
arena, is the one that edgekit's own engine gave when this folder was written. So it proves, on the
board itself, that this compiler with these flags on this core computes the model that was measured.
It says nothing about accuracy, and nothing about how what a sensor measures becomes the input.

## This folder

`SHA256SUMS` lists the files as they were written (`sha256sum -c SHA256SUMS` checks them). Another
export to here replaces the folder only while nothing in it has been changed or added.

The kernels are edgekit's, under the licence that the C files name. The weights are those of your
model: what licence, author and address to publish them with is yours to say, and left open here.
"""


def _figures(library: CLibrary) -> str:
    rows = [
        (f"weights and biases{_sparse(library)}", _bytes(library.weights)),
        ("all constants, in flash", _bytes(library.constants)),
        (f"arena, in RAM, with {_with(library)}", _bytes(library.arena)),
        (_plural("input", library.inputs), _buffers(library.inputs)),
        (_plural("output", library.outputs), _buffers(library.outputs)),
        ("multiply-accumulates of an inference", f"{library.macs:,}"),
        ("ops", ", ".join(library.ops)),
    ]
    return _table(("", ""), rows)


def _sparse(library: CLibrary) -> str:
    if not library.sparse:
        return ""
    return f" of the model, zeros among them left out{library.sparse_where}"


def _with(library: CLibrary) -> str:
    """Return what the arena has room for besides activations."""
    outputs = _plural("output", library.outputs)
    return outputs if library.kept else f"{_plural('input', library.inputs)} and {outputs}"


def _buffers(ports: Sequence[Port]) -> str:
    return _bytes(sum(port.bytes for port in ports))


def _plural(word: str, ports: Sequence[Port]) -> str:
    return f"{word}s" if len(ports) > 1 else word


def _bytes(count: int) -> str:
    return f"{count:,} byte{'s' * (count != 1)}"


def _helpers(library: CLibrary) -> str:
    if not any(port.takes_floats for port in library.inputs):
        return "read the outputs as floats"
    if library.scores_anomalies:
        return f"quantise bytes or floats and score anomalies (`{library.name}_score`)"
    if len(library.ports) == 2 and library.classes:
        raw = "floats" if library.features else "bytes or floats"
        return f"quantise {raw} and read a score (`{library.name}_score`)"
    [first, *_] = library.outputs
    read = "score" if library.classes else f"value{naming.suffix(library, first)}"
    return f"quantise floats and read numbers (`{library.name}_{read}`)"


def _sound(library: CLibrary) -> str:
    if library.audio is None:
        return ""
    name, upper, audio = library.name, library.name.upper(), library.audio
    pointers = "".join(f"    {line}\n" for line in naming.pointers(library))
    answer = f"return {name}_run({naming.arguments(library)}) ? -1 : {_answer(library)};"
    return f"""\
## Sound

The bytes 0 to 255 that become the input are features of sound: of {audio.rate:,} samples a second,
int16, calculated in integers as in training. `{name}_from_pcm16` reads the {audio.samples:,} of an
input at once. Hop by hop, no more samples are kept than a window has:

```c
#include "{name}.h"

{naming.buffers(library)}/* Takes {audio.hop} samples; the class once they are enough, else -1. */
int hear(const int16_t pcm[{upper}_AUDIO_HOP])
{{
    static {name}_stream_t stream;
    static int32_t scratch[{upper}_AUDIO_SCRATCH];
{pointers}    if ({name}_push_pcm16(&stream, pcm, scratch) != 0)
        return -1;
    {name}_from_stream(&stream, input);
{layout.wrapped(answer, "    ")}
}}
```

"""


def _answer(library: CLibrary) -> str:
    """Return the C expression of the best class, or of the first number as an int."""
    output = naming.buffer(library, library.outputs[0])
    if library.classes:
        return f"{library.name}_best({output})"
    suffix = naming.suffix(library, library.outputs[0])
    return f"(int){library.name}_value{suffix}({output}, 0)"


def _state(library: CLibrary) -> str:
    if not library.state:
        return ""
    return f"""\
The model remembers: {_bytes(library.state)} of the arena are kept from one inference to the next.
`{library.name}_reset()` sets them to their first values, which they have at the start, too; an
arena of your own needs `{library.name}_reset_in` before its first inference.

"""


def _inputs(library: CLibrary) -> str:
    if len(library.inputs) == 1:
        return f"## Input\n\n{_input(library.inputs[0], library.noun)}"
    parts = (f"`{port.name}`: {_input(port, port.name)}" for port in library.inputs)
    return "## Inputs\n\n" + "\n".join(parts)


def _input(port: Port, name: str) -> str:
    array = "".join(f"[{size}]" for size in port.shape)
    return f"""\
{port.elements:,} × {port.dtype}, laid out as the C array `{name}{array}`: the last
index changes fastest.
{_quantisation(port)}"""


def _outputs(library: CLibrary) -> str:
    if len(library.outputs) == 1:
        return f"## Output\n\n{_output(library, library.outputs[0])}"
    parts = (
        f"`{port.name}`: {port.elements:,} × {port.dtype}.\n{_quantisation(port)}"
        for port in library.outputs
    )
    return "## Outputs\n\n" + "\n".join(parts)


def _output(library: CLibrary, port: Port) -> str:
    description = f"{port.elements:,} × {port.dtype}.\n{_quantisation(port)}"
    if not library.labels:
        return description + "\nThe model carries no labels.\n"
    rows = [(str(index), markdown_code(label)) for index, label in enumerate(library.labels)]
    return f"{description}\n{_table(('index', 'label'), rows)}"


def _quantisation(port: Port) -> str:
    if port.scale is None:
        return ""
    point = port.zero_point or 0
    return f"\nreal = {port.scale!r} × (value {'+' if point < 0 else '−'} {abs(point)})\n"


def _usage(library: CLibrary) -> str:
    name, output = library.name, library.outputs[0]
    pixels = bool(library.mean) and not library.kept and library.inputs[0].takes_floats
    given = [
        f"const {naming.array(library, port, naming.buffer(library, port))}"
        for port in library.kept
    ]
    if pixels:
        raw = "const float" if library.features else "const uint8_t"
        given = [
            f"{raw} {naming.raw_array(library)}[{naming.macro(library, library.inputs[0], 'SIZE')}]"
        ]
    parameters = ",\n    ".join(given)
    pointers = "".join(f"    {line}\n" for line in naming.pointers(library))
    buffer, noun = naming.buffer(library, output), library.noun
    if library.classes:
        what = f"The class with the highest score for one {noun}, -1 when the model did not run."
        head, answer, failed = "int classify", f"{name}_best({buffer})", "-1"
    elif library.scores_anomalies:
        what = "1 for an anomaly, 0 for a normal input, -1 when the model did not run."
        head, answer, failed = "int is_anomaly", naming.is_anomaly(library), "-1"
    else:
        what = f"The first number that the model gives for one {noun}; 0 when it did not run."
        function = f"{name}_value{naming.suffix(library, output)}"
        head, answer, failed = "float first", f"{function}({buffer}, 0)", "0.0f"
    fill = "".join(
        f"""\
    for (int i = 0; i < {naming.macro(library, port, "SIZE")}; i++)
        {naming.buffer(library, port)}[i] = {naming.zero(library, port)}; /* your {noun} */
"""
        for port in library.inputs
        if port.offset is not None
    )
    if pixels:
        call = "from_features" if library.features else "from_u8"
        fill = f"    {name}_{call}({naming.raw_array(library)}, input);\n"
    return f"""\
#include "{name}.h"

/* {what} */
{head}({parameters or "void"})
{{
{pointers}{fill}{layout.wrapped(f"if ({name}_run({naming.arguments(library)}) != 0)", "    ")}
        return {failed};
    return {answer};
}}
"""


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    return "".join(f"| {left} | {right} |\n" for left, right in [head, ("---", "---"), *rows])
