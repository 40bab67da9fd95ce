"""Models of several inputs and outputs through ``edgekit bench``."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import build
import documents
import edge_runtime
import models
import several
from edge_runtime.errors import ModelError
from edgekit import cli
from edgekit.benchmarks import exactness, footprint, latency, model_file, tensors
from edgekit.benchmarks.contender import Contender, from_models
from edgekit.benchmarks.result import Result

FILES = {
    "named.tflite": several.two(batch=1, signature=several.NAMED),
    "float.tflite": several.two("float32", batch=1),
    "split.tflite": several.split(),
    "joined.tflite": several.joined(),
}
IMAGES = np.zeros((7, 0), np.float32)
"""Only their number counts: each model draws its own random tensors."""


@pytest.fixture(autouse=True)
def no_edgetpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_EDGETPU_LIB", "no-such-library.so")


@pytest.fixture(params=FILES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write(tmp_path, request.param)


def write(folder: Path, name: str) -> Path:
    (folder / name).write_bytes(FILES[name])
    return folder / name


def contenders(path: Path, *backends: str) -> list[Contender]:
    found = list(from_models({path.name: path}, backends))
    assert not any(isinstance(one, Result) for one in found)
    return [one for one in found if isinstance(one, Contender)]


def bench(folder: Path, *arguments: object) -> int:
    common = ("--quick", "--artifacts", folder)
    return cli.run(["bench", *map(str, (*arguments, *common))])


def test_every_backend_gets_the_same_tensors(path: Path) -> None:
    several_ = contenders(path, "native", "reference", "litert")
    raw = [tensors.parts(one.inputs(IMAGES)) for one in several_]
    for other in raw[1:]:
        for one, same in zip(raw[0], other, strict=True):
            np.testing.assert_array_equal(one, same)
    if len(raw[0]) > 1:
        assert (raw[0][0] != raw[0][1]).any()
    answers = [one.predict(IMAGES) for one in several_]
    assert {answer.shape[0] for answer in answers} == {7}
    model = edge_runtime.load(path)
    elements = sum(output.elements for output in model.outputs.values())
    assert answers[0].shape == (7, elements)
    for answer in answers[1:]:
        np.testing.assert_allclose(answer, answers[0], atol=0.11)


def test_latency_is_that_of_run_with_a_tuple(path: Path) -> None:
    pair = contenders(path, "native", "litert")
    results = latency.measure(pair, IMAGES, rounds=2, calls=5, slice_seconds=0.001)
    assert [one.status for one in results] == ["measured"] * 2
    assert all(len(one.samples) >= 10 and min(one.samples) > 0 for one in results)
    rates = latency.throughput(pair, IMAGES, passes=1)
    assert [one.summary["images"] for one in rates] == [7, 7]


def test_a_process_of_its_own_is_timed_there(tmp_path: Path) -> None:
    path = write(tmp_path, "named.tflite")
    model = edge_runtime.load(path, backend="litert", own_process=True)
    raw = tensors.random_inputs(3, tuple(model.inputs.values()))
    seconds = model._session.times(raw, 20)
    assert len(seconds) == 20
    assert min(seconds) > 0


def test_a_fresh_process_answers(path: Path) -> None:
    results = footprint.measure(contenders(path, "native"), IMAGES, starts=1)
    assert {one.status for one in results if one.metric == "cold_start"} == {"measured"}


def test_a_fresh_process_gives_the_bytes_of_all_outputs(tmp_path: Path) -> None:
    path = write(tmp_path, "named.tflite")
    model = edge_runtime.load(path)
    raw = tensors.random_inputs(1, tuple(model.inputs.values()))
    data = b"".join(one.tobytes() for one in tensors.parts(raw))
    command = [*footprint.FRESH, "runtime", "native", str(path)]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    expected = b"".join(one.tobytes() for one in tensors.parts(model.run(raw)))
    assert bytes.fromhex(done.stdout.split()[0].decode()) == expected


def test_all_outputs_are_compared_with_litert(path: Path) -> None:
    (native,) = contenders(path, "native")
    reference, xnnpack = exactness.measure(native, IMAGES[:0], 50)
    elements = sum(output.elements for output in edge_runtime.load(path).outputs.values())
    for result in (reference, xnnpack):
        assert result.status == "measured"
        assert result.summary["random"]["elements"] == 50 * elements
        assert result.summary["random"]["tensors"] == len(result.samples) == 50
    if path.name == "named.tflite":
        assert (reference.unit, reference.summary["integer"]) == ("steps", True)
        assert reference.summary["random"]["differ"] == 0
    else:
        assert (reference.unit, reference.summary["integer"]) == ("ULP", False)
        assert reference.summary["random"]["largest_absolute"] < 1e-5


def test_a_difference_in_any_output_counts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (native,) = contenders(path, "native")
    opened = exactness.open_litert

    class Other:
        def __init__(self, *arguments: Any) -> None:
            self.model = opened(*arguments)

        def run(self, raw: Any) -> Any:
            *others, last = (one.copy() for one in tensors.parts(self.model.run(raw)))
            last[0, 0] = last[0, 0] - 100 if last[0, 0] > 0 else last[0, 0] + 100
            return (*others, last)

    monkeypatch.setattr(exactness, "open_litert", Other)
    reference, _ = exactness.measure(native, IMAGES[:0], 5)
    assert all(apart >= 100 for apart in reference.samples)


def test_outputs_of_integers_and_floats_are_not_exact(tmp_path: Path) -> None:
    path = tmp_path / "mixed.tflite"
    listed = [
        build.tensor((1, 4), "int8", 0.1),
        build.tensor((1, 4), "int8", 1 / 256, -128),
        build.tensor((1, 4)),
    ]
    ops = [("LOGISTIC", [0], 1, {}), ("DEQUANTIZE", [0], 2, {})]
    path.write_bytes(build.model(listed, ops, inputs=[0], outputs=[1, 2]))
    (native,) = contenders(path, "native")
    reference, _ = exactness.measure(native, IMAGES[:0], 20)
    assert (reference.unit, reference.summary["integer"]) == ("ULP", False)
    assert reference.summary["random"]["elements"] == 20 * 8
    assert reference.summary["random"]["differ"] == 0


def test_the_command_measures_all_but_accuracy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [write(tmp_path, name) for name in ("named.tflite", "joined.tflite")]
    backends = ("--backend", "native", "--backend", "litert")
    assert bench(tmp_path, *paths, *backends, "--max-latency", "1s") == 0
    captured = capsys.readouterr()
    assert "note: named.tflite: it has 2 inputs and 2 outputs, and accuracy needs" in captured.err
    document = documents.read((tmp_path / "bench.json").read_text())
    metrics = "outputs latency relative_latency latency_to_litert throughput cold_start file_size"
    for metric in (*metrics.split(), "difference_to_builtin_ref"):
        found = [one["status"] for one in document["results"] if one["metric"] == metric]
        assert set(found) == {"measured"}, metric
    assert not [one for one in document["results"] if one["metric"] in ("accuracy", "error")]
    gates = {(one["name"], one["subject"]): one for one in document["gates"]}
    gate = gates["accuracy", "named.tflite"]
    assert gate["verdict"] == "skipped"
    assert gate["message"].startswith("it has 2 inputs and 2 outputs, and accuracy needs one of")
    assert gates["exact", "named.tflite on native"]["verdict"] == "passed"
    assert "it has 2 inputs and 1 output" in gates["accuracy", "joined.tflite"]["message"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--data", "mnist"), "named.tflite: it has 2 inputs and 2 outputs, and accuracy needs"),
        (("--classes", "a,b"), "without --data and --classes, and apart from models of one input"),
        (("--core", "cortex-m4"), "has several inputs or outputs: --core measures firmware of"),
        (("--keras", "named.tflite"), "is not compared with Keras: leave --keras out"),
        (("one.tflite",), "apart from models of one input and one output"),
    ],
)
def test_what_needs_one_tensor_is_refused_in_a_line(
    arguments: tuple[str, ...],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, "named.tflite")
    (tmp_path / "one.tflite").write_bytes(models.seeds()["documented"])
    assert bench(tmp_path, path, *arguments) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("edgekit: error: ")
    assert complaint in line


def test_an_accuracy_that_is_asked_for_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "split.tflite")
    assert bench(tmp_path, path, "--backend", "native", "--min-accuracy", "0.9") == 1
    assert "split.tflite: accuracy: it has 1 input and 2 outputs" in capsys.readouterr().err


@pytest.mark.parametrize("outputs", [(1, 2), (2, 1)])
def test_a_batch_is_refused(outputs: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(several.two())
    with pytest.raises(ModelError, match="has a batch of 2, but bench times one input"):
        model_file.load(path)
    listed = [build.tensor((1, 4)), build.tensor((1, 4)), build.tensor((2, 2))]
    listed.append(build.constant([2, 2], "int32"))
    ops = [
        ("LOGISTIC", [0], 1, {}),
        ("RESHAPE", [0, 3], 2, {}),
    ]
    path.write_bytes(build.model(listed, ops, inputs=[0], outputs=list(outputs)))
    with pytest.raises(ModelError, match="has a batch of 2"):
        model_file.load(path)
