import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit import files
from edgekit.benchmarks.gate import Gate
from edgekit.benchmarks.report import document
from edgekit.benchmarks.result import Result
from edgekit.errors import ResultError

WITH_ONE_RESULT = (
    '{"format": "edgekit bench", "version": 1, "results": '
    '[{"subject": %s, "metric": "accuracy", "unit": "", "samples": [], "summary": %s}]}'
)
RunOf = Callable[..., list[Result]]


@pytest.mark.parametrize("samples", [False, True])
def test_document_gives_back_the_results(
    run_of: RunOf, absent: Result, tmp_path: Path, samples: bool
) -> None:
    results = run_of([3])
    about = {"dataset": results[0].dataset, "environment": results[0].environment}
    results.append(replace(absent, **about))
    files.write_text(tmp_path / "bench.json", document.dumps(results, [], samples=samples))
    expected = results if samples else [replace(one, samples=()) for one in results]
    assert document.read(tmp_path / "bench.json") == expected


def test_data_and_environment_stand_once_and_samples_on_demand(run_of: RunOf) -> None:
    models = [{"name": "model.tflite", "pixels": [0.0, 1.0]}]
    slim, whole = (
        json.loads(document.dumps(run_of(), [], models, samples=samples))
        for samples in (False, True)
    )
    assert slim["version"] == 2
    assert slim["models"] == models
    assert slim["environment"]["cores"] == "4"
    assert slim["dataset"]["name"] == "tiny"
    for one in slim["results"]:
        assert not {"samples", "dataset", "environment"} & set(one)
    assert all(one["samples"] for one in whole["results"])


def test_a_document_of_version_1_is_read(run_of: RunOf, tmp_path: Path) -> None:
    old = {"format": "edgekit bench", "version": 1, "passed": True, "gates": []}
    old["results"] = [one.to_dict() for one in run_of([3])]
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert document.read(tmp_path / "old.json") == run_of([3])


def test_document_tells_the_verdict(run_of: RunOf) -> None:
    for verdict, passed in (("passed", True), ("skipped", True), ("failed", False)):
        text = document.dumps(run_of(), [Gate("accuracy", "model.tflite", verdict, "why")])
        assert json.loads(text)["passed"] is passed


def test_journal_has_a_line_for_each_result(run_of: RunOf, tmp_path: Path) -> None:
    journal = tmp_path / "bench.jsonl"
    for result in run_of([3]):
        document.append(journal, result)
    head, *lines = map(json.loads, journal.read_text().splitlines())
    assert (head["format"], head["version"]) == ("edgekit bench", 2)
    about = {"dataset": head["dataset"], "environment": head["environment"]}
    found = [Result.from_dict({**about, **line}) for line in lines]
    assert found == [replace(one, samples=()) for one in run_of([3])]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "not JSON"),
        ("\x00\xff", "not JSON"),
        ("[]", "not a document of edgekit bench"),
        ('{"accuracy": 0.99}', "not a document of edgekit bench"),
        ('{"format": "edgekit bench", "version": 99}', "version 99"),
        ('{"format": "edgekit bench", "version": 1}', "damaged"),
        ('{"format": "edgekit bench", "version": 1, "results": [{"metric": 1}]}', "damaged"),
        ('{"format": "edgekit bench", "version": 1, "results": [3]}', "damaged"),
        ('{"format": "edgekit bench", "version": 1, "results": 3}', "damaged"),
        (WITH_ONE_RESULT % ('{"model": [], "sha256": "", "backend": ""}', "{}"), "damaged"),
        (WITH_ONE_RESULT % ('{"model": "", "sha256": "", "backend": ""}', "3"), "damaged"),
    ],
)
def test_foreign_document_is_refused(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "metrics.json"
    file.write_text(content, encoding="latin-1")
    with pytest.raises(ResultError, match=says):
        document.read(file)
