"""Simulate a machine's ten sensors to start with: normal, worn and blocked.

The rows go into data.csv; put your own table in its place.
"""

import csv
from pathlib import Path

import numpy as np

ROWS = 1500
STATES = ("normal", "worn", "blocked")
SENSORS = {
    "current": 4.0,
    "voltage": 230.0,
    "temperature": 55.0,
    "vibration_x": 0.02,
    "vibration_y": 0.02,
    "vibration_z": 0.03,
    "pressure": 101_000.0,
    "flow": 12.0,
    "speed": 2_900.0,
    "noise": 61.0,
}
"""Usual value of each sensor, in its own unit."""


def main() -> None:
    """Write the table."""
    random = np.random.default_rng(0)
    usual = np.array(list(SENSORS.values()))
    states = random.normal(0, 0.12, (len(STATES), len(SENSORS)))
    with Path("data.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow((*SENSORS, "state"))
        for _ in range(ROWS):
            state = random.integers(len(STATES))
            values = usual * (1 + states[state] + random.normal(0, 0.08, len(SENSORS)))
            rows.writerow((*(f"{value:.5g}" for value in values), STATES[state]))


if __name__ == "__main__":
    main()
