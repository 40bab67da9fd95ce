"""A network as a picture: its layers from top to bottom, as wide as what they take."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edgekit.benchmarks.report import svg
from edgekit.benchmarks.report.charts import row
from edgekit.benchmarks.report.memory_map import Block
from edgekit.benchmarks.report.table import NOTHING
from edgekit.benchmarks.report.units import quantity, short
from edgekit.escape import html

MOST_OPEN = 40
"""Most layers of a picture that is not folded."""

STYLE = """
.network { display: grid; grid-template-columns: auto minmax(0, 1fr); }
.network .skips { width: calc(var(--lanes) * 0.6rem); height: 100%; margin-right: 0.4rem; }
.network .skips path { fill: none; stroke: var(--soft); vector-effect: non-scaling-stroke; }
.network .chart { display: grid; grid-auto-rows: 1fr; }
.network .row { align-items: stretch; min-height: 2.4rem; }
.network .name, .network .value { align-self: center; }
.network .plot { height: 0; min-height: 100%; }
.network line.flow { stroke: var(--soft); }
.network rect.port { fill: color-mix(in srgb, var(--soft) 45%, var(--paper)); }
@media (max-width: 40rem) {
  .network .row { grid-template-rows: auto 1fr; min-height: 3.2rem; }
  .network .plot { margin: 0; }
}
"""

INPUT = -1
"""Source of a layer that reads an input of the model."""


@dataclass(frozen=True)
class Layer:
    """A step of a network.

    Attributes:
        op: index of its op in the file; None for a copy that the file does not have.
        name: the op's builtin name.
        shape: shape of its output.
        dtype: element type of its output.
        macs: multiply-accumulates; None for an op that has none.
        sources: positions of the layers that it reads, or INPUT.
    """

    op: int | None
    name: str
    shape: tuple[int, ...]
    dtype: str
    macs: int | None
    sources: tuple[int, ...]

    @property
    def title(self) -> str:
        """Position in the file, and name."""
        return self.name if self.op is None else f"{self.op} {self.name}"


@dataclass(frozen=True)
class Network:
    """The layers of a model, and where its tensors lie.

    Attributes:
        inputs: shape and element type of each input.
        layers: in the order in which they run.
        blocks: the tensors that lie in the arena.
        arena: bytes of it.
    """

    inputs: tuple[tuple[tuple[int, ...], str], ...]
    layers: tuple[Layer, ...]
    blocks: tuple[Block, ...]
    arena: int


def by_macs(network: Network) -> dict[str, float]:
    """Return the multiply-accumulates of the layers, by their titles."""
    return {layer.title: layer.macs for layer in network.layers if layer.macs is not None}


def picture(network: Network, costs: Mapping[str, float], unit: str) -> str:
    """Return the network as HTML: a bar for each layer, joined to what it reads.

    Args:
        network: the network.
        costs: what layers take, by their titles; one without has a thin bar.
        unit: unit of these: "s", or what is counted.
    """
    most = max(costs.values(), default=0.0) or 1.0
    layers = network.layers
    rows = [_input_row(network, bool(layers) and INPUT in layers[0].sources)]
    for at, layer in enumerate(layers):
        cost = costs.get(layer.title)
        follows = at + 1 < len(layers) and at in layers[at + 1].sources
        parts = _flow(above=at - 1 in layer.sources, below=follows)
        parts.append(_bar(100 * (cost or 0.0) / most, "ours"))
        text = NOTHING if cost is None else _shown(cost, unit)
        name = f"{html(layer.title)} <small>{html(shaped(layer.shape, layer.dtype))}</small>"
        rows.append(row(name, svg.strip(parts, f"{layer.title}: {text}"), text))
    drawn = f'<div class="network">{_skips(network)}<div class="chart">{"".join(rows)}</div></div>'
    if len(layers) <= MOST_OPEN:
        return drawn
    return f"<details><summary>{len(layers)} layers</summary>{drawn}</details>"


def _shown(cost: float, unit: str) -> str:
    return quantity(cost, unit) if unit == "s" else short(cost)


def shaped(shape: Iterable[int], dtype: str) -> str:
    """Return shape and element type as text, without the batch of one: 28×28×1 int8."""
    batch, *others = tuple(shape) or (1,)
    sizes = others if batch == 1 and others else [batch, *others]
    return f"{'×'.join('?' if size < 0 else str(size) for size in sizes)} {dtype}"


def _input_row(network: Network, is_read_next: bool) -> str:
    texts = ", ".join(shaped(shape, dtype) for shape, dtype in network.inputs)
    title = "input" if len(network.inputs) == 1 else "inputs"
    parts = [*_flow(above=False, below=is_read_next), _bar(20, "port")]
    return row(f"{title} <small>{html(texts)}</small>", svg.strip(parts, title), "")


def _flow(*, above: bool, below: bool) -> list[str]:
    """Return the lines that join a bar to those of its neighbours."""
    ends = [("0", "50%")] * above + [("50%", "100%")] * below
    return [f'<line class="flow" x1="50%" x2="50%" y1="{y1}" y2="{y2}"/>' for y1, y2 in ends]


def _bar(width: float, kind: str) -> str:
    """Return a bar in the middle; ``width`` in percent, at least a thin line."""
    width = max(width, 0.6)
    place = f'x="{50 - width / 2:.2f}%" width="{width:.2f}%" y="22%" height="56%" rx="3"'
    return f'<rect class="{kind}" {place}/>'


def _skips(network: Network) -> str:
    """Return curves from each layer to those that read it and do not follow it."""
    skips = [
        (source, at)
        for at, layer in enumerate(network.layers)
        for source in dict.fromkeys(layer.sources)
        if source != at - 1
    ]
    if not skips:
        return "<span></span>"
    lanes = _lanes(skips)
    count, rows = max(lanes) + 1, len(network.layers) + 1
    paths = []
    for (source, at), lane in zip(skips, lanes, strict=True):
        # The input has the first row, and curves begin and end in the middle of rows.
        top, bottom = source + 1.5, at + 1.5
        x = 10 * (count - 1 - lane)
        bend = min(0.5, (bottom - top) / 2)
        paths.append(
            f'<path d="M{10 * count} {top:.2f}Q{x} {top:.2f} {x} {top + bend:.2f}'
            f'V{bottom - bend:.2f}Q{x} {bottom:.2f} {10 * count} {bottom:.2f}"/>'
        )
    return (
        f'<svg class="skips" style="--lanes: {count}" viewBox="0 0 {10 * count} {rows}" '
        f'preserveAspectRatio="none" aria-hidden="true">{"".join(paths)}</svg>'
    )


def _lanes(skips: Sequence[tuple[int, int]]) -> list[int]:
    """Return a lane for each curve, the innermost for the shortest, without two at one place."""
    lanes = [0] * len(skips)
    taken: list[list[tuple[int, int]]] = []
    for number in sorted(range(len(skips)), key=lambda i: skips[i][1] - skips[i][0]):
        start, end = skips[number]
        lane = next(
            (at for at, others in enumerate(taken) if not _meets(start, end, others)), len(taken)
        )
        if lane == len(taken):
            taken.append([])
        taken[lane].append((start, end))
        lanes[number] = lane
    return lanes


def _meets(start: int, end: int, others: Iterable[tuple[int, int]]) -> bool:
    return any(first < end and start < last for first, last in others)
