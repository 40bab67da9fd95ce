"""`import edge_runtime` loads only the modules of the standard library that are named here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_runtime.install import pip_line

pytestmark = pytest.mark.unsanitized

ALLOWED = {"__future__", "_operator", "_struct", "edge_runtime", "math", "struct"}
EDGE_RUNTIME = {
    *(
        "backends",
        "errors",
        "flatbuffer",
        "graph",
        "loading",
        "reader",
        "record",
        "runner",
        "schema",
        "session",
    ),
}


def modules_after(statement: str) -> set[str]:
    code = f"import sys; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_loads_only_what_is_allowed() -> None:
    loaded = modules_after("import edge_runtime")

    assert {name.partition(".")[0] for name in loaded} <= ALLOWED
    assert {name.split(".")[1] for name in loaded if name.startswith("edge_runtime.")} == (
        EDGE_RUNTIME
    )


def test_listing_the_backends_opens_none() -> None:
    loaded = modules_after("from edge_runtime.backends import backends; backends()")

    assert {name for name in loaded if name.startswith("edge_runtime.backends.")} == set()


def test_checking_availability_loads_no_engine() -> None:
    code = "from edge_runtime.backends import *; [unavailable(name) for name in backends()]"
    loaded = {name.partition(".")[0] for name in modules_after(code)}

    assert loaded.isdisjoint({"ai_edge_litert", "numpy", "PIL", "tensorflow", "click", "edgekit"})


WITHOUT_NUMPY = """
import sys
from pathlib import Path
from edge_runtime import InputError, Model
from edge_runtime.reader import read

class Sum:
    def run(self, tensors):
        total = sum(tensors[0].cast("B").cast("f"))
        return [memoryview(bytearray(8)).cast("f", (1, 2)) if total else b"zero"]

data = Path(sys.argv[1]).read_bytes()
model = Model("model", data, read(data), Sum(), "sum")
print(model.run(bytes(784 * 4)).tobytes().decode(), model.run(b"\\0\\0\\x80\\x3f" * 784).shape)
for bad in b"\\0\\0\\xc0\\x7f", b"\\0\\0\\x80\\xff":
    try:
        model.run(bytes(783 * 4) + bad)
    except InputError as error:
        print(error)
print("numpy" in sys.modules)
"""


def test_run_needs_no_numpy(float_model: Path) -> None:
    """The basis of a backend without NumPy."""
    command = [sys.executable, "-c", WITHOUT_NUMPY, str(float_model)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    bad = "the tensor holds NaN or infinity"
    assert done.stdout.splitlines() == ["zero (1, 2)", bad, bad, "False"]


WITHOUT_PACKAGES = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))
import edge_runtime, smoke
from edge_runtime.reader import read

model = edge_runtime.Model("model", smoke.MODEL, read(smoke.MODEL), None, "none")
model._labelled = lambda: None
for call in model.predict, model.classify:
    try:
        call([[0] * 7])
    except edge_runtime.EdgeRuntimeError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("absent", "said"),
    [
        (
            "numpy,PIL",
            [
                "MissingPackageError predict() of a batch needs NumPy, which is not installed: "
                + pip_line("install", "numpy"),
                "MissingPackageError classify() needs Pillow, which is not installed: "
                + pip_line("install", "pillow"),
            ],
        ),
        (
            "PIL",
            [
                "InputError",
                "MissingPackageError classify() needs Pillow, which is not installed: "
                + pip_line("install", "pillow"),
            ],
        ),
    ],
)
def test_a_missing_package_is_named(absent: str, said: str) -> None:
    command = [sys.executable, "-c", WITHOUT_PACKAGES, absent]
    path = Path(__file__).parents[1] / "support"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), *sys.path])}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)

    lines = done.stdout.splitlines()
    assert len(lines) == len(said)
    assert all(line.startswith(start) for line, start in zip(lines, said, strict=True))
