"""The shape of the house: who may import whom, and what an import may load."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOUNDATION = {
    *("archives", "artifact_set", "clock", "columns", "digests", "errors", "escape", "files"),
    *("folders", "frameworks", "keras_code", "keras_files", "locks", "parent", "pixel_range"),
    *("scoring", "signals", "stored", "version", "__init__"),
}
"""Modules of edgekit that import nothing of ours but each other and edge_runtime."""

ARROWS = {
    "edge_runtime": set(),
    "train": {"edge_runtime"},
    "convert": {"edge_runtime", "train"},
    "benchmarks": {"edge_runtime", "train"},
    "cli": {"edge_runtime", "train", "convert", "benchmarks"},
}
"""Folder -> folders that it may import, beside the foundation. edge_runtime gets nothing at all."""

OF_TRAIN = {"edgekit.train.dataset", "edgekit.train.data", "edgekit.train.finetune.recipe"}
"""Modules of train that convert and benchmarks may import."""


def modules() -> list[tuple[str, Path]]:
    found = [
        (folder, path)
        for folder in ("edge_runtime", "train", "convert", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]
    own = ROOT / "src" / "edgekit"
    for pattern in ("*.py", "commands/*.py", "sweep/*.py"):
        found += [("cli", path) for path in own.glob(pattern)]
    return found


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def box(name: str) -> str | None:
    """The folder that a dotted name of ours lives in; None for others and the foundation."""
    parts = name.split(".")
    if parts[0] == "edge_runtime":
        return "edge_runtime"
    if parts[0] != "edgekit" or len(parts) == 1:
        return None
    if parts[1] in ("train", "convert", "benchmarks"):
        return parts[1]
    return None if parts[1] in FOUNDATION or parts[1].startswith("__") else "cli"


@pytest.mark.parametrize(
    ("folder", "path"), modules(), ids=lambda value: getattr(value, "name", value)
)
def test_imports_run_one_way(folder: str, path: Path) -> None:
    for name in imported(path):
        target = box(name)
        if target is not None and target != folder:
            assert target in ARROWS[folder], f"{path.name} imports {name}"
        if folder in ("benchmarks", "convert") and target == "train":
            assert OF_TRAIN & {name, name.rpartition(".")[0]}, f"{path.name} imports {name}"
        if folder == "edge_runtime":
            assert not name.startswith("edgekit"), f"{path.name} imports {name}"
        if path.parent.name == "edgekit" and path.stem in FOUNDATION:
            assert target in (None, "edge_runtime"), f"{path.name} imports {name}"


def dotted(path: Path) -> str:
    """The name by which a module of ours is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "src" else parts
    prefix = "" if parts[0] in ("edgekit", "edge_runtime") else "edgekit."
    return prefix + ".".join(parts).removesuffix(".__init__")


def test_no_module_imports_what_imports_it() -> None:
    """Imports inside functions and for types alone count, too."""
    paths = {dotted(path): path for _, path in modules()}
    graph = {
        name: {
            target if target in paths else target.rpartition(".")[0] for target in imported(path)
        }
        & paths.keys()
        for name, path in paths.items()
    }
    assert "edgekit.train.mnist" in graph["edgekit.train.data"]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' -> '.join(reversed(error.args[1]))}")


def test_every_module_is_seen() -> None:
    assert len(modules()) > 40


@pytest.mark.parametrize("path", [path for _, path in modules()], ids=lambda path: path.name)
def test_a_module_is_one_idea(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 420


def loaded_by(*command: str) -> set[str]:
    script = (
        "import sys\n"
        "from edgekit import cli\n"
        f"code = cli.run({list(command)!r})\n"
        "assert code == 0, code\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    return {name.split(".")[0] for name in done.stderr.decode().split()}


@pytest.mark.parametrize(
    "command",
    [["--version"], ["--help"]]
    + [[name, "--help"] for name in ("train", "convert", "bench", "sweep")],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(command: list[str]) -> None:
    heavy = {"numpy", "tensorflow", "keras", "PIL", "matplotlib", "ai_edge_litert", "rich"}
    assert not loaded_by(*command) & heavy


def test_the_wheel_would_hold_every_module() -> None:
    from setuptools import find_packages

    packages = find_packages(str(ROOT / "src"))
    assert {
        "edgekit",
        "edgekit.commands",
        "edgekit.train",
        "edgekit.train.finetune",
        "edgekit.convert",
        "edgekit.convert.c",
        "edgekit.convert.packages",
        "edgekit.schemas",
        "edgekit.sweep",
        "edgekit.benchmarks",
        "edgekit.benchmarks.mcu",
        "edgekit.benchmarks.report",
        "edgekit.benchmarks.studies",
        "edge_runtime",
        "edge_runtime.backends",
        "edge_runtime.kernels",
        "edge_runtime.ops",
        "edge_runtime.planner",
        "edge_runtime.planner.passes",
    } == set(packages)
