"""The user's recordings: a folder of class folders of WAV files, as features of sound."""

from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.audio import NO_SOUND, features
from edge_runtime.errors import InputError
from edge_runtime.front_end import Audio, standard
from edgekit.errors import DataError, MissingExtraError
from edgekit.train import class_folders
from edgekit.train.class_folders import Found
from edgekit.train.dataset import FEWEST_PIXELS, Array, Loaded, takes_images
from edgekit.train.reading import Reading

Pcm = npt.NDArray[np.int16]

RATES = (1_000, 768_000)
"""Lowest and highest rate of a file, in samples a second."""

SECONDS = 1.0
"""Length of an input, if nothing says it."""

MARGIN = 1 << 12
"""Samples of a file behind those that are needed, which the resampling's filter reads."""

FULL_SCALE = 1 << 15
"""Amplitude of int16."""

LOUDEST = 4.0
"""Most that floats are clipped from: 12 dB above full scale. Beyond, they are on another scale."""


@dataclass
class Changes:
    """How many recordings were changed.

    Attributes:
        resampled: those of another rate.
        cut: those longer than an input.
        padded: those shorter than an input.
    """

    resampled: int = 0
    cut: int = 0
    padded: int = 0


def front_end(
    where: str, shape: tuple[int, ...] | None, reading: Reading, audio: Audio | None
) -> Audio:
    """Return what turns recordings into a model's inputs.

    Args:
        where: the data, as errors call them.
        shape: the model's input without the batch; None lets the user's choices decide.
        reading: the user's choices.
        audio: the model's own; None for that of ``reading``.

    Raises:
        DataError: the user chose another rate, length or features, or the inputs have another
            shape.
    """
    found = audio or _chosen(reading, where)
    seconds = found.samples / found.rate
    if reading.rate not in (None, found.rate):
        raise DataError(f"{where}: --rate {reading.rate}: the model needs {found.rate}")
    if reading.seconds and abs(reading.seconds - seconds) * found.rate > 1:
        raise DataError(f"{where}: --seconds {reading.seconds:g}: the model needs {seconds:g}")
    if reading.bands not in (None, found.bands):
        raise DataError(f"{where}: --bands {reading.bands}: the model needs {found.bands}")
    if reading.mfcc not in (None, found.coefficients):
        wanted = found.coefficients or "mel bands, without --mfcc"
        raise DataError(f"{where}: --mfcc {reading.mfcc}: the model needs {wanted}")
    needed = shape or found.shape
    if prod(needed) != prod(found.shape) or len(needed) > len(found.shape):
        raise DataError(
            f"{where}: {seconds:g} s at {found.rate} Hz become inputs of shape "
            f"{list(found.shape)}, but the model needs {list(needed)}: choose --seconds, "
            "--rate, --bands or --mfcc"
        )
    return found


def from_folders(found: Found, audio: Audio, reading: Reading) -> Loaded:
    """Return the features uint8 [N, frames, bands, 1] of the recordings of class folders.

    Args:
        found: the files.
        audio: the front end.
        reading: the user's choices.

    Raises:
        DataError: a file cannot be read, or has no sound.
        MissingExtraError: a package that reads or resamples sound is not installed.
    """
    changes = Changes()

    def read(file: Path) -> Array:
        return features(audio, pcm(file, audio.rate, audio.samples, changes))

    loaded, left_out = class_folders.loaded(found, audio.shape, read, reading)
    notes = (*loaded.notes, *_notes(changes, left_out, audio))
    return replace(loaded, notes=notes, audio=audio)


