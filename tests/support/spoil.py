"""Damage to files of all kinds: to their bytes, to values in JSON, and to zip archives."""

import copy
import io
import json
import random
import struct
import zipfile
from typing import Any

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 3, 10**30, 0.5, -0.0, 1e308, 5e-324, float("nan"), float("inf")),
    *("", "x", "0", "\0", "\ud800", "\u202e|<b>", "a" * 5000, "../../x", "nan", "\x1b[31m"),
    *([], {}, [[]], [None], [1, 2], [2, 1], ["a", "b"], {"": {}}, {"accuracy": "1"}),
)
"""Values that may replace any other."""


def spoilt(content: bytes, rng: random.Random) -> bytes:
    """Return the bytes truncated, flipped, lengthened, emptied or replaced."""
    data = bytearray(content)
    match rng.randrange(6):
        case 0:
            return bytes(data[: rng.randrange(len(data) + 1)])
        case 1:
            for _ in range(rng.choice((1, 1, 4, 16))):
                data[rng.randrange(len(data))] = rng.randrange(256)
        case 2:
            place = rng.randrange(len(data))
            data[place:place] = rng.randbytes(rng.choice((1, 8, 100)))
        case 3:
            place = rng.randrange(len(data))
            del data[place : place + rng.choice((1, 8, 100))]
        case 4:
            place = rng.randrange(max(1, len(data) - 8))
            number = rng.choice((0, 1, 2**16, 2**31, 2**32 - 1, 2**63, 2**64 - 1))
            data[place : place + 8] = struct.pack(rng.choice("<>") + "Q", number)
        case _:
            return rng.choice((b"", b"\n", b"\0" * 100, b"\xff\xfe", b"PK\3\4", rng.randbytes(300)))
    return bytes(data)


def misstated(document: Any, rng: random.Random) -> bytes:
    """Return a JSON document with a value replaced, dropped, doubled or nested."""
    changed = copy.deepcopy(document)
    way = rng.random()
    if way < 0.1:
        return spoilt(json.dumps(document).encode(), rng)
    if way < 0.15:
        return json.dumps(rng.choice(VALUES)).encode()
    places = list(_places(changed))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if not places:
            break
        holder, key = rng.choice(places)
        _change(holder, key, rng)
    text = json.dumps(changed)
    # Text that would take Python minutes to write, or that it could not write.
    deep = "[" * 500 + "]" * 500 if rng.random() < 0.5 else '{"a":' * 90_000 + "1" + "}" * 90_000
    return text.replace('"DEEP"', deep).replace('"HUGE"', "9" * 4000).encode()


def misarchived(content: bytes, rng: random.Random) -> bytes:
    """Return a zip archive with damage to its headers, or with other members."""
    data = bytearray(content)
    local, central = data.find(b"PK\3\4"), data.find(b"PK\1\2")
    end = data.rfind(b"PK\5\6")
    match rng.randrange(8):
        case 0:
            return spoilt(content, rng)
        case 1:  # encrypted
            data[local + 6] |= 1
            data[central + 8] |= 1
        case 2:  # an unknown compression method, or one that zlib lacks
            method = struct.pack("<H", rng.choice((1, 6, 9, 12, 14, 93, 99)))
            data[local + 8 : local + 10] = data[central + 10 : central + 12] = method
        case 3:  # a wrong checksum
            data[local + 14] ^= 1
            data[central + 16] ^= 1
        case 4:  # wrong sizes
            field = rng.choice((20, 24))
            number = rng.choice((0, 1, 2**31, 2**32 - 2))
            data[central + field : central + field + 4] = struct.pack("<I", number)
        case 5:  # a member that begins elsewhere
            data[central + 42 : central + 46] = struct.pack("<I", rng.choice((1, len(data), 2**31)))
        case 6:  # a directory that is elsewhere, or has more entries
            field = rng.choice((8, 10, 12, 16))
            data[end + field : end + field + 2] = struct.pack("<H", rng.randrange(2**16))
        case _:
            return _with_other_members(content, rng)
    return bytes(data)


def _with_other_members(content: bytes, rng: random.Random) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(written, "w") as new:
        for name in old.namelist():
            member = old.read(name)
            match rng.randrange(5):
                case 0:
                    new.writestr(name, spoilt(member, rng))
                case 1:
                    new.writestr(f"../{name}", member)
                case 2:
                    new.writestr(name, member)
                case 3:
                    new.writestr(name, member, rng.choice((zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))
    return written.getvalue()


def _places(node: Any) -> Any:
    """Yield each list or object with each of its keys."""
    if not isinstance(node, dict | list):
        return
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(pairs):
        yield node, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _change(holder: Any, key: Any, rng: random.Random) -> None:
    try:
        old = holder[key]
    except (IndexError, KeyError):  # an earlier change took it away
        return
    match rng.randrange(8):
        case 0:
            del holder[key]
        case 1:
            holder[key] = [old, old]
        case 2:
            holder[key] = rng.choice(("DEEP", "HUGE"))
        case 3:
            if isinstance(holder, list):
                holder.insert(0, old)
            else:
                holder[rng.choice(("x", "", "\ud800", "backend"))] = old
        case 4 if isinstance(old, int | float) and not isinstance(old, bool):
            holder[key] = rng.choice((-old, old + 1, str(old), old * 1e9, float(old)))
        case _:
            holder[key] = rng.choice(VALUES)
