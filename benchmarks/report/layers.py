"""The layers of models as tables, and the slowest of them in sentences."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from edgekit.benchmarks import layers
from edgekit.benchmarks.report.table import NOTHING
from edgekit.benchmarks.report.units import quantity, three_digits, whole
from edgekit.benchmarks.result import Result, select

FEW = 3
"""Number of layers that a sentence names."""

WORTH = 0.02
"""Least share of the time of a layer that is named as far from the peak."""

OURS = ("op", "level", "output", "time", "of time", "MACs", "MAC/s", "of peak")
THERE = ("LiteRT", "of peak, at most")
"""Titles of the columns of both engines."""

NOTE = (
    "Time: the median of one step, without what reading the clock costs (about {clock}). Of time: "
    "its share of all steps. Of peak: its multiply-accumulates a second, as a share of the peak of "
    "its level's instructions for its type; in portable C of the machine's best."
)
LITERT_NOTE = (
    "LiteRT: by its own profiler, with XNNPACK and one thread, in whole microseconds, rounded "
    "down: so its share of the machine's best peak is at most what the last column says."
)
PEAKS_NOTE = (
    "Multiply-accumulates a second of one thread, on registers alone, the best of 20 trials: "
    "VPDPBUSD (avx512, avxvnni), VPMADDUBSW and VPMADDWD (avx2), TDPBSSD (amx), SDOT or SMLAL for "
    "int8; fused multiply-adds for float32."
)


@dataclass(frozen=True)
class Layer:
    """An op of a model in both engines.

    Attributes:
        name: position in the file, and name.
        ours: the step of edgekit's engine; None for an op that is merged into others.
        litert: the ops of LiteRT.
    """

    name: str
    ours: Result | None
    litert: tuple[Result, ...] = ()


@dataclass(frozen=True)
class Profile:
    """The layers of a model.

    Attributes:
        model: its name.
        layers: in the order in which they run, with those that only LiteRT runs if they take a
            microsecond; last, if present, its ops that the file does not have.
        whole: seconds of a whole inference by backend; without the engines that cannot run it.
        ratio: native's latency as a multiple of LiteRT's; None without one.
        missing: why an engine has no figures, by backend.
    """

    model: str
    layers: tuple[Layer, ...]
    whole: Mapping[str, float]
    ratio: float | None
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> list[Layer]:
        """The layers that edgekit's engine runs."""
        return [layer for layer in self.layers if layer.ours]

    @property
    def total(self) -> float:
        """Seconds of all steps of edgekit's engine."""
        return sum(seconds(layer.ours) or 0.0 for layer in self.layers)

    @property
    def total_litert(self) -> float:
        """Seconds of all ops of LiteRT."""
        return sum(litert_seconds(layer) or 0.0 for layer in self.layers)


@dataclass(frozen=True)
class Grid:
    """A table: its title, the titles of its columns, rows of as many cells, and a note.

    Attributes:
        names: number of columns, from the left, that are names and not figures.
        totals: number of rows, from the end, that are sums.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str
    names: int
    totals: int = 0


def seconds(result: Result | None) -> float | None:
    """Return the median of a step or op; None without one."""
    return None if result is None else float(result.summary["median"])


def litert_seconds(layer: Layer) -> float | None:
    """Return LiteRT's time for a layer; None if it does not run it apart."""
    return sum(seconds(one) or 0.0 for one in layer.litert) if layer.litert else None


def profiles(results: Sequence[Result]) -> list[Profile]:
    """Return the layers of each model, those of both engines side by side."""
    names = dict.fromkeys(one.subject.model for one in results if one.subject.model)
    return [_profile(name, [one for one in results if one.subject.model == name]) for name in names]


def _profile(model: str, results: Sequence[Result]) -> Profile:
    timed = [one for one in results if one.metric == layers.TIME and one.status == "measured"]
    steps = [one for one in timed if one.subject.backend == "native"]
    litert: dict[int | None, list[Result]] = {}
    for one in timed:
        if one.subject.backend == "litert":
            litert.setdefault(one.summary["op"], []).append(one)
    rows: list[Layer] = []
    for step in steps:
        at = step.summary["op"]
        rows.append(Layer(_name(step), step, () if at is None else tuple(litert.pop(at, ()))))
    own = tuple(litert.pop(None, ()))
    if steps:
        others = [Layer(_name(ops[0]), None, tuple(ops)) for ops in litert.values()]
        rows += [layer for layer in others if litert_seconds(layer)]
        rows.sort(key=_place)
    if sum(seconds(one) or 0.0 for one in own):
        rows.append(Layer("only in LiteRT", None, own))
    latency = select(results, "latency")
    whole = {
        subject.backend: float(one.summary["p50"])
        for subject, one in latency.items()
        if one.status == "measured"
    }
    compared = [one for one in results if one.metric == "latency_to_litert"]
    ratios = [one.summary["median"] for one in compared if one.subject.backend == "native"]
    missing = {one.subject.backend: one.reason for one in results if one.status != "measured"}
    return Profile(model, tuple(rows), whole, ratios[0] if ratios else None, missing)


def _name(result: Result) -> str:
    """Return the position in the file, if it is there, and the name of a step or op."""
    at, name = result.summary["op"], result.summary["name"]
    return str(name) if at is None else f"{at} {name}"


