"""Frozen records: the part of ``dataclasses`` that the runtime needs, without its import of 15 ms.

``dataclasses`` imports ``inspect``, ``re`` and ``ast``; that is longer than a bare start of Python,
and the runtime's first answer should take little more than that.
"""

from __future__ import annotations

# Not operator, which has the same function: a file more to import.
from _operator import attrgetter

# Not typing.TYPE_CHECKING, here and in the other modules: importing typing takes 8 ms.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, TypeVar, dataclass_transform

    T = TypeVar("T")
else:

    def dataclass_transform(**_: object) -> Callable[[T], T]:
        """Stand in for typing's, which only type checkers use."""
        return lambda function: function


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a class with annotated fields a frozen record, as ``dataclass(frozen=True)`` does.

    Fields that the class names in ``HIDDEN`` are left out of comparison, hash and repr.
    ``vars(record)`` gives the fields by name, in their order: those of a record that the class is
    derived from first.
    """
    cls.__annotations__ = {**getattr(cls.__base__, "__annotations__", {}), **cls.__annotations__}
    names = tuple(cls.__annotations__)
    defaults = {name: vars(cls)[name] for name in names if name in vars(cls)}
    shown = tuple(name for name in names if name not in getattr(cls, "HIDDEN", ()))
    template = {**dict.fromkeys(names, ...), **defaults}
    count = len(names)

    def initialise(self: Any, *values: object, **named: object) -> None:
        if len(values) == count and not named:
            self.__dict__.update(zip(names, values, strict=True))
        elif len(named) == count and not values and tuple(named) == names:
            self.__dict__.update(named)
        else:
            self.__dict__.update(completed(values, named))

    def completed(values: tuple[object, ...], named: dict[str, object]) -> dict[str, object]:
        arguments = dict(zip(names, values, strict=False)) | named
        fields = template | arguments
        if len(arguments) < len(values) + len(named) or len(fields) > len(names):
            raise TypeError(f"{cls.__name__} takes {', '.join(names)}, each once")
        if len(arguments) < len(names) and (
            missing := [name for name in names if fields[name] is ...]
        ):
            raise TypeError(f"{cls.__name__} misses {', '.join(missing)}")
        return fields

    # A single field as it is, several as a tuple.
    key = attrgetter(*shown)

    def equal(self: Any, other: object) -> bool:
        return key(self) == key(other) if type(other) is cls else NotImplemented

    def show(self: Any) -> str:
        return f"{cls.__name__}({', '.join(f'{name}={vars(self)[name]!r}' for name in shown)})"

    def frozen(_: Any, name: str, *__: object) -> NoReturn:
        raise AttributeError(f"{cls.__name__} is frozen: its {name} cannot be changed")

    methods = {
        "__init__": initialise,
        "__eq__": equal,
        "__hash__": lambda self: hash(key(self)),
        "__repr__": show,
        "__setattr__": frozen,
        "__delattr__": frozen,
    }
    for name, method in methods.items():
        setattr(cls, name, method)
    return cls


def replace(instance: T, **changes: object) -> T:
    """Return a copy of a record with some fields changed, as ``dataclasses.replace`` does."""
    copy = object.__new__(type(instance))
    fields = vars(instance) | changes
    if len(fields) > len(vars(instance)):
        raise TypeError(f"{type(instance).__name__} has no {', '.join(changes)}")
    copy.__dict__.update(fields)
    return copy
