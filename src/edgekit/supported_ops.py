"""docs/SUPPORTED_OPS.md, generated from the constraints of edge_runtime's own engine.

    make docs

or ``python -m edgekit.supported_ops docs/SUPPORTED_OPS.md``. The sentences are the constraints'
docstrings, which are also the engine's messages when it refuses a model.
"""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from edge_runtime import ops
from edge_runtime.graph import SIZES
from edge_runtime.ops.constraints import same_elements
from edgekit import files

HEAD = f"""# Supported ops

What `edge_runtime.load(path, backend="native")`, `backend="reference"` and `edgekit export` run. A
model with other ops, or beyond a limit, is refused before anything runs; `edgekit inspect FILE`
lists every op that keeps it from running, how often, why, and what to do.

An element type is one of {", ".join(SIZES)}, of which
float16 is DEQUANTIZE's alone; no tensor is sparse.
An op that is *folded away* is known when the model is opened and costs nothing afterwards; one
that *moves nothing* gives its input's bytes another shape.

This page is made by `make docs` from the constraints in `edge_runtime/ops/`; a test says when it
is stale.
"""


def render() -> str:
    """Return the page."""
    modules: dict[str, list[str]] = {}
    for name, module in sorted([*ops.OPS.items(), *ops.CUSTOM.items()]):
        modules.setdefault(module, []).append(name)
    parts = [_section(names) for names in modules.values()]
    rows = "\n".join(row for row, _ in parts)
    table = f"| Op | | Element types |\n|---|---|---|\n{rows}\n"
    return "\n".join([HEAD, table, *(text for _, text in parts)])


def main() -> None:
    """Write the page to the file named by the argument."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m edgekit.supported_ops docs/SUPPORTED_OPS.md")
    files.write_text(Path(sys.argv[1]), render())


def _section(names: list[str]) -> tuple[str, str]:
    """Return the row and the section of the builtins that share a module."""
    module = ops.find(names[0], custom=names[0] in ops.CUSTOM)
    assert module is not None
    about = _paragraph(module)
    listed, _, rest = about.partition(": ")
    if sorted(re.split(", | and ", listed)) == names:
        about = rest
    types = [_paragraph(rule) for rule in module.CONSTRAINTS if _about_types(rule)]
    limits = [_paragraph(rule) for rule in module.CONSTRAINTS if not _about_types(rule)]
    title = ", ".join(names)
    row = f"| {title} | {_effect(module)} | {_cell(' '.join(types) or 'any')} |"
    lines = [f"- {sentence}" for sentence in [*types, *limits]]
    text = "\n".join([f"## {title}", "", f"{about[:1].upper()}{about[1:]}", "", *lines, ""])
    return row, text


def _about_types(constraint: Any) -> bool:
    """Tell whether a constraint is about element types: its name says so."""
    return "type" in constraint.__name__ or constraint is same_elements


def _effect(module: ModuleType) -> str:
    if hasattr(module, "fold"):
        return "folded away"
    return "moves nothing" if hasattr(module, "ALIAS") else "runs"


def _paragraph(documented: Any) -> str:
    """Return the first paragraph of a docstring as one line."""
    first, *_ = (documented.__doc__ or "").strip().split("\n\n")
    return " ".join(first.split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()
