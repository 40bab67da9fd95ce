"""Memory that does not grow with the number of inputs: what is made of them is made in chunks."""

import json
import subprocess
import sys
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import build
from edge_runtime import load
from edge_runtime import quantize as on_scale
from edge_runtime.metadata import Metadata
from edgekit.benchmarks import contender, exactness
from edgekit.benchmarks.result import Result
from edgekit.benchmarks.usage import Usage
from edgekit.convert.metadata import attach
from edgekit.train.arrays import from_npz

CLASSES = 1000
STATUS = Path("/proc/self/status")
PEAK = f"""
import sys
from edgekit.cli import run
code = run(sys.argv[1:])
# ru_maxrss would begin at what the process had that started this one.
lines = open("{STATUS}").read().splitlines()
print(next(line for line in lines if line.startswith("VmHWM")).split()[1], file=sys.stderr)
sys.exit(code)
"""


def classifier(folder: Path, classes: int, metadata: Metadata | None = None) -> Path:
    """A dense classifier of pictures of 28×28."""
    weights = np.random.default_rng(0).normal(0, 0.01, (classes, 784)).astype(np.float32)
    tensors = [
        build.tensor((1, 784)),
        build.constant(weights, "float32"),
        build.tensor((1, classes)),
        build.tensor((1, classes)),
    ]
    nodes: list[build.Op] = [
        ("FULLY_CONNECTED", [0, 1, -1], 2, {}),
        ("SOFTMAX", [2], 3, {"beta": 1.0}),
    ]
    path = folder / "model.tflite"
    path.write_bytes(attach(build.model(tensors, nodes), metadata or Metadata()))
    return path


@pytest.mark.skipif(not STATUS.exists(), reason="needs Linux's /proc")
def test_predict_holds_a_block_of_answers(tmp_path: Path) -> None:
    labels = tuple(f"class {i}" for i in range(CLASSES))
    model = classifier(tmp_path, CLASSES, Metadata(labels, mean=(0.0,), std=(255.0,)))
    Image.fromarray(np.arange(784, dtype=np.uint8).reshape(28, 28)).save(tmp_path / "x.png")
    peaks = []
    for count in (600, 1600):
        command = [sys.executable, "-c", PEAK, "predict", model.name, "--json", *["x.png"] * count]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert len(json.loads(done.stdout)["predictions"]) == count
        peaks.append(int(done.stderr.split()[-1]))

    # The scores of 1,000 more images, as Python has them, would take 32 MB.
    assert peaks[1] - peaks[0] < 15_000


@pytest.fixture(scope="module")
def images() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (30_000, 28, 28), np.uint8)


def peak(function: partial[object]) -> int:
    """Return the most bytes that were allocated at a time while the function ran."""
    tracemalloc.start()
    function()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("mean", [(0.0,), ()])
def test_bench_scales_a_chunk_of_the_images(
    tmp_path: Path, images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], mean: tuple[float, ...]
) -> None:
    model = load(classifier(tmp_path, 2, Metadata(mean=(0.0,), std=(255.0,))))
    usage = Usage(mean, (255.0,) if mean else (), "probabilities", "")
    predict = partial(contender._predict, model, usage)

    # As float32 the 20,000 images more are 63 MB.
    assert peak(partial(predict, images)) - peak(partial(predict, images[:10_000])) < 10_000_000
    parts = [predict(images[start : start + 1000]) for start in range(0, 6000, 1000)]
    np.testing.assert_array_equal(predict(images[:6000]), np.concatenate(parts))


def test_an_npy_file_is_mapped(
    tmp_path: Path, images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
) -> None:
    """Its 24 MB are not copied, and a part of them at a time is scaled."""
    np.save(tmp_path / "x.npy", images)
    model = load(classifier(tmp_path, 2, Metadata(mean=(0.0,), std=(255.0,))))

    def answers() -> object:
        return model.predict(
            from_npz(tmp_path / "x.npy", numbers=False).arrays["x"][:1000].reshape(-1, 784)
        )

    assert peak(partial(answers)) < 15_000_000


def test_a_peer_scales_a_chunk_of_the_images(
    images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> None:
    usage = Usage((0.0,), (255.0,), "numbers", "")

    def function(batch: contender.Floats) -> contender.Floats:
        return batch[:, :2].copy()

    predict = partial(contender._scaled_first, usage, (784,), function)

    assert peak(partial(predict, images)) - peak(partial(predict, images[:10_000])) < 10_000_000
    assert predict(images).shape == (30_000, 2)


def test_exactness_is_measured_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 28, 28), np.uint8)
    path = classifier(tmp_path, 2, Metadata(mean=(0.0,), std=(255.0,)))
    (one,) = contender.from_models({"model": path}, ("native",))
    assert not isinstance(one, Result)
    whole = exactness.measure(one, images, 5)
    monkeypatch.setattr(contender, "CHUNK", 7 * 4 * 784)
    monkeypatch.setattr(on_scale, "CHUNK", 7 * 4 * 784)

    assert exactness.measure(one, images, 5) == whole
    assert len(whole[0].samples) == 55
