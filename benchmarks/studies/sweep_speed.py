"""Time of `edgekit sweep` for the 19 node counts compared with 19 runs of `edgekit train`.

    python -m edgekit.benchmarks.studies.sweep_speed [--nodes 2-20] [--rounds 1] [--json]

Whole commands from start to end, in turns on the same machine, one at a time: the separate runs one
after the other, as in a user's loop, then the sweep with a worker for each core. Both train every
model to its early stopping. The sweep also converts each model to float32 and int8 and measures
latency and, if the extra [mcu] is installed, firmware; the separate runs draw their plots. The
processor time of all processes separates work from waiting when others use the machine, too.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from edgekit.benchmarks import environment
from edgekit.errors import DataError
from edgekit.train.data import load

EDGEKIT = (sys.executable, "-m", "edgekit")
SEPARATE, SWEEP = "separate edgekit train runs", "edgekit sweep"


Seconds = tuple[float, float]
"""Wall time and processor time, in seconds."""


def measure(nodes: Sequence[int], options: Sequence[str], rounds: int) -> dict[str, list[Seconds]]:
    """Return the seconds of each round, by contender.

    Args:
        nodes: hidden nodes, one model each.
        options: options of both commands, such as "--data", "synthetic".
        rounds: turns of each contender.
    """
    seconds: dict[str, list[Seconds]] = {SEPARATE: [], SWEEP: []}
    listed = ",".join(map(str, nodes))
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            started = _clocks()
            for count in nodes:
                _run(["train", "--hidden", str(count), *options], Path(folder))
            seconds[SEPARATE].append(_since(started))
            started = _clocks()
            _run(["sweep", "--grid", f"hidden={listed}", *options], Path(folder))
            seconds[SWEEP].append(_since(started))
    return seconds


def main() -> None:
    """Measure and print a table, or the samples with ``--json``."""
    parser = argparse.ArgumentParser(description="Speed of a sweep against separate trainings.")
    parser.add_argument("--nodes", type=_range, default=range(2, 21), metavar="FIRST-LAST")
    parser.add_argument("--data", default="mnist", metavar="mnist|synthetic|PATH")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        load(arguments.data)
    except DataError as error:
        parser.error(str(error))
    machine = environment.describe()
    seconds = measure(arguments.nodes, ["--data", arguments.data], arguments.rounds)
    if arguments.json:
        print(json.dumps({"environment": machine, "seconds": seconds}))
        return
    print("\n".join(f"{fact}: {value}" for fact, value in machine.items()))
    title = f"{len(arguments.nodes)} models"
    print(f"\n{title:32}{'s':>8}{'ratio':>8}{'processor s':>13}{'ratio':>8}")
    for name, taken in seconds.items():
        line = f"{name:32}"
        for clock, width in ((0, 8), (1, 13)):
            ratios = [
                ours[clock] / other[clock]
                for ours, other in zip(taken, seconds[SEPARATE], strict=True)
            ]
            line += f"{median(times[clock] for times in taken):{width}.1f}{median(ratios):8.2f}"
        print(line)


def _clocks() -> Seconds:
    times = os.times()
    return time.perf_counter(), times.children_user + times.children_system


def _since(started: Seconds) -> Seconds:
    wall, processors = _clocks()
    return wall - started[0], processors - started[1]


def _run(command: Sequence[str], folder: Path) -> None:
    subprocess.run(
        [*EDGEKIT, *command, "--artifacts", str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    main()
