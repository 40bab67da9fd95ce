"""Files that other tools made: bench determines what pixels become, or asks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edge_runtime
import foreign
from edge_runtime.metadata import Metadata
from edge_runtime.reader import read
from edgekit.benchmarks import dataset as test_inputs
from edgekit.benchmarks import input_range, model_file, outcome, range_trials, usage
from edgekit.benchmarks.contender import Contender, from_models
from edgekit.convert.metadata import attach
from edgekit.errors import DataError
from edgekit.train.dataset import Dataset

KINDS = ("float32", "int8", "uint8")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return foreign.write_data(tmp_path_factory.mktemp("foreign") / "sides.npz")


def written(folder: Path, name: str, kind: str) -> Path:
    low, high = foreign.RANGES[name]
    content = (
        foreign.float_model(low, high) if kind == "float32" else foreign.int8_model(low, high, kind)
    )
    path = folder / f"{kind}.tflite"
    path.write_bytes(content)
    return path


def loaded(path: Path, data: Path) -> Dataset:
    return test_inputs.for_models([path], str(data))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", foreign.RANGES)
def test_every_range_is_told_from_the_input_or_by_trying(
    name: str, kind: str, data: Path, tmp_path: Path
) -> None:
    path = written(tmp_path, name, kind)
    dataset = loaded(path, data)
    found = usage.of(path, dataset)
    assert found.pixels is not None
    assert found.pixels == pytest.approx(foreign.RANGES[name], abs=0.02)
    (contender,) = from_models({"it": path}, ["native"], {"it": found})
    assert isinstance(contender, Contender)
    result = outcome.measure(contender.subject, contender.predict(dataset.x_test), dataset)
    assert result.summary["correct"] == 90
    reason = "tried on" if kind == "float32" else "scale and zero point"
    assert reason in found.reason


def test_a_models_own_rescaling_tells(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "rescaling.tflite"
    path.write_bytes(foreign.float_model(0.0, 255.0, rescale=True))
    assert input_range.clue_of(read(path.read_bytes())).range == (0.0, 255.0)
    assert "its own rescaling" in usage.of(path, loaded(path, data)).reason


def test_without_labels_that_tell_one_line_says_what_to_give(data: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "z", "int8")
    dataset = loaded(path, data)
    bare = replace(dataset, x_train=dataset.x_train[:0], y_train=dataset.y_train[:0])
    with pytest.raises(DataError, match=r"int8\.tflite.*--input-range LOW,HIGH.*edgekit label"):
        usage.of(path, bare)
    chosen = usage.of(path, bare, foreign.STANDARDISED)
    assert chosen.pixels == pytest.approx(foreign.STANDARDISED)
    assert (chosen.reason, chosen.warning) == ("--input-range", "")


def test_labels_that_say_nothing_do_not_decide(data: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "0..1", "float32")
    dataset = loaded(path, data)
    shuffled = replace(dataset, y_train=np.random.default_rng(1).permutation(dataset.y_train))
    with pytest.raises(DataError, match="no range is best"):
        usage.of(path, shuffled)


def test_sources_that_disagree_are_said(data: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "0..255", "int8")
    dataset = loaded(path, data)
    chosen = usage.of(path, dataset, (0.0, 1.0))
    assert chosen.pixels == (0.0, 1.0)
    assert "0 to 255 by its input's int8 scale and zero point" in chosen.warning
    assert "90.0% of 300 training inputs are right" in chosen.warning
    # Another tool's metadata contradicts the input, and the labels decide.
    wrong = Metadata(mean=(127.5,), std=(127.5,))
    path.write_bytes(attach(path.read_bytes(), wrong))
    found = usage.of(path, dataset)
    assert found.pixels == (0.0, 255.0)
    assert "its metadata" in found.warning
    (contender,) = from_models({"it": path}, ["native"], {"it": found})
    assert isinstance(contender, Contender)
    assert (contender.predict(dataset.x_test).argmax(axis=1) == dataset.y_test).all()
    right = Metadata(mean=(0.0,), std=(1.0,))
    path.write_bytes(attach(path.read_bytes(), right))
    assert usage.of(path, dataset).warning == ""


def test_metadata_that_the_labels_contradict_is_overruled_and_said(
    data: Path, tmp_path: Path
) -> None:
    path = written(tmp_path, "-1..1", "float32")
    path.write_bytes(attach(path.read_bytes(), Metadata(mean=(0.0,), std=(1.0,))))
    dataset = loaded(path, data)
    found = usage.of(path, dataset)
    assert found.pixels == (-1.0, 1.0)
    assert "with 0 to 255 (its metadata) 63" in found.warning
    # What edgekit convert wrote is not put to the test again.
    said = Metadata(mean=(0.0,), std=(1.0,), provenance={"model": {"sha256": "12" * 32}})
    path.write_bytes(attach(path.read_bytes(), said))
    assert usage.of(path, dataset).pixels == (0.0, 255.0)


def test_a_symmetric_input_tells_only_its_upper_end() -> None:
    tensor = edge_runtime.graph.Tensor(
        0, "x", (1, 4), (1, 4), "int16", edge_runtime.graph.Quantization((1 / 32767,), (0,))
    )
    assert input_range.contradicts((0.0, 1.0), tensor) is None
    assert input_range.contradicts((0.0, 255.0), tensor) is not None


def test_scales_that_answer_alike_are_told_by_how_sure_the_answers_are(
    tmp_path: Path, data: Path
) -> None:
    """A network without a bias gives the same answers on 0 to 1 as on 0 to 255."""
    kernel, _ = foreign.weights(0.0, 1.0)
    path = tmp_path / "alike.tflite"
    path.write_bytes(foreign.of_weights(kernel, np.zeros(3)))
    both = [(0.0, 1.0), (0.0, 255.0)]
    first, second = range_trials.tried(model_file.load(path), loaded(path, data), both, None)
    assert first.trial.correct == second.trial.correct
    assert first.beats(second)
    assert not second.beats(first)
