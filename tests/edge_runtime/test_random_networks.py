"""Random whole networks of ops: the bytes of our engines and of LiteRT; see ``networks``."""

import numpy as np
import pytest

import edge_runtime
import networks
import runtimes
from edge_runtime.reader import read

SEEDS = 30
"""Networks of each scheme."""

WITHIN = 1e-4
"""Of the largest number of an output: how far a float may be from LiteRT's."""


def agree(data: bytes, rng: np.random.Generator) -> None:
    """Require that every engine answers as LiteRT does, and with the same bytes as the others."""
    graph = read(data)
    engines = runtimes.engines(data)
    for _ in range(2):
        inputs = tuple(
            runtimes.drawn(rng, graph.tensors[index].dtype, graph.tensors[index].shape)
            for index in graph.inputs
        )
        expected = runtimes.run_builtin_ref(data, inputs)
        answers = {name: answered(engine, inputs) for name, engine in engines.items()}
        for name, outputs in answers.items():
            for output, value in zip(outputs, expected, strict=True):
                assert (output.shape, output.dtype) == (value.shape, value.dtype), name
                most = WITHIN * np.abs(value).max() if value.dtype == np.float32 else 0
                np.testing.assert_allclose(output, value, rtol=0, atol=most, err_msg=name)
        assert len({tuple(output.tobytes() for output in one) for one in answers.values()}) == 1


def answered(engine: edge_runtime.Model, inputs: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """Return all outputs of an engine."""
    outputs = engine.run(inputs)
    return list(outputs) if len(engine.graph.outputs) > 1 else [outputs]


@pytest.mark.parametrize("scheme", networks.SCHEMES)
@pytest.mark.parametrize("first", range(0, SEEDS, 10))
def test_networks_give_the_bytes_of_litert(scheme: str, first: int) -> None:
    for seed in range(first, first + 10):
        data = networks.network(seed, scheme)
        try:
            agree(data, np.random.default_rng(seed))
        except AssertionError as error:
            raise AssertionError(f"network {seed} of {scheme}: {error}") from error
