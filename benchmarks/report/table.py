"""The results as tables of text: answers and speed, outputs compared with LiteRT's, footprint.

The terminal, Markdown and HTML show the same cells.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from edgekit.benchmarks import exactness, tensors
from edgekit.benchmarks.gate import Gate
from edgekit.benchmarks.report.units import quantity, share, three_digits, whole
from edgekit.benchmarks.result import Result, Subject, answered, select

NOTHING = "–"

OUTPUTS_NOTE = (
    "Elements of the raw output that differ from the reference's: LiteRT's reference kernels "
    "(BUILTIN_REF) and XNNPACK for edgekit's engine, edgekit's engine for firmware. Steps are "
    "those of an integer output; ULPs count the float32 numbers from one to the other. Random "
    "tensors cover the full range of an integer input, and are standard normal for a float input; "
    f"seed {tensors.SEED}. Rounding: whose bytes the plan gives; litert stands for BUILTIN_REF."
)
FOOTPRINT_NOTE = (
    "Cold start: from the start of a process to its first answer, files in the page cache. Peak "
    "memory: the most physical memory of that process. × Python: as a multiple of a bare Python "
    "that reads as many bytes and prints them. Installed: packages that are needed besides edgekit "
    "and Python. Medians."
)
BUILDS_NOTE = (
    "Whole firmware: vector table, start-up code, input and output buffers, model. Differ: output "
    "elements that differ from those of edgekit's engine, on the test images and random tensors. "
    "Flash and RAM in bytes; constants are weights, tables and initial values; data is the input "
    "and output buffers; stack is its peak. Instructions: executed by the emulated core for one "
    "inference, call included: median, 90 % percentile and maximum over the test images; at reset: "
    "once, before the first inference."
)
STEPS_NOTE = (
    "Outside: the call, and the loop around it. If labels for the steps change the compiler's "
    "code, the figures are those of a build with labels, counted on fewer images."
)


@dataclass(frozen=True)
class TableRow:
    """The cells of a subject, or the reason why it has none."""

    subject: Subject
    cells: tuple[str, ...]
    missing: str = ""


@dataclass(frozen=True)
class ReportTable:
    """A title, column titles (after model and backend), rows, and a note that explains them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    note: str = ""


def tables(results: Iterable[Result]) -> tuple[ReportTable, ReportTable, ReportTable]:
    """Return the tables of answers and speed, of outputs and of footprints.

    For firmware they are the tables of builds, of outputs and of steps. Empty columns are left out.
    """
    results = list(results)
    if any(result.metric == "flash" for result in results):
        parts = _builds(results), _outputs(results), _steps(results)
    else:
        parts = _answers(results), _outputs(results), _footprint(results)
    first, second, third = map(_without_empty_columns, parts)
    return first, second, third


def _without_empty_columns(table: ReportTable) -> ReportTable:
    used = [
        index
        for index in range(len(table.columns))
        if any(row.cells[index] != NOTHING for row in table.rows if row.cells)
    ]
    return replace(
        table,
        columns=tuple(table.columns[index] for index in used),
        rows=tuple(
            replace(row, cells=tuple(row.cells[index] for index in used)) if row.cells else row
            for row in table.rows
        ),
    )


def worth_telling(gates: Iterable[Gate], answers: ReportTable) -> list[Gate]:
    """Return the gates without skipped ones that only repeat a reason of the table."""
    explained = {str(row.subject) for row in answers.rows if row.missing}
    return [gate for gate in gates if gate.verdict != "skipped" or gate.subject not in explained]


def banner(results: Iterable[Result]) -> str:
    """Return a warning that the test images are synthetic; "" if they are not."""
    if any(result.dataset.get("synthetic") for result in results):
        return "SYNTHETIC TEST IMAGES: digits drawn by code, not handwriting. Not an MNIST result."
    return ""


def _answers(results: list[Result]) -> ReportTable:
    answers, agreement = answered(results), select(results, "agreement")
    latency, relative = select(results, "latency"), select(results, "relative_latency")
    to_litert, throughput = select(results, "latency_to_litert"), select(results, "throughput")
    rows = []
    for subject, result in answers.items():
        if result.status != "measured":
            rows.append(TableRow(subject, (), f"{result.status}: {result.reason}"))
            continue
        rows.append(
            TableRow(
                subject,
                (
                    *_worth(result),
                    _same(agreement.get(subject)),
                    _figure(latency.get(subject), "p50"),
                    _against_litert(to_litert.get(subject)),
                    *(_figure(latency.get(subject), key) for key in ("p90", "p99")),
                    _ratio(relative.get(subject)),
                    _figure(throughput.get(subject), "median"),
                ),
            )
        )
    errors = any(result.metric == "error" for result in answers.values())
    columns = (
        *(("RMSE", "MAE", "R²") if errors else ("right", "accuracy", "95 % interval")),
        "as Keras",
        "p50",
        "than litert",
        "p90",
        "p99",
        "× fastest",
        "throughput",
    )
    rows.sort(key=lambda row: bool(row.missing))
    return ReportTable("Answers and speed", columns, tuple(rows))


def _worth(result: Result) -> tuple[str, str, str]:
    """Return the cells for classes, for numbers, or for neither."""
    figures = result.summary
    if result.metric == "accuracy":
        low, high = figures["interval"]
        right = f"{figures['correct']}/{figures['total']}"
        return right, share(figures["accuracy"]), f"{share(low)}–{share(high)}"
    if result.metric == "error":
        explained = NOTHING if figures["r2"] is None else f"{figures['r2']:.5f}"
        return f"{figures['rmse']:.4g}", f"{figures['mae']:.4g}", explained
    return NOTHING, NOTHING, NOTHING


