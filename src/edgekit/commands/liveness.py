"""The liveness diagram of ``edgekit inspect --memory``."""

from edgekit.columns import LINE, clip, columns, left, pairs, sections, width
from edgekit.convert.memory import Memory, Span
from edgekit.escape import line

NAME = 28
"""Most characters of a tensor's name beside the diagram."""
WRITTEN, READ, ALIVE, FREE = "WR-·"


def picture(title: str, memory: Memory) -> str:
    """Return the overview, the steps, and a row for each tensor with a column for each step."""
    steps = [
        (
            str(index),
            clip(line(f"{step.op} {step.name}"), 32),
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
            "Steps": columns([head, *steps], elastic=2, right=(0, 3, 4, 5)),
            f"Tensors and steps ({WRITTEN} written, {READ} read, {ALIVE} alive, {FREE} not)": _map(
                memory
            ),
        }
    )


def _overview(memory: Memory) -> dict[str, str]:
    input_ = memory.tensors[0]
    output = next(span for span in reversed(memory.tensors) if span.place == "output")
    return {
        "arena": f"{memory.arena:,} bytes, of which at most {memory.peak:,} are in use at once",
        "input": f"{input_.size:,} bytes, in the caller's buffer",
        "output": f"{output.size:,} bytes, in the caller's buffer",
        "constants": f"{memory.file_bytes:,} bytes in the file, used in place; "
        f"{memory.table_bytes:,} bytes of tables, created when the model is opened",
    }


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
    return f"arena +{span.offset:,}" if span.place == "arena" else f"caller's {span.place}"


def _mark(span: Span, step: int) -> str:
    if step == span.first:
        return WRITTEN
    if step in span.reads:
        return READ
    return ALIVE if span.first < step <= span.last else FREE
