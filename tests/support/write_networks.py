"""Writes the networks that only tests build, as .tflite files, to a folder.

PYTHONPATH=tests/support:tests/edge_runtime python tests/support/write_networks.py FOLDER

python -m edgekit.benchmarks.studies.engine --survey FOLDER
"""

import sys
import tempfile
from pathlib import Path

import test_keras_networks
import test_random_networks

import keras_networks
import networks


def main() -> None:
    """Write those of Keras and the random ones."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in networks.SCHEMES:
        for seed in range(test_random_networks.SEEDS):
            (folder / f"random_{scheme}_{seed}.tflite").write_bytes(networks.network(seed, scheme))
    for name, scheme in test_keras_networks.CASES:
        build = test_keras_networks.BUILT[name]
        path = folder / f"{name.replace(', ', '-').replace(' ', '_')}_{scheme}.tflite"
        with tempfile.TemporaryDirectory() as scratch:
            path.write_bytes(keras_networks.converted(build, scheme, Path(scratch)))


if __name__ == "__main__":
    main()
