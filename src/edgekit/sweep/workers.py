"""Who measures the points: processes of this machine or a Dask cluster, behind one interface."""

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
"""Times in a row that workers may die without a result between them."""
CONNECT_SECONDS = 10
ALONE_SECONDS, GIVE_UP_SECONDS = 3, 15
"""How long a cluster may be without workers before that is said, and before it is given up."""
POLL_SECONDS = 0.5

Key = TypeVar("Key", bound=Hashable)
Task = TypeVar("Task")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Crew:
    """Workers for one attempt.

    Attributes:
        executor: what gives them the calls.
        gone: whether none of them is there.
    """

    executor: Executor
    gone: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Workers:
    """Where calls are run.

    Attributes:
        open: returns the workers of one attempt.
        lost: how a future says that the worker died, and not the call.
        number: how many there are; None where the cluster decides.
        address: of the cluster; "" for processes of this machine.
    """

    open: Callable[[], AbstractContextManager[Crew]]
    lost: tuple[type[BaseException], ...]
    number: int | None = None
    address: str = ""


@dataclass(frozen=True)
class Tls:
    """Files for an encrypted connection, PEM; None leaves each to Dask's configuration.

    Attributes:
        ca_file: who vouches for the scheduler and the workers.
        cert: the certificate of this machine.
        key: its private key.
    """

    ca_file: Path | None = None
    cert: Path | None = None
    key: Path | None = None


def processes(number: int) -> Workers:
    """Return workers that are processes of this machine, each started anew and not forked."""
    return Workers(partial(_pool, number), (BrokenExecutor,), number)


def cluster(address: str, tls: Tls | None = None) -> Workers:
    """Return the workers of the Dask scheduler at ``address``, as tcp://127.0.0.1:8786.

    The scheduler, and who can speak for it, can run code here and in the workers: what it sends is
    unpickled.

    Args:
        address: of the scheduler.
        tls: for a scheduler at tls://, which is then never spoken to unencrypted.

    Raises:
        MissingExtraError: dask.distributed is not installed.
    """
    try:
        from distributed.scheduler import KilledWorker
    except ModuleNotFoundError:
        raise MissingExtraError("distributed", "distributed", "sweep --scheduler") from None
    return Workers(partial(_client, address, tls), (KilledWorker, CancelledError), address=address)


def is_exposed(address: str) -> bool:
    """Whether others than this machine could answer at ``address``, or change what is said."""
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
    """Yield the key and the answer of each task as it is there, each key once.

    When a worker dies, what it left is given out again.

    Args:
        function: of a module, so that workers find it by its name.
        tasks: what it is called with.
        workers: who calls it.
        say: called with a line when a worker died, and when there are none.

    Raises:
        WorkerError: workers died ``ATTEMPTS`` times in a row, or there are none for
            ``GIVE_UP_SECONDS``.
        Exception: what ``function`` raised.
    """
    left, deaths = dict(tasks), 0
    while left:
        with workers.open() as crew:
            futures = {crew.executor.submit(function, task): key for key, task in left.items()}
            for future in _finished(list(futures), crew, workers.address, say):
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


def _finished(
    futures: Iterable["Future[Answer]"], crew: Crew, address: str, say: Callable[[str], None]
) -> Iterator["Future[Answer]"]:
    """Yield the futures as they are done, as long as there are workers.

    Raises:
        WorkerError: there are none for ``GIVE_UP_SECONDS``.
    """
    left, alone_since, said = set(futures), None, False
    while left:
        done, left = wait_for(left, POLL_SECONDS, return_when=FIRST_COMPLETED)
        yield from done
        if done or not crew.gone():
            alone_since, said = None, False
            continue
        alone_since = alone_since or time.monotonic()
        seconds = time.monotonic() - alone_since
        if seconds >= ALONE_SECONDS and not said:
            say(f"waiting for workers at {address}: none connected")
            said = True
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
def _client(address: str, tls: Tls | None) -> Iterator[Crew]:
    from distributed import Client

    try:
        security = _security(tls)
        # A Client that fails cannot be closed, and keeps the next one or the end waiting.
        asyncio.run(_reach(address, security))
        client: Any = Client(
            address, timeout=CONNECT_SECONDS, set_as_default=False, security=security
        )
    # What answers there may be anything, and say anything; a MemoryError is what it claims to send.
    except Exception as error:
        reason = " ".join(str(error).split()) or "it says nothing"
        if isinstance(error, MemoryError):
            reason = "it speaks another protocol"
        raise WorkerError(f"--scheduler {address}: no Dask scheduler answers ({reason})") from None

    def gone() -> bool:
        try:
            return not client.scheduler_info(n_workers=-1)["workers"]
        except OSError:
            # The scheduler is gone, too, which the futures say.
            return False

    with client:
        # Dask would take two calls with equal arguments for one.
        yield Crew(client.get_executor(pure=False), gone)


async def _reach(address: str, security: Any) -> None:
    from distributed.comm import connect

    how = security.get_connection_args("client")
    connecting = connect(address, timeout=CONNECT_SECONDS, **how)
    # Its own limit does not count once the other side has taken the connection.
    comm = await asyncio.wait_for(connecting, CONNECT_SECONDS + 1)
    await comm.close()


def _security(tls: Tls | None) -> Any:
    """Return how to connect; what ``tls`` leaves open is in Dask's configuration."""
    from distributed import Security

    if tls is None:
        return Security()
    files = {"tls_ca_file": tls.ca_file, "tls_client_cert": tls.cert, "tls_client_key": tls.key}
    given = {name: str(path) for name, path in files.items() if path}
    return Security(require_encryption=True, **given)
