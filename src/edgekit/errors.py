"""What edgekit raises when the user's input or environment is wrong.

Each message is one line that says what, where and what to do. The command line prints it and exits
with 2; a library caller catches :class:`EdgekitError`.
"""

from collections.abc import Iterable


class EdgekitError(Exception):
    """The user's input or environment is wrong."""


class DataError(EdgekitError):
    """A dataset or a calibration set cannot be found, read or used."""


class TrainingError(EdgekitError):
    """Training did not lead to a model."""


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
    """Nothing says which digest a file should have."""


class SigningError(EdgekitError):
    """A private key cannot be used, or what was to be signed is not as it was written."""


class WorkerError(EdgekitError):
    """A worker of a sweep died again and again, or has other versions or data than asked for."""


class BusyError(EdgekitError):
    """Another process is at work in the same folder."""


class MissingExtraError(EdgekitError):
    """A package that this command needs is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        # Later than the rest: it imports the whole runtime, which `edgekit --help` does without.
        from edge_runtime.install import install_line

        line = install_line(extra)
        super().__init__(f"{package} is not installed, which {purpose} needs: {line}")


def did_you_mean(value: str, known: Iterable[str]) -> str:
    """Return what ends a sentence about ``value``: the names most like it, or nothing."""
    from difflib import get_close_matches

    names = {name.lower(): name for name in known}
    close = [repr(names[one]) for one in get_close_matches(value.lower(), names)]
    return f". Did you mean {' or '.join(close)}?" if close else ""
