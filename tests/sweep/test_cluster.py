"""A Dask cluster: encrypted, and without workers."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

import calls
from edgekit.errors import WorkerError
from edgekit.sweep import workers

pytest.importorskip("distributed")


@contextmanager
def dask(folder: Path, kind: str, *arguments: str) -> Iterator[str]:
    """Start a scheduler or a worker; yield the scheduler's address."""
    contact = folder / "scheduler.json"
    command = [sys.executable, "-m", "dask", kind, "--scheduler-file", str(contact)]
    paths = os.pathsep.join([str(Path(calls.__file__).parent), *filter(None, sys.path)])
    with subprocess.Popen(
        [*command, "--no-dashboard", "--host", "127.0.0.1", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": paths},
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not (contact.exists() and contact.read_text()):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield json.loads(contact.read_text())["address"]
        finally:
            process.kill()


def test_a_cluster_whose_workers_are_gone_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "ALONE_SECONDS", 0.1)
    monkeypatch.setattr(workers, "GIVE_UP_SECONDS", 1)
    said: list[str] = []
    with dask(tmp_path, "scheduler", "--port", "0") as address:
        left = workers.completed(calls.square, {"a": 3}, workers.cluster(address), said.append)
        with pytest.raises(WorkerError, match=rf"{address}: no workers for 1 s; .*dask worker"):
            next(left)
        assert said == [f"waiting for workers at {address}: none connected"]
        monkeypatch.setattr(workers, "GIVE_UP_SECONDS", 60)
        left = workers.completed(calls.square, {"a": 3}, workers.cluster(address), said.append)
        with dask(tmp_path, "worker", "--nthreads", "1", "--no-nanny"):
            assert list(left) == [("a", 9)]


@pytest.mark.parametrize(
    ("says", "message"),
    [(b"", "no message"), (b"HTTP/1.1 400 Bad Request\r\n\r\n", "another protocol")],
)
def test_what_answers_may_be_no_scheduler(
    monkeypatch: pytest.MonkeyPatch, says: bytes, message: str
) -> None:
    monkeypatch.setattr(workers, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            other, _ = server.accept()
            with other:
                other.sendall(says)
                other.recv(1 << 16)
                other.recv(1 << 16)

        Thread(target=answer, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(WorkerError, match=rf"{address}: no Dask .*\(.*{message}\)"):
            next(workers.completed(calls.square, {"a": 3}, workers.cluster(address)))


@pytest.fixture
def tls(tmp_path: Path) -> workers.Tls:
    """A certificate that vouches for itself."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    making = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost".split()
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run(["openssl", *making, *files], check=True, capture_output=True)
    return workers.Tls(cert, cert, key)


def test_an_encrypted_cluster_and_who_may_not_speak_to_it(
    tmp_path: Path, tls: workers.Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "CONNECT_SECONDS", 2)
    files = ["--tls-ca-file", str(tls.ca_file), "--tls-cert", str(tls.cert)]
    files += ["--tls-key", str(tls.key)]
    alone = ["--nthreads", "1", "--no-nanny"]
    with (
        dask(tmp_path, "scheduler", "--port", "0", "--protocol", "tls", *files) as address,
        dask(tmp_path, "worker", *alone, *files),
    ):
        assert address.startswith("tls://")
        found = list(workers.completed(calls.square, {"a": 3}, workers.cluster(address, tls)))
        assert found == [("a", 9)]
        for stranger in (workers.cluster(address, workers.Tls()), workers.cluster(address)):
            with pytest.raises(WorkerError, match=f"--scheduler {address}: no Dask") as refused:
                next(workers.completed(calls.square, {"a": 3}, stranger))
            assert "\n" not in str(refused.value)
        plain = address.replace("tls://", "tcp://")
        with pytest.raises(WorkerError, match="no Dask scheduler answers"):
            next(workers.completed(calls.square, {"a": 3}, workers.cluster(plain, tls)))


@pytest.mark.parametrize(
    ("address", "exposed"),
    [
        ("tcp://127.0.0.1:8786", False),
        ("tcp://localhost:8786", False),
        ("tcp://[::1]:8786", False),
        ("tls://10.0.0.7:8786", False),
        ("tcp://10.0.0.7:8786", True),
        ("tcp://scheduler:8786", True),
        ("10.0.0.7:8786", True),
        ("ws://host:1", True),
    ],
)
def test_who_could_answer_in_the_schedulers_place(address: str, exposed: bool) -> None:
    assert workers.is_exposed(address) == exposed
