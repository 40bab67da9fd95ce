"""Section of the report that draws models: layers as wide as what they take, and their memory."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgekit.benchmarks.layers import ALL
from edgekit.benchmarks.report.memory_map import memory_map
from edgekit.benchmarks.report.network import Network, by_macs, picture
from edgekit.benchmarks.result import Result, select
from edgekit.escape import html


def networks(results: Sequence[Result], drawn: Mapping[str, Network]) -> str:
    """Return the networks, by their models' names, with what their layers take where measured."""
    return "".join(
        f"<h3>{html(model)}</h3>{described(network, *_costs(results, model, network))}"
        for model, network in drawn.items()
    )


def described(network: Network, costs: Mapping[str, float], unit: str, about: str) -> str:
    """Return a network and the map of its memory.

    Args:
        network: the network.
        costs: what layers take, by their titles.
        unit: unit of these.
        about: what the width of a layer is.
    """
    titles = [layer.title for layer in network.layers]
    mapped = memory_map(network.blocks, network.arena, titles)
    if mapped:
        mapped = f"<h4>Arena of {network.arena:,} bytes</h4>{mapped}"
    width = f'<p class="note">Width: {html(about)}.</p>'
    return f"{width}{picture(network, costs, unit)}{mapped}"


def _costs(
    results: Sequence[Result], model: str, network: Network
) -> tuple[dict[str, float], str, str]:
    """Return what the layers of a model take, its unit, and what it is, of its first subject."""
    for metric in "instructions", ALL:
        for subject, result in select(results, metric).items():
            if subject.model == model and result.status == "measured":
                if metric == ALL:
                    about = f"median time on {subject.backend}, on this machine"
                    return _by_title(result.summary["layers"]), "s", about
                about = f"instructions on {subject.backend}"
                # Firmware runs the layers in their order, and something outside of them.
                titles = [layer.title for layer in network.layers]
                steps = zip(titles, result.summary["steps"], strict=False)
                return _summed((title, one["median"]) for title, one in steps), result.unit, about
    return by_macs(network), "MACs", "multiply-accumulates"


def _by_title(layers: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the medians of layers by their titles."""
    return _summed(
        (one["name"] if one["op"] is None else f"{one['op']} {one['name']}", one["median"])
        for one in layers
    )


def _summed(costs: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return the costs of layers; those of one title together."""
    found: dict[str, float] = {}
    for title, cost in costs:
        found[title] = found.get(title, 0.0) + cost
    return found
