"""Models of the engine's tests: committed ones, which need neither training nor TensorFlow."""

from pathlib import Path

import pytest

import golden


@pytest.fixture(scope="session")
def float_model() -> Path:
    return golden.FLOAT


@pytest.fixture(scope="session")
def int8_model() -> Path:
    return golden.INT8


@pytest.fixture(scope="session")
def dynamic_model() -> Path:
    return golden.DYNAMIC


@pytest.fixture(scope="session")
def convolutional_model() -> Path:
    return golden.CONVOLUTIONAL
