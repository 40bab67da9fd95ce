"""FlatBuffers read with every offset checked, because the file may be hostile.

Format: flatbuffers.dev, "FlatBuffer Internals". Everything is little-endian. A table starts with
the distance back to its vtable, a list of uint16: its own size, the table's size, and for each
field where in the table it is, 0 when absent. Strings, vectors and subtables lie behind the field
that names them, at an unsigned distance, so nothing can point back and no chain can loop. Many
fields may still share one target; a limit on the bytes read in total keeps such a file from costing
more than an honest one of its size.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from edge_runtime.errors import EdgeRuntimeError

LAYOUTS = {code: struct.Struct(f"<{code}") for code in ("b", "B", "?", *"hHiIqQf", "HH")}
"""Formats of single values; a struct that is made each time costs more than the reading."""

UNSIGNED, SIGNED, SIZES = (LAYOUTS[code] for code in ("I", "i", "HH"))

TABLE_COST = 24
"""Bytes that a table counts towards the limit; a table with content is hardly smaller."""

MOST_FIELDS = 32
"""Fields of a table that are looked up; those behind them in a file are not known here."""


class FlatBuffer:
    """The bytes of a FlatBuffer, and a budget of bytes that may still be read.

    Args:
        data: the bytes; anything may follow the FlatBuffer.
        error: type of the exceptions to raise.
    """

    def __init__(self, data: memoryview, error: type[EdgeRuntimeError]) -> None:
        self.data = data
        self.error = error
        # An honest file refers to each object once and stays below its size; twice leaves room.
        self._left = 2 * len(data)
        self._vtables: dict[int, tuple[int, tuple[int, ...]]] = {}

    def root(self, name: str) -> Table:
        """Return the root table, called ``name`` in error messages."""
        return Table(self, self.target(0, name), name)

    def unpack(self, layout: struct.Struct, offset: int, name: str) -> tuple[Any, ...]:
        """Unpack values at ``offset``, which is not negative."""
        try:
            return layout.unpack_from(self.data, offset)
        except struct.error:
            self.require(offset, layout.size, name)
            raise

    def unsigned(self, offset: int, name: str) -> int:
        """Return the uint32 at ``offset``, as distances and lengths are."""
        try:
            number: int = UNSIGNED.unpack_from(self.data, offset)[0]
        except struct.error:
            self.require(offset, UNSIGNED.size, name)
            raise
        return number

    def target(self, offset: int, name: str) -> int:
        """Return the position that the unsigned distance stored at ``offset`` leads to."""
        return offset + self.unsigned(offset, name)

    def vtable(self, offset: int, name: str) -> tuple[int, tuple[int, ...]]:
        """Return the size of a table, and where in it each field is, 0 where absent.

        Tables of the same fields share a vtable, which is read once.
        """
        if offset not in self._vtables:
            if offset < 0:
                self.require(offset, SIZES.size, name)
            size, of_table = self.unpack(SIZES, offset, name)
            if size < 4 or size % 2 or of_table < 4:
                raise self.error(f"{name}: the vtable at offset {offset} is damaged")
            layout = struct.Struct(f"<{min(size // 2 - 2, MOST_FIELDS)}H")
            fields = self.unpack(layout, offset + 4, name)
            self._vtables[offset] = of_table, (*fields, *(0,) * (MOST_FIELDS - len(fields)))
        return self._vtables[offset]

    def require(self, offset: int, size: int, name: str) -> None:
        """Raise unless ``size`` bytes at ``offset`` lie inside the file."""
        if offset < 0 or offset + size > len(self.data):
            raise self.error(
                f"{name}: {size} bytes at offset {offset} are outside the file of "
                f"{len(self.data)} bytes, which is truncated or damaged"
            )

    def spend(self, size: int, name: str) -> None:
        """Count ``size`` bytes as read and raise past the limit."""
        self._left -= size
        if self._left < 0:
            raise self.error(f"{name}: the file refers too often to the same content")


class Table:
    """One table of a FlatBuffer; fields go by their id in the schema."""

    __slots__ = ("_buffer", "_fields", "_position", "_size", "name")

    def __init__(self, buffer: FlatBuffer, position: int, name: str) -> None:
        buffer.spend(TABLE_COST, name)
        (back,) = buffer.unpack(SIGNED, position, name)
        self._buffer = buffer
        self._position = position
        self._size, self._fields = buffer.vtable(position - back, name)
        self.name = name

    def scalar(self, field: int, code: str, default: int = 0) -> int:
        """Return an integer field, ``default`` when the file leaves it out."""
        if not self._fields[field]:
            return default
        layout = LAYOUTS[code]
        offset = self._position_of(field, layout.size)
        return int(self._buffer.unpack(layout, offset, self.name)[0])

    def real(self, field: int, default: float = 0) -> float:
        """Return a float32 field, ``default`` when the file leaves it out."""
        if not self._fields[field]:
            return default
        offset = self._position_of(field, 4)
        return float(self._buffer.unpack(LAYOUTS["f"], offset, self.name)[0])

    def string(self, field: int) -> str:
        """Return a string field, empty when absent; bytes that are not UTF-8 are replaced."""
        content = self.content(field)
        self._buffer.spend(len(content), self.name)
        return str(content, "utf-8", "replace")

    def content(self, field: int) -> memoryview:
        """Return a byte vector as a view into the file, empty when absent."""
        start, count = self._vector(field, 1)
        return self._buffer.data[start : start + count]

    def vector(self, field: int, code: str) -> tuple[Any, ...]:
        """Return a vector of numbers, empty when absent."""
        if not self._fields[field]:
            return ()
        size = LAYOUTS[code].size
        start, count = self._vector(field, size)
        self._buffer.spend(count * size, self.name)
        # With the structs that the module keeps of the last formats.
        return struct.unpack_from(f"<{count}{code}", self._buffer.data, start)

    def count(self, field: int) -> int:
        """Return the length of a vector of tables."""
        return self._vector(field, 4)[1]

    def table(self, field: int, name: str) -> Table | None:
        """Return a subtable, called ``name`` in error messages; None when absent."""
        if not self._fields[field]:
            return None
        return Table(self._buffer, self._buffer.target(self._position_of(field, 4), name), name)

    def first(self, field: int, name: str) -> Table | None:
        """Return the first table of a vector; None when absent or empty."""
        return next(self.tables(field, name), None)

    def tables(self, field: int, name: str) -> Iterator[Table]:
        """Yield the tables of a vector, called ``name`` and their index in error messages."""
        start, count = self._vector(field, 4)
        for index in range(count):
            label = f"{name} {index}"
            yield Table(self._buffer, self._buffer.target(start + 4 * index, label), label)

    def _position_of(self, field: int, size: int) -> int:
        """Return the position of a field of ``size`` bytes that is there."""
        offset = self._fields[field]
        if offset < 4 or offset + size > self._size:
            raise self._buffer.error(
                f"{self.name}: field {field} lies outside its table at offset {self._position}"
            )
        return self._position + offset

    def _vector(self, field: int, size: int) -> tuple[int, int]:
        """Return start and length of a vector of ``size``-byte items, both 0 when absent."""
        if not self._fields[field]:
            return 0, 0
        buffer, name = self._buffer, self.name
        offset = self._position_of(field, 4)
        offset += buffer.unsigned(offset, name)
        start, count = offset + 4, buffer.unsigned(offset, name)
        if start + count * size > len(buffer.data):
            buffer.require(start, count * size, name)
        return start, count
