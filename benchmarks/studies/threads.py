"""Speed of edgekit's engine with several threads compared with one, in one run.

    python -m edgekit.benchmarks.studies.threads --model FILE ... [--threads 2] [--rounds 30]
    python -m edgekit.benchmarks.studies.threads --networks [--threads 2] [--rounds 30]

One process, both in turns: one random tensor per call, then 64 of them in one call. The machine has
to have as many idle processors as there are threads.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import edge_runtime
from edge_runtime.errors import EdgeRuntimeError
from edgekit import files
from edgekit.benchmarks import environment
from edgekit.benchmarks.latency import DISTINCT_IMAGES, compared
from edgekit.benchmarks.report.units import quantity, three_digits
from edgekit.benchmarks.result import Result, Subject, select
from edgekit.benchmarks.studies import calls
from edgekit.benchmarks.studies.networks import converted_networks
from edgekit.benchmarks.tensors import random_tensors
from edgekit.errors import EdgekitError

TITLES = {"call": "one random tensor per call", "batch_call": f"{DISTINCT_IMAGES} in one call"}
"""Metric -> title of its table."""
SPEED_UP = "_speed_up"
"""Suffix of the metric of a comparison: seconds with one thread / with several, by round."""


def measure(path: Path, threads: int, rounds: int) -> Iterator[Result]:
    """Yield the seconds of a call with one thread and with several, and the speed-up.

    Args:
        path: a .tflite file of one input and one output.
        threads: number of threads of the second.
        rounds: turns of each.

    Raises:
        EdgeRuntimeError: our engine cannot run the model, or not with so many threads.
    """
    digest = files.sha256(path)
    with (
        edge_runtime.load(path) as alone,
        edge_runtime.load(path, num_threads=threads) as shared,
    ):
        tensor = alone.input
        drawn = random_tensors(DISTINCT_IMAGES, tensor.shape[1:], tensor.dtype)
        loops = {
            Subject(path.name, digest, f"native, threads: {count}"): calls.loop_of(model.run)
            for count, model in ((1, alone), (threads, shared))
        }
        inputs = (calls.singles(drawn, DISTINCT_IMAGES), [drawn])
        for metric, several in zip(TITLES, inputs, strict=True):
            one, other = calls.measure(loops, several, metric, rounds)
            speed_up = compared(one, other, f"{metric}{SPEED_UP}")
            yield from (one, other, replace(speed_up, subject=other.subject))


def networks(threads: int, rounds: int) -> Iterator[Result]:
    """Yield the results of each network of the studies, int8 and float32."""
    for path in converted_networks():
        yield from measure(path, threads, rounds)


def report(results: Sequence[Result]) -> str:
    """Return a table for each model and metric: median, speed-up and its 5 % to 95 % range."""
    lines = [f"{name}: {value}" for name, value in results[0].environment.items()]
    for model in dict.fromkeys(result.subject.model for result in results):
        of_model = [result for result in results if result.subject.model == model]
        for metric, title in TITLES.items():
            lines += ["", f"{model}: {title}"]
            speed_ups = select(of_model, f"{metric}{SPEED_UP}")
            for subject, result in select(of_model, metric).items():
                line = f"  {subject.backend}  {quantity(result.summary['p50'], result.unit):>8}"
                if subject in speed_ups:
                    figures = speed_ups[subject].summary
                    median, low, high = (
                        three_digits(figures[key]) for key in ("median", "low", "high")
                    )
                    line += f"  {median:>6} × as fast  ({low} to {high})"
                lines.append(line)
    return "\n".join(lines)


def main() -> None:
    """Measure and print tables, or the samples with ``--json``."""
    parser = argparse.ArgumentParser(
        description="Compares the speed of edgekit's engine with one thread and with several."
    )
    models = parser.add_mutually_exclusive_group(required=True)
    models.add_argument("--model", type=Path, nargs="+", metavar="FILE")
    models.add_argument(
        "--networks",
        action="store_true",
        help="the networks of the engine's study instead, which needs TensorFlow",
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.threads < 2:
        parser.error("at least two threads and one round")
    count, rounds = arguments.threads, arguments.rounds
    try:
        if arguments.networks:
            measured = list(networks(count, rounds))
        else:
            measured = [one for path in arguments.model for one in measure(path, count, rounds)]
    except (EdgekitError, EdgeRuntimeError, OSError) as error:
        parser.error(str(error))
    machine = environment.describe()
    results = [replace(result, environment=machine) for result in measured]
    if arguments.json:
        print(files.to_json([result.to_dict() for result in results], None))
    else:
        print(report(results))


if __name__ == "__main__":
    main()
