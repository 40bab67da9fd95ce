"""The engine: native and reference against LiteRT's reference kernels, byte by byte."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import build
import edge_runtime
import runtimes
from edge_runtime import BackendError, ModelError
from edge_runtime.backends import native
from edge_runtime.graph import Blockwise, Graph, Op, Sparsity, Tensor
from edge_runtime.planner import plan, unsupported
from edge_runtime.quantize import encode
from edge_runtime.reader import read
from edge_runtime.record import replace
from edgekit.commands import convert
from edgekit.train.dataset import Dataset


@pytest.fixture(scope="module")
def integer_models(artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documented model in every integer form that `edgekit convert` has."""
    folder = tmp_path_factory.mktemp("integers")
    forms = {
        "int8 per-channel": ["--quantize"],
        "int8 per-tensor": ["--quantize", "--target", "mcu"],
        "int16": ["--scheme", "int16x8"],
    }
    for name, arguments in forms.items():
        command = [*arguments, "--artifacts", str(artifacts), "-o", str(folder / name)]
        assert convert.command.main(command, standalone_mode=False) == 0
    return folder


@pytest.mark.parametrize("form", ["int8 per-channel", "int8 per-tensor", "int16"])
def test_the_documented_model_is_exact(integer_models: Path, dataset: Dataset, form: str) -> None:
    """On all test images, and on random tensors over the full range."""
    data = (integer_models / form).read_bytes()
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    model = engines["reference"]
    scales = model.graph.tensors[model.graph.ops[1].inputs[1]].quantization.scales
    assert len(scales) == (1 if "tensor" in form else 14)
    images = encode(dataset.x_test, model.input, model.metadata)
    limits = np.iinfo(model.input.dtype)
    random = np.random.default_rng(1).integers(
        limits.min, limits.max, (2000, *images.shape[1:]), images.dtype, endpoint=True
    )
    inputs = np.concatenate([images, random])
    expected = np.concatenate([litert(x[None]) for x in inputs])
    for name, engine in engines.items():
        alone = np.concatenate([engine.run(x[None]) for x in inputs])
        np.testing.assert_array_equal(alone, expected, err_msg=name)
        np.testing.assert_array_equal(engine.run(inputs), expected, err_msg=f"{name}, together")


