"""Cross-layer equalisation: the same function of float numbers, with equal ranges of channels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import build
import edge_runtime
from edge_runtime.reader import read
from edgekit import cli
from edgekit.convert import equalising, litert_quantizer
from edgekit.convert.compare import tensor_errors
from edgekit.convert.conversion import Conversion
from edgekit.convert.equalising import equalised
from edgekit.convert.normal_form import normalised
from edgekit.convert.object_tree import pack, unpack

SAME = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
POOL = {"strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
RELU, RELU6 = 1, 3


def spread(rng: np.random.Generator, shape: Sequence[int], axis: int) -> npt.NDArray[np.float32]:
    """Return weights whose channels along an axis have ranges from 1/30 to 30."""
    sizes = np.exp(rng.uniform(-3.4, 3.4, shape[axis]))
    along = [-1 if i == axis else 1 for i in range(len(shape))]
    return np.asarray(rng.normal(size=shape) * sizes.reshape(along) * 0.3, np.float32)


def network(*, biases: bool = True) -> bytes:
    """Return a float network whose layers follow each other by all that may be in between.

    CONV_2D (RELU) → PAD → DEPTHWISE_CONV_2D → LEAKY_RELU → MAX_POOL_2D → CONV_2D →
    AVERAGE_POOL_2D → RESHAPE → FULLY_CONNECTED (RELU) → RESHAPE → CONV_2D → RELU → MEAN →
    FULLY_CONNECTED, from [1, 8, 8, 2] to [1, 3].
    """
    rng = np.random.default_rng(0)

    def bias(size: int) -> Any:
        return build.constant(rng.normal(size=size) * biases, "float32")

    tensors = [
        build.tensor((1, 8, 8, 2)),
        build.constant(spread(rng, (4, 3, 3, 2), 0), "float32"),
        bias(4),
        build.tensor((1, 8, 8, 4)),
        build.constant([[0, 0], [1, 1], [1, 1], [0, 0]], "int32"),
        build.tensor((1, 10, 10, 4)),
        build.constant(spread(rng, (1, 3, 3, 8), 3), "float32"),
        bias(8),
        build.tensor((1, 8, 8, 8)),
        build.tensor((1, 8, 8, 8)),
        build.tensor((1, 4, 4, 8)),  # 10
        build.constant(spread(rng, (4, 1, 1, 8), 0), "float32"),
        bias(4),
        build.tensor((1, 4, 4, 4)),
        build.tensor((1, 2, 2, 4)),
        build.constant([1, 16], "int32"),
        build.tensor((1, 16)),
        build.constant(spread(rng, (6, 16), 0), "float32"),
        bias(6),
        build.tensor((1, 6)),
        build.constant([1, 1, 1, 6], "int32"),  # 20
        build.tensor((1, 1, 1, 6)),
        build.constant(spread(rng, (5, 1, 1, 6), 0), "float32"),
        bias(5),
        build.tensor((1, 1, 1, 5)),
        build.tensor((1, 1, 1, 5)),
        build.constant([1, 2], "int32"),
        build.tensor((1, 5)),
        build.constant(spread(rng, (3, 5), 0), "float32"),
        bias(3),
        build.tensor((1, 3)),  # 30
    ]
    ops: list[build.Op] = [
        ("CONV_2D", [0, 1, 2], 3, SAME | {"fusedActivationFunction": RELU}),
        ("PAD", [3, 4], 5, {}),
        ("DEPTHWISE_CONV_2D", [5, 6, 7], 8, SAME | {"depthMultiplier": 2, "padding": 1}),
        ("LEAKY_RELU", [8], 9, {"alpha": 0.2}),
        ("MAX_POOL_2D", [9], 10, POOL),
        ("CONV_2D", [10, 11, 12], 13, SAME),
        ("AVERAGE_POOL_2D", [13], 14, POOL),
        ("RESHAPE", [14, 15], 16, {"newShape": [1, 16]}),
        ("FULLY_CONNECTED", [16, 17, 18], 19, {"fusedActivationFunction": RELU}),
        ("RESHAPE", [19, 20], 21, {"newShape": [1, 1, 1, 6]}),
        ("CONV_2D", [21, 22, 23], 24, SAME),
        ("RELU", [24], 25, {}),
        ("MEAN", [25, 26], 27, {"keepDims": False}),
        ("FULLY_CONNECTED", [27, 28, 29], 30, {}),
    ]
    return build.model(tensors, ops)


def dense(
    *between: build.Op,
    rows: int = 1,
    shape: Sequence[int] = (1, 4),
    read: int = 4,
    ends: Sequence[int] = (),
    activation: int = 0,
) -> bytes:
    """Return FULLY_CONNECTED → ``between`` → FULLY_CONNECTED, [rows, 2] → [rows, 4] → ``shape``.

    The first one's output is tensor 3, the input of the second is tensor 4, of which it reads so
    many numbers at once.
    """
    rng = np.random.default_rng(1)
    tensors = [
        build.tensor((rows, 2)),
        build.constant(spread(rng, (4, 2), 0), "float32"),
        build.constant(np.ones(4), "float32"),
        build.tensor((rows, 4)),
        build.tensor(shape),
        build.constant(rng.normal(size=(1, read)), "float32"),
        build.tensor((1, 1)),
        build.constant([[0, 0], [2, 2]], "int32"),
        build.constant([1], "int32"),
        build.constant(1, "float32"),
        build.tensor((1, 4)),
        build.tensor((2, 2)),
        build.constant([2, 2], "int32"),
        build.constant([[1, 1], [0, 0]], "int32"),
    ]
    first: build.Op = (
        *("FULLY_CONNECTED", [0, 1, 2], 3 if between else 4),
        {"fusedActivationFunction": activation},
    )
    ops: list[build.Op] = [first, *between, ("FULLY_CONNECTED", [4, 5, -1], 6, {})]
    return build.model(tensors, ops, outputs=[6, *ends])


def answers(content: bytes, folder: Path, inputs: npt.NDArray[np.float32]) -> Any:
    path = folder / "model.tflite"
    path.write_bytes(content)
    with edge_runtime.load(path) as model:
        return np.concatenate([model.run(one[None]) for one in inputs])


def ranges(content: bytes, index: int, axis: int) -> Any:
    tensor = read(content).tensors[index]
    assert tensor.data is not None
    values = np.abs(np.frombuffer(tensor.data, np.float32).reshape(tensor.shape))
    return np.moveaxis(values, axis, 0).reshape(tensor.shape[axis], -1).max(axis=1)


def test_the_float_function_stays_the_same(tmp_path: Path) -> None:
    before = network()
    after = equalised(before)
    inputs = np.random.default_rng(2).normal(size=(20, 8, 8, 2)).astype(np.float32)
    expected, output = (answers(content, tmp_path, inputs) for content in (before, after))
    assert np.abs(expected).min() > 0
    assert np.abs(output - expected).max() <= 1e-5 * np.abs(expected).max()
    assert len(after) == len(before)
    graphs = read(before), read(after)
    changed = [
        one.index
        for one, other in zip(graphs[0].tensors, graphs[1].tensors, strict=True)
        if one.data != other.data
    ]
    assert changed == [1, 2, 6, 7, 11, 12, 17, 18, 22, 23, 28], "all but the last bias"


def test_both_layers_of_a_pair_have_the_same_range_in_each_channel() -> None:
    content = equalised(network())
    for first, axis, second, reading in ((1, 0, 6, 3), (6, 3, 11, 3), (11, 0, 17, 1)):
        one, other = ranges(content, first, axis), ranges(content, second, reading)
        channels = np.arange(len(other)) // (2 if second == 6 else 1) % len(one)
        largest = [other[channels == channel].max() for channel in range(len(one))]
        assert largest == pytest.approx(one, rel=0.01)


def test_biases_of_zeros_may_be_shared() -> None:
    tree = unpack(network(biases=False))
    tensors = tree.subgraphs[0].tensors
    tensors[2].buffer = tensors[12].buffer
    shared = equalised(pack(tree))
    assert ranges(shared, 1, 0) == pytest.approx(ranges(equalised(network()), 1, 0), rel=1e-5)


def test_a_constant_that_is_used_twice_stays_as_it_is() -> None:
    tree = unpack(network())
    tensors = tree.subgraphs[0].tensors
    tensors[2].buffer = tensors[12].buffer
    before = pack(tree)
    after = equalised(before)
    for index in (1, 2, 12):
        assert read(after).tensors[index].data == read(before).tensors[index].data
    assert read(after).tensors[17].data != read(before).tensors[17].data


@pytest.mark.parametrize(
    "content",
    [
        dense(activation=RELU6),
        dense(("TANH", [3], 4, {})),
        dense(("PADV2", [3, 13, 9], 4, {}), shape=(3, 4)),
        dense(("PAD", [3, 7], 4, {}), shape=(1, 8), read=8),
        dense(("MEAN", [3, 8], 4, {"keepDims": False}), rows=4, shape=(4,)),
        dense(("RESHAPE", [3, 12], 11, {}), ("PAD", [11, 13], 4, {}), shape=(4, 2), read=8),
        dense(("RELU", [3], 4, {}), ("ABS", [3], 10, {}), ends=[10]),
        dense(("RELU", [3], 4, {}), ends=[3]),
        dense(("ADD", [3, 3], 4, {})),
        dense(("RELU", [3], 10, {}), ("FULLY_CONNECTED", [10, 1, -1], 4, {})),
    ],
    ids=["relu6", "tanh", "padv2", "pad", "mean", "reshape", "read twice", "output", "add", "same"],
)
def test_what_does_not_pass_a_factor_on_is_left_alone(content: bytes) -> None:
    assert equalised(content) == content


def test_what_passes_a_factor_on_is_not_left_alone() -> None:
    for content in (
        dense(activation=RELU),
        dense(("RELU", [3], 4, {})),
        dense(("PAD", [3, 13], 4, {}), shape=(3, 4)),
        dense(("RESHAPE", [3, 12], 4, {}), rows=2, shape=(1, 8), read=8),
    ):
        assert equalised(content) != content


def test_a_channel_that_nothing_reads_does_not_set_the_scale() -> None:
    tree = unpack(dense())
    weights = [tree.buffers[tree.subgraphs[0].tensors[index].buffer] for index in (1, 5)]
    first = np.array([[100, 0], [1, 1], [2, 2], [3, 3]], np.float32)
    second = np.array([0, 3, 2, 1], np.float32)
    for buffer, values in zip(weights, (first, second), strict=True):
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    after = ranges(equalised(pack(tree)), 1, 0)
    assert after == pytest.approx([2, 3**0.5, 2, 3**0.5])


def test_a_channel_that_is_all_but_dead_keeps_a_sane_bias() -> None:
    tree = unpack(dense())
    main = tree.subgraphs[0]
    weights = tree.buffers[main.tensors[1].buffer]
    values = np.array(weights.data).view(np.float32).reshape(4, 2).copy()
    values[0], values[1] = 0, 1e-30
    weights.data = np.frombuffer(values.tobytes(), np.uint8)
    after = read(equalised(pack(tree))).tensors[2]
    assert after.data is not None
    biases = np.frombuffer(after.data, np.float32)
    assert biases[0] == 1
    assert 1 < biases[1] < 2 / equalising.SMALLEST


def test_one_scale_for_all_channels_is_enough_afterwards() -> None:
    pytest.importorskip("litert_quantizer")
    rng = np.random.default_rng(3)
    sizes = 10.0 ** rng.uniform(-2, 2, 16)
    tensors = [
        build.tensor((1, 8)),
        build.constant(rng.normal(size=(16, 8)) * sizes[:, None], "float32"),
        build.constant(rng.normal(size=16) * sizes, "float32"),
        build.tensor((1, 16)),
        build.constant(rng.normal(size=(4, 16)) / sizes, "float32"),
        build.tensor((1, 4)),
    ]
    ops: list[build.Op] = [
        ("FULLY_CONNECTED", [0, 1, 2], 3, {"fusedActivationFunction": RELU}),
        ("FULLY_CONNECTED", [3, 4, -1], 5, {}),
    ]
    plain = normalised(build.model(tensors, ops), ["x"], ["y"], fixed=True)
    inputs = (rng.normal(size=(100, 8)).astype(np.float32),)
    conversion = Conversion(scheme="int8", target="mcu", quantizer="litert")
    ratios = []
    for content in (plain, equalised(plain)):
        model = litert_quantizer.quantized(Path("net.tflite"), content, conversion, inputs)
        ratios.append(tensor_errors(content, model, *inputs)[-1].snr_db)
    assert ratios[0] < 10
    assert ratios[1] > 30


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scheme", "float16"], "--equalize: helps int8 and int16x8, not float16"),
        (["--quantize"], "has no two layers to equalise"),
    ],
)
def test_what_cannot_be_equalised_is_refused(
    tmp_path: Path, capsys: Any, options: list[str], message: str
) -> None:
    pytest.importorskip("litert_quantizer")
    path = tmp_path / "net.tflite"
    path.write_bytes(dense(("TANH", [3], 4, {})))
    np.save(tmp_path / "x.npy", np.ones((100, 2), np.float32))
    calibration = ["--calibration", str(tmp_path / "x.npy")] if "--quantize" in options else []
    command = ["convert", str(path), "--equalize", *options, *calibration]
    assert cli.run([*command, "-o", str(tmp_path / "out.tflite")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
