"""The JSON document of a run, and the journal that grows during the run."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit import files, stored
from edgekit.benchmarks.gate import Gate, passed
from edgekit.benchmarks.result import Result
from edgekit.errors import ResultError

FORMAT = "edgekit bench"
VERSION = 2
READABLE = (1, VERSION)
"""Version 1 repeated data and environment in every result."""

HEAD = ("dataset", "environment")
"""Fields that all results of a run have in common; the document has them once, at its head."""


def dumps(
    results: Sequence[Result],
    gates: Sequence[Gate],
    models: Sequence[Mapping[str, Any]] = (),
    *,
    samples: bool = False,
) -> str:
    """Return the run as one JSON document, one line per model, gate and result.

    Args:
        results: results of one run.
        gates: gates of the run.
        models: description of each model: "name", "sha256", and how it is used.
        samples: include the raw samples, and not only the summaries.
    """
    head = {"format": FORMAT, "version": VERSION, "passed": passed(gates), **_common(results)}
    parts = [f'"{key}": {files.to_json(value, None)}' for key, value in head.items()]
    parts.append(_array("models", models))
    parts.append(_array("gates", [vars(gate) for gate in gates]))
    parts.append(_array("results", [record(result, samples=samples) for result in results]))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def read(path: Path) -> list[Result]:
    """Return the results of a document of :func:`dumps`, of this version or an earlier one.

    Raises:
        ResultError: the file cannot be read, or is not such a document.
    """
    try:
        document = stored.parse(path.read_bytes())
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise ResultError(f"{path}: not JSON; name the bench.json of an earlier run") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ResultError(f"{path}: not a document of edgekit bench; name an earlier bench.json")
    if (version := document.get("version")) not in READABLE:
        shown = version if stored.is_number(version) else "?"
        raise ResultError(
            f"{path}: version {shown} of the document; this edgekit reads {VERSION}: measure the "
            "baseline anew"
        )
    common = {key: document[key] for key in HEAD if key in document}
    if problem := stored.problem(document, {"results": [{}]}):
        raise ResultError(f"{path}: damaged document: {problem}")
    results = []
    for index, result in enumerate(document["results"]):
        try:
            results.append(Result.from_dict({**common, **result}))
        except ResultError as error:
            raise ResultError(f"{path}: damaged document: results[{index}]: {error}") from None
    return results


def append(journal: Path, result: Result, *, samples: bool = False) -> None:
    """Add a line to the journal, which keeps the results of a run that is killed.

    The first line is the head: format, version, data and environment.
    """
    lines = [record(result, samples=samples)]
    if not journal.exists() or not journal.stat().st_size:
        lines.insert(0, {"format": FORMAT, "version": VERSION, **_common([result])})
    with journal.open("a", encoding="utf-8") as file:
        file.writelines(files.to_json(line, None) + "\n" for line in lines)


def record(result: Result, *, samples: bool) -> dict[str, Any]:
    """Return a result as plain JSON values, without the fields of the head."""
    excluded = {*HEAD, *(() if samples else ("samples",))}
    return {key: value for key, value in result.to_dict().items() if key not in excluded}


def _common(results: Sequence[Result]) -> dict[str, Any]:
    first = results[0].to_dict() if results else {key: {} for key in HEAD}
    return {key: first[key] for key in HEAD}


def _array(key: str, elements: Iterable[Mapping[str, Any]]) -> str:
    lines = ",\n".join(f"  {files.to_json(element, None)}" for element in elements)
    return f'"{key}": [\n{lines}\n]' if lines else f'"{key}": []'
