"""UNIDIRECTIONAL_SEQUENCE_LSTM: every engine against LiteRT, over several runs."""

from dataclasses import dataclass

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read

OP = "UNIDIRECTIONAL_SEQUENCE_LSTM"
ABSENT = -1


@dataclass(frozen=True)
class Cells:
    """The sizes and the parts of an LSTM."""

    batches: int = 2
    times: int = 3
    inputs: int = 5
    cells: int = 4
    projected: int = 0
    biased: bool = False
    coupled: bool = False
    peephole: bool = False
    normalised: bool = False
    time_major: bool = False
    cell_clip: float = 0.0
    projection_clip: float = 0.0
    activation: int = 4

    @property
    def outputs(self):
        return self.projected or self.cells

    def sequence(self, features):
        times = (self.times, self.batches) if self.time_major else (self.batches, self.times)
        return (*times, features)

    @property
    def options(self):
        return {
            "fusedActivationFunction": self.activation,
            "cellClip": self.cell_clip,
            "projClip": self.projection_clip,
            "timeMajor": self.time_major,
        }

    def weights(self):
        """The kind and the shape of each weight, in the order of the op; None where it has none."""
        gates = [not self.coupled, True, True, True]
        looking = [self.peephole and one for one in (gates[0], True, True)]
        return [
            *(("weight", (self.cells, self.inputs)) if one else None for one in gates),
            *(("recurrent", (self.cells, self.outputs)) if one else None for one in gates),
            *(("peephole", (self.cells,)) if one else None for one in looking),
            *(("bias", (self.cells,)) if one else None for one in gates),
            ("projection", (self.outputs, self.cells)) if self.projected else None,
            ("projection bias", (self.outputs,)) if self.projected and self.biased else None,
            "states",
            *(("norm", (self.cells,)) if one and self.normalised else None for one in gates),
        ]


def assembled(cells, weight, ports, states):
    """A model of an op.

    Args:
        cells: its sizes.
        weight: the tensor of a kind of weight and a shape.
        ports: keywords of the tensors of input and output.
        states: those of the states.
    """
    tensors = [build.tensor(cells.sequence(cells.inputs), **ports[0], name="x")]
    inputs = [0]
    for part in cells.weights():
        if part is None:
            inputs.append(ABSENT)
        elif part == "states":
            for size, kinds in zip((cells.outputs, cells.cells), states, strict=True):
                inputs.append(len(tensors))
                tensors.append(build.tensor((cells.batches, size), **kinds, variable=True))
        else:
            inputs.append(len(tensors))
            tensors.append(weight(*part))
    tensors.append(build.tensor(cells.sequence(cells.outputs), **ports[1], name="y"))
    return build.model(tensors, [(OP, inputs, len(tensors) - 1, cells.options)])


def float_model(cells, seed=0, size=0.5):
    rng = np.random.default_rng(seed)

    def weight(_, shape):
        return build.tensor(shape, data=(rng.normal(size=shape) * size).astype(np.float32))

    return assembled(cells, weight, ({}, {}), ({}, {}))


EVERYTHING = Cells(
    projected=3, biased=True, peephole=True, normalised=True, cell_clip=0.5, projection_clip=0.4
)

SEEDS = {
    "LSTM float32": float_model(Cells(times=2)),
    "LSTM float32 with all parts": float_model(EVERYTHING),
    "LSTM float32 coupled": float_model(Cells(coupled=True, peephole=True, time_major=True)),
}

any_cells = st.builds(
    Cells,
    batches=st.integers(1, 3),
    times=st.integers(1, 5),
    inputs=st.integers(1, 40),
    cells=st.integers(1, 40),
    projected=st.just(0) | st.integers(1, 9),
    biased=st.booleans(),
    coupled=st.booleans(),
    peephole=st.booleans(),
    normalised=st.booleans(),
    time_major=st.booleans(),
    cell_clip=st.sampled_from((0.0, 0.3)),
    projection_clip=st.sampled_from((0.0, 0.3)),
)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cells=any_cells, size=st.sampled_from((0.01, 0.3, 2.0)))
def test_floats_are_near_those_of_litert(seed, cells, size):
    data = float_model(cells, seed, size)
    rng = np.random.default_rng(seed)
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    reference = engines.pop("reference")
    for _ in range(2):
        x = rng.normal(size=cells.sequence(cells.inputs)).astype(np.float32)
        answer, expected = reference.run(x), litert(x)
        # Normalising a single cell, or small numbers, makes much of what is rounded.
        if not (cells.normalised and (cells.cells < 4 or size < 0.1)):
            np.testing.assert_allclose(answer, expected, atol=2e-5 * np.abs(expected).max())
        for name, engine in engines.items():
            assert engine.run(x).tobytes() == answer.tobytes(), name


def test_a_reset_forgets():
    cells = Cells()
    data = float_model(cells)
    x = np.random.default_rng(1).normal(size=cells.sequence(cells.inputs)).astype(np.float32)
    for engine in runtimes.engines(data).values():
        first, second = engine.run(x), engine.run(x)
        assert (first != second).any()
        engine.reset()
        assert engine.run(x).tobytes() == first.tobytes()


def changed(data, position, other):
    """The model with another of the op's inputs, or none, at a position."""
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    op = tree.subgraphs[0].operators[0]
    inputs = [int(index) for index in op.inputs]
    inputs[position] = ABSENT if other is None else inputs[other]
    op.inputs = inputs
    return build.pack(tree)


@pytest.mark.parametrize(
    ("cells", "change", "message"),
    [
        (Cells(activation=1), (), "the activation is TANH; here it is 1"),
        (Cells(cell_clip=-1.0), (), "not negative; here it is (-1.0, 0"),
        (Cells(), (1, None), "all or none; here it is 4 of inputs 5 to 8"),
        (EVERYTHING, (10, None), "here it is 2 of inputs 9 to 11"),
        (EVERYTHING, (16, None), "here it is a bias without a projection"),
        (Cells(projected=3), (16, None), "3 outputs of 4 cells without a projection"),
        (Cells(), (18, 19), "two variable tensors of batches"),
        (Cells(), (4, 8), "input 4 float32 [4, 4] for [4, 5]"),
    ],
)
def test_limits_are_told(cells, change, message):
    data = float_model(cells)
    with pytest.raises(ModelError) as error:
        plan(read(changed(data, *change) if change else data))
    assert message in str(error.value)
