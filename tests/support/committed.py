"""Figures of firmware that are committed: compared with, and written anew by `make figures`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest


def compare(
    file: Path, build: str, figures: Mapping[str, int], versions: Mapping[str, str], more: float = 1
) -> None:
    """Fail where a figure has grown; skip with other versions than the committed ones.

    Args:
        file: the committed figures.
        build: the name of the build.
        figures: those measured now.
        versions: of what makes the firmware.
        more: how many times the committed figures may be reached.
    """
    document = json.loads(file.read_text())
    if document["versions"] != versions:
        pytest.skip(f"the figures are of {document['versions']}, here is {versions}")
    committed = document["builds"][build]
    assert figures.keys() == committed.keys(), "write them anew with `make figures`"
    grown = {
        name: (committed[name], figure)
        for name, figure in figures.items()
        if figure - committed[name] > abs(committed[name]) * (more - 1)
    }
    assert grown == {}, "figure: (committed, now); write them anew with `make figures`"


def write(file: Path, versions: Mapping[str, str], builds: Mapping[str, Mapping[str, int]]) -> None:
    """Write the figures of builds anew."""
    file.write_text(json.dumps({"versions": versions, "builds": builds}, indent=2) + "\n")
    sys.stdout.write(f"{file.name} written\n")
