"""The options of ``edgekit bench`` as one record, and their types."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import click

from edgekit.benchmarks.mcu.cores import CORES
from edgekit.limits import Limits
from edgekit.train.reading import Reading

ACCURACY = "accuracy"
FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20}
SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
LABELS_LIMIT = 1 << 20
"""Largest size of a file of labels, in bytes."""


class Size(click.ParamType[int]):
    """A whole number, or one in units of 1024 or 1048576: 20000, 16K, 1M."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Parse a whole number with an optional K or M."""
        match = re.fullmatch(r"(\d+)([KM]?)", str(value).strip(), re.ASCII | re.IGNORECASE)
        if match is None:
            self.fail(f"{value!r} is not a size such as 20000, 16K or 1M", param, ctx)
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
            self.fail(
                f"{value!r} is not a time with its unit, such as 800ns, 50us or 2.5ms", param, ctx
            )
        return float(match[1]) * SECONDS[match[2]]


class Tolerance(click.ParamType[tuple[str, float]]):
    """NAME=SHARE: how much worse than the baseline a figure may be."""

    name = "tolerance"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, float]:
        """Parse ``NAME=SHARE``; bench_run checks the name."""
        name, equals, text = str(value).partition("=")
        try:
            share = float(text)
        except ValueError:
            share = -1.0
        if not equals or not isfinite(share) or share < 0:
            self.fail(f"{value!r} is not a figure and a share, such as latency=0.4", param, ctx)
        return name.strip(), share


