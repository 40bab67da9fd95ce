"""A model as C: compiled here, it gives the bytes of the native engine and of LiteRT."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import exported
import models
import single_op
from edge_runtime.errors import ModelError
from edge_runtime.quantize import encode
from edgekit.benchmarks.exactness import random_tensors
from edgekit.convert.c_library import library

SEEDS = models.seeds()


@pytest.mark.parametrize("skip_zeros", [False, True])
@pytest.mark.parametrize("model", SEEDS)
def test_every_op_gives_the_bytes_of_the_engine(model, skip_zeros, tmp_path):
    content = SEEDS[model]
    made = library(content, "model.tflite", "model", skip_zeros=skip_zeros)
    native = single_op.engines(content)["native portable"]
    run = exported.Exported(made, tmp_path).run
    for tensor in random_tensors(20, native.input.shape, native.input.dtype):
        assert run(tensor).tobytes() == native.run(tensor).tobytes()


@pytest.mark.mnist
@pytest.mark.parametrize("skip_zeros", [False, True])
def test_the_documented_model_is_exact_on_all_images(int8_model, dataset, skip_zeros, tmp_path):
    content = int8_model.read_bytes()
    made = library(content, int8_model.name, "digits", skip_zeros=skip_zeros)
    run = exported.Exported(made, tmp_path).run
    native = single_op.engines(content)["native portable"]
    litert = single_op.builtin_ref(content)
    inputs = encode(dataset.x_test, native.input, native.metadata)
    assert len(inputs) == 2115
    for tensor in [*inputs[:, None], *random_tensors(1000, native.input.shape, "int8")]:
        output = run(tensor).tobytes()
        assert output == native.run(tensor).tobytes()
        assert output == litert(tensor).tobytes()
