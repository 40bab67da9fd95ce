"""Instruction sets that are hidden: what the engine and LiteRT then use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.benchmarks.studies import hiding

FLAGS = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
can_hide = pytest.mark.skipif(
    " cpuid_fault" not in FLAGS, reason="needs a processor and a kernel with CPUID faulting"
)
GONE = {
    "amx": {"amx"},
    "avx512": {"amx", "avx512"},
    "avxvnni": {"amx", "avx512", "avxvnni"},
}
"""What is hidden -> the levels of the engine that are gone."""


def run(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


@can_hide
@pytest.mark.compiler
@pytest.mark.parametrize("name", hiding.LEVELS)
def test_what_is_hidden_is_gone_for_the_engine(name: str) -> None:
    listed = "from edge_runtime.backends import native; print(*native.instructions())"
    before = run(listed)
    after = run(f"from edgekit.benchmarks.studies.hiding import hide; hide({name!r}); {listed}")
    assert after.returncode == 0, after.stderr
    expected = [level for level in before.stdout.split() if level not in GONE[name]]
    assert after.stdout.split() == expected


@can_hide
@pytest.mark.compiler
def test_other_faults_still_end_the_process() -> None:
    done = run(
        "from edgekit.benchmarks.studies.hiding import hide; hide('amx')\n"
        "import ctypes; ctypes.string_at(0)"
    )
    assert done.returncode == -11


@can_hide
@pytest.mark.compiler
def test_the_benchmark_runs_with_what_is_left(int8_model: Path) -> None:
    arguments = ["--model", str(int8_model), "--rounds", "1", "--hide", "avx512"]
    command = [sys.executable, "-m", "edgekit.benchmarks.studies.engine", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "hidden: avx512" in done.stdout
    assert "native avx512" not in done.stdout
    assert "cold start" not in done.stdout


def test_what_is_loaded_cannot_be_shown_less() -> None:
    if sys.platform != "linux":
        pytest.skip("is of Linux")
    done = run(
        "import edge_runtime._native\n"
        "from edgekit.benchmarks.studies.hiding import hide; hide('amx')"
    )
    assert "--hide amx: " in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("sys.platform = 'darwin'", "needs Linux on x86-64"),
        ("os.environ['CC'] = 'no-such-compiler'", "needs a C compiler"),
        ("os.environ['CC'] = 'false'", "needs a C compiler"),
        (
            "hiding.ctypes.CDLL = lambda _: type('', (), {'hide': lambda *_: 19})",
            "CPUID faulting (cpuid_fault in /proc/cpuinfo): No such device",
        ),
    ],
)
def test_one_line_says_what_is_missing(problem: str, message: str) -> None:
    if sys.platform != "linux":
        pytest.skip("is of Linux")
    code = f"import os, sys; from edgekit.benchmarks.studies import hiding; {problem}\n"
    done = run(f"{code}hiding.hide('avx512')")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("edgekit.errors.EdgekitError: --hide avx512: ")
    assert message in last
