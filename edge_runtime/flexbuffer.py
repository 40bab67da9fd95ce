"""The numbers of a FlexBuffer that is a map: the options of LiteRT's custom ops.

Format: flatbuffers.dev, "FlexBuffers". The file is hostile, so every offset is checked. It is read
from its end: the root's width and type, and before them the root, here the distance back to the
map. Before the map's values lie their number, and before it where the keys are and how wide.
"""

from __future__ import annotations

import struct

from edge_runtime.errors import ModelError

MAP, BOOL, NULL = 9, 26, 0
INLINE = {1: "bhiq", 2: "BHIQ", 3: " efd"}
"""Type of a number that lies in the map -> struct codes by its width: int, uint, float."""

INDIRECT = {6: 1, 7: 2, 8: 3}
"""Type of a number that lies elsewhere -> its type there."""

MOST = 64
"""Most entries that are read."""


def read_map(data: memoryview) -> dict[str, float]:
    """Return the numbers of a map by their keys; entries of other types are left out.

    Raises:
        ModelError: the bytes are no map, or damaged.
    """
    try:
        return _map(bytes(data))
    except (struct.error, IndexError, ValueError):
        raise ModelError("the options of a custom op are damaged") from None


def _map(data: bytes) -> dict[str, float]:
    width, kind = data[-1], data[-2]
    if kind >> 2 != MAP or width not in (1, 2, 4, 8):
        raise ValueError
    at, step = _target(data, len(data) - 2 - width, width), 1 << (kind & 3)
    count = _unsigned(data, at - step, step)
    key_step = _unsigned(data, at - 2 * step, step)
    keys = _target(data, at - 3 * step, step)
    if count > MOST or key_step not in (1, 2, 4, 8):
        raise ValueError
    numbers: dict[str, float] = {}
    for index in range(count):
        start = _target(data, keys + index * key_step, key_step)
        key = data[start : data.index(0, start)].decode()
        value = _number(data, at + index * step, step, data[at + count * step + index])
        if value is not None:
            numbers[key] = value
    return numbers


def _number(data: bytes, at: int, step: int, kind: int) -> float | None:
    """Return the number at ``at``; None for what is none."""
    if kind >> 2 in INDIRECT:
        inner = INDIRECT[kind >> 2] << 2
        return _number(data, _target(data, at, step), 1 << (kind & 3), inner)
    if kind >> 2 == BOOL:
        return int(_unsigned(data, at, step) != 0)
    if kind >> 2 not in INLINE:
        return None
    code = INLINE[kind >> 2][step.bit_length() - 1]
    (value,) = _unpack(data, at, code.strip() or "x")
    return float(value) if kind >> 2 == 3 else int(value)


def _target(data: bytes, at: int, width: int) -> int:
    """Return the position that the distance back at ``at`` leads to."""
    return at - _unsigned(data, at, width)


def _unsigned(data: bytes, at: int, width: int) -> int:
    return int(_unpack(data, at, INLINE[2][width.bit_length() - 1])[0])


def _unpack(data: bytes, at: int, code: str) -> tuple[float, ...]:
    if at < 0:
        raise ValueError
    return struct.unpack_from(f"<{code}", data, at)
