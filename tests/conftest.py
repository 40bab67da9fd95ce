"""Fixtures that several folders of tests share: real data, a really trained model, its files."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

import made_once
from edgekit.commands import convert as convert_command
from edgekit.files import FLOAT_MODEL, KERAS_MODEL
from edgekit.train import mnist as mnist_files
from edgekit.train.data import load
from edgekit.train.dataset import Dataset
from tiers import pytest_addoption, pytest_collection_modifyitems, pytest_configure

__all__ = ["pytest_addoption", "pytest_collection_modifyitems", "pytest_configure"]

NO_MNIST = "needs MNIST: set EDGEKIT_MNIST to an mnist.npz"


def _has_mnist() -> bool:
    return "EDGEKIT_MNIST" in os.environ or mnist_files.cached().exists()


@pytest.fixture(autouse=True)
def _skip_without_mnist(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("mnist") and not _has_mnist():
        pytest.skip(NO_MNIST)


@pytest.fixture(autouse=True)
def _without_search_for_a_self_test(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Take the first self-test there is: the search takes a second for each export."""
    exporter = sys.modules.get("edgekit.convert.c.selftest")
    if exporter is not None and request.path.stem not in ("test_selftest", "test_limits"):
        monkeypatch.setattr(exporter, "TRIED", 0)
        monkeypatch.setattr(exporter, "MOST", exporter.FEWEST)


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    """The documented data: MNIST's 0 and 1."""
    if not _has_mnist():
        pytest.skip(NO_MNIST)
    return load("mnist")


@pytest.fixture(scope="session")
def dataset(request: pytest.FixtureRequest) -> Dataset:
    """MNIST's 0 and 1 where it is there, the synthetic ones otherwise."""
    return request.getfixturevalue("mnist" if _has_mnist() else "synthetic")


@pytest.fixture(scope="session")
def artifacts(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifacts folder after `train` (few epochs), `convert` and `convert --quantize`.

    All workers share it. Tests read it and do not write to it.
    """

    def make(folder: Path) -> None:
        from edgekit.train import api, fit, outcome
        from edgekit.train.recipe import Recipe

        recipe = Recipe(epochs=5)
        training = fit.fit(recipe, dataset)
        use = api.use_of(dataset, training.model, recipe)
        outcome.write(folder, recipe, dataset, training, use)
        for arguments in ([], ["--quantize"]):
            command = [*arguments, "--artifacts", str(folder), "--json"]
            assert convert_command.command.main(command, standalone_mode=False) == 0

    return made_once.folder(tmp_path_factory, "artifacts", make)


@pytest.fixture(scope="session")
def keras_model(artifacts: Path) -> Path:
    return artifacts / KERAS_MODEL


@pytest.fixture(scope="session")
def float_model(artifacts: Path) -> Path:
    return artifacts / FLOAT_MODEL


@pytest.fixture(scope="session")
def int8_model(artifacts: Path) -> Path:
    return artifacts / "model_int8.tflite"


@pytest.fixture(scope="session")
def synthetic() -> Dataset:
    """The synthetic digits, which take two seconds to draw."""
    return load("synthetic")


@pytest.fixture(scope="session")
def images(synthetic: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An .npz of 320 training and 200 test images of the synthetic digits."""
    path = tmp_path_factory.mktemp("images") / "small.npz"
    np.savez(
        path,
        x_train=synthetic.x_train[:320],
        y_train=synthetic.y_train[:320],
        x_test=synthetic.x_test[:200],
        y_test=synthetic.y_test[:200],
    )
    return path
