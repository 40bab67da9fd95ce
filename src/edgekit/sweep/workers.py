"""Who measures the points: processes of this machine or a Dask cluster, behind one interface."""

import multiprocessing
import signal
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, CancelledError, Executor, as_completed
from concurrent.futures.process import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from typing import Any, TypeVar

from edgekit import parent
from edgekit.errors import MissingExtraError, WorkerError

ATTEMPTS = 3
"""Times in a row that workers may die without a result between them."""
CONNECT_SECONDS = 10

Key = TypeVar("Key", bound=Hashable)
Task = TypeVar("Task")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Workers:
    """Where calls are run.

    Attributes:
        open: returns the executor, for one attempt.
        lost: how a future says that the worker died, and not the call.
        number: how many there are; None where the cluster decides.
    """

    open: Callable[[], AbstractContextManager[Executor]]
    lost: tuple[type[BaseException], ...]
    number: int | None = None


def processes(number: int) -> Workers:
    """Return workers that are processes of this machine, each started anew and not forked."""
    return Workers(partial(_pool, number), (BrokenExecutor,), number)


def cluster(address: str) -> Workers:
    """Return the workers of the Dask scheduler at ``address``, as tcp://127.0.0.1:8786.

    Raises:
        MissingExtraError: dask.distributed is not installed.
    """
    try:
        from distributed.scheduler import KilledWorker
    except ModuleNotFoundError:
        raise MissingExtraError("distributed", "distributed", "sweep --scheduler") from None
    return Workers(partial(_client, address), (KilledWorker, CancelledError))


def completed(
    function: Callable[[Task], Answer],
    tasks: Mapping[Key, Task],
    workers: Workers,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[Key, Answer]]:
    """Yield the key and the answer of each task as it is there, each key once.

    When a worker dies, what it left is given out again.

    Args:
        function: of a module, so that workers find it by its name.
        tasks: what it is called with.
        workers: who calls it.
        say: called with a line when a worker died.

    Raises:
        WorkerError: workers died ``ATTEMPTS`` times in a row, or there are none.
        Exception: what ``function`` raised.
    """
    left, deaths = dict(tasks), 0
    while left:
        with workers.open() as executor:
            futures = {executor.submit(function, task): key for key, task in left.items()}
            for future in as_completed(futures):
                key = futures.pop(future)
                try:
                    answer = future.result()
                except workers.lost:
                    continue
                del left[key]
                deaths = 0
                yield key, answer
        if left:
            deaths += 1
            if deaths == ATTEMPTS:
                raise WorkerError(
                    f"workers died {ATTEMPTS} times in a row (out of memory?); what was measured "
                    "is kept: try again with fewer --workers"
                )
            say(f"a worker died; {len(left)} points are given out again")


@contextmanager
def _pool(number: int) -> Iterator[Executor]:
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        number, multiprocessing.get_context("spawn"), initializer=_die_with_parent
    )
    try:
        yield pool
    except BaseException:
        # Nobody waits for the points that are under way.
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _die_with_parent() -> None:
    """Leave ^C to the parent, and do not outlive it: the pool's queue would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = multiprocessing.parent_process()
    assert process is not None
    parent.end_with(partial(wait, [process.sentinel]))


@contextmanager
def _client(address: str) -> Iterator[Executor]:
    from distributed import Client

    try:
        client: Any = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise WorkerError(f"--scheduler {address}: no Dask scheduler answers ({error})") from None
    with client:
        # Dask would take two calls with equal arguments for one.
        yield client.get_executor(pure=False)
