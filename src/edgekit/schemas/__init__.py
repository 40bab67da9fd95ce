"""JSON Schemas (draft 2020-12) of the documents that the commands print with ``--json``.

Each file describes one document; definitions that several share are in common.json.
"""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

COMMON = "common"
REFERENCE = re.compile(r'"#/\$defs/(\w+)"')


@cache
def names() -> tuple[str, ...]:
    """Return the names of the schemas, most of them of commands."""
    stems = (file.name.partition(".json") for file in files(__name__).iterdir())
    return tuple(sorted(stem for stem, suffix, _ in stems if suffix and stem != COMMON))


def schema(name: str) -> dict[str, Any]:
    """Return the schema called ``name``, which refers to nothing outside itself."""
    document, shared = _read(name), _read(COMMON)["$defs"]
    definitions = document.pop("$defs", {})
    pending = _references([document, definitions])
    while pending:
        key = pending.pop()
        if key not in definitions:
            definitions[key] = shared[key]
            pending += _references(shared[key])
    return document | ({"$defs": definitions} if definitions else {})


def _read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((files(__name__) / f"{name}.json").read_bytes())
    return document


def _references(part: object) -> list[str]:
    return REFERENCE.findall(json.dumps(part))
