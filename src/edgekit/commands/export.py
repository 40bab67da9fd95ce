"""``edgekit export``: writes a .tflite file as a C library."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_runtime.errors import BackendError, EdgeRuntimeError, ModelError
from edgekit import files
from edgekit.columns import pairs
from edgekit.commands import export_plan, options, running, terminal
from edgekit.commands.bench_options import Size
from edgekit.convert.packages import PACKAGES
from edgekit.errors import ExportError
from edgekit.escape import shell
from edgekit.files import to_json
from edgekit.index import write_index

if TYPE_CHECKING:
    from edgekit.convert.c.library import CLibrary

FORMAT = "edgekit export"
VERSION = 1

LARGEST_FRAME = 4096
"""Sides of a camera's frames, in pixels, at most."""

TEXTS = ("header", "source", "selftest", "example")


class FrameSize(click.ParamType[tuple[int, int]]):
    """Width and height of a frame, 320x240."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """Parse ``WIDTHxHEIGHT``."""
        found = re.fullmatch("([0-9]{1,4})[x×]([0-9]{1,4})", str(value))
        size = (int(found[1]), int(found[2])) if found else (0, 0)
        if not all(side in range(1, LARGEST_FRAME + 1) for side in size):
            self.fail(f"{value!r} is no size of 1x1 to 4096x4096, as 320x240", param, ctx)
        return size


@click.command("export", short_help="Write a .tflite model as plain C for a microcontroller.")
@click.argument(
    "model",
    type=options.InputFile(),
    required=False,
    metavar="[MODEL.tflite]",
)
@click.option(
    "--package",
    type=options.Choice(tuple(PACKAGES)),
    default="c",
    help="Build system: c has CMake files, the others a library, module or component with an "
    "example.",
)
@click.option(
    "--name",
    metavar="NAME",
    show_default="the model's file name",
    help="C identifier that prefixes all public names, as digits in digits_run().",
)
@options.skip_zeros
@options.min_ram
@click.option(
    "--max-ram",
    type=Size(),
    metavar="SIZE",
    help="Run as many layers row by row as arena, input and output need to fit: 20K.",
)
@click.option(
    "--plan",
    is_flag=True,
    help="Write nothing: show which RAM costs how many instructions.",
)
@click.option(
    "--keep-input",
    is_flag=True,
    help="Leave the input where it is and as it is: without this, the arena has room for it, and a "
    "run overwrites it there.",
)
@click.option(
    "--camera",
    type=FrameSize(),
    metavar="WIDTHxHEIGHT",
    help="Size of a camera's frames, 320x240: adds functions that crop and resize them to the "
    "model's input, as its training pictures were.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    show_default="NAME_PACKAGE in the artifacts folder",
    help="Folder to write; replaces an earlier export there.",
)
@options.artifacts
@options.as_json
@options.verbosity
def command(
    model: Path | None,
    package: str,
    name: str | None,
    skip_zeros: bool,
    min_ram: bool,
    max_ram: int | None,
    plan: bool,
    keep_input: bool,
    camera: tuple[int, int] | None,
    output: Path | None,
    artifacts: Path,
    as_json: bool,
) -> int:
    """Write a model as C99: weights, the kernels that it uses, and a self-test.

    No interpreter, no heap, nothing but memcpy and memset of the standard library. The self-test
    checks on the real board that every output byte equals the one recorded here. MODEL is the
    artifacts folder's model_int8.tflite by default.
    """
    from edgekit.convert.c import library as c_library
    from edgekit.convert.c.identifier import c_identifier
    from edgekit.convert.packages import folder as export_folder

    path = model or options.int8_model(artifacts)
    if min_ram and max_ram is not None:
        raise click.UsageError("--min-ram and --max-ram: name one of them")
    if max_ram == 0:
        raise click.UsageError("--max-ram 0: no plan is that small; --min-ram takes the smallest")
    if plan:
        return export_plan.show(path, keep_input=keep_input, as_json=as_json)
    name = c_identifier(path.name) if name is None else _identifier(name)
    folder = output or artifacts / f"{name}_{package.replace('-', '_')}"
    export_folder.require_replaceable(folder)
    files.require_writable(folder.parent)
    running.finish(path.parent)
    running.warn_of_others(path)
    try:
        library = c_library.library(
            path.read_bytes(),
            path.name,
            name,
            skip_zeros=skip_zeros,
            most_ram=0 if min_ram else max_ram,
            keep_input=keep_input,
            camera=camera,
        )
    except BackendError as error:  # of this machine, not of the file
        raise ExportError(str(error)) from None
    except EdgeRuntimeError as error:
        raise ModelError(f"{path}: {error}") from None
    texts = PACKAGES[package](library)
    export_folder.write(texts, folder)
    write_index(artifacts)
    if as_json:
        terminal.page(to_json(_document(library, folder, package, sorted(texts))))
    else:
        terminal.echo(f"{path} → {folder}  ({package})")
        # bench builds the plain plan and that with the least RAM.
        measured = max_ram is None or not library.by_rows
        terminal.page(_summary(library, path, measured=measured))
    return 0


def _document(
    library: "CLibrary", folder: Path, package: str, names: list[str]
) -> dict[str, object]:
    facts = {key: value for key, value in asdict(library).items() if key not in TEXTS}
    if len(library.ports) == 2:
        for one in "input", "output":
            [facts[one]] = facts.pop(f"{one}s")
            del facts[one]["name"]
    for absent in "state", "fed_rows", "audio":
        if not facts[absent]:
            del facts[absent]
    head = {"format": FORMAT, "version": VERSION, "edgekit": facts.pop("version")}
    return {**head, "folder": str(folder), "package": package, "files": names, **facts}


def _summary(library: "CLibrary", path: Path, *, measured: bool) -> str:
    """Return the figures that need no compiler, and the command to measure the rest."""
    option = " --skip-zeros" if library.skip_zeros else ""
    option += " --min-ram" if library.by_rows else ""
    figures = {
        "function": f"{library.name}_run()"
        + (f", {library.name}_feed_row()" if library.fed_rows else ""),
        "flash": f"{library.constants:,} bytes of constants, {_weights(library)}; code on top",
        "RAM": _ram(library),
    }
    lines = pairs(figures)
    if len(library.ports) == 2 and measured:  # bench has inputs for no others
        # On one line, to be copied.
        lines.append(f"{'measure':10}edgekit bench --core cortex-m4{option} {shell(str(path))}")
    return "\n".join(lines)


def _ram(library: "CLibrary") -> str:
    sizes = [sum(port.bytes for port in ports) for ports in (library.inputs, library.outputs)]
    words = ["input", "output"] if len(library.ports) == 2 else ["inputs", "outputs"]
    if library.fed_rows:
        sizes[0] //= library.fed_rows
        words[0] = "a row of the input"
    inputs, outputs = (f"{word} {size:,}" for word, size in zip(words, sizes, strict=True))
    if library.kept:
        total = sizes[0] + library.arena
        return f"{total:,} bytes: {inputs}, arena {library.arena:,} with {outputs}; stack on top"
    return f"{library.arena:,} bytes: an arena with {inputs}, {outputs}; stack on top"


def _weights(library: "CLibrary") -> str:
    if not library.sparse:
        return f"of them {library.weights:,} weights and biases"
    return f"the zeros among {library.weights:,} weights and biases left out{library.sparse_where}"


def _identifier(name: str) -> str:
    """Return ``name`` if all identifiers derived from it are valid in C."""
    from edgekit.convert.c.identifier import c_identifier

    if c_identifier(name) != name:
        raise ExportError(
            f"--name {name!r}: not an identifier in C and C++ in lower case; use "
            f"{c_identifier(name)!r}"
        )
    return name
