"""Raw tensors through a session, one thread at a time: what ``Model.run`` does."""

from __future__ import annotations

import os
import sys

# threading.Lock and weakref.ref by their other names: importing those takes milliseconds.
from _thread import allocate_lock
from _weakref import ref
from math import isfinite

from edge_runtime.errors import InputError
from edge_runtime.graph import FORMATS

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    import numpy.typing as npt

    from edge_runtime.backends import Session
    from edge_runtime.graph import Tensor

_opened: set[ref[Runner]] = set()
"""All runners that are in use."""


class Runner:
    """A session, and what it takes and returns. Many threads may share it, and forked children.

    It does not know its model, which knows it: nothing refers to itself in a circle, so a model is
    gone, and its file closed, as soon as the last one lets go of it.
    """

    def __init__(self, source: Tensor, output: Tensor, session: Session) -> None:
        self._input = source
        self._output = output
        self._session = session
        self._lock = allocate_lock()
        _opened.add(ref(self, _opened.discard))

    def run(self, tensor: Any) -> Any:
        """Run one raw tensor or several; see ``Model.run``."""
        numpy = sys.modules.get("numpy")
        if numpy is None:
            return memoryview(self._run(self._view(tensor), None))
        if not isinstance(tensor, numpy.ndarray):
            return memoryview(self._run(numpy.asarray(self._view(tensor)), numpy))
        if tensor.dtype != self._input.dtype or not self._fits(tensor.shape):
            raise self._mismatch(f"{tensor.dtype} {list(tensor.shape)}")
        return numpy.asarray(self._run(numpy.ascontiguousarray(tensor), numpy))

    def run_batch(self, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Run images [N, ...] in the input's element type, N a multiple of the model's batch."""
        with self._lock:
            return self._session.run_batch(batch)

    def after_fork(self) -> None:
        """Make anew, in a child, what a thread of the parent may have held at the fork."""
        self._lock = allocate_lock()
        if hasattr(self._session, "after_fork"):
            self._session.after_fork()

    def _fits(self, shape: tuple[int, ...]) -> bool:
        """Tell whether an array is of the input's shape, or several such along the first axis."""
        own = self._input.shape
        if shape == own:
            return True
        several = len(shape) == len(own) and shape[1:] == own[1:] and shape[0] > 0
        return several and shape[0] % own[0] == 0 and self._output.shape[0] == own[0]

    def _run(self, tensor: Any, numpy: ModuleType | None) -> Any:
        """Run one tensor, or an array of several, of the right shape and element type."""
        if self._input.dtype == "float32":
            # A product or a sum with NaN or infinity in it is not finite. That is five times as
            # fast as looking at each number, which remains for a product that overflows.
            if numpy is None:
                finite = isfinite(sum(tensor.cast("B").cast("f")))
            else:
                finite = isfinite(numpy.vdot(tensor, tensor)) or numpy.isfinite(tensor).all()
            if not finite:
                raise InputError("the tensor holds NaN or infinity")
        if tensor.shape != self._input.shape:
            return self.run_batch(tensor)
        with self._lock:
            return self._session.run(tensor)

    def _view(self, tensor: Any) -> memoryview[Any]:
        """Return a buffer's content, copied, as a view of the input's shape and element type."""
        code, shape = FORMATS[self._input.dtype], self._input.shape
        try:
            view: Any = memoryview(tensor)
        except TypeError:
            raise self._mismatch(type(tensor).__name__) from None
        # C's long has a code of its own, "l", whichever of int and long long it is as long as;
        # ctypes says the byte order as well.
        given = view.format.lstrip("@=<").replace("l", "i" if view.itemsize == 4 else "q")
        if given in ("B", "c", code) and (view.ndim == 1 or view.shape == shape):
            content: Any = memoryview(view.tobytes())
            try:
                return content.cast(code, shape)  # type: ignore[no-any-return]
            except TypeError:  # another number of bytes
                pass
        raise self._mismatch(f"{view.nbytes} bytes of {view.format!r} {list(view.shape)}")

    def _mismatch(self, got: str) -> InputError:
        """Return the error that says what was expected."""
        return InputError(f"expected a tensor of {describe(self._input)}, got {got}")


def describe(tensor: Tensor) -> str:
    """Return element type and shape for a message."""
    return f"{tensor.dtype} {list(tensor.signature)}"


def _renew() -> None:
    """Let a forked child use the models of its parent, of which it has one thread alone."""
    for opened in list(_opened):
        runner = opened()
        if runner is not None:
            runner.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_renew)