def _outputs(results: list[Result]) -> ReportTable:
    rows = []
    for result in exactness.select(results):
        if result.status != "measured":
            rows.append(TableRow(result.subject, (), f"{result.status}: {result.reason}"))
            continue
        figures = result.summary
        parts = figures["images"], figures["random"]
        rows.append(
            TableRow(
                result.subject,
                (
                    figures["reference"],
                    figures["rounding"],
                    *(f"{part['differ']}/{part['elements']}" for part in parts),
                    _largest(result),
                ),
            )
        )
    columns = ("reference", "rounding", "differ on images", "on random tensors", "at most")
    return ReportTable("Raw outputs", columns, tuple(rows), OUTPUTS_NOTE)


def _footprint(results: list[Result]) -> ReportTable:
    metrics = ("cold_start", "peak_memory", "file_size", "installed_size")
    by_metric = {metric: select(results, metric) for metric in metrics}
    subjects = dict.fromkeys(subject for column in by_metric.values() for subject in column)
    rows = []
    for subject in subjects:
        cells = []
        for metric in metrics:
            result = by_metric[metric].get(subject)
            cells.append(_figure(result, "median"))
            if metric in ("cold_start", "peak_memory"):
                cells.append(_times_python(result))
        rows.append(TableRow(subject, tuple(cells)))
    columns = ("cold start", "× Python", "peak memory", "× Python", "file", "installed")
    return ReportTable("Footprint", columns, tuple(rows), FOOTPRINT_NOTE)


def _builds(results: list[Result]) -> ReportTable:
    accuracy, differences = answered(results), select(results, exactness.TO_NATIVE)
    flash, ram = select(results, "flash"), select(results, "ram")
    instructions = select(results, "instructions")
    rows = []
    for subject in dict.fromkeys((*accuracy, *flash)):
        answers = accuracy.get(subject)
        if answers is not None and answers.status != "measured":
            rows.append(TableRow(subject, (), f"{answers.status}: {answers.reason}"))
            continue
        rows.append(
            TableRow(
                subject,
                (
                    _right(answers),
                    _differing(differences.get(subject)),
                    *(_whole(flash.get(subject), key) for key in ("total", "code", "constants")),
                    *(_whole(ram.get(subject), key) for key in ("total", "data", "arena", "stack")),
                    *(
                        _whole(instructions.get(subject), key)
                        for key in ("median", "p90", "max", "reset")
                    ),
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
        "RAM",
        "= data",
        "+ arena",
        "+ stack",
        "instructions",
        "p90",
        "at most",
        "at reset",
    )
    rows.sort(key=lambda row: bool(row.missing))
    return ReportTable("Firmware", columns, tuple(rows), BUILDS_NOTE)


def _steps(results: list[Result]) -> ReportTable:
    rows = []
    for subject, result in select(results, "instructions").items():
        total = result.summary["steps_total"]["median"]
        code = "this build" if result.summary["steps_same_code"] else "a build with labels"
        for number, step in enumerate(result.summary["steps"]):
            figures = (whole(step["median"]), whole(step["max"]), share(step["median"] / total))
            rows.append(TableRow(subject, (str(number), step["op"], *figures, code)))
    columns = ("step", "op", "instructions", "at most", "share", "of")
    return ReportTable("Instructions of each step", columns, tuple(rows), STEPS_NOTE)


def _right(answers: Result | None) -> str:
    return _worth(answers)[0] if answers else NOTHING


def _differing(compared: Result | None) -> str:
    """Return how many output elements of all inputs differ from the engine's."""
    if compared is None:
        return NOTHING
    parts = compared.summary["images"], compared.summary["random"]
    return f"{sum(part['differ'] for part in parts)}/{sum(part['elements'] for part in parts)}"


def _whole(result: Result | None, key: str) -> str:
    if result is None or result.summary.get(key) is None:
        return NOTHING
    return whole(result.summary[key])


def _figure(result: Result | None, key: str) -> str:
    if result is None or key not in result.summary:
        return NOTHING
    return quantity(result.summary[key], result.unit)


def _same(agreement: Result | None) -> str:
    if agreement is None or agreement.status != "measured":
        return NOTHING
    if "same" not in agreement.summary:
        return f"± {agreement.summary['max_score_difference']:.2g}"
    return f"{agreement.summary['same']}/{agreement.summary['total']}"


def _ratio(relative: Result | None) -> str:
    if relative is None or relative.status != "measured":
        return NOTHING
    return three_digits(relative.summary["median"])


def _against_litert(compared: Result | None) -> str:
    """Return how much faster or slower it is than LiteRT with the same model."""
    if compared is None or compared.subject.backend == "litert":
        return NOTHING
    ratio = compared.summary["median"]
    if ratio < 1:
        return f"{three_digits(1 / ratio)}× faster"
    return f"{three_digits(ratio)}× slower"


def _times_python(result: Result | None) -> str:
    """Return a footprint as a multiple of bare Python's."""
    if result is None or "ratio" not in result.summary:
        return NOTHING
    return three_digits(result.summary["ratio"])


def _largest(compared: Result) -> str:
    """Return the largest difference of all outputs: in steps, or as a number and in ULPs."""
    parts = compared.summary["images"], compared.summary["random"]
    largest = max(part["largest"] for part in parts)
    if compared.summary["integer"]:
        return f"{largest} {'step' if largest == 1 else 'steps'}"
    return f"{max(part['largest_absolute'] for part in parts):.1e}, {largest} ULP"
