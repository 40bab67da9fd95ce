"""Who runs a file, and what keeps the others from it."""

from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema

import build
import models
from edgekit.convert.runners import TITLES, RunnerVerdict, support
from edgekit.convert.targets import TARGETS


def who(content: bytes) -> dict[str, RunnerVerdict]:
    return {one.name: one for one in support(content).runners}


def custom(name: str, *, beside: bool = False) -> bytes:
    """A custom op, alone or behind a RELU in int8."""
    tree = schema.ModelT.InitFromPackedBuf(models.seeds()["RELU int8"])
    code = schema.OperatorCodeT(32, name.encode(), 1, 32)
    if beside:
        tree.operatorCodes.append(code)
        tree.subgraphs[0].tensors.append(build.tensor((2, 19), "int8", 0.1))
        tree.subgraphs[0].operators.append(schema.OperatorT(1, inputs=[1], outputs=[2]))
        tree.subgraphs[0].outputs = [2]
    else:
        tree.operatorCodes = [code]
    for one in tree.subgraphs[0].tensors:
        one.shape = [1, 19]
    return build.pack(tree)


def test_all_targets_have_a_verdict() -> None:
    assert set(TITLES) == {"native", *TARGETS}
    assert [one.name for one in support(custom("odd")).runners] == list(TITLES)


def test_the_documented_model_runs_everywhere_but_for_its_layers_with_many_scales(
    int8_model: Path, float_model: Path
) -> None:
    found = who(int8_model.read_bytes())
    assert (found["native"].runs, found["litert"].runs) == ("yes", "yes")
    assert found["edgetpu"].runs == "partly"
    assert "on the host CPU: 2 FULLY_CONNECTED: per-channel weights" in found["edgetpu"].reason
    assert found["ethos-u"].reason.startswith("on the Cortex-M: ")
    found = who(float_model.read_bytes())
    assert [one.runs for one in found.values()] == ["yes", "yes", "yes", "no", "no"]
    assert "2 FULLY_CONNECTED" in found["edgetpu"].reason
    assert "computes in floating point" in found["edgetpu"].reason


def test_files_that_are_compiled_for_one_device_run_there_alone() -> None:
    for beside in False, True:
        edgetpu = who(custom("edgetpu-custom-op", beside=beside))
        assert [one.runs for one in edgetpu.values()] == ["no", "no", "no", "yes", "no"]
        assert "compiled for the Edge TPU" in edgetpu["litert"].reason
        ethos_u = who(custom("ethos-u", beside=beside))
        assert [one.runs for one in ethos_u.values()] == ["no", "no", "no", "no", "yes"]
        assert "Vela" in ethos_u["mcu"].reason


@pytest.mark.parametrize(
    ("name", "litert", "said"),
    [
        ("FlexErf", "no", "an op of TensorFlow (SELECT_TF_OPS)"),
        ("odd", "no", "a custom op"),
        ("AudioSpectrogram", "yes", ""),
    ],
)
def test_custom_ops_are_called_what_they_are(name: str, litert: str, said: str) -> None:
    found = who(custom(name))
    assert found["litert"].runs == litert
    assert said in found["litert"].reason
    assert found["native"].reason == "1 of its 1 ops are not there, see below"
    (missing,) = support(custom(name)).missing
    assert (missing.op, missing.count) == (repr(name), 1)


def test_weights_in_forms_of_their_own() -> None:
    tree = schema.ModelT.InitFromPackedBuf(models.seeds()["dense float32"])
    weights = tree.subgraphs[0].tensors[1]
    weights.type = build.TYPES["int8"]
    tree.buffers[weights.buffer].data = tree.buffers[weights.buffer].data[::4]
    found = who(build.pack(tree))
    assert "int8 weights with float32 activations" in found["mcu"].reason
    assert [one.runs for one in found.values()] == ["no", "yes", "no", "no", "no"]
    assert support(build.pack(tree)).missing[0].why == (
        "integers have one scale and zero point (int16: 0), int8 weights also one scale per output"
    )


def test_several_inputs_hide_no_op() -> None:
    tree = schema.ModelT.InitFromPackedBuf(
        build.unary("BROADCAST_ARGS", ("float32", 0, 0), ("float32", 0, 0), 4)
    )
    tree.subgraphs[0].inputs = [0, 0]
    found = who(build.pack(tree))
    assert found["native"].reason == (
        "two of its inputs are the same tensor; 1 of its 1 ops are not there, see below"
    )
    assert (found["litert"].runs, found["mcu"].runs) == ("yes", "yes")
    assert "not through load: two of its inputs are the same tensor" in found["litert"].reason


def test_a_contradiction_runs_nowhere_that_looks() -> None:
    tree = schema.ModelT.InitFromPackedBuf(models.seeds()["dense int8"])
    tree.subgraphs[0].operators[0].inputs = [3, 1, 2]
    found = who(build.pack(tree))
    assert found["native"].reason == found["litert"].reason
    assert "read before it is made" in found["native"].reason


def test_open_sizes_are_not_for_accelerators() -> None:
    tree = schema.ModelT.InitFromPackedBuf(models.seeds()["RELU int8"])
    tree.subgraphs[0].tensors[0].shapeSignature = [-1, 19]
    found = who(build.pack(tree))
    assert [one.runs for one in found.values()] == ["yes", "yes", "yes", "no", "no"]
    assert "has open sizes [-1, 19]" in found["edgetpu"].reason


def test_int16_is_for_ethos_u_and_not_for_the_edge_tpu() -> None:
    found = who(models.seeds()["TANH int16"])
    assert (found["edgetpu"].runs, found["ethos-u"].runs) == ("no", "yes")
    assert found["edgetpu"].reason == "1 TANH: computes in int16"
