"""UNIDIRECTIONAL_SEQUENCE_LSTM and LSTM: every engine against LiteRT, over several runs."""

from dataclasses import dataclass, replace

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
from trials import Trial, between

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
    activation: int = 4  # TANH
    asymmetric: bool = False
    single: bool = False

    @property
    def outputs(self):
        return self.projected or self.cells

    def sequence(self, features):
        if self.single:
            return self.batches, features
        times = (self.times, self.batches) if self.time_major else (self.batches, self.times)
        return (*times, features)

    @property
    def options(self):
        options = {
            "fusedActivationFunction": self.activation,
            "cellClip": self.cell_clip,
            "projClip": self.projection_clip,
            "asymmetricQuantizeInputs": self.asymmetric,
        }
        return options if self.single else {**options, "timeMajor": self.time_major}

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


def assembled(cells, weight, ports, states, intermediates=()):
    """A model of an op.

    Args:
        cells: its sizes.
        weight: the tensor of a kind of weight and a shape.
        ports: keywords of the tensors of input and output.
        states: those of the states.
        intermediates: tensors.
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
    output, count = len(tensors), len(intermediates)
    tensors.append(build.tensor(cells.sequence(cells.outputs), **ports[1], name="y"))
    options = {"intermediates": range(output + 1, output + 1 + count) if count else None}
    ops = [("LSTM" if cells.single else OP, inputs, output, {**cells.options, **options})]
    return build.model([*tensors, *intermediates], ops, outputs=[output])


def float_model(cells, seed=0, size=0.5):
    rng = np.random.default_rng(seed)

    def weight(_, shape):
        return build.tensor(shape, data=(rng.normal(size=shape) * size).astype(np.float32))

    return assembled(cells, weight, ({}, {}), ({}, {}))


def int8_model(cells, seed=0, spread=1.0, cell=2.0**-11, zero_points=(3, -5, 7), norm=5e-5):
    """A model of int8.

    Args:
        cells: its sizes.
        seed: of weights and scales.
        spread: factor of the scales of weights.
        cell: scale of the cell state.
        zero_points: of input, state, and what is hidden.
        norm: scale of the normalisation coefficients.
    """
    rng = np.random.default_rng(seed)
    scales = {"weight": 0.01, "recurrent": 0.02, "projection": 0.01, "peephole": 1e-4}

    def weight(kind, shape):
        if "bias" in kind:
            return build.constant(rng.integers(-3000, 3000, shape), "int32", 1e-4)
        dtype = "int16" if kind in ("peephole", "norm") else "int8"
        scale = norm if kind == "norm" else scales[kind] * spread * rng.uniform(0.3, 3)
        return build.constant(runtimes.drawn(rng, dtype, shape), dtype, runtimes.f32(scale))

    hidden = build.tensor((0,), "int8", 1 / 128, zero_points[2 if cells.projected else 1])
    state = {"dtype": "int8", "scale": 1 / 128 if not cells.projected else 0.02}
    state["zero_point"] = zero_points[1]
    source = {"dtype": "int8", "scale": 0.03, "zero_point": zero_points[0]}
    gates = [
        build.tensor((0,), "int16", scale if cells.normalised else 0.0)
        for scale in (2.0**-10, 3e-4, 5e-4, 2.0**-11)
    ]
    states = (state, {"dtype": "int16", "scale": cell})
    return assembled(cells, weight, (source, state), states, [*gates, hidden])


def hybrid_model(cells, seed=0, size=0.01):
    """A model of float32 with int8 weights."""
    rng = np.random.default_rng(seed)

    def weight(kind, shape):
        if kind in ("weight", "recurrent", "projection", "peephole"):
            scale = runtimes.f32(size * rng.uniform(0.3, 3))
            return build.constant(rng.integers(-127, 128, shape), "int8", scale)
        return build.tensor(shape, data=rng.normal(size=shape).astype(np.float32))

    return assembled(cells, weight, ({}, {}), ({}, {}))


EVERYTHING = Cells(
    projected=3, biased=True, peephole=True, normalised=True, cell_clip=0.5, projection_clip=0.4
)

SEEDS = {
    "LSTM float32": float_model(Cells(times=2)),
    "LSTM float32 with all parts": float_model(EVERYTHING),
    "LSTM float32 coupled": float_model(Cells(coupled=True, peephole=True, time_major=True)),
    "LSTM hybrid": hybrid_model(Cells(times=2, asymmetric=True)),
    "LSTM hybrid with all parts": hybrid_model(EVERYTHING),
    "LSTM of one step": float_model(Cells(single=True)),
    "LSTM int8": int8_model(Cells(times=2)),
    "LSTM int8 projected": int8_model(Cells(projected=3, normalised=True, cell_clip=0.5)),
    "LSTM int8 coupled": int8_model(Cells(coupled=True, peephole=True, time_major=True)),
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
    asymmetric=st.booleans(),
    single=st.booleans(),
)


def float_trial(rng):
    """With any parts, of which all have tensors, and states that are not 0."""
    batches, times, inputs, cells = (between(rng, 1, most) for most in (2, 4, 40, 40))
    projection = between(rng, 0, 1)
    outputs = between(rng, 1, 40) if projection else cells
    parts = [between(rng, 0, 1) for _ in range(3)]  # order, coupled gates, peepholes
    norm, bias = between(rng, 0, 1), between(rng, 0, 1)
    clips = rng.choice([0, 0.5, 3], 2).astype(np.float32).view(np.int32).tolist()
    params = [batches, times, inputs, cells, outputs, *parts, projection, norm, bias, 0, *clips]
    sizes = [batches * times * inputs, *[cells * inputs] * 4, *[cells * outputs] * 4, *[cells] * 7]
    sizes += [outputs * cells, outputs, batches * outputs, batches * cells, *[cells] * 4]
    scale = rng.choice([0.1, 1.0])
    tensors = [(rng.standard_normal(size) * scale).astype(np.float32) for size in sizes]
    return Trial(params, tensors, range(1, 18), [4 * batches * times * outputs])


TRIALS = {"lstm_float32": float_trial}


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cells=any_cells, size=st.sampled_from((0.01, 0.1, 0.5)))
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
            np.testing.assert_allclose(answer, expected, atol=1e-6 + 2e-5 * np.abs(expected).max())
        for name, engine in engines.items():
            assert engine.run(x).tobytes() == answer.tobytes(), name


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cells=any_cells, size=st.sampled_from((1e-4, 0.001, 0.004)))
def test_floats_with_int8_weights_are_near_those_of_litert(seed, cells, size):
    data = hybrid_model(cells, seed, size)
    rng = np.random.default_rng(seed)
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    reference = engines.pop("reference")
    for _ in range(2):
        x = rng.normal(size=cells.sequence(cells.inputs)).astype(np.float32)
        answer, expected = reference.run(x), litert(x)
        if not cells.normalised:
            # A step of what is quantised, at most, in few numbers.
            limit = np.abs(expected).max()
            np.testing.assert_allclose(answer, expected, atol=1e-6 + 0.02 * limit)
            assert np.median(np.abs(answer - expected)) <= 1e-7 + 1e-6 * limit
        for name, engine in engines.items():
            assert engine.run(x).tobytes() == answer.tobytes(), name


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    cells=any_cells,
    spread=st.sampled_from((1e-6, 0.1, 1.0, 10.0, 1e5)),
    cell=st.integers(-15, -9).map(lambda power: 2.0**power),
    zero_points=st.tuples(*[st.sampled_from((-128, 127, 0, 5, -77))] * 3),
    norm=st.sampled_from((1e-9, 1e-5, 1e-3, 0.5)),
    rounding=st.sampled_from(tuple(runtimes.PEERS)),
)
def test_integers_are_what_litert_gives(seed, cells, spread, cell, zero_points, norm, rounding):
    if cells.peephole:
        cells = replace(cells, projected=0)
    data = int8_model(cells, seed, spread, cell, zero_points, norm)
    rng = np.random.default_rng(seed)
    litert, engines = runtimes.PEERS[rounding](data), runtimes.engines(data, rounding=rounding)
    for _ in range(2):
        x = runtimes.drawn(rng, "int8", cells.sequence(cells.inputs))
        runtimes.agree(engines, x, litert(x))


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs")
def test_what_keras_converts_is_run_exactly():
    import tensorflow
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    layers = [tf_keras.layers.LSTM(cells, return_sequences=True) for cells in (13, 8)]
    model = tf_keras.Sequential([tf_keras.Input((7, 6), batch_size=1), *layers])
    # Larger weights, for a cell state that is not less than 1/2 everywhere.
    model.set_weights([3 * weights for weights in model.get_weights()])
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(20, 1, 7, 6)).astype(np.float32)
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample] for sample in samples)
    converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tensorflow.int8
    data = converter.convert()
    assert [op.name for op in read(data).ops] == [OP, OP]
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    for _ in range(3):
        x = runtimes.drawn(rng, "int8", (1, 7, 6))
        runtimes.agree(engines, x, litert(x))


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
        (Cells(single=True), (0, 13), "and weights fit to it; here it is float32 [4] "),
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


@pytest.mark.parametrize(
    ("cells", "kinds", "change", "message"),
    [
        (Cells(), {"cell": 0.3}, (), "a power of two from 2**-15 to 2**-9; here it is 0.3"),
        (Cells(), {"cell": 2.0**-16}, (), "to 2**-9; here it is 1.5"),
        (Cells(projected=3, peephole=True), {}, (), "as many outputs as cells; here it is 3 and 4"),
        (Cells(normalised=True), {"norm": 2.0**17}, (), "below 2**17; here it is 131072"),
        (Cells(), {}, (19, 18), "biases int32; here it is input 19 of int8"),
        (Cells(), {}, (13, 2), "biases int32; here it is input 13 of int8"),
    ],
)
def test_limits_of_int8_are_told(cells, kinds, change, message):
    data = int8_model(cells, **kinds)
    with pytest.raises(ModelError) as error:
        plan(read(changed(data, *change) if change else data))
    assert message in str(error.value)


def test_int8_needs_the_scale_of_what_is_hidden():
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAs(int8_model(Cells()), 0))
    op = tree.subgraphs[0].operators[0]
    op.intermediates = op.intermediates[:4]
    with pytest.raises(ModelError, match=r"int8 needs 5 intermediate tensors.*here it is 4"):
        plan(read(build.pack(tree)))


def test_the_basic_kernel_of_lstm_is_refused():
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAs(float_model(Cells(single=True)), 0))
    tree.subgraphs[0].operators[0].builtinOptions.kernelType = 1
    with pytest.raises(ModelError, match="the kernel of LSTM is FULL; here it is 1"):
        plan(read(build.pack(tree)))


def test_int8_is_not_rounded_as_tflite_micro_does():
    with pytest.raises(ModelError, match="int8 is not run with the rounding of TFLite Micro"):
        plan(read(int8_model(Cells())), "tflite-micro")
