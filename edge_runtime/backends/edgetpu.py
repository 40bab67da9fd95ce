"""Runs a model on a Coral Edge TPU: LiteRT with libedgetpu's delegate."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

from edge_runtime.backends import litert
from edge_runtime.errors import BackendError, ModelError

if TYPE_CHECKING:
    import mmap

    from edge_runtime.backends import Session
    from edge_runtime.graph import Graph

LIBRARY = {"darwin": "libedgetpu.1.dylib", "win32": "edgetpu.dll"}.get(
    sys.platform, "libedgetpu.so.1"
)
"""Name under which libedgetpu is installed; EDGEKIT_EDGETPU_LIB names another file."""

INSTALL = (
    "install the community build of libedgetpu (github.com/feranick/libedgetpu; the vendor's old "
    "one does not work with today's LiteRT), or set EDGEKIT_EDGETPU_LIB to the library"
)


def unavailable() -> str | None:
    """Return why no Edge TPU can be used here; None when one can. No device is opened."""
    try:
        library = _library()
    except BackendError as error:
        return str(error)
    # libedgetpu's edgetpu_c.h: edgetpu_device *edgetpu_list_devices(size_t *num_devices)
    library.edgetpu_list_devices.restype = ctypes.c_void_p
    count = ctypes.c_size_t()
    devices = ctypes.c_void_p(library.edgetpu_list_devices(ctypes.byref(count)))
    library.edgetpu_free_devices(devices)
    return None if count.value else "no Edge TPU is connected (USB or PCIe)"


def open_session(
    graph: Graph,
    data: bytes | mmap.mmap,
    *,
    device: str = "",
    own_process: bool | None = False,
) -> Session:
    """Open a model that edgetpu_compiler has compiled.

    Args:
        graph: the model, read from ``data``.
        data: content of the .tflite file.
        device: which Edge TPU: "usb", "usb:0", "pci", "pci:1", ":0"; empty for the first one.
        own_process: whether a child runs it, as for ``litert.open_session``; None is the same as
            True, because the compiler's output is not checked.

    Raises:
        BackendError: LiteRT or libedgetpu is not installed, or the device cannot be opened.
        ModelError: the model is not compiled for the Edge TPU, or LiteRT cannot run it.
    """
    if not litert.for_edgetpu(graph):
        raise ModelError(
            "not compiled for the Edge TPU: run `edgetpu_compiler model.tflite` on the int8 model "
            "and open the model_edgetpu.tflite that it writes"
        )
    _library()
    if own_process is not False:
        from edge_runtime.own_process import ProcessSession

        return ProcessSession(graph, data, "edgetpu", "LiteRT", device=device)
    from ai_edge_litert.interpreter import load_delegate

    try:
        delegate = load_delegate(_name(), {"device": device} if device else {})
    except ValueError as error:
        # LiteRT's message is the first line, the library's the others. libedgetpu has none.
        reason = str(error).partition("\n")[2].strip() or (
            "it does not say why; is the device plugged in, free, and open to this user?"
        )
        raise BackendError(
            f"{_name()} cannot open the Edge TPU{device and f' {device!r}'}: {reason}"
        ) from error
    return litert.LiteRTSession(graph, data, delegates=[delegate])


def _name() -> str:
    """Return the name or the path of the library to load."""
    return os.environ.get("EDGEKIT_EDGETPU_LIB") or LIBRARY


def _library() -> ctypes.CDLL:
    """Return libedgetpu, loaded.

    Raises:
        BackendError: it or LiteRT is not installed, or it is another library.
    """
    if reason := litert.unavailable():
        raise BackendError(reason)
    try:
        library = ctypes.CDLL(_name())
    except OSError as error:
        raise BackendError(f"{_name()} cannot be loaded ({error}): {INSTALL}") from error
    for function in (
        "tflite_plugin_create_delegate",
        "edgetpu_list_devices",
        "edgetpu_free_devices",
    ):
        if not hasattr(library, function):
            raise BackendError(f"{_name()} is not libedgetpu, it has no {function}: {INSTALL}")
    return library
