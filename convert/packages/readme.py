"""The README.md of an export: what the library is, its figures, how it is called and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.escape import markdown_code, shell

if TYPE_CHECKING:
    from edgekit.convert.c.facts import Port
    from edgekit.convert.c.library import CLibrary


def readme(library: CLibrary, build: str) -> str:
    """Return README.md; ``build`` is the target's own part: how the folder gets into a build."""
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

## Input

{_input(library)}
## Output

{_output(library)}
## Use

```c
{_usage(library)}```

`{library.name}.h` documents the rest: an arena of your own (`{library.name}_run_in`), and helpers
that quantise an image of bytes or floats and read a score (`{library.name}_score`).

## Self-test

`{library.name}_selftest()` runs recorded inputs and returns 0 only when every byte of every output
is the one that edgekit's own engine gave when this folder was written. So it proves, on the board
itself, that this compiler with these flags on this core computes the model that was measured. It
says nothing about accuracy, and nothing about how a sensor's image is made into the input.

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
        ("arena, in RAM", _bytes(library.arena)),
        ("input buffer", _buffer(library.input)),
        ("output buffer", _buffer(library.output)),
        ("multiply-accumulates of an inference", f"{library.macs:,}"),
        ("ops", ", ".join(library.ops)),
    ]
    return _table(("", ""), rows)


def _sparse(library: CLibrary) -> str:
    if not library.sparse:
        return ""
    return f" of the model, zeros among them left out{library.sparse_where}"


def _buffer(port: Port) -> str:
    return _bytes(port.bytes)


def _bytes(count: int) -> str:
    return f"{count:,} byte{'s' * (count != 1)}"


def _input(library: CLibrary) -> str:
    array = "".join(f"[{size}]" for size in library.input.shape)
    return f"""\
{library.input.elements:,} × {library.input.dtype}, laid out as the C array `image{array}`: the last
index changes fastest.
{_quantisation(library.input)}"""


def _output(library: CLibrary) -> str:
    text = f"{library.output.elements:,} × {library.output.dtype}.\n{_quantisation(library.output)}"
    if not library.labels:
        return text + "\nThe model carries no labels.\n"
    rows = [(str(index), markdown_code(label)) for index, label in enumerate(library.labels)]
    return f"{text}\n{_table(('index', 'label'), rows)}"


def _quantisation(port: Port) -> str:
    if port.scale is None:
        return ""
    point = port.zero_point or 0
    return f"\nreal = {port.scale!r} × (value {'+' if point < 0 else '−'} {abs(point)})\n"


def _usage(library: CLibrary) -> str:
    name, upper = library.name, library.name.upper()
    if not library.classes:
        return f"""\
#include "{name}.h"

/* The first number that the model gives for one input; 0 when it did not run. */
float first(const {name}_input_t input[{upper}_INPUT_SIZE])
{{
    {name}_output_t output[{upper}_OUTPUT_SIZE];
    return {name}_run(input, output) == 0 ? {name}_value(output, 0) : 0.0f;
}}
"""
    return f"""\
#include "{name}.h"

/* The class with the highest score for one image, -1 when the model did not run. */
int classify(const {name}_input_t image[{upper}_INPUT_SIZE])
{{
    {name}_output_t output[{upper}_OUTPUT_SIZE];
    return {name}_run(image, output) == 0 ? {name}_best(output) : -1;
}}
"""


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    return "".join(f"| {left} | {right} |\n" for left, right in [head, ("---", "---"), *rows])
