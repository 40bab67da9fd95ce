"""``edgekit bench --target``: models exported, built, emulated and held to budgets."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.benchmarks.cores import CORES
from edgekit.commands.bench_options import Options
from edgekit.exported import exported

if TYPE_CHECKING:
    from edgekit.benchmarks.gate import Gate
    from edgekit.benchmarks.result import Result
    from edgekit.benchmarks.subjects import Entry, Keras
    from edgekit.train.data import Dataset

SKIP_ZEROS = "skip-zeros"


def builds(target: str, skip_zeros: bool) -> list[str]:
    """Return how the results call the builds, after making sure that they can be made.

    Raises:
        MissingExtraError: a package of the extra [mcu] is not installed.
        TargetError: the core needs a compiler that is not on the PATH.
    """
    from edgekit.benchmarks import firmware
    from edgekit.benchmarks import target as measurement

    firmware.require_tools(CORES[target])
    return measurement.subjects(CORES[target], SKIP_ZEROS if skip_zeros else "")


def measure(
    chosen: Options,
    target: str,
    entries: "Mapping[str, Entry]",
    dataset: "Dataset",
    keras: "Keras",
    keep: "Callable[[Result], None]",
    say: Callable[[str], None],
) -> "list[Result]":
    """Measure the models as firmware."""
    from edgekit.benchmarks import target as measurement

    # TensorFlow takes seconds to start: Keras answers only where a gate needs it.
    by_itself = chosen.min_accuracy is not None or (
        chosen.max_drop is None and all(entry.file.of_the_study for entry in entries.values())
    )
    needed = not by_itself or not dataset.labels
    return measurement.run(
        entries,
        CORES[target],
        lambda path: exported(path, chosen.skip_zeros),
        dataset,
        variant=SKIP_ZEROS if chosen.skip_zeros else "",
        keras=keras if needed and dataset.y_test.size else None,
        effort=measurement.QUICK if chosen.quick else measurement.THOROUGH,
        keep=keep,
        say=say,
    )


def gates(
    results: "Sequence[Result]", named: Mapping[str, Path], budgets: Mapping[str, int | None]
) -> "list[Gate]":
    """Return what is asked of the firmware besides its answers; a budget of None is not asked."""
    from edgekit.benchmarks import exactness, gate

    # A core that is not emulated answers nothing; what was built for it did not fail.
    built = {result.subject.model for result in results if result.metric == "flash"}
    asked = [
        *gate.runs(results, [model for model in named if model not in built]),
        *gate.exact(results, exactness.TO_NATIVE),
    ]
    for metric, figure, option in (
        ("flash", "total", "--max-flash"),
        ("ram", "total", "--max-ram"),
        ("instructions", "max", "--max-instructions"),
    ):
        limit = budgets[option]
        if limit is not None:
            asked += gate.budget(results, metric, figure, limit)
    return asked
