"""Workers that measure the points: processes of this machine, or a Dask cluster."""

import asyncio
import multiprocessing
import signal
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
)
from concurrent.futures import wait as wait_for
from concurrent.futures.process import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from edgekit import parent
from edgekit.errors import MissingExtraError, WorkerError

ATTEMPTS = 3
"""Most deaths of workers in a row without a result in between."""
CONNECT_SECONDS = 10
ALONE_SECONDS, GIVE_UP_SECONDS = 3, 15
"""Seconds without workers in a cluster before a message, and before giving up."""
POLL_SECONDS = 0.5

Key = TypeVar("Key", bound=Hashable)
Task = TypeVar("Task")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Crew:
    """Workers for one attempt.

    Attributes:
        executor: distributes calls to them.
        is_gone: tells whether no worker is connected.
    """

    executor: Executor
    is_gone: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Workers:
    """A place where calls run.

    Attributes:
        open: returns the workers of one attempt.
        lost: errors by which a future says that the worker died, not the call.
        number: number of workers; None where the cluster decides.
        address: address of the cluster; "" for processes of this machine.
    """

    open: Callable[[], AbstractContextManager[Crew]]
    lost: tuple[type[BaseException], ...]
    number: int | None = None
    address: str = ""


@dataclass(frozen=True)
class Tls:
    """Files for an encrypted connection, PEM; None leaves each to Dask's configuration.

    Attributes:
        ca_file: certificate authority of the scheduler and the workers.
        cert: the certificate of this machine.
        key: its private key.
    """

    ca_file: Path | None = None
    cert: Path | None = None
    key: Path | None = None


def processes(number: int) -> Workers:
    """Return workers that are new processes of this machine, not forked ones."""
    return Workers(partial(_pool, number), (BrokenExecutor,), number)


def cluster(address: str, tls: Tls | None = None) -> Workers:
    """Return the workers of the Dask scheduler at ``address``, as tcp://127.0.0.1:8786.

    The scheduler, and anyone who can impersonate it, can run code here and in the workers: its
    messages are unpickled.

    Args:
        address: address of the scheduler.
        tls: files for a scheduler at tls://, to which every connection is then encrypted.

    Raises:
        MissingExtraError: dask.distributed is not installed.
    """
    try:
        from distributed.scheduler import KilledWorker
    except ModuleNotFoundError:
        raise MissingExtraError("distributed", "distributed", "sweep --scheduler") from None
    return Workers(partial(_client, address, tls), (KilledWorker, CancelledError), address=address)


def is_exposed(address: str) -> bool:
    """Tell whether others than this machine could answer at ``address``, or change messages."""
    parts = urlsplit(address)
    if parts.scheme in ("tls", "wss", "inproc"):
        return False
    try:
        return not ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname != "localhost"


def completed(
    function: Callable[[Task], Answer],
    tasks: Mapping[Key, Task],
    workers: Workers,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[Key, Answer]]:
    """Yield the key and the answer of each task when it is completed, each key once.

    When a worker dies, its tasks are assigned again.

    Args:
        function: function of a module, so that workers find it by its name.
        tasks: key -> argument of the function.
        workers: where to run the calls.
        say: called with a line when a worker died, and when there are none.

    Raises:
        WorkerError: workers died ``ATTEMPTS`` times in a row, or there are none for
            ``GIVE_UP_SECONDS``.
        Exception: any exception of ``function``.
    """
    remaining, deaths = dict(tasks), 0
    while remaining:
        with workers.open() as crew:
            futures = {crew.executor.submit(function, task): key for key, task in remaining.items()}
            for future in _finished(list(futures), crew, workers.address, say):
                key = futures.pop(future)
                try:
                    answer = future.result()
                except workers.lost:
                    continue
                del remaining[key]
                deaths = 0
                yield key, answer
        if remaining:
            deaths += 1
            if deaths == ATTEMPTS:
                raise WorkerError(
                    f"workers died {ATTEMPTS} times in a row (out of memory?); what was measured "
                    "is kept: try again with fewer --workers"
                )
            say(f"a worker died; {len(remaining)} points are assigned again")


def _finished(
    futures: Iterable["Future[Answer]"], crew: Crew, address: str, say: Callable[[str], None]
) -> Iterator["Future[Answer]"]:
    """Yield the futures as they finish, as long as there are workers.

    Raises:
        WorkerError: there are no workers for ``GIVE_UP_SECONDS``.
    """
    pending, alone_since, warned = set(futures), None, False
    while pending:
        finished, pending = wait_for(pending, POLL_SECONDS, return_when=FIRST_COMPLETED)
        yield from finished
        if finished or not crew.is_gone():
            alone_since, warned = None, False
            continue
        alone_since = alone_since or time.monotonic()
        seconds = time.monotonic() - alone_since
        if seconds >= ALONE_SECONDS and not warned:
            say(f"waiting for workers at {address}: none connected")
            warned = True
        if seconds >= GIVE_UP_SECONDS:
            raise WorkerError(
                f"--scheduler {address}: no workers for {GIVE_UP_SECONDS} s; what was measured is "
                f"kept: start some (dask worker {address}) and run it again"
            )


@contextmanager
def _pool(number: int) -> Iterator[Crew]:
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        number, multiprocessing.get_context("spawn"), initializer=_die_with_parent
    )
    try:
        yield Crew(pool)
    except BaseException:
        # Nothing waits for the points in progress.
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _die_with_parent() -> None:
    """Leave ^C to the parent, and end with it: the pool's queue would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = multiprocessing.parent_process()
    assert process is not None
    parent.end_with(partial(wait, [process.sentinel]))


@contextmanager
def _client(address: str, tls: Tls | None) -> Iterator[Crew]:
    from distributed import Client

    try:
        security = _security(tls)
        # A Client that fails cannot be closed, and delays the next one or the exit.
        asyncio.run(_reach(address, security))
        client: Any = Client(
            address, timeout=CONNECT_SECONDS, set_as_default=False, security=security
        )
    # Anything may answer there, with anything; a MemoryError comes from the size that it announces.
    except Exception as error:
        reason = " ".join(str(error).split()) or "no message"
        if isinstance(error, MemoryError):
            reason = "it speaks another protocol"
        raise WorkerError(f"--scheduler {address}: no Dask scheduler answers ({reason})") from None

    def is_gone() -> bool:
        try:
            return not client.scheduler_info(n_workers=-1)["workers"]
        except OSError:
            # The scheduler is gone, too, which the futures report.
            return False

    with client:
        # Dask would merge calls with equal arguments into one.
        yield Crew(client.get_executor(pure=False), is_gone)


async def _reach(address: str, security: Any) -> None:
    from distributed.comm import connect

    options = security.get_connection_args("client")
    connecting = connect(address, timeout=CONNECT_SECONDS, **options)
    # Its own timeout does not apply once the other side has accepted the connection.
    comm = await asyncio.wait_for(connecting, CONNECT_SECONDS + 1)
    await comm.close()


def _security(tls: Tls | None) -> Any:
    """Return how to connect; Dask's configuration supplies what ``tls`` lacks."""
    from distributed import Security

    if tls is None:
        return Security()
    files = {"tls_ca_file": tls.ca_file, "tls_client_cert": tls.cert, "tls_client_key": tls.key}
    paths = {name: str(path) for name, path in files.items() if path}
    return Security(require_encryption=True, **paths)
