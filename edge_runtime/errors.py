"""The exceptions of edge_runtime: one type for each kind of failure; and packages that lack."""


class EdgeRuntimeError(Exception):
    """Base class of all exceptions of edge_runtime."""


class ModelError(EdgeRuntimeError):
    """The model file is truncated, foreign, contradictory or not runnable by the backend."""


class UnsoundError(ModelError):
    """The model file contradicts itself: no engine may run it, not even one that would."""


class InputError(EdgeRuntimeError):
    """An image or a tensor has the wrong shape, dtype or values, or cannot be read."""


class MetadataError(EdgeRuntimeError):
    """The model file lacks the metadata (labels, normalisation) that the call needs."""


class MissingPackageError(EdgeRuntimeError):
    """A package that the call needs is not installed.

    ``run`` and one input of numbers need none, and ``load`` only one to check a signature.
    """


class BackendError(EdgeRuntimeError):
    """The backend is unknown, its library or device is not present, or it fails while running."""


PACKAGES = {"numpy": "NumPy", "PIL": "Pillow"}
"""Packages that only some calls need, by their import names."""


def require(module: str, call: str) -> None:
    """Raise MissingPackageError when ``module`` is not installed."""
    try:
        __import__(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        from edge_runtime.install import pip_line

        package = PACKAGES[module]
        raise MissingPackageError(
            f"{call} needs {package}, which is not installed: "
            f"{pip_line('install', package.lower())}"
        ) from None
