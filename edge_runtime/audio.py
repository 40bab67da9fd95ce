"""Audio to the bytes of a model's input: whole inputs, one hop at a time, and WAV files.

    audio = Audio(rate=16_000, samples=16_000)
    features(audio, pcm)        # int16 [16000] -> uint8 [49, 40, 1]
    features(audio, clips)      # int16 [N, 16000] -> uint8 [N, 49, 40, 1]
    Stream(audio).push(hop)     # int16 [320] -> the bytes of the frames that it completes

What the bytes are, :mod:`edge_runtime.front_end` says. The C extension calculates them, and where
it is not there NumPy does, in :mod:`edge_runtime.kernels.audio`; the bytes are the same.
"""

from __future__ import annotations

import os
import struct
import sys
from array import array
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import InputError
from edge_runtime.front_end import Audio, from_json, standard, tables

if TYPE_CHECKING:
    from types import ModuleType
    from typing import BinaryIO

    import numpy as np
    import numpy.typing as npt
    from _typeshed import ReadableBuffer

    Features = npt.NDArray[np.uint8]

__all__ = [
    "Audio",
    "Stream",
    "encode",
    "features",
    "from_json",
    "hear",
    "hear_one",
    "read_wav",
    "standard",
]

FRAMES = 256
"""Frames that NumPy calculates at once, in about 10 MB."""

BYTES = 2
"""Bytes of a sample."""

PCM, FLOAT = 1, 3
"""Formats of samples in WAV files."""

FORMAT_BYTES = 40
"""Bytes of a WAV file's longest format, WAVE_FORMAT_EXTENSIBLE."""

EXTENDED = bytes.fromhex("000000001000800000aa00389b71")
"""What is behind the format's number in WAVE_FORMAT_EXTENSIBLE, if it is one of those above."""

MOST_CHANNELS = 1024
"""Most channels of a WAV file, as libsndfile has it, which training reads with."""

BLOCK = 1 << 16
"""Bytes that are skipped at once."""

NO_SOUND = "has no sound, or a header that says so: `ffmpeg -i IN OUT.wav` writes a new one"
"""What is wrong with a recording without samples; a killed recorder leaves a size of 0."""


def features(audio: Audio, pcm: npt.ArrayLike) -> Features:
    """Return the features of one input, or of many.

    Args:
        audio: the front end.
        pcm: int16 [samples], or [N, samples].

    Returns:
        uint8 [frames, bands or coefficients, 1], or [N, ...] of these.

    Raises:
        InputError: the shape or the element type is another.
    """
    import numpy as np

    clips = np.asarray(pcm)
    if clips.dtype != np.int16 or clips.ndim not in (1, 2) or clips.shape[-1] != audio.samples:
        raise InputError(
            f"expected int16 PCM [{audio.samples}] or [N, {audio.samples}], got {clips.dtype} "
            f"{list(clips.shape)}"
        )
    flat = np.ascontiguousarray(clips).reshape(-1, audio.samples)
    result = np.empty((len(flat), *audio.shape), np.uint8)
    extension = _extension()
    if extension is None:
        _calculate(audio, flat, result.reshape(-1, audio.width))
    else:
        for clip, row in zip(flat, result, strict=True):
            content = _run(extension, audio, clip.data, audio.frames)
            row[:] = np.frombuffer(content, np.uint8).reshape(audio.shape)
    return result.reshape(*clips.shape[:-1], *audio.shape)


def encode(audio: Audio, pcm: ReadableBuffer) -> bytes:
    """Return the features of one input without NumPy, where the C extension is there.

    Args:
        audio: the front end.
        pcm: int16 [samples] in the machine's byte order.

    Returns:
        uint8 [frames * (bands or coefficients)].

    Raises:
        InputError: there are more or fewer samples.
    """
    content = memoryview(pcm).cast("B")
    if len(content) != BYTES * audio.samples:
        raise InputError(f"expected {audio.samples} samples of int16, got {len(content)} bytes")
    return _frames(audio, content, audio.frames)


