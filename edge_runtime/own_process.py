"""A backend in a separate process: the parent's side, which survives a crash of the child.

LiteRT does not check a file as edge_runtime does: some files crash the process that runs them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from edge_runtime import errors, worker
from edge_runtime.errors import BackendError, ModelError

if TYPE_CHECKING:
    import mmap
    from collections.abc import Sequence
    from typing import IO

    import numpy.typing as npt
    from _typeshed import ReadableBuffer

    from edge_runtime.graph import Graph

START = "import sys; sys.path[:] = sys.argv[1:]; from edge_runtime.worker import main; main()"
"""Program of the child, whose arguments are the import path of this process."""

PIECE = 16 << 20
"""Most bytes of a batch that are sent at a time, unless a single input has more."""

LAST_WORDS = 200
"""Most characters of the child's last line of output in a message."""


class ProcessSession:
    """A model opened in a child; see :class:`edge_runtime.backends.Session`.

    Args:
        graph: the model, read from ``data``.
        data: content of the .tflite file.
        backend: name of the backend that runs the model in the child.
        title: name of the backend in messages.
        options: options of the backend.

    Attributes:
        note: the note of the backend's session.

    Raises:
        ModelError: the backend cannot run the model, or crashes on it.
        BackendError: the backend is not available, or no child can be started.
    """

    def __init__(
        self, graph: Graph, data: bytes | mmap.mmap, backend: str, title: str, **options: object
    ) -> None:
        self._inputs = [graph.tensors[index] for index in graph.inputs]
        self._data = bytes(data)
        self._title = title
        self._request = {"backend": backend, "options": options}
        self._child: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._owner = os.getpid()
        try:
            self.note = self._start()
        except _DeathError as death:
            raise ModelError(f"{death}: refused") from None

    def run(self, tensors: Sequence[ReadableBuffer | npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Run the model once."""
        import numpy as np

        return self._answers([np.asarray(tensor) for tensor in tensors], batch=False)

    def run_batch(self, batches: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Run the images of a batch, a piece of at most ``PIECE`` bytes at a time."""
        import numpy as np

        size = self._inputs[0].shape[0]
        largest = max(batch[:size].nbytes for batch in batches)
        fitting = max(1, PIECE // max(1, largest)) * size
        answers = [
            self._answers([batch[start : start + fitting] for batch in batches], batch=True)
            for start in range(0, len(batches[0]), fitting)
        ]
        return [np.concatenate(outputs) for outputs in zip(*answers, strict=True)]

    def reset(self) -> None:
        """Set the tensors that keep their values between runs to their initial values."""
        self._exchange({"reset": True}, b"")

    def times(
        self, inputs: npt.NDArray[Any] | tuple[npt.NDArray[Any], ...], calls: int
    ) -> list[float]:
        """Time calls of ``Model.run`` in the child, where no pipe is in the way.

        See ``worker.times``.
        """
        import numpy as np

        tensors = inputs if isinstance(inputs, tuple) else (inputs,)
        message = {"shapes": [tensor.shape for tensor in tensors], "calls": calls}
        _, content = self._exchange(message, b"".join(tensor.tobytes() for tensor in tensors))
        taken: list[float] = np.frombuffer(content, np.float64).tolist()
        return taken

    def after_fork(self) -> None:
        """Leave the child to the parent; this process starts another when it runs the model."""
        self._child = self._errors = None
        self._owner = os.getpid()

    def close(self, seconds: float = worker.GRACE) -> None:
        """End the child, which has ``seconds`` to release its device before it is killed."""
        child, self._child = self._child, None
        if child is None or self._owner != os.getpid():
            return
        if seconds and child.poll() is None:
            assert child.stdin is not None
            with suppress(OSError):
                child.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                child.wait(seconds)
        child.kill()
        child.wait()
        for pipe in child.stdin, child.stdout, self._errors:
            assert pipe is not None
            with suppress(OSError):  # data that was not sent yet is lost
                pipe.close()

    def __del__(self) -> None:
        if hasattr(self, "_owner"):
            self.close()

    def _start(self) -> str:
        """Start the child and let it open the model; return the backend's note."""
        self._errors = None
        verbose = bool(os.environ.get("EDGEKIT_VERBOSE"))
        try:
            self._errors = TemporaryFile()  # noqa: SIM115 - closed with the child
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-c", START, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if verbose else self._errors,
            )
        except OSError as error:
            if self._errors is not None:
                self._errors.close()
            raise BackendError(
                f"{self._title} cannot be started in a separate process: {error}"
            ) from error
        message, _ = self._frames(self._request, self._data)
        return str(message["note"])

    def _answers(
        self, tensors: Sequence[npt.NDArray[Any]], *, batch: bool
    ) -> list[npt.NDArray[Any]]:
        message = {"shapes": [tensor.shape for tensor in tensors], "batch": batch}
        content = b"".join(tensor.tobytes() for tensor in tensors)
        answer, outputs = self._exchange(message, content)
        return worker.arrays(outputs, answer["dtypes"], answer["shapes"])

    def _exchange(self, message: dict[str, Any], content: bytes) -> tuple[dict[str, Any], Any]:
        """Send a frame to the child, started if there is none, and return its answer.

        Raises:
            BackendError: the child died, or the backend failed.
        """
        try:
            if self._child is None:
                self._start()
            return self._frames(message, content)
        except _DeathError as death:
            raise BackendError(str(death)) from None

    def _frames(self, message: dict[str, Any], content: bytes) -> tuple[dict[str, Any], Any]:
        child = self._child
        assert child is not None
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            worker.send(child.stdin, message, content)
            answer, output = worker.receive(child.stdout)
        except (EOFError, BrokenPipeError):
            death = self._death(child)
            self.close()
            raise death from None
        except BaseException:
            # A signal, say: the next answer would be the one to this frame.
            self.close(0)
            raise
        if "error" in answer:
            raise getattr(errors, answer["error"], BackendError)(answer["message"])
        return answer, output

    def _death(self, child: subprocess.Popen[bytes]) -> _DeathError:
        """Return an error that says how the child died."""
        code = child.wait()
        try:
            how = signal.Signals(-code).name
        except ValueError:
            how = f"exit code {code}"
        assert self._errors is not None
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        words = [line for line in lines if line.strip() and not line.startswith("INFO:")]
        last = f": {words[-1].strip()[:LAST_WORDS]}" if words else ""
        return _DeathError(f"{self._title} died of it ({how}){last}")


class _DeathError(Exception):
    """The child died."""