@dataclass(frozen=True)
class Options:
    """The values of all options, by their names.

    Attributes:
        models: .tflite files; empty for those of the artifacts folder.
        artifacts: the folder where the commands meet.
        data, classes, task, framing, input_range: test inputs, what the output is, and their form;
            None for what the files say.
        reading: how the data are read.
        keras: the Keras model to compare with; None for the artifacts folder's.
        trust: run the code that a Keras file contains.
        min_accuracy, max_drop, max_latency, max_size: limits of the gates; None for no gate.
        least, most: limits by metric, the last of one metric counts.
        backend: names of the backends to run; empty for all.
        require: names of backends that must run a model.
        baseline: document of an earlier run.
        update_baseline: replace the baseline with this run's document if all gates pass.
        tolerance: margins by figure, in place of the default ones.
        core: the core to build firmware for; None measures on this machine.
        skip_zeros: build the export that skips zero inputs.
        min_ram: build the export with the least RAM.
        max_flash, max_ram, max_instructions: limits of the firmware; None for no gate.
        layers: time the layers of the models instead of checking gates.
        quick: take few samples.
        samples: include the raw samples in the document.
        as_json: print the document.
        junit, markdown, html: files to write; None for none.
        verbose: show the messages of TensorFlow and LiteRT.
    """

    models: tuple[Path, ...]
    artifacts: Path
    data: str | None
    reading: Reading
    classes: tuple[str, ...] | None
    task: str | None
    framing: str | None
    input_range: tuple[float, float] | None
    keras: Path | None
    trust: bool
    min_accuracy: float | None
    max_drop: float | None
    least: tuple[tuple[str, float], ...]
    most: tuple[tuple[str, float], ...]
    max_latency: float | None
    max_size: int | None
    backend: tuple[str, ...]
    require: tuple[str, ...]
    baseline: Path | None
    update_baseline: bool
    tolerance: tuple[tuple[str, float], ...]
    core: str | None
    skip_zeros: bool
    min_ram: bool
    max_flash: int | None
    max_ram: int | None
    max_instructions: int | None
    layers: bool
    quick: bool
    samples: bool
    as_json: bool
    junit: Path | None
    markdown: Path | None
    html: Path | None
    verbose: bool

    @property
    def variant(self) -> str:
        """Name of the variant of the exported C; "" for the plain one."""
        names = {"skip-zeros": self.skip_zeros, "min-ram": self.min_ram}
        return "-".join(name for name, chosen in names.items() if chosen)

    @property
    def minimum(self) -> float | None:
        """Least accuracy, from --min-accuracy or --min; None for no gate."""
        return (
            self.min_accuracy if self.min_accuracy is not None else dict(self.least).get(ACCURACY)
        )

    @property
    def limits(self) -> Limits:
        """Limits of the other metrics."""
        others = {name: limit for name, limit in self.least if name != ACCURACY}
        return Limits(others, dict(self.most))

    @property
    def budgets(self) -> Mapping[str, int | None]:
        """Limits of the firmware by option name; None for no gate."""
        return {
            "--max-flash": self.max_flash,
            "--max-ram": self.max_ram,
            "--max-instructions": self.max_instructions,
        }

    def require_sense(self) -> None:
        """Refuse options that do not go together.

        Raises:
            UsageError: options contradict each other.
        """
        if self.layers:
            self._require_layers_alone()
        about_here = {
            "--backend": self.backend,
            "--require": self.require,
            "--max-latency": self.max_latency is not None,
        }
        for option, present in about_here.items():
            if self.core and present:
                raise click.UsageError(f"{option} is about this machine: leave it out with --core")
        if self.core and not CORES[self.core].emulated and self.max_instructions is not None:
            raise click.UsageError(
                f"--max-instructions: {self.core} is not emulated, it has sizes only"
            )
        about_firmware = {"--skip-zeros": self.skip_zeros, "--min-ram": self.min_ram}
        about_firmware |= {name: limit is not None for name, limit in self.budgets.items()}
        for option, present in about_firmware.items():
            if not self.core and present:
                raise click.UsageError(f"{option} is about a microcontroller: name one with --core")
        for option, present in (
            ("--update-baseline", self.update_baseline),
            ("--tolerance", self.tolerance),
        ):
            if present and not self.baseline:
                raise click.UsageError(f"{option} is about an earlier run: name its --baseline")
        if self.baseline and not self.baseline.exists() and not self.update_baseline:
            raise click.UsageError(
                f"--baseline: {self.baseline} is not there; --update-baseline writes it"
            )

    def _require_layers_alone(self) -> None:
        """Refuse what --layers does not measure.

        Raises:
            UsageError: there is such an option.
        """
        elsewhere = {
            "--data": self.data,
            **dict.fromkeys(self.reading.options, True),
            "--classes": self.classes,
            "--task": self.task,
            "--framing": self.framing,
            "--input-range": self.input_range,
            "--keras": self.keras,
            "--trust": self.trust,
            "--min-accuracy": self.min_accuracy,
            "--min": self.least,
            "--max": self.most,
            "--max-drop": self.max_drop,
            "--max-latency": self.max_latency,
            "--max-size": self.max_size,
            "--backend": self.backend,
            "--require": self.require,
            "--baseline": self.baseline,
            "--update-baseline": self.update_baseline,
            "--tolerance": self.tolerance,
            "--core": self.core,
            "--junit": self.junit,
        }
        for option, value in elsewhere.items():
            if value not in (None, False, ()):
                raise click.UsageError(
                    f"{option}: --layers times layers on random tensors and checks no gates: leave "
                    "one of them out"
                )


def labels(
    _context: click.Context, option: click.Parameter, text: str | None
) -> tuple[str, ...] | None:
    """Return the class names of a list such as 0-9 or cat,dog, or of a file with one a line.

    Raises:
        BadParameter: the file cannot be read, or a label is empty, repeated or not printable.
        DataError: the list has fewer than two classes, or one twice.
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
            f"{path}: expected one label a line, at least two and none empty", param=option
        )
    if len(set(names)) < len(names):
        raise click.BadParameter(f"{path}: has a label twice", param=option)
    return _printable(names, option)


def _printable(names: tuple[str, ...], option: click.Parameter) -> tuple[str, ...]:
    """Refuse labels that are not printable, as `edgekit train` does."""
    if odd := [name for name in names if not name.isprintable()]:
        raise click.BadParameter(f"{odd[0]!r} has characters that do not print", param=option)
    return names
