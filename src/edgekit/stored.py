"""JSON stored by an earlier run: parsed, and compared with its expected shape.

A file may be truncated, edited or foreign; reading it reports the first problem.
"""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, NoReturn

Shape = Any
"""Expected shape of a value: ``str``, ``bool``, ``int``, ``float`` (finite, or whole), None for
null, ``object`` for anything, a tuple of shapes for one of them, ``[shape]`` for a list,
``[first, second]`` for a list of exactly these, ``{str: shape}`` for an object of any keys, and
``{"key": shape}`` for one with these; "key?" may be missing, and other keys may be there."""

LARGEST = 2**63
"""Whole numbers are smaller: a float can hold them, as formatting and division need."""

DEEPEST = 32
"""Most nested lists and objects where a shape is ``object``."""

NAMES = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


def parse(content: bytes) -> Any:
    """Return the value of a JSON document.

    Raises:
        ValueError: it is not JSON, which has neither NaN nor infinity, nests too deep, or contains
            half a character.
    """
    try:
        document = json.loads(content, parse_constant=_refuse)
        if b"\\u" in content:
            # "\ud800" alone is valid JSON and cannot be written as UTF-8 later.
            json.dumps(document, ensure_ascii=False).encode()
        return document
    except RecursionError:
        raise ValueError("its lists and objects nest too deep") from None


def problem(value: Any, shape: Shape, at: str = "") -> str:
    """Return where and how a value differs from its shape; "" where it does not.

    Args:
        value: as :func:`parse` returns it, or a part of that.
        shape: expected shape.
        at: path of the value, as ``results[3].summary``.
    """
    if isinstance(shape, tuple):
        problems = [problem(value, option, at) for option in shape]
        # A problem inside a list or an object says more than that it is not null.
        return "" if "" in problems else max(problems, key=len)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return _wrong(value, "a list", at)
        if len(shape) > 1 and len(value) != len(shape):
            return f"{at or 'it'}: expected a list of {len(shape)}, not of {len(value)}"
        parts = ((item, shape[i % len(shape)], f"{at}[{i}]") for i, item in enumerate(value))
        return next(filter(None, (problem(*part) for part in parts)), "")
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return _wrong(value, "an object", at)
        return _in_object(value, shape, at)
    if shape is object:
        return "" if _shallow(value, DEEPEST) else f"{at or 'it'}: nests too deep"
    if shape is None:
        return "" if value is None else _wrong(value, "null", at)
    return "" if _is(value, shape) else _wrong(value, NAMES[shape], at)


def is_number(value: Any) -> bool:
    """Tell whether a value is a number that can be calculated with."""
    return _is(value, float)


def _in_object(value: Mapping[str, Any], shape: Mapping[Any, Shape], at: str) -> str:
    before = f"{at}." if at else ""
    for key in shape:
        if key is not str and key[-1] != "?" and key not in value:
            return f"{before}{key} is missing"
    shapes = {key if key is str else key.removesuffix("?"): inner for key, inner in shape.items()}
    # Keys that a later edgekit may have added must only have a limited depth.
    others = shapes.get(str, object)
    parts = [(item, shapes.get(key, others), before + key[:40]) for key, item in value.items()]
    return next(filter(None, (problem(*part) for part in parts)), "")


def _is(value: Any, kind: type) -> bool:
    if kind in (int, float) and isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < LARGEST
    if kind is float:
        return isinstance(value, float) and isfinite(value)
    return isinstance(value, kind)


def _shallow(value: Any, levels: int) -> bool:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return levels > 0 and all(_shallow(item, levels - 1) for item in inner)
    return not isinstance(value, int | float) or isinstance(value, bool) or is_number(value)


def _wrong(value: Any, expected: str, at: str) -> str:
    match value:
        case None:
            actual = "null"
        case bool() | int() | float():
            # An integer may have thousands of digits.
            actual = json.dumps(value) if _shallow(value, 0) else "a huge number"
        case str():
            actual = f"text {value[:20]!r}"
        case _:
            actual = "a list" if isinstance(value, list) else "an object"
    return f"{at or 'it'}: expected {expected}, not {actual}"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")
