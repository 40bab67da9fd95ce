"""What ``edgekit bench`` is told, as one record, and the types of its options."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import click

from edgekit.benchmarks.mcu.cores import CORES

FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20}
SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
LABELS_LIMIT = 1 << 20
"""Most bytes of a file of labels."""


class Size(click.ParamType[int]):
    """A count, or one of 1024 or 1048576: 20000, 16K, 1M."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Parse a whole number with an optional K or M."""
        match = re.fullmatch(r"(\d+)([KM]?)", str(value).strip(), re.ASCII | re.IGNORECASE)
        if match is None:
            self.fail(f"{value!r} is not a size, as 20000, 16K or 1M", param, ctx)
        return int(match[1]) * FACTORS[match[2].upper()]


class Duration(click.ParamType[float]):
    """A time with its unit: 800ns, 50us, 2.5ms, 1s."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Parse a number with a unit; return seconds."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s)", str(value).strip(), re.ASCII)
        if match is None:
            self.fail(f"{value!r} is not a time with its unit, as 800ns, 50us or 2.5ms", param, ctx)
        return float(match[1]) * SECONDS[match[2]]


class Tolerance(click.ParamType[tuple[str, float]]):
    """NAME=SHARE: how much worse than the baseline's a figure may be."""

    name = "tolerance"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, float]:
        """Parse ``NAME=SHARE``; the name is checked where the figures are known."""
        name, equals, text = str(value).partition("=")
        try:
            share = float(text)
        except ValueError:
            share = -1.0
        if not equals or not isfinite(share) or share < 0:
            self.fail(f"{value!r} is not a figure and a share, as latency=0.4", param, ctx)
        return name.strip(), share


@dataclass(frozen=True)
class Options:
    """All that the user says, by the names of the options.

    Attributes:
        models: .tflite files; empty for those of the artifacts folder.
        artifacts: the folder where the commands meet.
        data, classes, framing, input_range: how the models are fed; None leaves it to the files.
        keras: the Keras model to compare with; None for the artifacts folder's.
        trust: whether the code that its file brings along may run.
        min_accuracy, max_drop, max_latency, max_size: of the gates; None where it is not asked.
        backend: names of the backends to run; empty for all.
        require: names of those that must run a model.
        baseline: an earlier run's document.
        update_baseline: whether this run's takes its place.
        tolerance: margins in place of the baseline's own.
        core: the core to build firmware for; None measures on this machine.
        skip_zeros, max_flash, max_ram, max_instructions: of the firmware.
        quick: whether few samples do.
        samples: whether the document has the raw samples.
        as_json: whether the document goes to stdout.
        junit, markdown, html: where else to write.
        verbose: whether TensorFlow and LiteRT may speak.
    """

    models: tuple[Path, ...]
    artifacts: Path
    data: str | None
    classes: tuple[str, ...] | None
    framing: str | None
    input_range: tuple[float, float] | None
    keras: Path | None
    trust: bool
    min_accuracy: float | None
    max_drop: float | None
    max_latency: float | None
    max_size: int | None
    backend: tuple[str, ...]
    require: tuple[str, ...]
    baseline: Path | None
    update_baseline: bool
    tolerance: tuple[tuple[str, float], ...]
    core: str | None
    skip_zeros: bool
    max_flash: int | None
    max_ram: int | None
    max_instructions: int | None
    quick: bool
    samples: bool
    as_json: bool
    junit: Path | None
    markdown: Path | None
    html: Path | None
    verbose: bool

    @property
    def budgets(self) -> Mapping[str, int | None]:
        """What the firmware may take, by the option's name."""
        return {
            "--max-flash": self.max_flash,
            "--max-ram": self.max_ram,
            "--max-instructions": self.max_instructions,
        }

    def require_sense(self) -> None:
        """Refuse options of the one road on the other.

        Raises:
            UsageError: options contradict each other.
        """
        about_here = {
            "--backend": self.backend,
            "--require": self.require,
            "--max-latency": self.max_latency is not None,
        }
        for option, given in about_here.items():
            if self.core and given:
                raise click.UsageError(f"{option} is about this machine: leave it out with --core")
        if self.core and not CORES[self.core].emulated and self.max_instructions is not None:
            raise click.UsageError(
                f"--max-instructions: {self.core} is not emulated, it has sizes only"
            )
        about_firmware = {"--skip-zeros": self.skip_zeros}
        about_firmware |= {name: limit is not None for name, limit in self.budgets.items()}
        for option, given in about_firmware.items():
            if not self.core and given:
                raise click.UsageError(f"{option} is about a microcontroller: name one with --core")
        for option, given in (
            ("--update-baseline", self.update_baseline),
            ("--tolerance", self.tolerance),
        ):
            if given and not self.baseline:
                raise click.UsageError(f"{option} is about an earlier run: name its --baseline")
        if self.baseline and not self.baseline.exists() and not self.update_baseline:
            raise click.UsageError(
                f"--baseline: {self.baseline} is not there; --update-baseline writes it"
            )


def labels(
    _context: click.Context, option: click.Parameter, text: str | None
) -> tuple[str, ...] | None:
    """Return the class names of a list, as 0-9 or cat,dog, or of a file with one a line.

    Raises:
        BadParameter: a file that cannot be read, or a label that is empty or does not print.
        DataError: a list with fewer than two classes, or one twice.
    """
    if text is None:
        return None
    from edgekit.train.data import parse_classes

    path = Path(text)
    if path.suffix != ".txt":
        return _printable(parse_classes(text), option)
    try:
        with path.open("rb") as file:
            content = file.read(LABELS_LIMIT + 1)
        lines = content.decode().splitlines()
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror}", param=option) from None
    except UnicodeDecodeError:
        raise click.BadParameter(f"{path}: is not text in UTF-8", param=option) from None
    names = tuple(line.strip() for line in lines)
    if len(content) > LABELS_LIMIT or len(names) < 2 or not all(names):
        raise click.BadParameter(
            f"{path}: one label a line, two at least and none empty, is expected", param=option
        )
    if len(set(names)) < len(names):
        raise click.BadParameter(f"{path}: a label stands there twice", param=option)
    return _printable(names, option)


def _printable(names: tuple[str, ...], option: click.Parameter) -> tuple[str, ...]:
    """Refuse what `edgekit train` refuses, too: a label of what does not print."""
    if odd := [name for name in names if not name.isprintable()]:
        raise click.BadParameter(f"{odd[0]!r} has characters that do not print", param=option)
    return names
