"""The results as tables of text: answers and speed, outputs compared with LiteRT's, footprint.

The terminal, Markdown and HTML show the same cells.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from edgekit.benchmarks import exactness, tensors
from edgekit.benchmarks.gate import Gate
from edgekit.benchmarks.report.units import quantity, share, three_digits
from edgekit.benchmarks.result import Result, Subject, answered, select

NOTHING = "–"

RANKED = ("macro F1", "AUC")

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


def worth_telling(gates: Iterable[Gate], answers: ReportTable) -> list[Gate]:
    """Return the gates without skipped ones that only repeat a reason of the table."""
    explained = {str(row.subject) for row in answers.rows if row.missing}
    return [gate for gate in gates if gate.verdict != "skipped" or gate.subject not in explained]


def banner(results: Iterable[Result]) -> str:
    """Return a warning that the test inputs are synthetic; "" if they are not."""
    if any(result.dataset.get("synthetic") for result in results):
        return "SYNTHETIC TEST IMAGES: digits drawn by code, not handwriting. Not an MNIST result."
    return ""


def answers(results: list[Result]) -> ReportTable:
    """Return the table of answers and speed."""
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
                    *worth(result),
                    *ranked(result),
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
        *RANKED,
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


def worth(result: Result) -> tuple[str, str, str]:
    """Return the cells for classes, for numbers, or for neither."""
    figures = result.summary
    if result.metric == "accuracy":
        low, high = figures["interval"]
        right = f"{figures['correct']}/{figures['total']}"
        return right, share(figures["accuracy"]), f"{share(low)}–{share(high)}"
    if result.metric == "labels":
        exact, total = figures["exact"], figures["total"]
        return f"{exact}/{total}", share(exact / total), NOTHING
    if result.metric == "error":
        explained = NOTHING if figures["r2"] is None else f"{figures['r2']:.5f}"
        return f"{figures['rmse']:.4g}", f"{figures['mae']:.4g}", explained
    return NOTHING, NOTHING, NOTHING


def ranked(result: Result) -> tuple[str, str]:
    """Return the cells of macro F1 and AUC."""
    found = result.summary.get("metrics", {})
    macro, area = (
        NOTHING if (value := found.get(metric)) is None else f"{value:.5f}"
        for metric in ("f1", "auc")
    )
    return macro, area


def outputs(results: list[Result]) -> ReportTable:
    """Return the table of raw outputs, compared with a reference's."""
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
    columns = ("reference", "rounding", "differ on inputs", "on random tensors", "at most")
    return ReportTable("Raw outputs", columns, tuple(rows), OUTPUTS_NOTE)


def footprint(results: list[Result]) -> ReportTable:
    """Return the table of footprints."""
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
