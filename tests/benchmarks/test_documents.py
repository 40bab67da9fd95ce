import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edgekit.benchmarks import document
from edgekit.benchmarks.gate import Gate
from edgekit.benchmarks.result import Result
from edgekit.errors import ResultError

WITH_ONE_RESULT = (
    '{"format": "edgekit bench", "version": 1, "results": '
    '[{"subject": %s, "metric": "accuracy", "unit": "", "samples": [], "summary": %s}]}'
)
RunOf = Callable[..., list[Result]]


def test_document_gives_back_the_results(run_of: RunOf, absent: Result, tmp_path: Path) -> None:
    results = [*run_of([3]), absent]
    document.write(tmp_path / "bench.json", results, [])
    assert document.read(tmp_path / "bench.json") == results


def test_document_tells_the_verdict(run_of: RunOf) -> None:
    for verdict, passed in (("passed", True), ("skipped", True), ("failed", False)):
        text = document.dumps(run_of(), [Gate("accuracy", "model.tflite", verdict, "why")])
        assert json.loads(text)["passed"] is passed


def test_journal_has_a_line_for_each_result(run_of: RunOf, tmp_path: Path) -> None:
    journal = tmp_path / "bench.jsonl"
    for result in run_of([3]):
        document.append(journal, result)
    lines = journal.read_text().splitlines()
    assert [Result.from_dict(json.loads(line)) for line in lines] == run_of([3])


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
