"""Headers of exported models that need no model file: their facts, and C that includes them."""

import ctypes
from pathlib import Path

import exported
from edgekit.convert.c import header
from edgekit.convert.c.facts import Facts, Port


def facts_of(source: Port, output: Port, meaning: str, task: str = "") -> Facts:
    """Return the facts of a model of one input and one output, called m."""
    return Facts(
        name="m",
        model="m.tflite",
        sha256="0" * 64,
        version="0",
        labels=(),
        meaning=meaning,
        task=task,
        inputs=(source,),
        outputs=(output,),
        arena=16,
        constants=0,
        weights=0,
        macs=0,
        ops=(),
    )


def rendered(facts: Facts) -> str:
    """Return the header."""
    return header.render(facts, "/* A model. */", None)


def compiled(facts: Facts, folder: Path, source: str, *flags: str) -> ctypes.CDLL:
    """Compile C behind the header into a shared library."""
    (folder / "m.h").write_text(rendered(facts))
    (folder / "m.c").write_text(f'#include "m.h"\n{source}')
    return exported.compiled(folder, [folder / "m.c"], *flags)
