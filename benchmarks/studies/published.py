"""What others have published of MLPerf Tiny's networks on microcontrollers."""

from dataclasses import dataclass

from edgekit.columns import columns

NOTHING = "–"


@dataclass(frozen=True)
class Published:
    """A figure that is not measured here.

    Attributes:
        engine: what runs the networks, and where.
        source: who says so.
        unit: "instructions", "ms", or "bytes of flash", "bytes of RAM", "bytes of arena".
        kws: keyword spotting.
        vww: visual wake words.
        resnet: image classification.
        ad: anomaly detection; None if it is not stated.
    """

    engine: str
    source: str
    unit: str
    kws: float
    vww: float
    resnet: float
    ad: float | None


_CMSIS_NN = "TFLite Micro with CMSIS-NN"
_EMULATED = "whole firmware, emulated"
_MLPERF = "MLPerf Tiny, closed division, NUCLEO-L4R5 at 120 MHz"
PUBLISHED = (
    Published(
        f"{_CMSIS_NN}, Cortex-M4",
        _EMULATED,
        "instructions",
        7_700_000,
        24_100_000,
        29_900_000,
        583_000,
    ),
    Published(
        f"{_CMSIS_NN}, Cortex-M4", _EMULATED, "bytes of flash", 106_716, 386_100, 149_048, 304_420
    ),
    Published(f"{_CMSIS_NN}, Cortex-M4", _EMULATED, "bytes of RAM", 24_248, 102_136, 56_424, 3_884),
    Published(
        f"{_CMSIS_NN}, Cortex-M55 with Helium",
        _EMULATED,
        "instructions",
        1_815_000,
        6_558_000,
        4_913_000,
        286_000,
    ),
    Published("ST X-CUBE-AI 9", _MLPERF, "ms", 43.2, 88.9, 165.1, 5.26),
    Published("Plumerai", _MLPERF, "ms", 47.8, 98.8, 167.8, 4.05),
    Published("Bosch's generated C", _MLPERF, "ms", 60.2, 180.5, 180.5, 4.73),
    Published("TinyTS, depth-first", "its paper", "bytes of arena", 9_920, 13_824, 13_568, None),
)
"""Published figures; the networks have the layers of ``networks.py`` and other weights."""


def report() -> str:
    """Return the published figures as a table."""
    lines: list[tuple[str, ...]] = [("published", "kws", "vww", "resnet", "ad", "", "source")]
    for one in PUBLISHED:
        figures = (_shown(figure) for figure in (one.kws, one.vww, one.resnet, one.ad))
        lines.append((one.engine, *figures, one.unit, one.source))
    return "\n".join(columns(lines, right=range(1, 5)))


def _shown(figure: float | None) -> str:
    if figure is None:
        return NOTHING
    return f"{figure:,}" if figure == int(figure) else str(figure)
