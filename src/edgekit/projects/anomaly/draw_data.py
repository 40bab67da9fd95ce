"""Simulate a pump's eight sensors to start with: how it runs usually, and a few failures.

The rows go into data.csv; put your own table in its place. Rows of the state "normal" are what the
model learns; the others only judge it.
"""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

NORMAL_ROWS, FAILURES = 2000, 200
SENSORS = ("speed", "flow", "pressure", "current", "temperature", "hum", "vibration", "oil")
UNITS = np.array([2900, 12, 101_000, 4.1, 55, 61, 0.02, 3.3])
"""Usual value of each sensor, in its own unit."""


def sample(random: np.random.Generator, *, fails: bool) -> npt.NDArray[np.float64]:
    """Return a row of sensor values: all follow load and heat, unless something is broken."""
    load, heat = random.uniform(0.6, 1.0), random.normal(0, 1)
    follows = np.array([load, load**2, load**2, load, 1 + 0.1 * heat, load, load, 1 - 0.05 * heat])
    values = follows + random.normal(0, 0.02, len(SENSORS))
    if fails:
        broken = random.choice(len(SENSORS), 2, replace=False)
        values[broken] *= random.choice([0.5, 0.7, 1.4, 1.7], 2)
    scaled: npt.NDArray[np.float64] = values * UNITS
    return scaled


def main() -> None:
    """Write the table."""
    random = np.random.default_rng(0)
    fails = random.permutation([False] * NORMAL_ROWS + [True] * FAILURES)
    with Path("data.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow((*SENSORS, "state"))
        for failed in fails:
            values = [f"{value:.5g}" for value in sample(random, fails=bool(failed))]
            rows.writerow((*values, "failure" if failed else "normal"))


if __name__ == "__main__":
    main()
