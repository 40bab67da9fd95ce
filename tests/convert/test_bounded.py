"""What int8 would lose: exponentials that nothing needs, and ranges that are cut off."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import build
import runtimes
from edge_runtime.reader import read
from edgekit import cli, frameworks
from edgekit.convert.bounded import as_bounded
from edgekit.convert.object_tree import pack, unpack
from edgekit.convert.own_scales import as_sums, with_own_scales, with_steps
from edgekit.convert.targets import float_operators

SHAPE = (1, 7)
NUMBERS = np.array([[-60, -3, -0.5, 0, 0.25, 4, 60]], np.float32)


def file(ops: list[Any], count: int, outputs: list[int], *constants: float) -> bytes:
    """A file of ``count`` float tensors, the first of which is the input, then constants."""
    tensors = [build.tensor(SHAPE, name=f"t{index}") for index in range(count)]
    tensors += [build.constant(one, "float32") for one in constants]
    return build.model(tensors, ops, outputs=outputs)


def softplus() -> bytes:
    return file([("EXP", [0], 1, {}), ("ADD", [1, 4], 2, {}), ("LOG", [2], 3, {})], 4, [3], 1.0)


def elu(
    comparison: str,
    p: float,
    q: float,
    *,
    tensors: tuple[int, int] = (2, 5),
    zero: float = 0.0,
    fused: int = 0,
) -> bytes:
    """SELECT of p·x and q·(exp(x) - 1)."""
    flags = build.tensor(SHAPE, "bool", name="flags")
    floats = [build.tensor(SHAPE, name=f"t{index}") for index in range(7)]
    floats[1] = flags
    constants = [build.constant(one, "float32") for one in (zero, p, q, 1.0)]
    ops: list[Any] = [
        (comparison, [0, 7], 1, {}),
        ("MUL", [0, 8], 2, {}),
        ("EXP", [0], 3, {}),
        ("SUB", [3, 10], 4, {"fusedActivationFunction": fused}),
        ("MUL", [4, 9], 5, {}),
        ("SELECT", [1, *tensors], 6, {}),
    ]
    return build.model([*floats, *constants], ops, outputs=[6])


def names(content: bytes) -> list[str]:
    return [op.name for op in read(content).ops]


def run(content: bytes, numbers: Any = NUMBERS) -> Any:
    return runtimes.builtin(content)(numbers)


def test_a_softplus_is_the_same_without_overflow() -> None:
    changed = as_bounded(softplus())
    assert names(changed) == ["MUL", "ADD", "ADD", "LOGISTIC", "LOG", "SUB"]
    for numbers in (NUMBERS, NUMBERS * 2):  # LiteRT's EXP ends at 88.7
        expected = np.logaddexp(0, numbers)
        np.testing.assert_allclose(run(changed, numbers), expected, rtol=1e-6, atol=1e-7)
    assert as_bounded(changed) == changed


@pytest.mark.parametrize(("p", "q"), [(1.05, 1.76), (1, 0.5), (0.7, 0.7)])
@pytest.mark.parametrize("comparison", ["GREATER", "LESS_EQUAL"])
def test_a_branch_with_an_exponential_is_the_same_as_an_elu(
    comparison: str, p: float, q: float
) -> None:
    order = (2, 5) if comparison == "GREATER" else (5, 2)
    content = elu(comparison, p, q, tensors=order)
    changed = as_bounded(content)
    assert names(changed)[:2] == ["ELU", "MUL"]
    assert "EXP" not in names(changed)
    np.testing.assert_allclose(run(changed), run(content), rtol=1e-5, atol=1e-6)


def others() -> dict[str, Callable[[], bytes]]:
    exp, log = ("EXP", [0], 1, {}), ("LOG", [2], 3, {})
    return {
        "log(exp(x) + 2)": lambda: file([exp, ("ADD", [1, 4], 2, {}), log], 4, [3], 2.0),
        "exp is an output": lambda: file([exp, ("ADD", [1, 4], 2, {}), log], 4, [1, 3], 1.0),
        "log(exp(x) - 1)": lambda: file([exp, ("SUB", [1, 4], 2, {}), log], 4, [3], 1.0),
        "relu inside": lambda: file(
            [exp, ("ADD", [1, 4], 2, {"fusedActivationFunction": 1}), log], 4, [3], 1.0
        ),
        "relu of exp(x) - 1": lambda: elu("GREATER", 1, 1, fused=1),
        "exp where x is greater": lambda: elu("GREATER", 1, 1, tensors=(5, 2)),
        "greater than 1": lambda: elu("GREATER", 1, 1, zero=1),
        "negative factor": lambda: elu("GREATER", -1, 1),
    }


@pytest.mark.parametrize("kind", others())
def test_what_is_neither_stays(kind: str) -> None:
    content = others()[kind]()
    assert as_bounded(content) == content


def test_what_others_read_too_is_copied() -> None:
    ops: list[Any] = [
        ("MUL", [0, 4], 1, {}),
        ("MAXIMUM", [1, 5], 2, {}),
        ("ADD", [1, 2], 3, {}),
    ]
    content = file(ops, 4, [3], 3.0, 0.5)
    changed = with_own_scales(content)
    assert names(changed) == ["MUL", "MUL", "MAXIMUM", "ADD"]
    assert run(changed).tobytes() == run(content).tobytes()
    ops[2] = ("ADD", [2, 2], 3, {})
    alone = file(ops, 4, [3], 3.0, 0.5)
    assert with_own_scales(alone) == alone
    ops[:2] = [("RESHAPE", [0], 1, {"newShape": list(SHAPE)}), ("MAXIMUM", [1, 4], 2, {})]
    through = file(ops, 4, [3], 0.5)
    assert names(with_own_scales(through)) == ["RESHAPE", "MUL", "MAXIMUM", "ADD"]


@pytest.mark.parametrize(
    ("kind", "change", "expected"),
    [
        ("MAXIMUM", with_own_scales, ["TANH", "SUB", "ADD"]),
        ("MINIMUM", with_own_scales, ["TANH", "SUB", "SUB"]),
        ("MINIMUM", as_sums, ["TANH", "SUB", "SUB"]),
        ("MAXIMUM", as_sums, ["TANH", "MAXIMUM"]),
    ],
)
def test_extremes_of_two_are_sums(
    kind: str, change: Callable[[bytes], bytes], expected: list[str]
) -> None:
    content = file([("TANH", [0], 1, {}), (kind, [0, 1], 2, {})], 3, [2])
    changed = change(content)
    assert names(changed) == expected
    np.testing.assert_allclose(run(changed), run(content), rtol=1e-6, atol=1e-6)


def test_a_selection_of_two_is_a_sum() -> None:
    tensors = [build.tensor(SHAPE, name=f"t{index}") for index in range(3)]
    tensors += [build.tensor(SHAPE, "bool", name="flags")]
    ops: list[Any] = [
        ("TANH", [0], 1, {}),
        ("GREATER", [0, 1], 3, {}),
        ("SELECT", [3, 0, 1], 2, {}),
    ]
    content = build.model(tensors, ops, outputs=[2])
    changed = with_own_scales(content)
    assert names(changed) == ["TANH", "GREATER", "SUB", "SELECT_V2", "ADD"]
    np.testing.assert_allclose(run(changed), run(content), rtol=1e-6, atol=1e-6)


def test_sizes_are_sums() -> None:
    content = file([("ABS", [0], 1, {})], 2, [1])
    changed = as_sums(content)
    assert names(changed) == ["MUL", "ADD"]
    assert run(changed).tobytes() == run(content).tobytes()


@pytest.mark.parametrize(("scale", "given"), [(4e-12, 0.5), (0.01, 0.01)])
def test_a_difference_that_was_always_0_has_the_step_of_its_input(
    scale: float, given: float
) -> None:
    tensors = [build.tensor(SHAPE, "int8", step, name=f"t{step}") for step in (0.5, 0.25, scale)]
    content = build.model(tensors, [("SUB", [0, 1], 2, {})], inputs=[0, 1])
    changed = with_steps(content)
    quantization = read(changed).tensors[2].quantization
    assert quantization is not None
    assert quantization.scales[0] == pytest.approx(given)
    assert (changed == content) == (scale == given)


def test_options_that_a_file_leaves_out_are_those_of_the_schema() -> None:
    tree = unpack(softplus())
    for op in tree.subgraphs[0].operators:
        op.builtinOptions, op.builtinOptionsType = None, 0
    assert names(as_bounded(pack(tree))) == names(as_bounded(softplus()))


def test_sums_of_floats_have_no_step() -> None:
    tensors = [build.tensor(SHAPE, name=f"t{index}") for index in range(2)]
    content = build.model(tensors, [("ADD", [0, 0], 1, {})])
    assert with_steps(content) == content


def test_whole_numbers_have_no_scale() -> None:
    tensors = [build.tensor(SHAPE, "int32", name=f"t{index}") for index in range(3)]
    tensors.append(build.constant(1, "int32"))
    ops: list[Any] = [("MAXIMUM", [0, 3], 1, {}), ("ADD", [0, 1], 2, {})]
    content = build.model(tensors, ops, outputs=[1, 2])
    assert with_own_scales(content) == content


def network(kind: str) -> Any:
    keras = frameworks.keras()
    ops = keras.ops
    source = keras.Input((8,))
    x = keras.layers.Dense(16)(source)
    match kind:
        case "clip":
            y = x + ops.clip(x, -1.5, 1.5)
        case "maximum":
            y = x + ops.maximum(x, ops.relu(x[:, ::-1]))
        case "of two":  # of ranges of which each is cut off by the other's
            y = ops.maximum(ops.tanh(x), ops.minimum(x, ops.silu(x)))
        case "never less":
            y = x + ops.minimum(x, x + ops.sigmoid(x))
        case "where":
            y = ops.where(x > 0, x, 0.1 * x)
        case _:
            y = keras.layers.Activation(kind)(x)
    model = keras.Model(source, keras.layers.Dense(3)(y))
    random = np.random.default_rng(0)
    model.layers[1].set_weights([random.normal(0, 1.5, (8, 16)), random.normal(0, 1, 16)])
    return model


@pytest.mark.parametrize(
    ("kind", "quantizer"),
    [
        *(("softplus", "tensorflow"), ("softplus", "litert"), ("mish", "tensorflow")),
        *(("selu", "tensorflow"), ("selu", "litert"), ("log_sigmoid", "tensorflow")),
        *(("clip", "tensorflow"), ("maximum", "tensorflow"), ("where", "tensorflow")),
        *(("clip", "litert"), ("softsign", "litert"), ("of two", "tensorflow")),
        *(("never less", "tensorflow"), ("never less", "litert")),
    ],
)
def test_int8_keeps_what_it_lost(kind: str, quantizer: str, tmp_path: Path) -> None:
    frameworks.keras().utils.set_random_seed(1)
    network(kind).save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(400, 8)).astype("f"))
    output = tmp_path / "model.tflite"
    paths = [tmp_path / "model.keras", "--calibration", tmp_path / "x.npy", "-o", output]
    command = ["convert", *map(str, paths), "--quantize", "--quantizer", quantizer]
    assert cli.run(command) == 0
    report = json.loads(output.with_name("model.tflite.report.json").read_text())
    # Softplus had 0.7 dB, mish 0.1, SELU 13.9, a clipped sum 5.2.
    assert report["tensor_errors"][-1]["snr_db"] > 26
    content = output.read_bytes()
    assert float_operators(read(content)) == []
    reference = runtimes.builtin if "ELU" in names(content) else runtimes.builtin_ref
    inputs = np.random.default_rng(1).integers(-128, 128, (50, 1, 8)).astype(np.int8)
    engines, litert = runtimes.engines(content), reference(content)
    for one in inputs:
        runtimes.agree(engines, one, litert(one))
