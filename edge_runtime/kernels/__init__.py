"""The kernels: in C99, <family>*.c, and what they mean in NumPy, <family>.py.

Both have the same int32 parameters, in C a struct, in NumPy a record of the same fields, and the
same tensors. In docstrings and comments a tensor is described by its element type and its shape,
"int8 [rows * depth]"; in memory and as an array it is flat. The arguments of a NumPy function are
the parameters, the inputs and the constants; it returns the output, or a tuple of several.
"""

from __future__ import annotations

from importlib.util import find_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_CACHE: dict[str, tuple[Callable[..., Any], type[Any]]] = {}


def find(name: str) -> tuple[Callable[..., Any], type[Any]]:
    """Return the NumPy function of a kernel, and the record of its parameters.

    The family, whose file has the function, is the longest prefix of the name that is a module
    here. The record is the annotated type of the first argument.

    Raises:
        KeyError: there is no such kernel.
    """
    if name not in _CACHE:
        from typing import get_type_hints

        family = name
        while find_spec(f"{__name__}.{family}") is None:
            family = family.rpartition("_")[0]
            if not family:
                raise KeyError(name)
        function = vars(__import__(f"{__name__}.{family}", fromlist=[family]))[name]
        _CACHE[name] = function, next(iter(get_type_hints(function).values()))
    return _CACHE[name]


def run(name: str, params: Mapping[str, int], *tensors: Any) -> Any:
    """Run a kernel in NumPy.

    Args:
        name: the kernel's name, without ``ek_``.
        params: its int32 parameters by name.
        tensors: its flat inputs and constants.

    Returns:
        Its flat output, or a tuple of several.

    Raises:
        KeyError: there is no such kernel.
    """
    function, record = find(name)
    return function(record(**params), *tensors)
