"""Opening a .tflite file: ``load``."""

from __future__ import annotations

import os
from stat import S_ISCHR

from edge_runtime import backends, reader
from edge_runtime.errors import BackendError, ModelError
from edge_runtime.session import Model

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping
    from typing import BinaryIO

    from edge_runtime.signature import KeySource


def load(
    path: str | os.PathLike[str],
    *,
    backend: str = "native",
    digest: str | None = None,
    public_key: KeySource | None = None,
    **options: object,
) -> Model:
    """Open a .tflite file.

    The file is mapped into memory, and its constants are used where they lie: replace a model that
    is in use by moving another file into its place, never by writing into it. With ``digest`` or
    ``public_key`` it is read once instead, so that the bytes that were checked are those that run.

    Args:
        path: the file.
        backend: name of the engine that runs it; see ``edge_runtime.backends.backends()``.
        digest: hex SHA-256 that the file must have, as `sha256sum` prints it; None for no check.
        public_key: Ed25519 key whose signature must lie beside the file, as FILE.sig: path of a PEM
            file, PEM text, or the 32 bytes of the key; None for no check. `edgekit sign` signs.
        options: of the backend: ``rounding`` for native and reference; ``num_threads`` for native
            and litert, threads that share the work of a call, by default 1; ``device`` for edgetpu;
            ``own_process`` for litert and edgetpu, which runs LiteRT in a child process, so that a
            file that crashes it is an error.

    Raises:
        ModelError: the file cannot be read, has another digest, is not signed by the key, is no
            sound .tflite file, has an input or output without a fixed size, or has ops that the
            backend cannot run.
        BackendError: there is no such backend or option, or it is not present on this machine.
        InputError: ``digest`` is no SHA-256, or ``public_key`` no public key of Ed25519.
        MissingPackageError: ``public_key`` is set, and cryptography is not installed.
    """
    module = backends.find(backend)
    accepted = module.open_session.__kwdefaults__ or {}
    if unknown := sorted(options.keys() - accepted.keys()):
        raise BackendError(
            f"the backend {backend} has no option {unknown[0]!r}: it takes "
            f"{', '.join(accepted) or 'none'}"
        )
    name = os.fspath(path)
    try:
        data = _content(name) if digest is None and public_key is None else _read(name)
    except OSError as error:
        raise ModelError(f"{name}: {error.strerror or error}") from error
    # Imported here, so that `import edge_runtime` stays short.
    if digest is not None:
        from edge_runtime.check import require_digest

        require_digest(name, data, digest)
    if public_key is not None:
        from edge_runtime.signature import require_signature

        require_signature(name, bytes(data), public_key)
    try:
        return opened(name, data, backend, options)
    except ModelError as error:
        raise type(error)(f"{name}: {error}") from error


def opened(
    name: str, data: bytes | mmap.mmap, backend: str, options: Mapping[str, object]
) -> Model:
    """Open the content of a .tflite file, called ``name``; see :func:`load`."""
    from edge_runtime.check import require_runnable

    graph = reader.read(data)
    require_runnable(graph)
    session = backends.find(backend).open_session(graph, data, **options)
    # A plan knows the shapes of outputs better than the file.
    return Model(name, data, getattr(session, "graph", graph), session, backend)


def _content(name: str) -> bytes | mmap.mmap:
    """Map a file into memory; read what cannot be mapped: an empty file, or a pipe."""
    from mmap import ACCESS_READ, mmap

    with _opened(name) as file:
        try:
            return mmap(file.fileno(), 0, access=ACCESS_READ)
        except (OSError, ValueError):
            return file.read()


def _read(name: str) -> bytes:
    with _opened(name) as file:
        return file.read()


def _opened(name: str) -> BinaryIO:
    """Open a file or a pipe; a device such as /dev/zero may have no end."""
    file = open(name, "rb")  # noqa: PTH123, SIM115 (pathlib takes 8 ms to import)
    if S_ISCHR(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ModelError(f"{name}: is a device, and not a file")
    return file