def test_reference_and_native_are_equal_in_float32(
    float_model: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = edge_runtime.load(float_model, backend="reference")
    litert = runtimes.builtin_ref(float_model.read_bytes())
    x = (dataset.x_test[:200] / np.float32(255)).astype(np.float32).reshape(-1, 784)
    x = np.concatenate([x, np.random.default_rng(1).normal(size=x.shape).astype(np.float32)])
    images = x.reshape(-1, *reference.input.shape)
    expected = [reference.run(image) for image in images]
    np.testing.assert_allclose(expected, [litert(image) for image in images], atol=1e-5)
    for level in runtimes.INSTRUCTIONS:
        monkeypatch.setenv(native.VARIABLE, level)
        model = edge_runtime.load(float_model, backend="native")
        np.testing.assert_array_equal([model.run(image) for image in images], expected)


def test_activations_of_the_documented_model_need_16_bytes(int8_model: Path) -> None:
    planned = plan(read(int8_model.read_bytes()))

    assert planned.arena == 16
    assert [step.kernel.name for step in planned.steps] == [
        "fully_connected_int8_once",
        "fully_connected_int8_once",
        "lookup_int8",
    ]


def test_any_buffer_is_accepted(int8_model: Path) -> None:
    model = edge_runtime.load(int8_model, backend="native")
    x = np.arange(784, dtype=np.uint8).view(np.int8)
    expected = model.run(x.reshape(model.input.shape))

    assert isinstance(expected, np.ndarray)
    for given_buffer in (x.tobytes(), bytearray(x.tobytes()), memoryview(x.tobytes())):
        answer = model.run(given_buffer)
        assert isinstance(answer, memoryview)
        assert answer.tobytes() == expected.tobytes()


def test_tensors_that_do_not_fit_are_refused(int8_model: Path) -> None:
    model = edge_runtime.load(int8_model, backend="native")
    for wrong in (np.zeros(784, np.int8), np.zeros(model.input.shape, np.uint8), b"short", 5):
        with pytest.raises(edge_runtime.InputError, match="expected a tensor of int8"):
            model.run(wrong)


def test_strided_arrays_are_right(int8_model: Path) -> None:
    model = edge_runtime.load(int8_model, backend="native")
    wide = np.random.default_rng(0).integers(-128, 128, (2, *model.input.shape)).astype(np.int8)
    strided = np.moveaxis(np.ascontiguousarray(np.moveaxis(wide, 0, -1)), -1, 0)[1]

    np.testing.assert_array_equal(model.run(strided), model.run(wide[1]))


def test_a_batch_equals_single_runs(int8_model: Path, dataset: Dataset) -> None:
    model = edge_runtime.load(int8_model, backend="native")
    peer = edge_runtime.load(int8_model, backend="reference")

    np.testing.assert_array_equal(
        model.predict(dataset.x_test[:70]), peer.predict(dataset.x_test[:70])
    )


def test_an_unknown_op_is_refused_by_name(tmp_path: Path) -> None:
    tensors = [build.tensor((1, 4), name="x"), build.tensor((1, 4), name="y")]
    path = tmp_path / "odd.tflite"
    path.write_bytes(build.model(tensors, [("BITCAST", [0], 1, {})]))

    with pytest.raises(ModelError, match=r"op 0, BITCAST 'y', is not supported: LiteRT runs it"):
        edge_runtime.load(path, backend="native")


def graph_of(ops: Any, dtypes: Any = (), **changes: Any) -> Graph:
    """A chain of ops, 4 numbers from one to the next, the named tensors of other types."""
    tensors = [
        Tensor(index, f"t{index}", (1, 4), (1, 4), "float32") for index in range(len(ops) + 1)
    ]
    for index, dtype in dict(dtypes).items():
        tensors[index] = replace(tensors[index], dtype=dtype)
    records = [
        Op(index, name, 1, (index,), (index + 1,), not name.isupper(), {"beta": 1.0})
        for index, name in enumerate(ops)
    ]
    graph = Graph("", tuple(tensors), tuple(records), (0,), (len(ops),), {}, 4096)
    return replace(graph, **changes)


def refusal(graph: Graph) -> str:
    with pytest.raises(ModelError) as caught:
        plan(graph)
    return str(caught.value)


def test_all_ops_that_are_not_supported_are_named_once() -> None:
    names = "BITCAST UNIQUE BITCAST RELU BITCAST MATRIX_DIAG RFFT2D SEGMENT_SUM RELU"
    graph = graph_of(names.split())
    message = refusal(graph)
    assert message == (
        "the engine does not run 7 of its 9 ops: BITCAST (3, first 't1'), UNIQUE (1, 't2'), "
        "MATRIX_DIAG (1, 't6'), RFFT2D (1, 't7'), SEGMENT_SUM (1, 't8'); LiteRT runs them "
        '(backend="litert"); `edgekit inspect` says what to do instead of each'
    )
    assert [one.op.index for one in unsupported(graph)] == [0, 1, 2, 4, 5, 6, 7]


def test_a_broken_limit_hides_no_op_behind_it() -> None:
    graph = graph_of(["SOFTMAX", "RELU", "BITCAST"], {1: "int32", 2: "int32"})
    reasons = unsupported(graph)
    assert [reason.op.name for reason in reasons] == ["SOFTMAX", "BITCAST"]
    assert refusal(graph) == (
        "the engine does not run 2 of its 3 ops: SOFTMAX (1, 't1': input and output are both "
        "int8, uint8, int16 or float32, or of 8 bits and int16; here it is float32, int32), "
        "BITCAST (1, 't3'); LiteRT may run them "
        '(backend="litert"); `edgekit inspect` says what to do instead of each'
    )


def test_kinds_of_hostile_files_are_counted() -> None:
    graph = graph_of([f"odd {number}\n{'x' * 99}" for number in range(99)])
    message = refusal(graph)
    assert " 'odd 29\\nxxx" in message
    assert "and 69 more kinds" in message
    assert "odd 30" not in message
    assert "\n" not in message
    assert len(message) < 4000


def test_ops_with_dynamic_sizes_are_not_reported() -> None:
    graph = graph_of(["BITCAST", "RELU", "SEGMENT_SUM"])
    tensors = (graph.tensors[0], replace(graph.tensors[1], signature=(1, -1)), *graph.tensors[2:])
    left = unsupported(replace(graph, tensors=tensors))
    assert [one.op.name for one in left] == ["BITCAST", "SEGMENT_SUM"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("edgetpu-custom-op", "compiled for the Edge TPU: open it with the backend edgetpu"),
        ("ethos-u", "Vela has compiled it for an Arm Ethos-U"),
        ("FlexErf", "'FlexErf' is an op of TensorFlow .SELECT_TF_OPS., which LiteRT lacks"),
        ("odd", "'odd' is a custom op, which only a runtime built with it runs"),
        ("AudioSpectrogram", "LiteRT runs"),
    ],
)
@pytest.mark.parametrize("others", [[], ["BITCAST"]])
def test_litert_is_offered_only_for_what_it_runs(name: str, said: str, others: Any) -> None:
    message = refusal(graph_of([*others, name]))
    assert re.search(said, message)
    assert ("LiteRT runs" in message) == (said == "LiteRT runs")


