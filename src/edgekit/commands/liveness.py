"""The liveness diagram of ``edgekit inspect --memory``."""

from edgekit.columns import LINE, clip, columns, left, pairs, sections, width
from edgekit.convert.memory import Memory, Span
from edgekit.convert.simplified import Simplification
from edgekit.escape import line

NAME = 28
"""Most characters of a tensor's name beside the diagram."""
WRITTEN, READ, ALIVE, FREE = "WR-·"


def picture(title: str, memory: Memory) -> str:
    """Return the overview, the steps, and a row for each tensor with a column for each step."""
    steps = [
        (
            str(index),
            clip(line(f"{_number(step.op)} {step.name}"), 32),
            step.kernel,
            f"{step.arena:,} B",
            f"{step.file_bytes:,} B" if step.file_bytes else "",
            f"{step.table_bytes:,} B" if step.table_bytes else "",
        )
        for index, step in enumerate(memory.steps)
    ]
    head = ("step", "op", "kernel", "arena in use", "in the file", "tables")
    return sections(
        {
            title: pairs(_overview(memory)),
            "Ops that do not run as the file has them": columns(
                [
                    (f"{_number(one.op)} {one.name}", one.kind, _fate(one))
                    for one in memory.simplified
                ],
                elastic=2,
            ),
            "Steps": columns([head, *steps], elastic=2, right=(0, 3, 4, 5)),
            f"Tensors and steps ({WRITTEN} written, {READ} read, {ALIVE} alive, {FREE} not)": _map(
                memory
            ),
        }
    )


def _overview(memory: Memory) -> dict[str, str]:
    buffers = {
        role: [span for span in memory.tensors if span.role == role] for role in ("input", "output")
    }
    states = [span.size for span in memory.tensors if span.role == "state"]
    overview = {
        "arena": f"{memory.arena:,} bytes, of which at most {memory.peak:,} are in use at once"
    }
    if states:
        overview["states"] = (
            f"{sum(states):,} bytes of the arena, kept from one inference to the next"
        )
    for role, spans in buffers.items():
        for span in spans:
            name = role if len(spans) == 1 else f"{role} {span.key}"
            overview[name] = f"{span.size:,} bytes, in the caller's buffer"
    overview["constants"] = (
        f"{memory.file_bytes:,} bytes in the file, used in place; "
        f"{memory.table_bytes:,} bytes of tables, created when the model is opened"
    )
    levels = ", ".join(dict.fromkeys(step.level for step in memory.steps))
    overview["kernels"] = f"{levels}; an instruction set may need more memory, not counted here"
    return overview


def _number(op: int | None) -> str:
    """Return the index of an op in the file, "-" for a copy that is not there."""
    return "-" if op is None else str(op)


def _fate(change: Simplification) -> str:
    """Return what became of an op, in words."""
    tensor, source = (clip(line(name), NAME) for name in (change.tensor, change.source))
    return {
        "folded": f"{tensor} is a constant of {change.size:,} bytes",
        "alias": f"{tensor} shares the bytes of {source}",
        "merged": f"other steps do what makes {tensor}" if change.tensor else "other steps do it",
        "dead": f"no output needs {tensor}",
        "copied": f"{'output ' if change.op is None else ''}{tensor} is copied from {source}",
    }[change.kind]


def _map(memory: Memory) -> list[str]:
    """Return the diagram; steps beyond the width of a line continue in another one below."""
    rows = [
        (clip(line(span.name), NAME), f"{span.size:,} B", _place(span)) for span in memory.tensors
    ]
    head = ("tensor", "size", "place")
    names = columns([head, *rows], elastic=0, right=(1,))
    indent = max(map(width, names)) + 2
    room = LINE - indent
    lines: list[str] = []
    for start in range(0, len(memory.steps), room):
        numbers = range(start, min(start + room, len(memory.steps)))
        if start:
            lines.append("")
        tens = "".join(str(n // 10 % 10) if n % 10 == 0 and n else " " for n in numbers)
        if tens.strip():
            lines.append(" " * indent + tens.rstrip())
        lines.append(left(names[0], indent) + "".join(str(n % 10) for n in numbers))
        for text, span in zip(names[1:], memory.tensors, strict=True):
            marks = "".join(_mark(span, n) for n in numbers)
            if marks.strip(FREE):
                lines.append(left(text, indent) + marks)
    return lines


def _place(span: Span) -> str:
    if span.place != "arena":
        return f"caller's {span.place}"
    kind = span.role if span.role in ("state", "scratch") else "arena"
    return f"{kind} +{span.offset:,}"


def _mark(span: Span, step: int) -> str:
    if step == span.first:
        return WRITTEN
    if step in span.reads:
        return READ
    return ALIVE if span.first < step <= span.last else FREE
