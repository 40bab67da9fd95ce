"""Errors that edgekit raises when the user's input or environment is wrong.

Each message is one line that says what, where and what to do. The command line prints it and exits
with 2; a library caller catches :class:`EdgekitError`.
"""

from collections.abc import Iterable


class EdgekitError(Exception):
    """The user's input or environment is wrong."""


class DataError(EdgekitError):
    """A dataset or a calibration set cannot be found, read or used."""


class TrainingError(EdgekitError):
    """Training did not produce a model."""


class ModelFileError(EdgekitError):
    """A Keras model file cannot be found, read or converted."""


class TargetError(EdgekitError):
    """The chosen target cannot run the chosen conversion."""


class FirmwareError(EdgekitError):
    """A model's firmware cannot be built, or does not run on the emulated core."""


class ExportError(EdgekitError):
    """A model cannot be exported as C, or the export's folder holds something else."""


class ResultError(EdgekitError):
    """A stored benchmark result cannot be read or compared."""


class DigestError(EdgekitError):
    """No digest is stated for a file."""


class SigningError(EdgekitError):
    """A private key cannot be used, or a file to be signed has changed since it was written."""


class WorkerError(EdgekitError):
    """A worker of a sweep died repeatedly, or has other versions or data than required."""


class BusyError(EdgekitError):
    """Another process is working in the same folder."""


class MissingExtraError(EdgekitError):
    """A package that this command needs is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        # Imported here: it loads the whole runtime, which `edgekit --help` does without.
        from edge_runtime.install import install_line

        line = install_line(extra)
        super().__init__(f"{package} is not installed, which {purpose} needs: {line}")


def did_you_mean(value: str, choices: Iterable[str]) -> str:
    """Return the end of a sentence about ``value``: the most similar choices, or ""."""
    from difflib import get_close_matches

    names = {name.lower(): name for name in choices}
    close = [repr(names[match]) for match in get_close_matches(value.lower(), names)]
    return f". Did you mean {' or '.join(close)}?" if close else ""
