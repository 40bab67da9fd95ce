"""The tiers of the tests: ``--tier quick`` runs those that need little, ``--tier rest`` the others.

A test belongs to the rest by its markers. Most are set here, by the fixtures and the imports of the
test; the others by hand.
"""

import ast
import os
import sys
from functools import cache
from pathlib import Path

import pytest

REST = "tensorflow or compiler or slow or mnist"
FIXTURES = {
    "tensorflow": {"artifacts", "demo", "killed_and_resumed"},
    "compiler": {"sdist", "wheel"},
}
"""Marker -> fixtures that a test uses, also through others."""
IMPORTS = {
    "tensorflow": {"frameworks", "fit"},
    "compiler": {
        *("cmake", "cortex_m", "emulator", "exported", "firmware", "firmware_library"),
        *("machines", "packed_calls", "poisoned", "sources", "unicorn"),
    },
}
"""Marker -> modules that a test file imports at its top, without their packages."""
LONG = (
    *("test_projects.py", "test_examples.py", "test_variants.py", "test_compile.py"),
    *("test_committed_networks.py", "test_tune.py", "test_convert_command.py", "test_library.py"),
    *("test_explained.py", "test_point.py", "test_wheel.py", "test_cli.py", "test_bench.py"),
    *("test_keras_networks.py", "test_sanitized.py", "test_fit.py", "test_machines.py"),
    *("test_networks.py", "test_sweep.py", "test_one_arena.py", "test_firmware_files.py"),
)
"""Files whose tests take longest, the longest first: begun last, they would leave all workers but
one without work at the end."""

REFUSING = Path(__file__).with_name("without_tensorflow")


@cache
def imports(path: Path) -> frozenset[str]:
    """Return the last names of the modules, and what of them, that a file imports at its top."""
    names = set()
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add(str(node.module))
    return frozenset(name.rpartition(".")[2] for name in names)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests, before any is selected by its markers; put long ones first."""
    places = {name: at for at, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        for table, used in (FIXTURES, fixtures), (IMPORTS, imports(item.path)):
            for marker, names in table.items():
                if names & used:
                    item.add_marker(marker)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that selects a tier."""
    parser.addoption("--tier", choices=("quick", "rest"), help="run a part of the tests")


def pytest_configure(config: pytest.Config) -> None:
    """Select by markers; in the quick tier, let nothing import TensorFlow."""
    tier = config.option.tier
    if tier == "rest":
        config.option.markexpr = REST
    elif tier == "quick":
        config.option.markexpr = f"not ({REST})"
        # For this process, and for those that tests start.
        sys.path.insert(0, str(REFUSING))
        paths = [str(REFUSING), os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
