"""Processes whose parent is killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a Unix thing")

CHILD = """
import ctypes, os, sys, time
from edgekit import parent
parent.end_with(sys.stdin.read)
print(os.getpid(), flush=True)
{}
"""
WAITS = "time.sleep(300)"
KEEPS_THE_INTERPRETER = "ctypes.PyDLL(None).sleep(300)"

PARENT = """
import os, signal, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
signal.pause()
"""


def outlived(command: list[str]) -> bool:
    """Kill the parent of ``command`` after its first line; a child that is left holds the pipe."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *command], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(1)  # until it does what it does
        parent.kill()
        try:
            parent.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            os.kill(pid, 9)
            return True
    return False


@pytest.mark.parametrize(
    "does",
    [
        WAITS,
        pytest.param(
            KEEPS_THE_INTERPRETER,
            marks=pytest.mark.skipif(sys.platform != "linux", reason="asks Linux"),
        ),
    ],
)
def test_a_child_ends_with_its_parent_whatever_it_does(does: str) -> None:
    assert not outlived([sys.executable, "-c", CHILD.format(does)])


def test_a_child_ends_with_the_pipe_where_the_system_sends_no_signal() -> None:
    command = [sys.executable, "-c", "import sys; sys.platform = 'other'\n" + CHILD.format(WAITS)]
    assert not outlived(command)


def test_fine_tuning_ends_with_its_parent(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "job.json")  # which it would wait for
    with subprocess.Popen(
        [sys.executable, "-m", "edgekit.train.finetune.worker", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as tuner:
        try:
            said, _ = tuner.communicate(timeout=120)
        finally:
            tuner.kill()
    assert (tuner.returncode, said) == (1, b"")
