"""A Keras model in, a .tflite file with its figures out.

from edgekit import convert

converted = convert.convert("model.keras", "model_int8.tflite", quantize=True, data="mnist")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgekit.convert.api import Converted, convert

__all__ = ["Converted", "convert"]


def __getattr__(name: str) -> Any:
    """Import the functions on first use: they load NumPy and more."""
    if name in __all__:
        from edgekit.convert import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
