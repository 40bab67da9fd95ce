"""Bits of text and C that the packages share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edge_runtime.meaning import LOGITS

if TYPE_CHECKING:
    from edgekit.convert.c.library import CLibrary


def label(library: CLibrary) -> str | None:
    """Return the C expression for the label of class ``best``, None when classes have none."""
    return f"{library.name}_labels[best]" if library.labels else None


def score(library: CLibrary) -> str:
    """Return what the score of a class is, in a word."""
    return "logit" if library.meaning == LOGITS else "score"


def with_two_spaces(text: str) -> str:
    """Return C whose lines are indented by steps of four spaces as sketches are, by two."""
    return re.sub("^ +", lambda spaces: spaces[0][: len(spaces[0]) // 2], text, flags=re.MULTILINE)
