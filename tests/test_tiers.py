"""The tiers: a test is in the one that its markers say, and the quick one has no TensorFlow."""

import subprocess
import sys
from pathlib import Path

import tiers

FRAMEWORKS = """
from edgekit import frameworks

def test_frameworks(): pass
"""
OTHERS = """
import subprocess, sys
import pytest

@pytest.fixture
def artifacts(): pass

@pytest.fixture
def model(artifacts): pass

@pytest.mark.slow
def test_slow(): pass

def test_trained(model): pass
def test_little(): pass
def test_imports(): import tensorflow
def test_starts():
    subprocess.run([sys.executable, "-c", "import tensorflow"], check=True)
"""


def outcomes(folder: Path, *options: str) -> dict[str, str]:
    """Return what became of each test of a folder: its name and "passed" or "failed"."""
    hooks = "pytest_addoption, pytest_collection_modifyitems, pytest_configure"
    (folder / "conftest.py").write_text(f"from tiers import {hooks}  # noqa: F401\n")
    (folder / "test_frameworks.py").write_text(FRAMEWORKS)
    (folder / "test_others.py").write_text(OTHERS)
    markers = "markers =\n    tensorflow\n    compiler\n    slow\n    mnist\n"
    support = Path(tiers.__file__).parent
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {support}\n{markers}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    return {
        words[1].partition("::")[2]: words[0].lower()
        for words in lines
        if len(words) > 1 and words[0] in ("PASSED", "FAILED")
    }


def test_the_quick_tier_has_no_tensorflow_here_or_in_a_process_it_starts(tmp_path: Path) -> None:
    assert outcomes(tmp_path, "--tier", "quick") == {
        "test_little": "passed",
        "test_imports": "failed",
        "test_starts": "failed",
    }


def test_the_tiers_together_are_all_tests(tmp_path: Path) -> None:
    rest = outcomes(tmp_path, "--tier", "rest")
    assert rest == dict.fromkeys(("test_slow", "test_frameworks", "test_trained"), "passed")
    everything = outcomes(tmp_path, "-k", "not test_imports and not test_starts")
    assert everything == rest | {"test_little": "passed"}


def test_every_module_that_marks_a_test_is_imported_by_one() -> None:
    used = set().union(*map(tiers.imports, Path(__file__).parent.rglob("test_*.py")))
    assert set().union(*tiers.IMPORTS.values()) <= used


def test_files_that_take_long_come_first(tmp_path: Path) -> None:
    for name in ("test_b.py", "test_examples.py", "test_a.py", "test_projects.py"):
        (tmp_path / name).write_text("")

    class Item:
        def __init__(self, name: str, test: str) -> None:
            self.path, self.test = tmp_path / name, test

    items = [
        Item("test_b.py", "1"),
        Item("test_examples.py", "2"),
        Item("test_a.py", "3"),
        Item("test_projects.py", "4"),
        Item("test_examples.py", "5"),
    ]
    tiers.pytest_collection_modifyitems(items)  # type: ignore[arg-type]
    assert [item.test for item in items] == ["4", "2", "5", "1", "3"]
    tests = Path(__file__).parent
    assert all(any(tests.rglob(name)) for name in tiers.LONG)
