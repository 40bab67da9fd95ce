"""The architecture: which module may import which, and what an import may load."""

import ast
import subprocess
import sys
import tomllib
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOUNDATION = {
    *("archives", "artifact_set", "clock", "columns", "digests", "errors", "escape", "files"),
    *("folders", "frameworks", "keras_code", "keras_files", "locks", "parent", "pixel_range"),
    *("labelwise", "limits", "ranking", "scoring", "signals", "stored", "version", "__init__"),
    *("rescaling", "sounds", "tasks"),
}
"""Modules of edgekit that import only each other and edge_runtime."""

LINKED = ("train", "convert", "benchmarks")
"""Folders that lie beside src/ and are linked into it."""

ARROWS = {
    "edge_runtime": set(),
    "train": {"edge_runtime"},
    "convert": {"edge_runtime", "train"},
    "benchmarks": {"edge_runtime", "train"},
    "shared": {"edge_runtime", "train", "convert", "benchmarks"},
    "sweep": {"edge_runtime", "train", "convert", "benchmarks", "shared"},
    "commands": {"edge_runtime", "train", "convert", "benchmarks", "shared", "sweep"},
    "cli": {"commands"},
}
"""Box -> boxes that it may import, beside the foundation. edge_runtime gets nothing at all.

What several commands share, and is no foundation, is "shared".
"""

RUNTIME = {
    "file": set(),
    "kernels": {"file"},
    "ops": {"file", "kernels"},
    "plan": {"file", "kernels", "ops"},
    "passes": {"file", "ops", "plan"},
    "planner": {"file", "ops", "plan", "passes"},
    "backends": {"file", "kernels", "ops", "plan", "planner", "child"},
    "child": {"file", "session"},
    "audio": {"file", "kernels"},
    "session": {"file", "planner", "backends", "audio"},
}
"""Box of edge_runtime -> boxes that it may import; a box is the folder of its name, if it has one.

"file" makes a graph of a file and a tensor of an image, "audio" one of sound, by a kernel. A
"child" is the process that a backend starts, which loads the whole runtime again: the one arrow
back.
"""

ELSEWHERE = {
    "session": {"__init__", "session", "batches", "single", "loading", "notebook", "runner"},
    "child": {"worker"},
    "backends": {"own_process", "native", "_native"},
    "audio": {"audio"},
    "plan": {"unsupported"},
}
"""Box -> its modules outside the folder of its name."""

OF_TRAIN = {
    *("edgekit.train.arrays", "edgekit.train.data", "edgekit.train.dataset"),
    *("edgekit.train.anomalies", "edgekit.train.held_out", "edgekit.train.normalization"),
    *("edgekit.train.finetune.recipe", "edgekit.train.reading", "edgekit.train.splits"),
    "edgekit.train.training_data",
}
"""Modules of train that convert and benchmarks may import."""


@cache
def modules() -> dict[str, Path]:
    """Return dotted name -> path of every module."""
    paths = {}
    for package in ("edge_runtime", "edgekit", *(f"edgekit.{folder}" for folder in LINKED)):
        folder = (ROOT / "src" / package.replace(".", "/")).resolve()
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            paths[".".join((package, *parts))] = path
    return paths


@cache
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
    """The box that a dotted name of ours lives in; None for others and the foundation."""
    parts = name.split(".")
    if parts[0] == "edge_runtime":
        return "edge_runtime"
    if parts[0] != "edgekit" or len(parts) == 1 or parts[1] in FOUNDATION:
        return None
    if parts[1] in ("cli", "__main__"):
        return "cli"
    return parts[1] if parts[1] in ARROWS else "shared"


def runtime_box(name: str) -> str:
    """Return the box of a dotted name of edge_runtime."""
    parts = name.split(".")[1:] or ["__init__"]
    if parts[0] == "planner" and len(parts) > 1:
        whole = ("__init__", "memory", "one_arena", "placing", "stages")
        boxes = {"passes": "passes"} | dict.fromkeys(whole, "planner")
        return boxes.get(parts[1], "plan")
    if parts[0] in RUNTIME:
        return parts[0]
    for owner, names in ELSEWHERE.items():
        if parts[0] in names:
            return owner
    # Other names are defined in edge_runtime/__init__.py.
    return "file" if (ROOT / "edge_runtime" / f"{parts[0]}.py").exists() else "session"


@pytest.mark.parametrize("module", modules())
def test_imports_run_one_way(module: str) -> None:
    source = box(module)
    allowed = ARROWS[source] if source else {"edge_runtime"}
    for name in imported(modules()[module]):
        target = box(name)
        assert target in (None, source, *allowed), f"{module} imports {name}"
        if source in ("benchmarks", "convert") and target == "train":
            assert OF_TRAIN & {name, name.rpartition(".")[0]}, f"{module} imports {name}"
        if source == "edge_runtime":
            assert not name.startswith("edgekit"), f"{module} imports {name}"


@pytest.mark.parametrize("module", [name for name in modules() if box(name) == "edge_runtime"])
def test_imports_inside_the_runtime_run_one_way(module: str) -> None:
    source = runtime_box(module)
    for name in imported(modules()[module]):
        if box(name) == "edge_runtime":
            target = runtime_box(name)
            assert target in (source, *RUNTIME[source]), f"{module} imports {name}"


def test_no_module_imports_what_imports_it() -> None:
    """Imports inside functions and for types alone count, too."""
    paths = {name.removesuffix(".__init__"): path for name, path in modules().items()}
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
    assert len(modules()) > 200
    for name in ("edge_runtime.ops.add", "edgekit.sweep.point", "edgekit.convert.packages.c"):
        assert name in modules()


@pytest.mark.parametrize("module", modules())
def test_a_module_is_one_idea(module: str) -> None:
    assert len(modules()[module].read_text().splitlines()) <= 420


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

    find = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {name.rpartition(".")[0] for name in modules()}
    assert {"edge_runtime.ops", "edgekit.convert.packages", "edgekit.schemas"} <= folders
    assert folders == set(find_packages(str(ROOT / "src"), exclude=find["find"]["exclude"]))