def with_weights(dtype: str, **fields: Any) -> Graph:
    """FULLY_CONNECTED with constant weights of a type."""
    options = {"fused_activation": 0, "weights_format": 0, "keep_num_dims": 0}
    tensors = (
        Tensor(0, "x", (1, 4), (1, 4), "float32"),
        Tensor(1, "w", (4, 4), (4, 4), dtype, None, memoryview(bytes(64)), **fields),
        Tensor(2, "y", (1, 4), (1, 4), "float32"),
    )
    op = Op(0, "FULLY_CONNECTED", 1, (0, 1), (2,), options=options)
    return Graph("", tensors, (op,), (0,), (2,), {}, 4096)


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (with_weights("int8"), r"'y': .*one scale.*; here it is .*LiteRT may run it"),
        (with_weights("float16"), r"tensor 1 is float16: convert .* as float32.*LiteRT runs it"),
        (with_weights("int4"), r"tensor 1 is int4: convert with --quantize"),
        (
            with_weights("float32", sparsity=Sparsity((), (), ())),
            r"tensor 1 is sparse: .*LiteRT runs it",
        ),
        (with_weights("int4", blockwise=Blockwise(9, 0, 32)), r"tensor 1 is blockwise quantised: "),
        (
            with_weights("float32", variable=True),
            r"tensor 1 is constant and kept from one inference to the next: leave",
        ),
    ],
)
def test_weights_of_other_forms_are_named(graph: Graph, said: str) -> None:
    message = refusal(graph)
    assert re.search(said, message)
    assert len(message) < 300


def test_dequantize_of_float16_is_a_constant_of_the_plan() -> None:
    graph = with_weights("float32")
    half = Tensor(3, "half", (4, 4), (4, 4), "float16", None, memoryview(bytes(32)))
    weights = replace(graph.tensors[1], data=None)
    ops = (Op(0, "DEQUANTIZE", 1, (3,), (1,)), replace(graph.ops[0], index=1))
    graph = replace(graph, tensors=(graph.tensors[0], weights, graph.tensors[2], half), ops=ops)
    assert unsupported(graph) == []
    assert [step.op.name for step in plan(graph).steps] == ["FULLY_CONNECTED"]


def test_unknown_instructions_are_refused(
    int8_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(native.VARIABLE, "sse9")
    with pytest.raises(BackendError, match="EDGEKIT_INSTRUCTIONS=sse9: this machine has"):
        edge_runtime.load(int8_model, backend="native")


def test_without_the_extension_it_says_so(
    int8_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "_extension", lambda: None)
    assert "C extension is not there" in (native.unavailable() or "")
    with pytest.raises(BackendError, match="C extension is not there"):
        edge_runtime.load(int8_model, backend="native")
    assert edge_runtime.load(int8_model, backend="reference").classify is not None


def test_a_results_memory_is_reused_only_without_other_references(int8_model: Path) -> None:
    model = edge_runtime.load(int8_model, backend="native")
    rng = np.random.default_rng(5)
    inputs = rng.integers(-128, 128, (40, *model.input.shape)).astype(np.int8)
    expected = [bytes(model.run(x.tobytes())) for x in inputs]

    held = [model.run(x) for x in inputs]
    assert [answer.tobytes() for answer in held] == expected
    for hold in (memoryview, np.ravel, lambda answer: answer[0], lambda answer: [answer]):
        kept = [hold(model.run(x)) for x in inputs]
        assert [np.asarray(one).tobytes() for one in kept] == expected

    answer = model.run(inputs[0])
    answer.flags.writeable = False
    del answer
    assert model.run(inputs[1]).flags.writeable
    assert len({id(model.run(x)) for x in inputs}) == 1  # but it does serve again