class Stream:
    """Features of sound as it comes, one hop at a time.

    After as many hops as an input has, the bytes are those of the whole input; after further ones,
    those of the input that begins as many hops later.

    Attributes:
        audio: the front end.
    """

    def __init__(self, audio: Audio) -> None:
        self.audio = audio
        self._held = b""
        self._features = b""

    def push(self, pcm: ReadableBuffer) -> bytes:
        """Take a hop, and return the features of the frame that it completes.

        Args:
            pcm: int16 [hop] in the machine's byte order.

        Returns:
            uint8 [bands or coefficients]; empty where no frame is complete yet.

        Raises:
            InputError: there are more or fewer samples.
        """
        audio = self.audio
        content = memoryview(pcm).cast("B")
        if len(content) != BYTES * audio.hop:
            raise InputError(f"expected a hop, {audio.hop} of int16, got {len(content)} bytes")
        self._held += content
        if len(self._held) < BYTES * audio.window:
            return b""
        frame = _frames(audio, memoryview(self._held)[: BYTES * audio.window], 1)
        self._held = self._held[BYTES * audio.hop :]
        self._features = (self._features + frame)[-audio.frames * audio.width :]
        return frame

    @property
    def features(self) -> bytes | None:
        """The features of an input's last frames; None before there are as many."""
        complete = len(self._features) == self.audio.frames * self.audio.width
        return self._features if complete else None


