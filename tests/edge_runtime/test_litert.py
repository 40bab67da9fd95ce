"""The backend litert, compared with LiteRT."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

import build
import edge_runtime
import runtimes
from edge_runtime import BackendError, ModelError
from edge_runtime.backends import backends, litert, unavailable
from edge_runtime.install import install_line
from edge_runtime.quantize import dequantize, quantize
from edge_runtime.reader import read

pytestmark = pytest.mark.unsanitized

SHAPE = (1, 28, 28, 1)

load = partial(edge_runtime.load, backend="litert")

Change = Callable[[Any, Any], object]


def edited(path: Path, change: Change) -> bytes:
    """Return the model at ``path`` after ``change(model, subgraph)``."""
    import flatbuffers

    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    model.metadata = []  # the labels are behind the FlatBuffer, and stay behind
    change(model, model.subgraphs[0])
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def with_batch(path: Path, batch: int) -> bytes:
    """Return the model at ``path`` for another batch; -1 for a dynamic one."""

    def change(model: Any, graph: Any) -> None:
        reshape = graph.operators[0]
        for index in {*graph.inputs, *(output for op in graph.operators for output in op.outputs)}:
            tensor = graph.tensors[index]
            tensor.shape = [max(batch, 1), *tensor.shape[1:]]
            tensor.shapeSignature = [batch, *tensor.shape[1:]]
        target = model.buffers[graph.tensors[reshape.inputs[1]].buffer]
        target.data = np.array([batch, np.prod(SHAPE)], np.int32).view(np.uint8)

    return edited(path, change)


@pytest.fixture(params=["float_model", "int8_model"])
def path(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def random_input(dtype: str, count: int = 1, seed: int = 0) -> npt.NDArray[Any]:
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        return rng.random((count, *SHAPE[1:]), np.float32)
    return rng.integers(-128, 128, (count, *SHAPE[1:])).astype(np.int8)


def reference(path: Path, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the outputs of LiteRT, called directly, image by image."""
    interpreter = Interpreter(model_content=path.read_bytes())
    interpreter.allocate_tensors()
    outputs = []
    for image in batch:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    return np.concatenate(outputs)


def test_run_equals_litert(path: Path) -> None:
    model = load(path)
    tensor = random_input(model.input.dtype)

    np.testing.assert_array_equal(model.run(tensor), reference(path, tensor))


def test_num_threads(path: Path) -> None:
    tensor = random_input(load(path).input.dtype)

    np.testing.assert_array_equal(
        load(path, num_threads=2).run(tensor), load(path, num_threads=1).run(tensor)
    )


@pytest.mark.parametrize("num_threads", [0, -1, 1.5, "2"])
def test_num_threads_is_a_positive_integer(float_model: Path, num_threads: Any) -> None:
    with pytest.raises(BackendError, match="num_threads"):
        load(float_model, num_threads=num_threads)


def test_an_unknown_option_is_named(float_model: Path) -> None:
    with pytest.raises(BackendError, match=r"no option 'device': it takes num_threads"):
        load(float_model, device="usb")


def test_an_unknown_backend_is_named(float_model: Path) -> None:
    with pytest.raises(BackendError, match=r"unknown backend 'abacus': there are edgetpu, litert"):
        load(float_model, backend="abacus")


def test_the_backends_are_the_files_of_their_folder() -> None:
    assert {"edgetpu", "litert"} <= set(backends())
    assert unavailable("litert") is None


def test_a_missing_package_is_reported_with_its_install_command(
    float_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litert, "find_spec", lambda _: None)

    assert install_line("litert") in unavailable("litert")
    with pytest.raises(BackendError, match="ai-edge-litert is not installed"):
        load(float_model)


@pytest.mark.parametrize("count", [1, litert.CHUNK - 1, litert.CHUNK, 2 * litert.CHUNK + 3])
@pytest.mark.parametrize("batch", [1, -1, 4])
def test_a_batch_equals_its_single_images(
    path: Path, batch: Any, count: int, tmp_path: Path
) -> None:
    variant = tmp_path / "model.tflite"
    variant.write_bytes(with_batch(path, batch))
    model = load(variant)
    assert model.input.signature[0] == batch
    images = random_input("float32", count)

    scores = model.predict(images)

    expected = reference(path, quantize(images, model.input))
    np.testing.assert_array_equal(scores, dequantize(expected, model.output))


