"""UNIDIRECTIONAL_SEQUENCE_RNN and RNN: every engine against LiteRT, over several runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read


def rnn(
    sequence, inputs, units, *, activation=4, time_major=None, seed=0, dtype="float32", **kinds
):
    """A model of the op on [*sequence, inputs]; RNN where the sequence is of batches alone."""
    rng = np.random.default_rng(seed)
    batches = sequence[1 if time_major else 0]

    def weights(*shape):
        return build.tensor(shape, data=(rng.normal(size=shape) * 0.2).astype(np.float32))

    tensors = [
        build.tensor((*sequence, inputs), dtype),
        weights(units, inputs),
        weights(units, kinds.get("recurrent", units)),
        weights(units),
        build.tensor((batches, units), variable=kinds.get("variable", True)),
        build.tensor((*sequence, units), dtype),
    ]
    options = {"fusedActivationFunction": activation}
    name = "RNN"
    if len(sequence) == 2:
        name, options["timeMajor"] = "UNIDIRECTIONAL_SEQUENCE_RNN", bool(time_major)
    return build.model(tensors, [(name, range(5), 5, options)])


SEEDS = {
    "RNN": rnn((2,), 3, 4),
    "RNN of a sequence": rnn((3, 2), 3, 4, activation=1, time_major=True),
}


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sequence=st.lists(st.integers(1, 4), min_size=1, max_size=2).map(tuple),
    inputs=st.integers(1, 40),
    units=st.integers(1, 40),
    activation=st.integers(0, 4),
    time_major=st.booleans(),
)
def test_it_is_near_what_litert_gives(seed, sequence, inputs, units, activation, time_major):
    time_major = time_major and len(sequence) == 2
    data = rnn(sequence, inputs, units, activation=activation, time_major=time_major, seed=seed)
    rng = np.random.default_rng(seed)
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    reference = engines.pop("reference")
    for _ in range(2):
        x = rng.normal(size=(*sequence, inputs)).astype(np.float32)
        answer, expected = reference.run(x), litert(x)
        limit = max(np.abs(expected).max(), 1)
        np.testing.assert_allclose(answer, expected, atol=2e-5 * limit)
        for name, engine in engines.items():
            assert engine.run(x).tobytes() == answer.tobytes(), name


@pytest.mark.parametrize(
    ("sequence", "kinds", "message"),
    [
        ((2, 3), {"activation": 5}, "RELU6 or TANH; here it is 5"),
        ((2, 3), {"dtype": "int32"}, "all tensors are float32; here it is int32"),
        ((2, 3), {"recurrent": 5}, "weights fit to it; here it is float32 [2, 3, 3]"),
        ((2, 3, 1), {}, "of RNN [batches, inputs], and weights fit"),
        ((2, 3), {"time_major": True, "variable": False}, "read before it is made"),
    ],
)
def test_limits_are_told(sequence, kinds, message):
    with pytest.raises(ModelError) as error:
        plan(read(rnn(sequence, 3, 4, **kinds)))
    assert message in str(error.value)
