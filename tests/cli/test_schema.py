"""`edgekit schema`, and the documents that its schemas describe."""

import contextlib
import io
import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import click
import numpy as np
import pytest
from jsonschema import Draft202012Validator

import documents
import keys
from edge_runtime.backends import backends
from edge_runtime.graph import FORMATS
from edge_runtime.meaning import MEANINGS, TASKS
from edge_runtime.metadata import FRAMINGS
from edgekit import cli, doctor, limits, verify
from edgekit.benchmarks import result
from edgekit.commands import group
from edgekit.convert import packages, runners
from edgekit.convert.conversion import SCHEMES
from edgekit.convert.targets import TARGETS
from edgekit.schemas import names, schema
from edgekit.train import recipe
from edgekit.train.finetune.recipe import STAGES

RUNS = {
    "bench_layers": "bench --layers --quick {model} --json",
    "doctor": "doctor --json",
    "export": "export {model} -o {folder}/c --json",
    "export_plan": "export --plan {model} --json",
    "inspect": "inspect {model} --json",
    "inspect_memory": "inspect --memory {model} --json",
    "predict": "predict {model} {folder}/x.npy --json",
    "sign": "sign {folder}/x.npy --key {folder}/private.pem --json",
    "verify": "verify {model} --json",
}
STORED = {"convert": "model_int8.tflite.report.json", "train": "metrics.json"}
ABSENT = {
    "convert": {"output", "explained"},
    "train": {"tuning", "errors", "normalization"},
    "export": {"inputs", "outputs", "state", "fed_rows", "audio"},
}
"""Keys that these documents have elsewhere: printed, after fine-tuning, of several tensors."""


@pytest.fixture(scope="module")
def texts(
    artifacts: Path, int8_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The documents that are cheap to come by, by the name of their schema."""
    folder = tmp_path_factory.mktemp("documents")
    np.save(folder / "x.npy", np.zeros((3, 28, 28, 1), np.uint8))
    keys.write(folder)
    found = {name: (artifacts / file).read_text() for name, file in STORED.items()}
    for name, command in RUNS.items():
        words = command.format(model=int8_model, folder=folder).split()
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert cli.run(words) == 0
        found[name] = out.getvalue()
    return found


@pytest.fixture(scope="module", params=[*RUNS, *STORED])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def document(name: str, texts: dict[str, str]) -> dict[str, Any]:
    return documents.read(texts[name])


def properties(name: str) -> dict[str, Any]:
    """Return the properties of a document, those that it shares with another one among them."""
    whole = schema(name)
    shared = whole["$defs"][whole["$ref"].rpartition("/")[2]] if "$ref" in whole else {}
    return {**shared.get("properties", {}), **whole["properties"]}


def objects(part: Any) -> Iterator[dict[str, Any]]:
    """Yield each object of a schema that names its properties, and what it is in."""
    if isinstance(part, dict):
        if part.get("type") == "object" and "properties" in part:
            yield part
        for value in part.values():
            yield from objects(value)
    elif isinstance(part, list):
        for value in part:
            yield from objects(value)


def test_neither_the_document_nor_its_schema_has_a_key_of_its_own(
    name: str, document: dict[str, Any]
) -> None:
    assert set(document) | ABSENT.get(name, set()) == set(properties(name))


def test_a_key_that_is_missing_unknown_or_of_a_wrong_type_is_found(
    document: dict[str, Any],
) -> None:
    for key in document.keys() - {"format"}:
        without, wrong = deepcopy(document), deepcopy(document)
        del without[key]
        assert documents.problems(without), key
        wrong[key] = {"unlike": None}
        assert documents.problems(wrong), key
    assert documents.problems({**document, "more": 1})
    assert documents.problems({**document, "version": 99})


def test_no_object_takes_keys_that_its_schema_does_not_name() -> None:
    for name in names():
        whole = schema(name)
        for one in objects(whole):
            # What two documents share is closed where they refer to it.
            closed = one.get("additionalProperties", whole.get("unevaluatedProperties"))
            assert closed is False, (name, one)


def commands_with_json() -> set[str]:
    context = click.Context(group.cli)
    found = {name: group.cli.get_command(context, name) for name in group.COMMANDS}
    return {
        name
        for name, command in found.items()
        if command and any("--json" in one.opts for one in command.params)
    }


def test_every_command_with_json_has_a_schema_that_is_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["schema"]) == 0
    listed = capsys.readouterr().out.split()
    assert (
        sorted(commands_with_json() | {"bench_layers", "export_plan", "inspect_memory"}) == listed
    )
    for name in listed:
        assert cli.run(["schema", name]) == 0
        printed = json.loads(capsys.readouterr().out)
        Draft202012Validator.check_schema(printed)
        assert printed == schema(name)
        kind = properties(name)["format"]["const"]
        assert kind.split(" --")[0] == f"edgekit {name.partition('_')[0]}"


def test_an_unknown_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["schema", "conver"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "Did you mean 'convert'?" in line


def at(name: str, path: str) -> list[Any]:
    """Return the values of an enum, by its keys inside the schema."""
    part = schema(name)
    for key in path.split():
        part = part[key] if key in part else part["properties"][key]
    values: list[Any] = part["enum"]
    return values


@pytest.mark.parametrize(
    ("name", "path", "values"),
    [
        ("train", "$defs meaning", MEANINGS),
        ("label", "$defs task", TASKS),
        ("train", "$defs framing", FRAMINGS),
        ("train", "$defs recipe output_activation", recipe.OUTPUT_ACTIVATIONS),
        ("train", "$defs recipe initializer", recipe.INITIALIZERS),
        ("train", "$defs recipe optimizer", recipe.OPTIMIZERS),
        ("train", "$defs recipe monitor", recipe.MONITORS),
        ("tune", "$defs tuning stages items stage", STAGES),
        ("convert", "recipe scheme", ("float32", *SCHEMES)),
        ("convert", "recipe target", TARGETS),
        ("convert", "target target", TARGETS),
        ("export", "package", packages.PACKAGES),
        ("export", "$defs port dtype", FORMATS),
        ("inspect", "runners items name", runners.TITLES),
        ("predict", "backend", backends()),
        ("doctor", "checks items status", doctor.Level),
        ("verify", "files items status", verify.Status),
        ("bench", "gates items verdict", get_args(limits.Verdict)),
        ("bench", "$defs result status", get_args(result.Status)),
        ("sweep", "$defs setting", set(recipe.Recipe().document) - {"seed"}),
    ],
)
def test_an_enum_has_the_values_that_the_code_has(name: str, path: str, values: Any) -> None:
    assert sorted(at(name, path)) == sorted(values)
