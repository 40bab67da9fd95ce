"""JSON of earlier runs: what is wrong with it is named."""

import json
from typing import Any

import pytest

from edgekit import stored
from edgekit.benchmarks.result import Result, Subject
from edgekit.errors import ResultError


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("subject", "model"), 5, "subject.model: expected text, not 5"),
        (("subject", "peer"), "no", "subject.peer: expected true or false, not text 'no'"),
        (("samples",), [1, "2"], r"samples\[1\]: expected a number, not text '2'"),
        (("samples",), [10**400], r"samples\[0\]: expected a number, not a huge number"),
        (("summary",), [], "summary: expected an object, not a list"),
        (("summary", "deep"), [[[]]] * 2, "summary.deep: nests too deep"),
        (("subject", "new"), [[[]]], "subject.new: nests too deep"),
        (("environment", "CPU"), {}, "environment.CPU: expected text, not an object"),
        (("time",), None, "time: expected text, not null"),
        (("metric",), True, "metric: expected text, not true"),
    ],
)
def test_what_is_wrong_with_a_result_is_named(
    path: tuple[str, ...], value: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgekit.stored.DEEPEST", 2)
    result: Any = Result(Subject("m", "ab", "native"), "latency", "s", environment={"CPU": "x"})
    result = json.loads(json.dumps(result.to_dict()))
    *parents, last = path
    holder = result
    for key in parents:
        holder = holder[key]
    holder[last] = value

    with pytest.raises(ResultError, match=f"not a benchmark result: {said}"):
        Result.from_dict(result)


def test_what_is_no_json() -> None:
    for content in (b"", b"{", b"NaN", b"[Infinity]", b'"\\ud800"', b"[" * 10**5, b"9" * 5000):
        with pytest.raises(ValueError, match=r"."):
            stored.parse(content)
    assert stored.parse('["\\ud83d\\ude00", "ä"]'.encode()) == ["😀", "ä"]
