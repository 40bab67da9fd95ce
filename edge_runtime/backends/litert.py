"""Runs a model with LiteRT (package ai-edge-litert) and its XNNPACK delegate, on the CPU."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.util import find_spec
from tempfile import TemporaryFile
from threading import Lock
from typing import TYPE_CHECKING, Any

from edge_runtime.backends import lacks_numpy, require_threads
from edge_runtime.check import require_order
from edge_runtime.errors import BackendError, ModelError, UnsoundError
from edge_runtime.planner import plan, states_its_shapes
from edge_runtime.unsupported import EDGETPU_OP, not_for_litert

if TYPE_CHECKING:
    import mmap

    import numpy.typing as npt
    from _typeshed import ReadableBuffer

    from edge_runtime.backends import Session
    from edge_runtime.graph import Graph

CHUNK = 64
"""Images that run at once. Measured with the 784-14-2 model on x86-64: 0.08 (int8) and 0.28 µs
(float32) per image; 16 or 2115 at once are slower, and memory grows with the number."""

FLT_MIN = 2.0**-126
"""The smallest float32 that is not denormal."""

_stderr_lock = Lock()
if hasattr(os, "register_at_fork"):
    # A fork waits until standard error is restored: nothing would restore it in the child.
    os.register_at_fork(
        before=_stderr_lock.acquire,
        after_in_parent=_stderr_lock.release,
        after_in_child=_stderr_lock.release,
    )


def unavailable() -> str | None:
    """Return why LiteRT cannot run here; None when it can."""
    if find_spec("ai_edge_litert") is None:
        from edge_runtime.install import install_line

        return f"ai-edge-litert is not installed: {install_line('litert')}"
    return lacks_numpy() if find_spec("numpy") is None else None


def for_edgetpu(graph: Graph) -> bool:
    """Return whether edgetpu_compiler has compiled the model, so that only an Edge TPU runs it."""
    return any(op.custom and op.name == EDGETPU_OP for op in graph.ops)


def is_checked(graph: Graph) -> bool:
    """Return whether edge_runtime has checked everything that LiteRT relies on.

    It can check only the ops that it supports, and not what LiteRT does with shapes that no op
    sets. XNNPACK ends the process on a denormal scale.

    Raises:
        UnsoundError: the model contradicts itself.
    """
    if not _is_planned(graph):
        return False
    quantizations = (tensor.quantization for tensor in graph.tensors if tensor.quantization)
    return all(scale >= FLT_MIN for each in quantizations for scale in each.scales)


def _is_planned(graph: Graph) -> bool:
    """Return whether the engine runs all ops of the model, with the shapes in the file.

    Raises:
        UnsoundError: the model contradicts itself.
    """
    try:
        plan(graph)
        return states_its_shapes(graph)
    except UnsoundError:
        raise
    except ModelError:
        return False


def open_session(
    graph: Graph,
    data: bytes | mmap.mmap,
    *,
    num_threads: int = 1,
    own_process: bool | None = False,
) -> Session:
    """Open a model.

    Args:
        graph: the model, read from ``data``.
        data: content of the .tflite file.
        num_threads: number of threads that an op may use.
        own_process: whether LiteRT runs in a child, so that a file that crashes it is an error and
            not the end of this process; None to do so unless ``is_checked``.

    Raises:
        BackendError: LiteRT or NumPy is not installed, or ``num_threads`` is not a whole number
            from 1 to ``MOST_THREADS``.
        ModelError: LiteRT cannot run the model, or the model contradicts itself.
    """
    if reason := unavailable():
        raise BackendError(reason)
    require_threads(num_threads)
    if reason := not_for_litert(graph):
        raise ModelError(reason)
    # Bodies of loops are run, too, and `load` has checked only the first subgraph.
    for subgraph in graph.others:
        require_order(subgraph)
    if own_process is None:
        own_process = not is_checked(graph)
    else:
        _is_planned(graph)
    if own_process:
        # Imported here, so that LiteRT in this process starts as fast as it can.
        from edge_runtime.own_process import ProcessSession

        return ProcessSession(graph, data, "litert", "LiteRT", num_threads=num_threads)
    return LiteRTSession(graph, data, num_threads)


class LiteRTSession:
    """A model opened in LiteRT; see :class:`edge_runtime.backends.Session`.

    Args:
        graph: the model, read from ``data``.
        data: content of the .tflite file.
        num_threads: number of threads that an op may use.
        delegates: LiteRT delegates that get the graph before XNNPACK does.

    Attributes:
        note: why the model runs without XNNPACK; "" if it runs with it.

    Raises:
        ModelError: LiteRT cannot run the model.
    """

    def __init__(
        self,
        graph: Graph,
        data: bytes | mmap.mmap,
        num_threads: int = 1,
        delegates: Sequence[Any] = (),
    ) -> None:
        self._inputs = [graph.tensors[index] for index in graph.inputs]
        self._outputs = [graph.tensors[index] for index in graph.outputs]
        self._has_resources = any(op.name == "VAR_HANDLE" for op in graph.ops)
        self._keeps_state = self._has_resources or any(one.variable for one in graph.tensors)
        content = bytes(data)
        self._delegates = delegates
        self._opened: dict[str, Any] = {}
        self._open: Callable[..., Any] = partial(_open_interpreter, content, num_threads, delegates)
        self.note = ""
        try:
            self._single()  # now, so that a file that LiteRT cannot run is refused here
        except ModelError as error:
            if delegates or "XNN" not in str(error):
                raise
            self._open = partial(_open_interpreter, content, num_threads, delegates, xnnpack=False)
            self._single()
            self.note = (
                f"LiteRT runs it without XNNPACK, which cannot: {_one_line(error.__cause__)}"
            )

    def after_fork(self) -> None:
        """Leave the parent's interpreters to it; the child opens others when it runs the model.

        LiteRT's threads do not exist in the child, and another thread of the parent may have been
        running the model. Nothing is freed either: that would wait for those threads.
        """
        ctypes.pythonapi.Py_IncRef(ctypes.py_object([self._opened, self._open]))
        self._opened = {}
        if self._delegates:
            self._open = _refuse_fork

    def close(self) -> None:
        """Free the interpreters, whose threads end with them."""
        self._opened.clear()

    def _single(self) -> Any:
        """Return the interpreter of the model with the batch of the file."""
        if "single" not in self._opened:
            self._opened["single"] = self._open()
        return self._opened["single"]

    def _many(self) -> Any | None:
        """Return the interpreter for CHUNK images at once; None if the batch is fixed.

        LiteRT may accept another batch for such a model nevertheless, and then mix the images.
        """
        ports = *self._inputs, *self._outputs
        if self._keeps_state or any(tensor.signature[0] != -1 for tensor in ports):
            return None
        if "many" not in self._opened:
            shapes = {tensor.index: (CHUNK, *tensor.shape[1:]) for tensor in self._inputs}
            try:
                self._opened["many"] = self._open(shapes=shapes)
            except ModelError:
                self._opened["many"] = None
        return self._opened["many"]

    def run(self, tensors: Sequence[ReadableBuffer | npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Run the model once."""
        import numpy as np

        return self._invoke(self._single(), [np.asarray(tensor) for tensor in tensors])

    def run_batch(self, batches: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Run the images of a batch: whole chunks at once if the model can, the rest singly."""
        import numpy as np

        count, size = len(batches[0]), self._inputs[0].shape[0]
        many = self._many() if count >= CHUNK else None
        chunked = count - count % CHUNK if many else 0
        pieces = [(many, start, CHUNK) for start in range(0, chunked, CHUNK)]
        pieces += [(self._single(), start, size) for start in range(chunked, count, size)]
        answers = [
            self._invoke(interpreter, [batch[start : start + length] for batch in batches])
            for interpreter, start, length in pieces
        ]
        return [np.concatenate(outputs) for outputs in zip(*answers, strict=True)]

    def reset(self) -> None:
        """Set the tensors that keep their values between runs to their initial values."""
        if self._has_resources:  # which reset_all_variables leaves as they are
            del self._opened["single"]
        self._single().reset_all_variables()

    def _invoke(
        self, interpreter: Any, tensors: Sequence[npt.NDArray[Any]]
    ) -> list[npt.NDArray[Any]]:
        """Return copies of the outputs."""
        try:
            for tensor, value in zip(self._inputs, tensors, strict=True):
                interpreter.set_tensor(tensor.index, value)
            interpreter.invoke()
            return [interpreter.get_tensor(tensor.index) for tensor in self._outputs]
        except (RuntimeError, ValueError) as error:
            raise BackendError(f"LiteRT failed while running the model: {error}") from error


def _open_interpreter(
    data: bytes | mmap.mmap,
    num_threads: int,
    delegates: Sequence[Any],
    *,
    shapes: Mapping[int, Sequence[int]] | None = None,
    xnnpack: bool = True,
) -> Any:
    """Return an interpreter that is ready to run, its inputs resized to ``shapes`` by index."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = "AUTO" if xnnpack else "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
    try:
        with without_info():
            interpreter = Interpreter(
                model_content=data,
                num_threads=num_threads,
                experimental_delegates=list(delegates),
                experimental_op_resolver_type=OpResolverType[resolver],
            )
            for index, shape in (shapes or {}).items():
                interpreter.resize_tensor_input(index, shape)
            interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"LiteRT cannot run it: {_one_line(error)}") from error
    return interpreter


def _refuse_fork(**_: object) -> Any:
    """Raise, because a device that the parent has opened serves only the parent."""
    raise BackendError(
        "the model was opened on a device before this process was forked, and the device serves "
        "the parent alone: open the model in the child"
    )


def _one_line(error: BaseException | None) -> str:
    return " ".join(str(error).split())


@contextmanager
def without_info() -> Iterator[None]:
    """Keep LiteRT's INFO lines off standard error, unless EDGEKIT_VERBOSE is set.

    LiteRT writes them to file descriptor 2 and has no switch for them (TF_CPP_MIN_LOG_LEVEL does
    nothing). So the descriptor is redirected for a moment, and all other lines are passed on.
    """
    if os.environ.get("EDGEKIT_VERBOSE"):
        yield
        return
    with _stderr_lock, ExitStack() as stack:
        try:
            aside = stack.enter_context(TemporaryFile())
            stderr = os.dup(2)
        except OSError:  # no temporary file, or no standard error to keep clean
            yield
            return
        os.dup2(aside.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            aside.seek(0)
            for line in aside.readlines():  # read completely first: fd 2 may be the same file
                if not line.startswith(b"INFO: "):
                    os.write(2, line)
