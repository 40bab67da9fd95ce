"""Images in, a trained Keras model out.

from edgekit import train

metrics = train.train("artifacts", data="mnist")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgekit.train.api import train

__all__ = ["train"]


def __getattr__(name: str) -> Any:
    """Import the function on first use: it loads NumPy and matplotlib."""
    if name in __all__:
        from edgekit.train import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
