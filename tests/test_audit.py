"""The workflow that audits the pinned dependencies, and its inputs."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "audit.yml"
CONSTRAINTS = (ROOT / "constraints.txt").read_text()


@pytest.fixture(scope="module")
def workflow() -> Any:
    return YAML(typ="safe").load(WORKFLOW.read_text())


@pytest.fixture(scope="module")
def steps(workflow: Any) -> list[dict[str, Any]]:
    (job,) = workflow["jobs"].values()
    listed: list[dict[str, Any]] = job["steps"]
    return listed


def test_it_runs_weekly_by_hand_and_when_a_version_changes(workflow: Any) -> None:
    when = workflow["on"]
    (schedule,) = when["schedule"]
    minute, hour, day, month, weekday = schedule["cron"].split()
    assert (day, month) == ("*", "*")
    assert int(minute) < 60
    assert int(hour) < 24
    assert int(weekday) < 7
    assert "workflow_dispatch" in when
    for event in ("push", "pull_request"):
        assert {"constraints.txt", ".github/workflows/audit.yml"} == set(when[event]["paths"])


def test_it_may_only_read(workflow: Any, steps: list[dict[str, Any]]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert "${{" not in WORKFLOW.read_text()
    for step in steps:
        assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/none@v1"))
    assert steps[0]["with"]["persist-credentials"] is False


def test_it_runs_what_contributing_says(steps: list[dict[str, Any]]) -> None:
    install, audit = (step["run"] for step in steps if "run" in step)
    assert re.fullmatch(r"python -m pip install pip-audit==[\d.]+", install)
    words = shlex.split(audit)
    assert words[0] == "pip-audit"
    # Without it a package that could not be looked up would pass.
    assert "--strict" in words
    assert words[words.index("-r") + 1] == "constraints.txt"
    assert audit in (ROOT / "CONTRIBUTING.md").read_text()


def pinned() -> dict[str, str]:
    """Return package -> version; pip-audit reads only such lines without resolving."""
    lines = [line for line in CONSTRAINTS.splitlines() if not line.startswith("#")]
    matches = [re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in lines]
    assert all(matches)
    return {canonicalize_name(match[1]): match[2] for match in matches if match}


def test_every_dependency_is_pinned_to_a_version_that_it_may_have() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    pins = pinned()
    for line in [*project["dependencies"], *(line for extra in extras for line in extra)]:
        need = Requirement(line)
        if need.name != project["name"]:
            assert need.specifier.contains(pins[canonicalize_name(need.name)]), line
