"""load(), and Model's run, predict and classify."""

import array
import ctypes
import hashlib
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edge_runtime import InputError, MetadataError, Model, ModelError, load, record
from edge_runtime.metadata import Metadata
from edge_runtime.quantize import dequantize, quantize
from edgekit.convert.metadata import attach
from edgekit.files import FLOAT_MODEL
from edgekit.train.dataset import Dataset

METADATA = Metadata(("0", "1"), mean=(0.0,), std=(255.0,), framing="digit")

Change = Callable[[Any, Any], object]
Open = Callable[..., Model]


def edited(data: bytes, change: Change) -> bytes:
    """Return the model ``data`` after ``change(model, subgraph)``."""
    import flatbuffers

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    model.metadata = []  # the labels are behind the FlatBuffer, and stay behind
    change(model, model.subgraphs[0])
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Open a model from bytes; each gets a folder, because an open file must not change."""

    def open_model(data: bytes, **options: Any) -> Model:
        path = Path(tempfile.mkdtemp(dir=tmp_path), "model.tflite")
        path.write_bytes(data)
        return load(path, **options)

    return open_model


@pytest.fixture
def bare_float(float_model: Path, opened: Open) -> Model:
    return opened(edited(float_model.read_bytes(), lambda *_: None))


@pytest.fixture
def float_classifier(float_model: Path, opened: Open) -> Model:
    return opened(attach(float_model.read_bytes(), METADATA))


@pytest.fixture
def int8_classifier(int8_model: Path, opened: Open) -> Model:
    return opened(attach(int8_model.read_bytes(), METADATA))


@pytest.fixture(params=["float_classifier", "int8_classifier"])
def classifier(request: pytest.FixtureRequest) -> Model:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=[FLOAT_MODEL, "model_int8.tflite"])
def trained(artifacts: Path, request: pytest.FixtureRequest) -> Model:
    return load(artifacts / request.param)


def pixels(count: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28, 1)).astype(np.uint8)


# Opening a file.


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x89PNG\r\n\x1a\n" + bytes(99), bytes(5000)])
def test_a_foreign_file(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)

    with pytest.raises(ModelError, match=r"model.tflite: not a .tflite file"):
        load(path)


def test_a_truncated_file(int8_model: Path, opened: Open) -> None:
    data = int8_model.read_bytes()

    for length in range(100, len(data) - 100, len(data) // 20):
        with pytest.raises(ModelError):
            opened(data[:length])


def test_a_file_of_another_digest(int8_model: Path) -> None:
    digest = hashlib.sha256(int8_model.read_bytes()).hexdigest()
    assert load(int8_model, digest=digest.upper()).input.dtype == "int8"
    other = digest.replace(digest[0], "0" if digest[0] != "0" else "1")
    with pytest.raises(ModelError, match=f"its SHA-256 is {digest} and not {other}"):
        load(int8_model, digest=other)
    for bad in ("", digest[1:], f"{digest}0", "g" * 64):
        with pytest.raises(InputError, match="is no SHA-256"):
            load(int8_model, digest=bad)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere.tflite: No such file or directory"):
        load(tmp_path / "nowhere.tflite")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Is a directory"):
        load(tmp_path)


def test_attributes_of_a_model(int8_classifier: Model) -> None:
    assert (int8_classifier.input.shape, int8_classifier.input.dtype) == ((1, 28, 28, 1), "int8")
    assert (int8_classifier.output.shape, int8_classifier.output.dtype) == ((1, 2), "int8")
    assert int8_classifier.labels == ("0", "1")
    assert int8_classifier.metadata == METADATA
    assert int8_classifier.graph.ops[-1].name == "LOGISTIC"


@pytest.mark.parametrize("what", ["inputs", "outputs"])
def test_no_inputs_or_outputs(what: str, int8_model: Path, opened: Open) -> None:
    def change(_: Any, graph: Any) -> None:
        setattr(graph, what, [])

    with pytest.raises(ModelError, match=f"it has 0 {what}, and 1 to 256 can be run"):
        opened(edited(int8_model.read_bytes(), change))


def test_an_image_size_that_is_left_open_is_that_of_the_file(
    float_model: Path, opened: Open
) -> None:
    def change(_: Any, graph: Any) -> None:
        graph.tensors[graph.inputs[0]].shapeSignature = [-1, -1, -1, 1]

    model, plain = opened(edited(float_model.read_bytes(), change)), load(float_model)
    x = np.random.default_rng(1).random((1, 28, 28, 1), np.float32)
    assert model.run(x).tobytes() == plain.run(x).tobytes()
    with pytest.raises(InputError, match=r"expected a tensor of float32 \[-1, 28, 28, 1\]"):
        model.run(np.zeros((1, 32, 32, 1), np.float32))


@pytest.mark.parametrize("shape", [[], [1], [1, 1], [1, 500], [1] * 9])
@pytest.mark.parametrize("backend", ["native", "reference"])
def test_an_output_has_the_shape_that_its_ops_make(
    shape: list[int], backend: str, float_model: Path, tmp_path: Path
) -> None:
    def change(_: Any, graph: Any) -> None:
        tensor = graph.tensors[graph.outputs[0]]
        tensor.shape, tensor.shapeSignature = shape, None

    path = tmp_path / "model.tflite"
    path.write_bytes(edited(float_model.read_bytes(), change))
    model, plain = load(path, backend=backend), load(float_model, backend=backend)
    x = np.random.default_rng(1).random((1, 28, 28, 1), np.float32)
    assert model.output.shape == plain.output.shape
    assert model.run(x).tobytes() == plain.run(x).tobytes()
    assert model.run(x).shape == plain.run(x).shape


def test_an_element_type_without_a_buffer_format(float_model: Path, opened: Open) -> None:
    def change(_: Any, graph: Any) -> None:
        graph.tensors[graph.inputs[0]].type = schema.TensorType.STRING

    with pytest.raises(ModelError, match="its input is string"):
        opened(edited(float_model.read_bytes(), change))


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_a_constant_and_the_input_as_outputs(
    backend: str, float_model: Path, tmp_path: Path
) -> None:
    def change(_: Any, graph: Any) -> None:
        graph.outputs = [graph.operators[1].inputs[1], *graph.outputs, graph.inputs[0]]

    path = tmp_path / "model.tflite"
    path.write_bytes(edited(float_model.read_bytes(), change))
    model = load(path, backend=backend)
    x = np.random.default_rng(1).random((1, 28, 28, 1), np.float32)
    constant, output, same = model.run((x,))
    weights = model.graph.tensors[model.graph.outputs[0]]
    assert weights.data is not None
    assert constant.tobytes() == bytes(weights.data)
    assert output.tobytes() == load(float_model, backend=backend).run(x).tobytes()
    assert same.tobytes() == x.tobytes()


# run()


def test_any_buffer_gives_the_output_of_an_ndarray(classifier: Model) -> None:
    float32 = classifier.input.dtype == "float32"
    tensor = np.random.default_rng(1).random((1, 28, 28, 1), np.float32)
    tensor = tensor if float32 else (tensor * 255 - 128).astype(np.int8)
    expected = classifier.run(tensor)
    assert isinstance(expected, np.ndarray)

    raw = tensor.tobytes()
    code, kind = ("f", ctypes.c_float) if float32 else ("b", ctypes.c_int8)
    for buffer in (
        raw,
        bytearray(raw),
        memoryview(raw),
        memoryview(raw).cast(code),
        memoryview(tensor),
        array.array(code, raw),
        (kind * 784).from_buffer_copy(raw),
    ):
        output = classifier.run(buffer)
        assert isinstance(output, memoryview)
        assert (output.format, output.shape) == (code, (1, 2))
        assert output.tolist() == expected.tolist()


def test_an_ndarray_may_be_strided(classifier: Model) -> None:
    wide = np.zeros((1, 28, 56, 1), classifier.input.dtype)
    wide[:, :, ::2] = (np.arange(784) % 100).reshape(1, 28, 28, 1)
    assert not wide[:, :, ::2].flags.c_contiguous

    np.testing.assert_array_equal(
        classifier.run(wide[:, :, ::2]), classifier.run(wide[:, :, ::2].copy())
    )


@pytest.mark.parametrize("count", [2, 4, 7, 16, 35, 53])  # some of each size of groups
def test_several_tensors_run_at_once(classifier: Model, count: int) -> None:
    tensor = np.random.default_rng(0).integers(0, 100, (count, 28, 28, 1))
    tensor = tensor.astype(classifier.input.dtype)

    together = classifier.run(tensor)

    np.testing.assert_array_equal(
        together, np.concatenate([classifier.run(x[None]) for x in tensor])
    )


def test_each_run_returns_a_new_output(classifier: Model) -> None:
    tensor = np.zeros((1, 28, 28, 1), classifier.input.dtype)
    first = classifier.run(tensor)
    before = first.copy()

    classifier.run(tensor + 1)

    np.testing.assert_array_equal(first, before)


@pytest.mark.parametrize(
    "tensor",
    [
        np.zeros((28, 28, 1), np.float32),
        np.zeros((1, 28, 28), np.float32),
        np.zeros((0, 28, 28, 1), np.float32),
        np.zeros((1, 784), np.float32),
        np.zeros((1, 1, 28, 28), np.float32),
        np.zeros((1, 28, 28, 1), np.float64),
        np.zeros((1, 28, 28, 1), np.int8),
        np.zeros((1, 28, 28, 1), ">f4"),
        bytes(784),
        bytes(784 * 4 - 1),
        bytes(784 * 8),
        b"",
        array.array("d", bytes(784 * 4)),
        array.array("i", bytes(784 * 4)),
        array.array("b", bytes(784 * 4)),
        memoryview(bytes(784 * 4)).cast("f", (1, 1, 28, 28)),
        "a string",
        None,
        [[0.0] * 784],
    ],
)
def test_run_refuses_tensors_that_do_not_fit(float_classifier: Model, tensor: Any) -> None:
    with pytest.raises(InputError, match=r"expected a tensor of float32 \[1, 28, 28, 1\], got \S+"):
        float_classifier.run(tensor)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tobytes])
def test_run_refuses_nan_and_infinity(
    float_classifier: Model, bad: Any, form: Callable[..., Any]
) -> None:
    tensor = np.zeros((1, 28, 28, 1), np.float32)
    tensor[0, 27, 27, 0] = bad

    with pytest.raises(InputError, match="NaN or infinity"):
        float_classifier.run(form(tensor))


def test_run_accepts_numbers_whose_squares_overflow(float_classifier: Model) -> None:
    tensor = np.full((1, 28, 28, 1), 1e30, np.float32)

    assert float_classifier.run(tensor).shape == (1, 2)


def test_a_model_is_shared_by_threads(int8_classifier: Model) -> None:
    tensors = (pixels(64).astype(np.int16) - 128).astype(np.int8)[:, None]
    expected = [int8_classifier.run(tensor) for tensor in tensors]

    with ThreadPoolExecutor(8) as pool:
        outputs = list(pool.map(int8_classifier.run, [*tensors] * 100))

    np.testing.assert_array_equal(outputs, expected * 100)


# predict()


def test_pixels_are_normalised(classifier: Model) -> None:
    images = pixels(20)

    scores = classifier.predict(images)

    assert (scores.dtype, scores.shape) == (np.float32, (20, 2))
    np.testing.assert_array_equal(scores, classifier.predict(images.astype(np.float32) / 255))


def test_a_score_is_the_output_of_run(classifier: Model) -> None:
    image = pixels(1)
    tensor = quantize(image.astype(np.float32) / 255, classifier.input)

    np.testing.assert_array_equal(
        classifier.predict(image), dequantize(classifier.run(tensor), classifier.output)
    )


def test_any_float_type(classifier: Model) -> None:
    images = (pixels(3) / 255).astype(np.float16)

    for dtype in (np.float32, np.float64, np.longdouble):
        np.testing.assert_array_equal(
            classifier.predict(images.astype(dtype)), classifier.predict(images)
        )


def test_the_grey_axis_is_optional(classifier: Model) -> None:
    images = pixels(5)

    np.testing.assert_array_equal(classifier.predict(images[..., 0]), classifier.predict(images))


def test_an_empty_batch(classifier: Model) -> None:
    for dtype in (np.uint8, np.float32):
        scores = classifier.predict(np.zeros((0, 28, 28, 1), dtype))

        assert (scores.dtype, scores.shape) == (np.float32, (0, 2))


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((28, 28), np.uint8),
        np.zeros((28, 28, 1), np.uint8),
        np.zeros((1, 28, 28, 3), np.uint8),
        np.zeros((1, 784), np.uint8),
        np.zeros((1, 1, 28, 28, 1), np.uint8),
        np.uint8(0),
        [[1, 2], [3]],
        None,
        "a string",
    ],
)
def test_predict_refuses_other_shapes(classifier: Model, batch: Any) -> None:
    with pytest.raises(InputError, match=r"expected inputs \[N, 28, 28, 1\]|not an array"):
        classifier.predict(batch)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint16, bool, complex, object, "U1"])
def test_predict_refuses_other_types(classifier: Model, dtype: str) -> None:
    with pytest.raises(InputError, match="expected uint8 pixels or floats"):
        classifier.predict(np.zeros((1, 28, 28, 1), dtype))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_predict_refuses_nan_and_infinity(classifier: Model, bad: Any) -> None:
    batch = np.zeros((2, 28, 28, 1))
    batch[1, 0, 0, 0] = bad

    with pytest.raises(InputError, match="NaN or infinity"):
        classifier.predict(batch)


def test_pixels_as_floats_are_refused(classifier: Model) -> None:
    with pytest.raises(
        InputError, match=r"floats from 0 to 25\d are not on the model's scale, which is 0 to 1"
    ):
        classifier.predict(pixels(3).astype(np.float32))


def test_pixels_as_floats_are_refused_by_the_scale_of_the_model(
    int8_model: Path, opened: Open
) -> None:
    model = opened(edited(int8_model.read_bytes(), lambda *_: None))
    assert model.metadata is None

    with pytest.raises(InputError, match=r"which is 0 to 0\.99\d+|which is 0 to 1"):
        model.predict(pixels(3).astype(np.float32))


def test_a_little_beyond_the_scale_is_fine(classifier: Model) -> None:
    batch = pixels(3) / 255 * 1.2 - 0.1

    assert classifier.predict(batch).shape == (3, 2)


def test_pixels_need_a_normalisation(bare_float: Model) -> None:
    assert bare_float.predict(pixels(2) / 255).shape == (2, 2)
    with pytest.raises(MetadataError, match=r"how pixels are normalised: .*edgekit label"):
        bare_float.predict(pixels(2))


def test_a_normalisation_of_other_channels(float_model: Path, opened: Open) -> None:
    rgb = replace(METADATA, mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0))

    with pytest.raises(MetadataError, match="of 3 channels"):
        opened(attach(float_model.read_bytes(), rgb)).predict(pixels(2))


def test_other_normalisations(float_model: Path, opened: Open) -> None:
    centred = replace(METADATA, mean=(127.5,), std=(127.5,))
    model = opened(attach(float_model.read_bytes(), centred))
    images = pixels(4)

    np.testing.assert_array_equal(
        model.predict(images), model.predict((images.astype(np.float32) - 127.5) / 127.5)
    )


def test_an_integer_model_without_scale(int8_model: Path, opened: Open) -> None:
    def change(_: Any, graph: Any) -> None:
        graph.tensors[graph.inputs[0]].quantization = None

    model = opened(edited(int8_model.read_bytes(), change), backend="litert")

    assert len(model.run(bytes(784))) == 1
    with pytest.raises(ModelError, match=r"int8 without one scale and zero point"):
        model.predict(np.zeros((1, 28, 28, 1), np.float32))


def test_a_model_that_is_not_a_classifier(int8_model: Path, opened: Open) -> None:
    def change(_: Any, graph: Any) -> None:
        graph.outputs = list(graph.operators[0].inputs[:1])
        graph.operators = graph.operators[:1]

    model = opened(edited(int8_model.read_bytes(), change), backend="litert")

    assert model.meaning == "numbers"
    assert model.predict(pixels(2) / 255).shape == (2, *model.output.shape[1:])
    with pytest.raises(ModelError, match=r"model.tflite: its output is numbers.*use predict\(\)"):
        model.classify(np.zeros((28, 28), np.uint8))


def test_the_file_states_the_meaning_of_its_output(float_model: Path, opened: Open) -> None:
    """The same bytes, read as sigmoids, as logits and as numbers."""
    content = float_model.read_bytes()
    outputs = opened(attach(content, Metadata(meaning="numbers"))).predict(pixels(3) / 255)
    logits = opened(attach(content, Metadata(("a", "b"), meaning="logits")))
    assert logits.meaning == "logits"
    expected = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    assert logits.predict(pixels(3) / 255) == pytest.approx(expected, abs=1e-6)
    raw = opened(attach(content, METADATA))
    assert raw.meaning == "probabilities"
    assert np.array_equal(raw.predict(pixels(3)), outputs)


def test_floats_of_the_unit_range_are_not_pixels_up_to_255(float_model: Path, opened: Open) -> None:
    model = opened(attach(float_model.read_bytes(), Metadata(("0", "1"), mean=(0.0,), std=(1.0,))))
    with pytest.raises(
        InputError, match="from 0 to 1 are not on the model's scale, which is 0 to 255"
    ):
        model.predict(np.linspace(0, 1, 784, dtype=np.float32).reshape(1, 28, 28, 1))
    assert model.predict(np.zeros((1, 28, 28, 1), np.float32)).shape == (1, 2)
    assert model.predict(np.full((1, 28, 28, 1), 40, np.float32)).shape == (1, 2)


def test_whole_numbers_are_inputs_of_a_model_of_numbers(float_model: Path, opened: Open) -> None:
    model = opened(attach(float_model.read_bytes(), Metadata(("0", "1"))))
    whole = np.ones((2, 28, 28, 1), np.int64)
    assert np.array_equal(model.predict(whole), model.predict(whole.astype(np.float32)))


def test_a_model_describes_itself(int8_model: Path, opened: Open) -> None:
    model = opened(attach(int8_model.read_bytes(), METADATA), backend="native")
    assert repr(model).startswith("<Model '")
    assert "on native: int8 [1, 28, 28, 1] -> int8 [1, 2]>" in repr(model)
    shown = model._repr_html_()
    for word in ("scale 0.00392157, zero point -128", "probabilities", "0, 1", "digit"):
        assert word in shown
    assert (model.output.scale, model.output.zero_point) == (1 / 256, -128)
    assert model.graph.tensors[model.graph.ops[0].inputs[0]].scale == model.input.scale


def test_a_float_tensor_has_no_scale(float_model: Path, opened: Open) -> None:
    model = opened(float_model.read_bytes())
    assert (model.input.scale, model.input.zero_point) == (None, None)


# The arithmetic of quantisation.


def litert_quantize(int8_model: Path, scale: float, values: Any) -> Any:
    """Return ``values`` through LiteRT's QUANTIZE with the model's zero point."""

    def change(model: Any, graph: Any) -> None:
        graph.tensors[graph.inputs[0]].quantization.scale = [scale]
        source = schema.TensorT()
        source.name, source.type = b"values", schema.TensorType.FLOAT32
        source.shape = graph.tensors[graph.inputs[0]].shape = [len(values)]
        source.buffer, graph.tensors[graph.inputs[0]].shapeSignature = 0, None
        graph.tensors.append(source)
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.QUANTIZE
        op = schema.OperatorT()
        op.inputs, op.outputs = [len(graph.tensors) - 1], list(graph.inputs)
        model.operatorCodes, graph.operators = [code], [op]
        graph.inputs, graph.outputs = op.inputs, op.outputs
        model.signatureDefs = []

    interpreter = Interpreter(
        model_content=edited(int8_model.read_bytes(), change),
        # XNNPACK multiplies by 1 / scale and rounds halves to even, which is not TFLite's rule.
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("scale", [None, 1.0, 0.1, 3.1e-5])
def test_quantize_is_litert_quantize(int8_model: Path, scale: float) -> None:
    tensor = load(int8_model).input
    scale = np.float32(scale or tensor.quantization.scales[0])
    quantization = record.replace(tensor.quantization, scales=(float(scale),))
    tensor = record.replace(tensor, quantization=quantization)
    rng = np.random.default_rng(0)
    halves = np.arange(-600, 600, dtype=np.float32) + np.float32(0.5)
    steps = np.concatenate(
        [
            rng.uniform(-200, 400, 200_000),
            rng.normal(0, 100_000, 10_000),
            halves,
            # Among these is 0.49999997, to which float32 cannot add 0.5.
            *(np.nextafter(halves, np.float32(end)) for end in (-np.inf, np.inf)),
            [0.0, -0.0],
        ]
    )
    values = steps.astype(np.float32) * scale

    np.testing.assert_array_equal(
        quantize(values, tensor), litert_quantize(int8_model, scale, values)
    )


def test_quantize_clamps_to_the_integer_type(int8_model: Path) -> None:
    tensor = load(int8_model).input
    values = np.array([3e38, -3e38], np.float32)

    np.testing.assert_array_equal(quantize(values, tensor), np.array([127, -128], np.int8))


def test_dequantize_follows_the_specification(int8_model: Path) -> None:
    tensor = load(int8_model).output
    (scale,), (zero_point,) = tensor.quantization.scales, tensor.quantization.zero_points
    values = np.arange(-128, 128).astype(np.int8)

    np.testing.assert_array_equal(
        dequantize(values, tensor),
        np.array([(int(q) - zero_point) * scale for q in values], np.float32),
    )


# classify()


def ring_and_bar() -> Any:
    """A 0 and a 1 in dark ink on white, drawn large."""
    from PIL import Image, ImageDraw

    ring, bar = (Image.new("L", (400, 300), 250) for _ in range(2))
    ImageDraw.Draw(ring).ellipse((140, 60, 260, 240), outline=30, width=24)
    ImageDraw.Draw(bar).line((210, 60, 190, 240), fill=30, width=24)
    return ring, bar


def test_classify(classifier: Model) -> None:
    for label, image in zip(("0", "1"), ring_and_bar(), strict=True):
        answer = classifier.classify(image)

        assert answer.label == label
        assert answer.index == int(label)
        assert answer.score == max(answer.scores) == answer.scores[answer.index]
        assert len(answer.scores) == 2
        assert answer.inverted


def test_classify_accepts_a_path(classifier: Model, tmp_path: Path) -> None:
    ring, _ = ring_and_bar()
    ring.save(tmp_path / "ring.png")

    expected = classifier.classify(ring)

    assert classifier.classify(tmp_path / "ring.png") == expected
    assert classifier.classify(str(tmp_path / "ring.png")) == expected
    assert classifier.classify(np.asarray(ring)) == expected


def test_classify_equals_predict_for_an_image_of_the_models_size(classifier: Model) -> None:
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 12:16] = 255

    answer = classifier.classify(image)

    assert answer.scores == tuple(classifier.predict(image[None])[0].tolist())
    assert not answer.inverted


def test_inversion_can_be_turned_off(classifier: Model) -> None:
    image = np.full((28, 28), 255, np.uint8)
    image[4:24, 12:16] = 0

    assert classifier.classify(image).inverted
    answer = classifier.classify(image, invert=False)
    assert not answer.inverted
    assert answer.scores == tuple(classifier.predict(image[None])[0].tolist())


def test_a_prediction_is_frozen(classifier: Model) -> None:
    answer = classifier.classify(ring_and_bar()[0])

    with pytest.raises(AttributeError):
        answer.label = "7"


def test_classify_needs_labels(bare_float: Model) -> None:
    with pytest.raises(MetadataError, match=r"model.tflite: it carries no labels: convert it"):
        bare_float.classify(ring_and_bar()[0])
    with pytest.raises(MetadataError):
        _ = bare_float.labels


def test_classify_needs_a_model_of_images(float_model: Path, opened: Open) -> None:
    def change(_: Any, graph: Any) -> None:
        tensor = graph.tensors[graph.inputs[0]]
        tensor.shape, tensor.shapeSignature = [1, 7, 7, 16], None

    model = opened(attach(edited(float_model.read_bytes(), change), METADATA))

    assert model.predict(np.zeros((2, 7, 7, 16), np.uint8)).shape == (2, 2)
    with pytest.raises(ModelError, match=r"float32 \[1, 7, 7, 16\] is not an image"):
        model.classify(ring_and_bar()[0])


def test_a_flat_square_is_an_image(float_model: Path, opened: Open) -> None:
    def change(_: Any, graph: Any) -> None:
        tensor = graph.tensors[graph.inputs[0]]
        tensor.shape, tensor.shapeSignature = [1, 784], None

    model = opened(attach(edited(float_model.read_bytes(), change), METADATA))
    framed = opened(attach(float_model.read_bytes(), METADATA))
    for image in ring_and_bar():
        assert model.classify(image) == framed.classify(image)


def test_a_model_of_images_without_channel_axis(float_model: Path, opened: Open) -> None:
    def change(_: Any, graph: Any) -> None:
        tensor = graph.tensors[graph.inputs[0]]
        tensor.shape, tensor.shapeSignature = [1, 28, 28], None

    model = opened(attach(edited(float_model.read_bytes(), change), METADATA))

    assert [model.classify(image).label for image in ring_and_bar()] == ["0", "1"]
    assert model.predict(pixels(2)).shape == (2, 2)


@pytest.mark.mnist
def test_mnist_images_are_not_changed(trained: Model, mnist: Dataset) -> None:
    expected = trained.predict(mnist.x_test).argmax(1)

    answers = [trained.classify(image) for image in mnist.x_test]

    np.testing.assert_array_equal([answer.index for answer in answers], expected)
    assert not any(answer.inverted for answer in answers)
    assert (expected == mnist.y_test).mean() > 0.99
