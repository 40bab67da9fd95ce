"""A backend in a separate process: the child's side, and the frames that both sides exchange.

A frame is two lengths, a JSON object and raw bytes: reading it executes nothing in it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import sys
import threading
import time
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO, Any

    import numpy.typing as npt

    from edge_runtime.session import Model

HEAD = struct.Struct("<QQ")
"""Sizes of the JSON object and of the raw bytes."""

GRACE = 2.0
"""Seconds that a child has to exit before it is killed."""


def send(pipe: IO[bytes], message: dict[str, Any], content: bytes | memoryview = b"") -> None:
    """Write a frame."""
    text = json.dumps(message).encode()
    pipe.write(HEAD.pack(len(text), len(content)))
    pipe.write(text)
    pipe.write(content)
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[dict[str, Any], bytearray]:
    """Read a frame.

    Raises:
        EOFError: the other side is gone.
    """
    text, content = HEAD.unpack(_exactly(pipe, HEAD.size))
    message: dict[str, Any] = json.loads(_exactly(pipe, text))
    return message, _exactly(pipe, content)


def _exactly(pipe: IO[bytes], size: int) -> bytearray:
    content = bytearray(size)
    view, place = memoryview(content), 0
    while place < size:
        # Every pipe can read into existing memory; the type IO does not say so.
        count = pipe.readinto(view[place:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        place += count
    return content


def arrays(
    content: bytearray, dtypes: Sequence[str], shapes: Sequence[Sequence[int]]
) -> list[npt.NDArray[Any]]:
    """Return the tensors whose bytes follow each other in ``content``."""
    import numpy as np

    view, tensors = memoryview(content), []
    for dtype, shape in zip(dtypes, shapes, strict=True):
        size = prod(shape) * np.dtype(dtype).itemsize
        tensors.append(np.frombuffer(view[:size], dtype).reshape(shape))
        view = view[size:]
    return tensors


def times(
    run: Callable[[Any], Any],
    inputs: npt.NDArray[Any] | tuple[npt.NDArray[Any], ...],
    calls: int,
) -> list[float]:
    """Time ``calls`` calls of ``run``, each on one of ``inputs`` [N, ...]; seconds.

    For several inputs it is a tuple of such, and ``run`` is called with a tuple.
    """
    singles: list[Any]
    if isinstance(inputs, tuple):
        singles = [tuple(one[i : i + 1] for one in inputs) for i in range(len(inputs[0]))]
    else:
        singles = [inputs[i : i + 1] for i in range(len(inputs))]
    clock, taken = time.perf_counter_ns, []
    for call in range(calls):
        single = singles[call % len(singles)]
        started = clock()
        run(single)
        taken.append((clock() - started) / 1e9)
    return taken


def end_after_parent() -> None:
    """End this process when the parent is gone, even during a run, which may never return.

    The parent ends the child, unless the parent is killed.
    """
    if not hasattr(select, "poll"):  # on Windows
        return

    def watch() -> None:
        poll = select.poll()
        poll.register(0, 0)  # reports only that the other end was closed
        poll.poll()
        time.sleep(GRACE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """Answer the frames on standard input until it is closed."""
    end_after_parent()
    # The parent ends this process; Ctrl-C in a terminal, sent to both, must not print a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Keep the output of libraries from getting between the frames.
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # The parent captures standard error: its last line says why this process died.
    os.environ["EDGEKIT_VERBOSE"] = "1"
    from edge_runtime.errors import EdgeRuntimeError
    from edge_runtime.loading import opened

    model: Model | None = None
    while True:
        try:
            message, content = receive(sys.stdin.buffer)
        except EOFError:
            return
        try:
            if model is None:
                model = opened("model", bytes(content), message["backend"], message["options"])
                answer: tuple[dict[str, Any], bytes] = {"note": model.backend_note}, b""
            else:
                answer = _answer(model, message, content)
        except (EdgeRuntimeError, MemoryError) as error:
            text = str(error) or "out of memory"
            answer = {"error": type(error).__name__, "message": text}, b""
        send(pipe, *answer)


def _answer(
    model: Model, message: dict[str, Any], content: bytearray
) -> tuple[dict[str, Any], bytes]:
    import numpy as np

    if message.get("reset"):
        model.reset()
        return {}, b""
    dtypes = [tensor.dtype for tensor in model.inputs.values()]
    tensors = arrays(content, dtypes, message["shapes"])
    if calls := message.get("calls"):
        inputs = tensors[0] if len(tensors) == 1 else tuple(tensors)
        return {}, np.array(times(model.run, inputs, calls)).tobytes()
    run = model._runner.run_batch if message["batch"] else model._session.run
    outputs = [np.asarray(output) for output in run(tensors)]
    answer = {
        "shapes": [output.shape for output in outputs],
        "dtypes": [str(output.dtype) for output in outputs],
    }
    return answer, b"".join(output.tobytes() for output in outputs)
