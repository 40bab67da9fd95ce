"""The GitHub action: it parses, declares the inputs that it reads, and uses options of the CLI."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edgekit.commands.bench import command

yaml = pytest.importorskip("ruamel.yaml")
ACTION = Path(__file__).parents[1] / "action.yml"


@pytest.fixture(scope="module")
def action() -> Any:
    return yaml.YAML(typ="safe").load(ACTION.read_text())


def steps(action: Any) -> list[Any]:
    listed: list[Any] = action["runs"]["steps"]
    return listed


def test_it_is_a_composite_action_of_githubs_own(action: Any) -> None:
    assert action["runs"]["using"] == "composite"
    assert action["name"]
    assert action["description"]
    for step in steps(action):
        assert ("uses" in step) != ("run" in step)
        # A composite action has no default shell.
        assert "shell" in step or "uses" in step
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w/-]+@v\d+", step["uses"])


def test_every_input_is_described_and_read(action: Any) -> None:
    text = ACTION.read_text()
    assert {"models", "data", "arguments"} <= set(action["inputs"])
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(action["inputs"])
    for one in action["inputs"].values():
        assert one["description"]
        assert isinstance(one["default"], str)


def test_inputs_reach_a_script_through_the_environment_only(action: Any) -> None:
    """What is pasted into a script is run by it, whoever wrote the pull request."""
    for step in steps(action):
        assert "${{" not in step.get("run", "")
        assert "${{" not in step.get("with", {}).get("script", "")


def test_scripts_are_sound_bash(action: Any) -> None:
    for step in steps(action):
        if "run" in step:
            subprocess.run(["bash", "-n"], input=step["run"], text=True, check=True)


def test_options_are_those_of_the_command(action: Any) -> None:
    (script,) = (step["run"] for step in steps(action) if "edgekit bench" in step.get("run", ""))
    options = {name for parameter in command.params for name in parameter.opts}
    words = shlex.split(script.replace("(", " ").replace(")", " "), comments=True)
    used = {word for word in words if word.startswith("--")}
    assert used
    assert used <= options
    assert {"--baseline", "--update-baseline", "--markdown", "--junit"} <= used
