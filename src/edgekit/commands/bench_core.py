"""``edgekit bench --core``: models exported, built, emulated and compared with budgets."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.benchmarks.mcu.cores import CORES
from edgekit.commands.bench_options import Options
from edgekit.errors import DataError
from edgekit.exported import exported

if TYPE_CHECKING:
    from edgekit.benchmarks.gate import Gate
    from edgekit.benchmarks.result import Result
    from edgekit.benchmarks.subjects import Entry, Keras
    from edgekit.train.dataset import Dataset


def names(core: str, variant: str) -> list[str]:
    """Return the builds' names in the results, after checking that the tools are installed.

    Raises:
        MissingExtraError: a package of the extra [mcu] is not installed.
        TargetError: the core needs a compiler that is not on the PATH.
    """
    from edgekit.benchmarks.mcu import builds, firmware

    firmware.require_tools(CORES[core])
    return builds.subjects(CORES[core], variant)


def measure(
    chosen: Options,
    core: str,
    entries: "Mapping[str, Entry]",
    dataset: "Dataset",
    keras: "Keras",
    keep: "Callable[[Result], None]",
    say: Callable[[str], None],
) -> "list[Result]":
    """Measure the models as firmware.

    Raises:
        DataError: a model has several inputs or outputs.
    """
    from edgekit.benchmarks.mcu import builds

    for entry in entries.values():
        if entry.file.several:
            raise DataError(
                f"{entry.file.path}: has several inputs or outputs: --core measures firmware of "
                "models with one of each"
            )
    # TensorFlow takes seconds to start: Keras runs only where a gate compares with it.
    limited = chosen.minimum is not None or bool(chosen.limits)
    of_the_study = all(entry.file.of_the_study for entry in entries.values())
    minimum_only = chosen.max_drop is None and (limited or of_the_study)
    compared = dataset.y_test.size and not (minimum_only and dataset.labels)
    return builds.run(
        entries,
        CORES[core],
        lambda path: exported(path, chosen.skip_zeros, chosen.min_ram),
        dataset,
        variant=chosen.variant,
        keras=keras if compared else None,
        coverage=builds.QUICK if chosen.quick else builds.THOROUGH,
        keep=keep,
        say=say,
    )


def gates(
    results: "Sequence[Result]", named: Mapping[str, Path], budgets: Mapping[str, int | None]
) -> "list[Gate]":
    """Return the gates of the firmware besides those of its answers; a budget of None has none."""
    from edgekit.benchmarks import exactness, gate

    # A core that is not emulated gives no answers; a build for it did not fail.
    built = {result.subject.model for result in results if result.metric == "flash"}
    checks = [
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
            checks += gate.budget(results, metric, figure, limit)
    return checks
