"""The JSON document of a run, and the journal that grows while the run lasts."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgekit import files
from edgekit.benchmarks.gate import Gate, passed
from edgekit.benchmarks.result import Result
from edgekit.errors import ResultError

FORMAT = "edgekit bench"
VERSION = 1


def dumps(results: Iterable[Result], gates: Iterable[Gate]) -> str:
    """Return the run as one JSON document, a line for each result."""
    head = {"format": FORMAT, "version": VERSION, "passed": passed(gates := list(gates))}
    parts = [f'"{key}": {json.dumps(value)}' for key, value in head.items()]
    parts.append(_array("gates", [vars(gate) for gate in gates]))
    parts.append(_array("results", [result.to_dict() for result in results]))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def write(path: Path, results: Iterable[Result], gates: Iterable[Gate]) -> None:
    """Write the run's document."""
    files.write_text(path, dumps(results, gates))


def read(path: Path) -> list[Result]:
    """Return the results of a document that :func:`write` wrote.

    Raises:
        ResultError: the file cannot be read or is something else.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ResultError(f"{path}: not JSON; name the bench.json of an earlier run") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ResultError(f"{path}: not a document of edgekit bench; name an earlier bench.json")
    if document.get("version") != VERSION:
        version = document.get("version")
        raise ResultError(
            f"{path}: version {version} of the document; this edgekit reads {VERSION}"
        )
    try:
        return [Result.from_dict(result) for result in document["results"]]
    except (ResultError, KeyError, TypeError) as error:
        raise ResultError(f"{path}: damaged document: {error}") from None


def append(journal: Path, result: Result) -> None:
    """Add a line to the journal: what is measured is kept even if the run dies."""
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(result.to_dict()) + "\n")


def _array(key: str, elements: list[dict[str, Any]]) -> str:
    lines = ",\n".join(f"  {json.dumps(element)}" for element in elements)
    return f'"{key}": [\n{lines}\n]'
