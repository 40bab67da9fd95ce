"""Bits of text and C that the packages share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_runtime.meaning import LOGITS

if TYPE_CHECKING:
    from edgekit.convert.c.library import CLibrary


def label(library: CLibrary) -> str | None:
    """Return the C expression for the label of class ``best``, None when classes have none."""
    return f"{library.name}_labels[best]" if library.labels else None


def subject(library: CLibrary) -> str:
    """Return what the model reads, in a word or two."""
    if library.mean:
        return "image"
    return "input" if len(library.inputs) == 1 else "inputs"


def score(library: CLibrary) -> str:
    """Return what the score of a class is, in a word."""
    return "logit" if library.meaning == LOGITS else "score"