def test_a_dynamic_batch_runs_in_chunks(
    float_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = tmp_path / "model.tflite"
    variant.write_bytes(with_batch(float_model, -1))
    sizes = []
    invoke = litert.LiteRTSession._invoke
    monkeypatch.setattr(
        litert.LiteRTSession,
        "_invoke",
        lambda self, interpreter, tensors: (
            sizes.append(len(tensors[0])) or invoke(self, interpreter, tensors)
        ),
    )

    load(variant).predict(random_input("float32", 2 * litert.CHUNK + 2))

    assert sizes == [litert.CHUNK, litert.CHUNK, 1, 1]


def test_a_fixed_batch_is_not_resized(float_model: Path, tmp_path: Path) -> None:
    """LiteRT would resize this model without complaint and sum over the images."""

    def change(model: Any, graph: Any) -> None:
        source, axis = (graph.tensors[index] for index in graph.operators[0].inputs)
        target = graph.tensors[graph.outputs[0]]
        source.shape = target.shape = [1, 784]
        source.shapeSignature = target.shapeSignature = None
        axis.shape, model.buffers[axis.buffer].data = [], np.array([0], np.int32).view(np.uint8)
        code = schema.OperatorCodeT()
        code.builtinCode, code.version = schema.BuiltinOperator.CUMSUM, 1
        code.deprecatedBuiltinCode = 127
        model.operatorCodes = [code]
        op = schema.OperatorT()
        op.inputs, op.outputs = graph.operators[0].inputs, graph.outputs
        op.builtinOptionsType = schema.BuiltinOptions.CumsumOptions
        op.builtinOptions = schema.CumsumOptionsT()
        graph.operators = [op]

    path = tmp_path / "cumsum.tflite"
    path.write_bytes(edited(float_model, change))
    batch = random_input("float32", litert.CHUNK).reshape(litert.CHUNK, 784)

    np.testing.assert_array_equal(load(path).predict(batch), batch)


def test_a_model_that_litert_refuses_is_a_model_error(float_model: Path, tmp_path: Path) -> None:
    def change(model: Any, graph: Any) -> None:
        code = model.operatorCodes[graph.operators[-1].opcodeIndex]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = b"abacus"

    path = tmp_path / "custom.tflite"
    path.write_bytes(edited(float_model, change))

    with pytest.raises(ModelError, match=r"custom.tflite: 'abacus' is a custom op"):
        load(path)


ROWS, DEPTH = 8, 64


def blockwise(
    dtype: str = "int4",
    scale: str = "float16",
    block: int = 32,
    scales: int = 3,
    depth: Any = DEPTH,
) -> Any:
    """FULLY_CONNECTED with weights of 1, and for each block a scale of 1, but 2 for the first."""
    weights = {"int4": np.full(ROWS * depth // 2, 0x11, np.uint8)}.get(
        dtype, np.ones(ROWS * depth, np.int8)
    )
    factors = np.ones((ROWS, max(1, depth // max(block, 1))), scale)
    factors[:, 0] = 2
    details = schema.BlockwiseQuantizationT()
    details.scales, details.zeroPoints, details.blockSize = scales, -1, block
    types = {"int4": 17, "int8": 9, "float32": 0, "float16": 1}
    buffers = [schema.BufferT()] + [
        schema.BufferT(data=np.frombuffer(one.tobytes(), np.uint8)) for one in (weights, factors)
    ]
    op = schema.OperatorT(inputs=[0, 1, -1], outputs=[2])
    op.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    op.builtinOptions = schema.FullyConnectedOptionsT()
    blocks = schema.QuantizationParametersT(detailsType=2, details=details)
    tensors = [
        schema.TensorT(shape=[1, depth], name="x"),
        schema.TensorT([ROWS, depth], types[dtype], 1, "w", quantization=blocks),
        schema.TensorT(shape=[1, ROWS], name="y"),
        schema.TensorT(list(factors.shape), types[scale], 2, "scales"),
    ]
    graph = schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[2], operators=[op])
    code = schema.OperatorCodeT(9, None, 12, 9)
    return build.pack(
        schema.ModelT(version=3, operatorCodes=[code], subgraphs=[graph], buffers=buffers)
    )


@pytest.mark.parametrize("block", [32, 64])
def test_blockwise_weights_that_litert_runs_correctly(block: int, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(blockwise(block=block))
    answer = load(path).run(np.ones((1, DEPTH), np.float32))
    np.testing.assert_allclose(answer, np.full((1, ROWS), DEPTH + block))


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "int8"},  # LiteRT's kernel gives 0
        {"scale": "float32"},  # a wrong sum
        {"block": 2 * DEPTH},  # SIGFPE
        {"block": 0},
        {"block": 48},
        {"scales": 99},  # SIGSEGV
        {"scales": -1},  # SIGSEGV
        {"scales": 0},  # SIGSEGV
    ],
)
def test_blockwise_weights_that_it_gets_wrong_or_crashes_on_are_refused(
    changes: Any, tmp_path: Path
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(blockwise(**changes))
    with pytest.raises(ModelError, match="LiteRT does not run these blockwise quantised weights"):
        load(path)


def test_litert_kernels_run_where_xnnpack_fails(tmp_path: Path) -> None:
    """XNNPACK has no factor of 10^7 between the sums and the output."""
    tensors = [
        build.tensor((1, 9), "int8", 100.0),
        build.constant(np.ones((5, 9)), "int8", 100.0),
        build.tensor((1, 5), "int8", 1e-3),
    ]
    content = build.model(tensors, [("FULLY_CONNECTED", [0, 1, -1], 2, {})])
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    model = load(path)
    tensor = np.arange(-4, 5, dtype=np.int8).reshape(1, 9)
    assert model.run(tensor).tobytes() == runtimes.builtin_ref(content)(tensor).tobytes()
    assert re.match("LiteRT runs it without XNNPACK, which cannot: .*XNN", model.backend_note)
    assert "\n" not in model.backend_note


def test_the_note_is_empty_by_default(path: Path) -> None:
    assert load(path).backend_note == ""
    assert edge_runtime.load(path, backend="native").backend_note == ""


def test_an_op_without_its_inputs_never_reaches_litert(int8_model: Path, tmp_path: Path) -> None:
    """It would crash the process."""
    count = len(read(int8_model.read_bytes()).ops)
    path = tmp_path / "model.tflite"
    for op, position in ((op, position) for op in range(count) for position in (0, 1)):

        def change(_: Any, graph: Any, op: Any = op, position: Any = position) -> None:
            inputs = list(graph.operators[op].inputs)
            if position < len(inputs):
                inputs[position] = -1
            graph.operators[op].inputs = inputs

        content = edited(int8_model, change)
        if content == edited(int8_model, lambda *_: None):
            continue
        path.write_bytes(content)
        with pytest.raises(ModelError, match=f"op {op}, .*: it has no input {position}"):
            load(path)


def test_the_body_of_a_loop_is_checked_before_litert_runs_it(tmp_path: Path) -> None:
    def relu(read: Any) -> Any:
        return [build.tensor((1, 4)), build.tensor((1, 4))], [("RELU", [read], 1, {})], [0], [1]

    path = tmp_path / "model.tflite"
    for index, read_by_body in (("good", 0), ("bad", 1)):
        path.write_bytes(build.file([relu(0), relu(read_by_body)]))
        if index == "good":
            load(path)
        else:
            with pytest.raises(ModelError, match="RELU: tensor 1 is read before it is made"):
                load(path)


SCRIPT = """
import os, sys
from edge_runtime import load
from edge_runtime.backends import litert
load(sys.argv[1], backend="litert")
with litert.without_info():
    os.write(2, b"INFO: chatter\\nWARNING: of use\\n")
os.write(2, b"after\\n")
"""


def stderr_of(path: Path, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "EDGEKIT_VERBOSE": "", **environment},
    )
    return done.stderr.splitlines()


def test_only_important_messages_of_litert_are_printed(float_model: Path) -> None:
    assert stderr_of(float_model) == ["WARNING: of use", "after"]


def test_litert_needs_no_standard_error(float_model: Path) -> None:
    script = """
import os, sys
from edge_runtime import load
os.close(2)
load(sys.argv[1], backend="litert")
"""

    subprocess.run([sys.executable, "-c", script, str(float_model)], check=True)


def test_litert_needs_no_temporary_files(
    float_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(litert, "TemporaryFile", fail)

    assert load(float_model).input.shape == SHAPE


def test_litert_is_verbose_on_request(float_model: Path) -> None:
    lines = stderr_of(float_model, EDGEKIT_VERBOSE="1")

    assert "INFO: chatter" in lines
    assert any("XNNPACK" in line for line in lines)


def test_ops_that_nobody_reads_are_not_checked_by_the_plan(tmp_path: Path) -> None:
    """The engine drops them, and LiteRT runs them."""
    tensors = [build.tensor((1, 4)) for _ in range(3)]
    data = build.model(tensors, [("BITCAST", [0], 1, {}), ("TANH", [0], 2, {})])
    (tmp_path / "model.tflite").write_bytes(data)
    edge_runtime.load(tmp_path / "model.tflite")
    assert not litert.is_checked(read(data))
    plain = build.model(tensors, [("TANH", [0], 1, {}), ("TANH", [0], 2, {})])
    assert litert.is_checked(read(plain))
