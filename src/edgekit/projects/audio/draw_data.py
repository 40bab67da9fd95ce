"""Synthesise sounds to start with: a rising, a falling and a steady "word", and noise.

They go into data/, one folder for each class; your own recordings go there in their place.
"""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

EACH = 80
RATE = 16_000
GLIDE = {"rising": 2.0, "falling": -2.0, "steady": 0.0}
"""How the pitch of a word changes while it is spoken, in octaves."""


def speak(kind: str, random: np.random.Generator) -> npt.NDArray[np.int16]:
    """Return a second of int16 samples: a word somewhere in it, in noise."""
    sound = random.normal(0, random.uniform(20, 200), RATE)
    if kind in GLIDE:
        length = int(random.uniform(0.4, 0.8) * RATE)
        time = np.arange(length) / RATE
        octaves = GLIDE[kind] * (time / time[-1] - 0.5)
        pitch = random.uniform(150, 260) * 2**octaves
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        voice = sum(np.sin(k * phase) / k for k in range(1, 12))
        start = random.integers(0, RATE - length)
        sound[start : start + length] += voice * np.hanning(length) * random.uniform(1000, 6000)
    return np.clip(sound, -32768, 32767).astype("<i2")


def main() -> None:
    """Write the sounds."""
    random = np.random.default_rng(0)
    for kind in (*GLIDE, "noise"):
        folder = Path("data", kind)
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(EACH):
            with wave.open(str(folder / f"{number:03}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(RATE)
                file.writeframes(speak(kind, random).tobytes())


if __name__ == "__main__":
    main()
