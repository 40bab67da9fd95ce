"""``edgekit bench --target``: models exported, built, emulated and held to budgets."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgekit.benchmarks.cores import CORES

if TYPE_CHECKING:
    from edgekit.benchmarks.firmware import Library
    from edgekit.benchmarks.gate import Gate
    from edgekit.benchmarks.result import Result
    from edgekit.train.data import Dataset

SKIP_ZEROS = "skip-zeros"
NAME = "model"
"""What the public names of the exported C begin with."""

FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20}


class Size(click.ParamType[int]):
    """A count, or one of 1024 or 1048576: 20000, 16K, 1M."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Parse a whole number with an optional K or M."""
        match = re.fullmatch(r"(\d+)([KM]?)", str(value).strip(), re.ASCII | re.IGNORECASE)
        if match is None:
            self.fail(f"{value!r} is not a size, as 20000, 16K or 1M", param, ctx)
        return int(match[1]) * FACTORS[match[2].upper()]


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
    named: Mapping[str, Path],
    target: str,
    skip_zeros: bool,
    dataset: "Dataset",
    quick: bool,
    keep: "Callable[[Result], None]",
    say: Callable[[str], None],
) -> "list[Result]":
    """Measure the models as firmware."""
    from edgekit.benchmarks import target as measurement

    return measurement.run(
        named,
        CORES[target],
        lambda path: exported(path, skip_zeros),
        dataset,
        variant=SKIP_ZEROS if skip_zeros else "",
        effort=measurement.QUICK if quick else measurement.THOROUGH,
        keep=keep,
        say=say,
    )


def exported(path: Path, skip_zeros: bool) -> "Library":
    """Return a model file as C.

    Raises:
        ModelError: the file is damaged, or holds what cannot be exported.
    """
    from edgekit.benchmarks.firmware import Library
    from edgekit.convert.c_library import library

    made = library(path.read_bytes(), path.name, NAME, skip_zeros=skip_zeros)
    return Library(
        name=NAME,
        files={f"{NAME}.h": made.header, f"{NAME}.c": made.source},
        arena=made.arena,
        weights=made.weights,
        macs=made.macs,
        ops=made.ops,
    )


def gates(
    results: "Sequence[Result]",
    named: Mapping[str, Path],
    min_accuracy: float,
    budgets: Mapping[str, int | None],
) -> "list[Gate]":
    """Return what is asked of the firmware; a budget that is None is not."""
    from edgekit.benchmarks import exactness, gate

    # A core that is not emulated answers nothing; what was built for it did not fail.
    built = {result.subject.model for result in results if result.metric == "flash"}
    asked = [
        *gate.accuracy(results, min_accuracy),
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
