"""Firmware as tables of text: builds, the steps of a model, the functions of the code."""

from collections.abc import Mapping
from typing import Any

from edgekit.benchmarks import exactness
from edgekit.benchmarks.report.table import NOTHING, ReportTable, TableRow, worth
from edgekit.benchmarks.report.units import quantity, share, whole
from edgekit.benchmarks.result import Result, answered, select

BUILDS_NOTE = (
    "Whole firmware: vector table, start-up code, model. Differ: output elements that differ from "
    "those of edgekit's engine, on the test inputs and random tensors. Flash and RAM in bytes; "
    "constants are weights, tables and initial values; beyond is flash without the weights and "
    "biases of the model file and the multiplier and shift of each channel, an int32 each; the "
    "arena has input and output, data is all other variables; stack is its peak. Instructions: "
    "executed by the emulated core for one inference, call included: median, 90 % percentile and "
    "maximum over the test inputs; at reset: once, before the first inference. Cycles, estimated "
    "and not measured: those that Arm's manual states for a Cortex-M4 (median), and those that it "
    "waits for flash of five wait states behind the caches of an STM32L4R5 (first input); the "
    "time is that of both at 120 MHz."
)
STEPS_NOTE = (
    "Outside: the call, and the loop around it. If labels for the steps change the compiler's "
    "code, the figures are those of a build with labels, counted on fewer inputs. Per MAC: "
    "instructions for each multiply-accumulate. Cycles and waits are estimates. Stack: its peak "
    "in bytes while the step runs for the first input, callers included."
)
FUNCTIONS_NOTE = (
    "Code in bytes, the literals among it included. A kernel that the compiler inlined into what "
    "is none is named with that; what else it inlined counts where it is. Others: smaller "
    "functions, the vector table, padding."
)

MOST_FUNCTIONS = 12
"""Functions of a build with a row of their own."""


def builds(results: list[Result]) -> ReportTable:
    """Return the table of builds."""
    accuracy, differences = answered(results), select(results, exactness.TO_NATIVE)
    flash, ram = select(results, "flash"), select(results, "ram")
    instructions = select(results, "instructions")
    rows = []
    for subject in dict.fromkeys((*accuracy, *flash)):
        answers = accuracy.get(subject)
        if answers is not None and answers.status != "measured":
            rows.append(TableRow(subject, (), f"{answers.status}: {answers.reason}"))
            continue
        memory, counts = _summary(ram.get(subject)), _summary(instructions.get(subject))
        sizes, estimate = _summary(flash.get(subject)), counts.get("estimate") or {}
        seconds = estimate.get("seconds")
        rows.append(
            TableRow(
                subject,
                (
                    worth(answers)[0] if answers else NOTHING,
                    _differing(differences.get(subject)),
                    *(_whole(sizes, key) for key in ("total", "code", "constants", "beyond")),
                    *(_whole(memory, key) for key in ("total", "data", "arena", "stack")),
                    *(_whole(counts, key) for key in ("median", "p90", "max", "reset")),
                    _whole(estimate.get("cycles", {}), "median"),
                    _whole(estimate, "flash_waits"),
                    NOTHING if seconds is None else quantity(seconds, "s"),
                ),
            )
        )
    errors = any(result.metric == "error" for result in accuracy.values())
    columns = (
        "RMSE" if errors else "right",
        "differ",
        "flash",
        "= code",
        "+ constants",
        "beyond",
        "RAM",
        "= data",
        "+ arena",
        "+ stack",
        "instructions",
        "p90",
        "at most",
        "at reset",
        "est. cycles",
        "+ waits",
        "at 120 MHz",
    )
    rows.sort(key=lambda row: bool(row.missing))
    return ReportTable("Firmware", columns, tuple(rows), BUILDS_NOTE)


def steps(results: list[Result]) -> ReportTable:
    """Return the table of what each step takes."""
    rows = []
    for subject, result in select(results, "instructions").items():
        total = result.summary["steps_total"]["median"]
        code = "this build" if result.summary["steps_same_code"] else "a build with labels"
        for number, step in enumerate(result.summary["steps"]):
            macs = step.get("macs")
            cells = (
                str(number),
                step["op"],
                whole(step["median"]),
                whole(step["max"]),
                share(step["median"] / total),
                f"{step['median'] / macs:.2f}" if macs else NOTHING,
                *(_whole(step, key) for key in ("cycles", "flash_waits", "stack")),
                code,
            )
            rows.append(TableRow(subject, cells))
    columns = (
        "step",
        "op",
        "instructions",
        "at most",
        "share",
        "per MAC",
        "est. cycles",
        "+ waits",
        "stack",
        "of",
    )
    return ReportTable("Each step", columns, tuple(rows), STEPS_NOTE)


def functions(results: list[Result]) -> ReportTable:
    """Return the table of the code's largest functions."""
    rows = []
    for subject, result in select(results, "flash").items():
        code = result.summary["code"]
        largest = result.summary.get("functions", ())[:MOST_FUNCTIONS]
        sizes = [(one["name"], one["bytes"]) for one in largest]
        if sizes:
            sizes.append(("others", code - sum(size for _, size in sizes)))
        rows += [TableRow(subject, (name, whole(size), share(size / code))) for name, size in sizes]
    return ReportTable("Code", ("function", "bytes", "share"), tuple(rows), FUNCTIONS_NOTE)


def _differing(compared: Result | None) -> str:
    """Return how many output elements of all inputs differ from the engine's."""
    if compared is None:
        return NOTHING
    parts = compared.summary["images"], compared.summary["random"]
    return f"{sum(part['differ'] for part in parts)}/{sum(part['elements'] for part in parts)}"


def _summary(result: Result | None) -> Mapping[str, Any]:
    return result.summary if result else {}


def _whole(figures: Mapping[str, Any], key: str) -> str:
    """Return a count in full; NOTHING if there is none."""
    return NOTHING if figures.get(key) is None else whole(figures[key])