def pcm(path: Path, rate: int, samples: int, changes: Changes) -> Pcm:
    """Return the beginning of a WAV file as int16 [samples], the mean of its channels.

    What is shorter ends in silence. 16-bit samples at the same rate stay as they are, and their
    mean is rounded down, as :func:`edge_runtime.audio.read_wav` does.

    Args:
        path: the file, of any rate and width.
        rate: samples a second of the result.
        samples: length of the result.
        changes: counts what has to be done.

    Raises:
        DataError: the file cannot be read, or has no sound.
        MissingExtraError: a package that reads or resamples sound is not installed.
    """
    soundfile = _package("soundfile")
    try:
        with soundfile.SoundFile(str(path)) as file:
            own_rate, frames = file.samplerate, file.frames
            if not RATES[0] <= own_rate <= RATES[1]:
                raise DataError(f"{path}: has {own_rate} samples a second")
            exact = own_rate == rate and file.subtype == "PCM_16"
            needed = -(-samples * own_rate // rate) + MARGIN
            sound = file.read(needed, dtype="int16" if exact else "float64", always_2d=True)
    except (soundfile.SoundFileError, OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{path}: no WAV file that can be read: {error}") from error
    if not len(sound):
        raise DataError(f"{path}: {NO_SOUND}")
    channels = sound.shape[1]
    if exact:
        mixed = (sound.sum(axis=1, dtype=np.int64) // channels).astype(np.int16)
    else:
        _require_sound(path, sound)
        mixed = _resampled(sound.mean(axis=1), own_rate, rate)
    changes.resampled += own_rate != rate
    changes.cut += frames * rate > samples * own_rate
    changes.padded += len(mixed) < samples
    return np.pad(mixed[:samples], (0, max(0, samples - len(mixed))))


def _chosen(reading: Reading, where: str) -> Audio:
    """Return the front end of the user's choices: log-mel of a second at 16 kHz by default.

    Raises:
        DataError: there is none.
    """
    rate, bands, mfcc = reading.rate or Audio.rate, reading.bands or Audio.bands, reading.mfcc or 0
    if mfcc > bands:
        raise DataError(f"{where}: --mfcc {mfcc}: needs as many --bands, and they are {bands}")
    samples = round(rate * (reading.seconds or SECONDS))
    try:
        audio = standard(rate, samples, bands=bands, coefficients=mfcc)
    except InputError as error:
        option = f"--bands {bands}: " if reading.bands else ""
        raise DataError(f"{where}: {option}{error}") from error
    if not takes_images(audio.shape):
        raise DataError(
            f"{where}: inputs of {audio.frames} frames of {audio.width} are too small: choose "
            f"longer --seconds or more {'--mfcc' if mfcc else '--bands'}, for {FEWEST_PIXELS} "
            "numbers or more"
        )
    return audio


def _require_sound(path: Path, sound: npt.NDArray[np.float64]) -> None:
    """Raise DataError for samples that are not about -1 to 1."""
    if not np.isfinite(sound).all():
        raise DataError(f"{path}: has NaN or infinity")
    if (most := np.abs(sound).max()) > LOUDEST:
        raise DataError(
            f"{path}: has samples of up to {most:g}, but floats of a WAV file are -1 to 1: divide "
            f"them by their full scale, as {FULL_SCALE}"
        )


def _resampled(sound: npt.NDArray[np.float64], own_rate: int, rate: int) -> Pcm:
    """Return sound of -1 to 1 at another rate, as int16."""
    if own_rate != rate:
        sound = _package("soxr").resample(sound, own_rate, rate)
    return np.clip(np.rint(sound * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def _package(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise MissingExtraError(name, "data", "a folder of WAV files") from None


def _notes(changes: Changes, left_out: list[str], audio: Audio) -> list[str]:
    """Return a note on each way in which recordings were changed."""
    seconds = f"{audio.samples / audio.rate:g} s"
    counted = (
        (changes.resampled, f"resampled to {audio.rate} Hz"),
        (changes.cut, f"longer than {seconds} and lose their end"),
        (changes.padded, f"shorter than {seconds} and end in silence"),
        (len(left_out), f"left out; the first: {next(iter(left_out), '')}"),
    )
    return [f"{count} recordings are {what}" for count, what in counted if count]
