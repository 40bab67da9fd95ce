"""Simulate an accelerometer to start with: twelve subjects who rest, walk and run.

They go into data.csv, one row for each sample; put your own recordings in its place.
"""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

SUBJECTS = 12
SECONDS = 30
RATE = 50
STEPS = {"rest": (0.0, 0.0), "walk": (1.8, 2.5), "run": (2.8, 8.0)}
"""Steps per second, and their acceleration in m/s²."""
GRAVITY = 9.81


def record(activity: str, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return samples [time, 3] in m/s² of a subject who wears the sensor in some direction."""
    pace, strength = STEPS[activity]
    time = np.arange(SECONDS * RATE) / RATE
    phase = 2 * np.pi * pace * random.uniform(0.85, 1.15) * time
    waves = [np.sin(phase), np.sin(2 * phase + 1) / 2, np.cos(phase) / 3]
    moved = strength * random.uniform(0.7, 1.3) * np.stack(waves, axis=1)
    up = np.array([0, 0, 1]) + random.normal(0, 0.1, 3)
    return moved + GRAVITY * up / np.linalg.norm(up) + random.normal(0, 0.3, moved.shape)


def main() -> None:
    """Write the recordings."""
    random = np.random.default_rng(0)
    with Path("data.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("subject", "activity", "x", "y", "z"))
        for subject in range(SUBJECTS):
            for activity in STEPS:
                for sample in record(activity, random):
                    rows.writerow((subject, activity, *(f"{value:.3f}" for value in sample)))


if __name__ == "__main__":
    main()
