"""Raw tensors through a session, one thread at a time: what ``Model.run`` does."""

from __future__ import annotations

import os
import sys

# Not threading.Lock and weakref.ref, which are the same: importing those takes milliseconds.
from _thread import allocate_lock
from _weakref import ref
from math import isfinite

from edge_runtime.errors import BackendError, InputError
from edge_runtime.graph import FORMATS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import numpy.typing as npt

    from edge_runtime.backends import Session
    from edge_runtime.graph import Tensor

_opened: set[ref[Runner]] = set()
"""All runners that are in use."""


class Runner:
    """A session with its inputs and outputs. Threads and forked children may share it.

    It has no reference to its model, which refers to it: without a cycle a model is freed, and its
    file closed, as soon as the last reference is gone.

    Args:
        inputs: inputs of the model, by name.
        outputs: outputs of the model, by name.
        session: runs the model.
    """

    def __init__(
        self, inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor], session: Session
    ) -> None:
        self._names = tuple(inputs), tuple(outputs)
        self._inputs = tuple(inputs.values())
        self._outputs = tuple(outputs.values())
        self._session = session
        self._lock = allocate_lock()
        self._closed = False
        _opened.add(ref(self, _opened.discard))

    def run(self, tensors: Any) -> Any:
        """Run one raw tensor for each input, or several; see ``Model.run``."""
        values = self.values(tensors)
        numpy = sys.modules.get("numpy")
        arrays = numpy is not None and any(isinstance(value, numpy.ndarray) for value in values)
        prepared = [
            self._array(value, tensor, numpy) if arrays else self._view(value, tensor)
            for value, tensor in zip(values, self._inputs, strict=True)
        ]
        outputs = self._run(prepared)
        if numpy is not None and arrays:
            outputs = [numpy.asarray(output) for output in outputs]
        else:
            outputs = [memoryview(output) for output in outputs]
        if len(outputs) == 1:
            return outputs[0]
        if isinstance(tensors, tuple):
            return tuple(outputs)
        return dict(zip(self._names[1], outputs, strict=True))

    def run_one(self, content: bytes) -> list[bytes]:
        """Run one input, its elements, of a model that has one; return those of each output."""
        tensor = self._inputs[0]
        whole = content + bytes(len(content) * (tensor.shape[0] - 1))
        outputs = [memoryview(output) for output in self._run([self._view(whole, tensor)])]
        return [output.tobytes()[: output.nbytes // tensor.shape[0]] for output in outputs]

    def run_batch(self, batches: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
        """Run images [N, ...] in each input's element type, N a multiple of the model's batch."""
        with self._lock:
            return self._usable().run_batch(batches)

    def run_padded(self, batches: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Run any number of images [N, ...] in each input's element type."""
        import numpy as np

        size, count = self._outputs[0].shape[0], len(batches[0])
        if missing := -count % size if count else size:
            batches = [
                np.concatenate([one, np.zeros((missing, *one.shape[1:]), one.dtype)])
                for one in batches
            ]
        return [one[:count] for one in self.run_batch(batches)]

    def reset(self) -> None:
        """Set the tensors that keep their values between runs to their initial values."""
        with self._lock:
            self._usable().reset()

    def close(self) -> None:
        """Close the session; see ``Model.close``."""
        with self._lock:
            if not self._closed and hasattr(self._session, "close"):
                self._session.close()
            self._closed = True

    def _usable(self) -> Session:
        """Return the session unless it is closed."""
        if self._closed:
            raise BackendError("the model is closed: load it again")
        return self._session

    def after_fork(self) -> None:
        """Replace, in a child, what a thread of the parent may have locked at the fork."""
        self._lock = allocate_lock()
        if hasattr(self._session, "after_fork"):
            self._session.after_fork()

    def values(self, tensors: Any) -> Sequence[Any]:
        """Return what is for each input, in their order, of a dict, a tuple, or one alone."""
        names = self._names[0]
        if isinstance(tensors, dict):
            for keys in names, tuple(tensor.name for tensor in self._inputs):
                if tensors.keys() == set(keys) and len(keys) == len(tensors):
                    return [tensors[key] for key in keys]
            got = ", ".join(map(repr, tensors)) or "none"
            raise InputError(f"the inputs are {', '.join(map(repr, names))}, got {got}")
        if isinstance(tensors, tuple):
            if len(tensors) != len(names):
                raise InputError(f"{len(names)} tensors are expected, got {len(tensors)}")
            return tensors
        if len(names) > 1:
            raise InputError(
                f"the model has {len(names)} inputs, {', '.join(map(repr, names))}: pass a dict by "
                "these names, or a tuple"
            )
        return (tensors,)

    def _run(self, tensors: list[Any]) -> Sequence[Any]:
        """Run one tensor, or an array of several, of the right element type for each input."""
        several = {
            len(array) // tensor.shape[0] if array.shape != tensor.shape else 1
            for array, tensor in zip(tensors, self._inputs, strict=True)
        }
        if len(several) > 1:
            raise InputError(f"the inputs differ in their number of tensors: {sorted(several)}")
        if several != {1}:
            return self.run_batch(tensors)
        with self._lock:
            return self._usable().run(tensors)

    def _array(self, value: Any, tensor: Tensor, numpy: Any) -> Any:
        """Return a value as an array of the input's shape, or of several along the first axis."""
        if not isinstance(value, numpy.ndarray):
            return numpy.asarray(self._view(value, tensor))
        if value.dtype != tensor.dtype or not self._fits(value.shape, tensor):
            raise _mismatch(tensor, f"{value.dtype} {list(value.shape)}")
        array = numpy.asarray(value, order="C")  # ascontiguousarray makes scalars vectors
        # A dot product with NaN or infinity is not finite. It is five times as fast as checking
        # each number, which is only needed where it overflows.
        finite = tensor.dtype != "float32" or isfinite(numpy.vdot(array, array))
        if not (finite or numpy.isfinite(array).all()):
            raise InputError("the tensor holds NaN or infinity")
        return array

    def _fits(self, shape: tuple[int, ...], tensor: Tensor) -> bool:
        """Return whether an array has the input's shape, or several such along the first axis."""
        single = tensor.shape
        if shape == single:
            return True
        several = len(shape) == len(single) and shape[1:] == single[1:] and shape[0] > 0
        same = all(port.shape[:1] == single[:1] for port in (*self._inputs, *self._outputs))
        return several and same and shape[0] % single[0] == 0

    def _view(self, value: Any, tensor: Tensor) -> memoryview[Any]:
        """Return a buffer's content, copied, as a view of the input's shape and element type."""
        code, shape = FORMATS[tensor.dtype], tensor.shape
        try:
            view: Any = memoryview(value)
        except TypeError:
            raise _mismatch(tensor, type(value).__name__) from None
        # C's long has its own code, "l", although it has the size of int or of long long; ctypes
        # adds the byte order.
        kind = view.format.lstrip("@=<").replace("l", "i" if view.itemsize == 4 else "q")
        if kind in ("B", "c", code) and (view.ndim == 1 or view.shape == shape):
            content: Any = memoryview(view.tobytes())
            try:
                typed: memoryview[Any] = content.cast(code, shape)
            except TypeError:  # another number of bytes
                pass
            else:
                if tensor.dtype == "float32" and not isfinite(sum(content.cast("f"))):
                    raise InputError("the tensor holds NaN or infinity")
                return typed
        raise _mismatch(tensor, f"{view.nbytes} bytes of {view.format!r} {list(view.shape)}")


def _mismatch(tensor: Tensor, got: str) -> InputError:
    """Return the error that says what was expected."""
    return InputError(f"expected a tensor of {describe(tensor)}, got {got}")


def describe(tensor: Tensor) -> str:
    """Return element type and shape for a message."""
    return f"{tensor.dtype} {[*tensor.signature[:1], *tensor.shape[1:]]}"


def _renew() -> None:
    """Let a forked child, which has only one thread of its parent, use the parent's models."""
    for opened in list(_opened):
        runner = opened()
        if runner is not None:
            runner.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_renew)