def read_wav(path: str | os.PathLike[str], audio: Audio) -> array[int]:
    """Return the samples of a WAV file, the mean of its channels, as many as an input has.

    What is longer loses its end, what is shorter gets zeros there.

    Raises:
        InputError: the file cannot be read, has another rate, is not 16-bit PCM, or has no sound.
    """
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:  # noqa: PTH123 (pathlib takes 8 ms to import)
            code, channels, bits, rate, size = _header(file)
            if (code, bits, rate) != (PCM, 8 * BYTES, audio.rate):
                kind = {PCM: "", FLOAT: " of float"}.get(code, f" of format {code}")
                raise InputError(
                    f"{name}: {bits} bits{kind} at {rate} Hz; the model takes 16 bits at "
                    f"{audio.rate} Hz: convert it, as by `ffmpeg -i IN -ar {audio.rate} "
                    "-sample_fmt s16 OUT.wav`"
                )
            # The size is too large where a recorder was killed, or writes to a pipe.
            content = file.read(min(size, BYTES * channels * audio.samples))
    except (OSError, ValueError, struct.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{name}: no WAV file of PCM: {reason}") from error
    samples = array("h", content[: len(content) // (BYTES * channels) * BYTES * channels])
    if not samples:
        raise InputError(f"{name}: {NO_SOUND}")
    if sys.byteorder == "big":
        samples.byteswap()
    if channels > 1:
        parts = zip(*(samples[i::channels] for i in range(channels)), strict=True)
        samples = array("h", [sum(part) // channels for part in parts])
    samples.extend([0] * (audio.samples - len(samples)))
    return samples


def _header(file: BinaryIO) -> tuple[int, int, int, int, int]:
    """Read a WAV file up to its samples; return format, channels, bits, rate, bytes of samples.

    The module ``wave`` reads WAVE_FORMAT_EXTENSIBLE from Python 3.12 on only.

    Raises:
        ValueError: it is no WAV file, or is damaged.
        struct.error: its format is too short.
    """
    head, fmt = file.read(12), b""
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise ValueError("it does not begin with RIFF and WAVE")
    while len(head := file.read(8)) == 8:
        size = int.from_bytes(head[4:], "little")
        if head[:4] == b"data" and fmt:
            code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", fmt)
            if fmt[26:40] == EXTENDED:
                code = int.from_bytes(fmt[24:26], "little")
            if not 1 <= channels <= MOST_CHANNELS:
                raise ValueError(f"it has {channels} channels")
            return code, channels, -(-bits // 8) * 8, rate, size
        left = size + size % 2
        if head[:4] == b"fmt ":
            fmt = file.read(min(size, FORMAT_BYTES))
            left -= len(fmt)
        # In blocks: a damaged size is up to 4 GB, and a pipe cannot seek.
        while left > 0 and (block := file.read(min(left, BLOCK))):
            left -= len(block)
    raise ValueError("it ends before its samples")


def hear_one(audio: Audio, sound: Any) -> bytes:
    """Return the features of one sound without NumPy, as :func:`encode` does.

    Args:
        audio: the model's front end.
        sound: the path of a WAV file, or a buffer of int16 [samples].

    Raises:
        InputError: the file cannot be read, or it is no such buffer.
    """
    if isinstance(sound, str | os.PathLike):
        return encode(audio, read_wav(sound, audio))
    try:
        pcm: Any = memoryview(sound)
    except TypeError:
        got = type(sound).__name__
    else:
        if pcm.format.lstrip("@=<") == "h" and pcm.shape == (audio.samples,):
            return encode(audio, pcm.tobytes())
        got = f"{pcm.format!r} {list(pcm.shape)}"
    raise InputError(f"expected int16 PCM [{audio.samples}] or a WAV file, got {got}")


def hear(audio: Audio, sounds: Any, shape: tuple[int, ...]) -> Any:
    """Return the pixels of sounds for a model.

    Args:
        audio: the model's front end.
        sounds: the path of a WAV file; PCM, int16 [N, samples]; anything else is returned as it is.
        shape: shape of the model's input without the batch.

    Returns:
        uint8 [N, *shape].

    Raises:
        InputError: the file cannot be read, or PCM has another shape.
    """
    import numpy as np

    if isinstance(sounds, str | os.PathLike):
        return np.frombuffer(hear_one(audio, sounds), np.uint8).reshape(1, *shape)
    pcm = np.asarray(sounds)
    return features(audio, pcm).reshape(-1, *shape) if pcm.dtype == np.int16 else sounds


def _frames(audio: Audio, pcm: memoryview, frames: int) -> bytes:
    """Return the features of so many frames of the bytes of PCM."""
    extension = _extension()
    if extension is not None:
        return _run(extension, audio, pcm, frames)
    import numpy as np

    result = np.empty((frames, audio.width), np.uint8)
    _calculate(audio, np.frombuffer(pcm, np.int16)[None], result)
    return result.tobytes()


def _extension() -> ModuleType | None:
    """Return the C extension, None where there is none."""
    try:
        return __import__("edge_runtime._native", fromlist=["_native"])
    except ImportError:
        return None


def _run(extension: ModuleType, audio: Audio, pcm: ReadableBuffer, frames: int) -> bytes:
    """Return the features of so many frames, calculated in C."""
    constants = tables(audio)
    params = struct.pack("=8i", frames, *constants.params.values())
    sizes = frames * audio.width, 4 * audio.scratch
    answer: bytes = extension.run("audio", params, (pcm, *constants.constants), sizes)[0]
    return answer


def _calculate(audio: Audio, clips: npt.NDArray[np.int16], result: npt.NDArray[Any]) -> None:
    """Write the features of clips [N, samples] to [N * frames, width], calculated in NumPy."""
    import numpy as np

    from edge_runtime.kernels import audio as kernel

    constants = tables(audio)
    arrays = [np.frombuffer(one, one.typecode) for one in constants.constants]
    params = kernel.Audio(1, *constants.params.values())
    windows = np.lib.stride_tricks.sliding_window_view(clips, audio.window, axis=1)
    every = windows[:, :: audio.hop]
    count = every.shape[1]
    for start in range(0, len(result), FRAMES):
        rows = np.arange(start, min(start + FRAMES, len(result)))
        frames = every[rows // count, rows % count]
        result[rows] = kernel.of_frames(params, frames, *arrays)