def _place(layer: Layer) -> float:
    """Return what sorts layers: their op in the file, copies that it does not have at the end."""
    result = layer.ours or layer.litert[0]
    at = result.summary["op"]
    return float("inf") if at is None else float(at)


def slowest(profile: Profile) -> list[str]:
    """Return sentences that name the layers with most of the time, and furthest from the peak."""
    ours, total = profile.ours, profile.total
    if not ours or not total:
        return []
    by_time = sorted(ours, key=lambda layer: -(seconds(layer.ours) or 0.0))
    said = ", ".join(
        f"{layer.name} {_time(layer.ours)} ({_percent((seconds(layer.ours) or 0.0) / total)})"
        for layer in by_time[:FEW]
    )
    sentences = [f"Slowest: {said}."]
    far = sorted(
        (layer for layer in by_time if _share(layer) and _of_time(layer, total) >= WORTH),
        key=lambda layer: _share(layer) or 0.0,
    )
    if far:
        said = ", ".join(f"{layer.name} {_percent(_share(layer))}" for layer in far[:FEW])
        sentences.append(f"Furthest from the peak: {said}.")
    losses = [(loss, layer) for layer in ours if (loss := _loss(layer)) > 0]
    losses.sort(key=lambda pair: -pair[0])
    if losses:
        said = ", ".join(
            f"{layer.name} {_time(layer.ours)} (there {_microseconds(litert_seconds(layer))})"
            for _, layer in losses[:FEW]
        )
        sentences.append(f"Slower than in LiteRT: {said}.")
    return sentences


def _share(layer: Layer) -> float | None:
    return layer.ours.summary["share"] if layer.ours else None


def _of_time(layer: Layer, total: float) -> float:
    return (seconds(layer.ours) or 0.0) / total


def _loss(layer: Layer) -> float:
    """Return by how many seconds edgekit is slower, at least: LiteRT's time is rounded down."""
    theirs = litert_seconds(layer)
    if theirs is None:
        return 0.0
    return (seconds(layer.ours) or 0.0) - theirs - 1e-6 * len(layer.litert)


def grids(results: Sequence[Result]) -> list[Grid]:
    """Return a table for each model with layers, then that of the peaks."""
    tables = [_grid(one) for one in profiles(results) if one.layers]
    return [*tables, _peaks(results)]


def _grid(profile: Profile) -> Grid:
    total, litert = profile.total, bool(profile.total_litert)
    rows = [_row(layer, total) for layer in profile.layers]
    rows.append(("all layers", *[""] * 2, *_sums(profile)))
    whole = [profile.whole.get(backend) for backend in ("native", "litert")]
    said = [NOTHING if one is None else quantity(one, "s") for one in whole]
    rows.append(("a whole inference", *[""] * 2, said[0], *[""] * 4, said[1], ""))
    columns: tuple[str, ...] = OURS + THERE
    if not litert and whole[1] is None:
        rows, columns = [row[: len(OURS)] for row in rows], OURS
    clocks = [layer.ours.summary["clock"] for layer in profile.ours if layer.ours]
    note = NOTE.format(clock=quantity(clocks[0], "s")) if clocks else ""
    note += f" {LITERT_NOTE}" if litert else ""
    return Grid(profile.model, columns, tuple(rows), note, names=3, totals=2)


def _row(layer: Layer, total: float) -> tuple[str, ...]:
    there = (_microseconds(litert_seconds(layer)), _percent(_litert_share(layer)))
    if layer.ours is None:
        return (layer.name, *[NOTHING] * 7, *there)
    figures = layer.ours.summary
    size = figures["output"][1:] or figures["output"]
    return (
        layer.name,
        figures["level"],
        "×".join(map(str, size)),
        _time(layer.ours),
        _percent(_of_time(layer, total) if total else None),
        NOTHING if figures["macs"] is None else whole(figures["macs"]),
        NOTHING if figures["rate"] is None else quantity(figures["rate"], "MAC/s"),
        _percent(figures["share"]),
        *there,
    )


def _sums(profile: Profile) -> tuple[str, ...]:
    """Return the cells of all layers together."""
    macs = sum(layer.ours.summary["macs"] or 0 for layer in profile.ours if layer.ours)
    total, there = profile.total, profile.total_litert
    rate = quantity(macs / total, "MAC/s") if macs and total else NOTHING
    return (
        quantity(total, "s"),
        "",
        whole(macs) if macs else NOTHING,
        rate,
        "",
        _microseconds(there) if there else NOTHING,
        "",
    )


def _litert_share(layer: Layer) -> float | None:
    shares = [one.summary["share"] for one in layer.litert]
    return shares[0] if len(shares) == 1 else None


def _peaks(results: Iterable[Result]) -> Grid:
    rows = []
    for subject, one in select(results, layers.PEAK).items():
        rows.append((subject.backend, quantity(one.summary["rate"], one.unit)))
    columns = ("instructions and type", "peak")
    return Grid("Peaks of this machine", columns, tuple(rows), PEAKS_NOTE, names=1)


def _time(result: Result | None) -> str:
    return NOTHING if result is None else quantity(seconds(result) or 0.0, "s")


def _microseconds(taken: float | None) -> str:
    """Format a time in whole microseconds, rounded down."""
    if taken is None:
        return NOTHING
    return f"{round(1e6 * taken)} µs" if taken >= 5e-7 else "< 1 µs"


def _percent(value: float | None) -> str:
    return NOTHING if value is None else f"{three_digits(100 * value)} %"
