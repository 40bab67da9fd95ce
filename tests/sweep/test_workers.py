import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import calls
from edgekit.errors import WorkerError
from edgekit.sweep import workers


def test_each_task_is_answered_once() -> None:
    tasks = {f"{number} squared": number for number in range(20)}
    answers = list(workers.completed(calls.square, tasks, workers.processes(2)))
    assert len(answers) == 20
    assert dict(answers) == {name: number**2 for name, number in tasks.items()}


def test_what_a_dead_worker_left_is_given_out_again(tmp_path: Path) -> None:
    said: list[str] = []
    tasks = {number: (number, str(tmp_path / "died")) for number in range(6)}
    pool = workers.processes(2)
    answers = list(workers.completed(calls.square_or_die_once, tasks, pool, said.append))
    assert (tmp_path / "died").exists()
    assert sorted(answers) == [(number, number**2) for number in range(6)]
    assert len(said) == 1
    assert said[0].startswith("a worker died")


def test_workers_that_die_again_and_again_are_given_up() -> None:
    with pytest.raises(WorkerError, match="died 3 times in a row"):
        list(workers.completed(calls.die, {1: 1}, workers.processes(1)))


def test_what_the_call_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="not 1"):
        list(workers.completed(calls.refuse, {1: 1}, workers.processes(1)))


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a Unix thing")
def test_workers_do_not_outlive_a_killed_parent() -> None:
    script = (
        "import calls, time\n"
        "from edgekit.sweep import workers\n"
        "if __name__ == '__main__':\n"
        "    for _, pid in workers.completed(calls.process, {1: 1}, workers.processes(1)):\n"
        "        print(pid, flush=True)\n"
        "        time.sleep(60)\n"
    )
    folder = Path(calls.__file__).parent
    paths = os.pathsep.join([str(folder), *filter(None, sys.path)])
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
        text=True,
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        os.kill(worker, 0)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        deadline = time.monotonic() + 20
        while _is_running(worker):
            assert time.monotonic() < deadline, "the worker is still there"
            time.sleep(0.05)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")
    # A container without an init leaves orphans as zombies.
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
