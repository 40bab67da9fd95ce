"""The arena over an inference: when each tensor lies where."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.benchmarks.report import svg
from edgekit.benchmarks.report.units import quantity, whole
from edgekit.escape import html

NOTE = (
    "From left to right the layers in the order in which they run, from top to bottom the bytes of "
    "the arena: a block is a tensor from the layer that writes it to the last one that reads it. "
    "Blocks that overlap are an output that is written where its input has been read, or parts of "
    "tensors that are held in turns by layers that run row by row."
)

STYLE = """
.memory { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0 0.6rem; }
.memory .ticks { position: relative; width: 3.6rem; font-size: 0.75rem; color: var(--soft); }
.memory .ticks span { position: absolute; right: 0; transform: translateY(-50%); }
.memory .map { position: relative; height: 17rem; border: 1px solid var(--line); }
.memory .block { position: absolute; overflow: hidden; border: 1px solid var(--paper);
  border-radius: 2px; font-size: 0.7rem; line-height: 1.3; container-type: size;
  background: color-mix(in srgb, var(--ours) 42%, transparent); }
/* Words that do not fit wrap out of sight. */
.memory .block div { display: flex; flex-wrap: wrap; gap: 0 0.3em; height: 1.3em;
  margin: 0 0.25rem; overflow: hidden; white-space: nowrap; }
@container (height < 0.75rem) { .memory .block div { display: none; } }
.memory .block.input, .memory .block.output {
  background: color-mix(in srgb, var(--good) 42%, transparent); }
.memory .block.state { background: color-mix(in srgb, var(--warn) 42%, transparent); }
.memory .block.scratch { background: color-mix(in srgb, var(--peer) 42%, transparent); }
.memory .steps { grid-column: 2; display: flex; justify-content: space-between;
  font-size: 0.75rem; color: var(--soft); }
"""


@dataclass(frozen=True)
class Block:
    """A tensor in the arena.

    Attributes:
        name: what wrote it, and its name.
        role: "input", "output", "state", "scratch" or "activation".
        offset: bytes from the start of the arena.
        size: bytes.
        first: position of the layer that writes it; -1 for what is there before the first one.
        last: position of the last layer at which it is alive.
    """

    name: str
    role: str
    offset: int
    size: int
    first: int
    last: int


def memory_map(blocks: Sequence[Block], arena: int, steps: Sequence[str]) -> str:
    """Return the map as HTML; "" without an arena.

    Args:
        blocks: the tensors in the arena.
        arena: bytes of it.
        steps: names of the layers.
    """
    if not arena or not blocks:
        return ""
    # What is there before the first layer begins a little to the left of it.
    start = -0.5 if any(block.first < 0 for block in blocks) else 0.0
    span = len(steps) - start
    drawn = "".join(_block(block, arena, start, span) for block in blocks)
    ticks = "".join(
        f'<span style="top: {100 * tick / arena:.2f}%">{quantity(tick, "bytes")}</span>'
        for tick in svg.linear_ticks(0, arena)
    )
    about = f"arena of {whole(arena)} bytes over {len(steps)} layers"
    ends = [steps[0], steps[-1]] if len(steps) > 1 else steps
    return (
        f'<div class="memory" role="img" aria-label="{about}"><div class="ticks">{ticks}</div>'
        f'<div class="map">{drawn}</div>'
        f'<div class="steps">{"".join(f"<span>{html(end)}</span>" for end in ends)}</div></div>'
    )


def _block(block: Block, arena: int, start: float, span: float) -> str:
    left = max(block.first, start)
    width, top = block.last + 1 - left, block.offset
    place = (
        f"left: {100 * (left - start) / span:.2f}%; width: {100 * width / span:.2f}%; "
        f"top: {100 * top / arena:.2f}%; height: {100 * block.size / arena:.2f}%"
    )
    name = html(block.name)
    about = f"{name}: {whole(block.size)} bytes at {whole(top)}"
    words = "".join(f"<span>{html(word)}</span>" for word in block.name.split())
    return (
        f'<div class="block {block.role}" style="{place}" title="{about}"><div>{words}</div></div>'
    )
