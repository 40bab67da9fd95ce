"""Documents that commands print with --json or store, checked by their schemas when read."""

import json
from functools import cache
from typing import Any, NoReturn

from jsonschema import Draft202012Validator

from edgekit.schemas import schema


def read(text: str | bytes) -> dict[str, Any]:
    """Parse a document; an assertion fails where it is not as the schema of its format says."""
    document: dict[str, Any] = json.loads(text, parse_constant=_refuse)
    assert list(document)[:2] == ["format", "version"], list(document)
    assert not (messages := problems(document)), messages
    return document


def problems(document: dict[str, Any]) -> list[str]:
    """Return what the schema of the document's format says against it."""
    name = document["format"].removeprefix("edgekit ").replace(" --", "_")
    return [f"{e.json_path}: {e.message}" for e in _validator(name).iter_errors(document)]


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema(name))


def _refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is not JSON")
