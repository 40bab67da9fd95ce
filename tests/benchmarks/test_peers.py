import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.install import install_line
from edgekit import frameworks
from edgekit.benchmarks import peers
from edgekit.benchmarks.contender import Contender, from_keras
from edgekit.benchmarks.footprint import first_answer
from edgekit.benchmarks.usage import Usage
from edgekit.train.dataset import Dataset, scaled

SIZE, USAGE = (28, 28, 1), Usage((0.0,), (255.0,), "probabilities", "as trained")
NETWORKS = [("sigmoid", True), ("softmax", True), ("tanh", False), ("linear", True)]


def needs(name: str) -> None:
    if name == "onnxruntime":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")


def open_peer(name: str, keras_file: Path, scratch: Path) -> Callable[[Any], Any]:
    needs(name)
    peer = peers.PEERS[name]
    return peer.open(peer.prepare(keras_file, scratch, False), False)


@pytest.mark.parametrize("name", ["numpy", "onnxruntime"])
@pytest.mark.parametrize(("activation", "bias"), NETWORKS)
def test_peer_scores_as_keras_does(name: str, activation: str, bias: bool, tmp_path: Path) -> None:
    keras = frameworks.keras()
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(7, activation="relu", use_bias=bias, bias_initializer="random_normal"),
            layers.Dense(3, activation=activation, bias_initializer="random_normal"),
        ]
    )
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(7).random((5, 4, 4, 1), np.float32)
    scores = open_peer(name, tmp_path / "model.keras", tmp_path)(images)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, model.predict(images, verbose=0), atol=1e-6)


@pytest.mark.parametrize("name", ["keras", "numpy", "onnxruntime"])
def test_peer_answers_in_a_fresh_process(
    name: str, keras_model: Path, dataset: Dataset, tmp_path: Path
) -> None:
    needs(name)
    file = peers.PEERS[name].prepare(keras_model, tmp_path, False)
    tensor = scaled(dataset.x_test[:1])
    seconds, _ = first_answer(["peer", name, str(file), "1", "28", "28", "1"], tensor.tobytes())
    assert seconds > 0


def test_peers_that_cannot_express_the_model_say_so(tmp_path: Path) -> None:
    keras = frameworks.keras()
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten()]
    )
    model.save(tmp_path / "model.keras")
    outcomes = {
        one.subject.backend: one
        for one in from_keras(tmp_path / "model.keras", tmp_path, SIZE, USAGE)
    }
    assert isinstance(outcomes["keras"], Contender)
    absent = outcomes["numpy"]
    assert not isinstance(absent, Contender)
    assert (absent.status, absent.reason) == (
        "not present",
        "this peer supports Flatten and Dense only, not Conv2D",
    )


def zip_without_config() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("metadata.json", "{}")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "is not there"),
        (b"x", "not a Keras model"),
        (zip_without_config(), "not a Keras model file (no config.json in it)"),
    ],
)
def test_missing_and_foreign_keras_files_say_so(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    file = tmp_path / "model.keras"
    if content is not None:
        file.write_bytes(content)
    outcomes = list(from_keras(file, tmp_path, SIZE, USAGE))
    assert [one.subject.backend for one in outcomes] == list(peers.PEERS)
    for one in outcomes:
        assert not isinstance(one, Contender)
        if one.subject.backend != "onnxruntime":  # which may not be installed
            assert says in one.reason


def test_peer_that_is_not_installed_says_what_to_install(
    keras_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda _: None)
    outcomes = {one.subject.backend: one for one in from_keras(keras_model, tmp_path, SIZE, USAGE)}
    absent = outcomes["onnxruntime"]
    assert not isinstance(absent, Contender)
    assert install_line("peers") in absent.reason


def test_activations_do_not_overflow() -> None:
    far = np.array([[-1e4, 0, 1e4]], np.float32)
    np.testing.assert_array_equal(peers.ACTIVATIONS["softmax"](far), [[0, 0, 1]])
    np.testing.assert_array_equal(peers.ACTIVATIONS["sigmoid"](far), [[0, 0.5, 1]])
