"""The options of how data are read, and that models are measured on data read as in training."""

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import build
from edge_runtime.front_end import standard
from edge_runtime.metadata import Metadata
from edgekit import cli
from edgekit.benchmarks import dataset as test_inputs
from edgekit.commands import data_options, group, options
from edgekit.convert.metadata import attach
from edgekit.errors import DataError
from edgekit.train.reading import Reading

pytestmark = pytest.mark.unsanitized

COMMANDS = ("train", "tune", "convert", "bench", "sweep", "predict")


@click.command()
@data_options.reading
@options.framing(default="resize")
def command(framing: str | None, reading: Reading) -> int:
    click.get_current_context().obj.update(framing=framing, reading=reading)
    return 0


def chosen(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    result = CliRunner().invoke(command, words, obj=found)
    if result.exit_code:
        raise click.UsageError(result.output)
    return found


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", Reading()),
        ("--size 96x64", Reading(size=(96, 64))),
        ("--alpha-over white --skip-bad", Reading(ground="white", skip_bad=True)),
        ("--features acc_*,v --features w", Reading(features=("acc_*", "v", "w"))),
        ('--label "a,b",c', Reading(label=("a,b", "c"))),
        (
            "--window 128 --stride 64 --group who --split part",
            Reading(window=128, stride=64, group="who", split="part"),
        ),
        ("--seconds 1.5 --rate 8000", Reading(seconds=1.5, rate=8000)),
        ("--bands 20 --mfcc 13", Reading(bands=20, mfcc=13)),
    ],
)
def test_options_become_one_record(words: str, expected: Reading) -> None:
    assert chosen(*words.split()) == {"framing": None, "reading": expected}


def test_crop_is_another_word_for_a_framing() -> None:
    assert chosen("--crop", "centre")["framing"] == "centre-crop"
    assert chosen("--crop", "none")["framing"] == "resize"
    assert chosen("--crop", "none", "--framing", "resize")["framing"] == "resize"
    with pytest.raises(click.UsageError, match="--crop none is --framing resize"):
        chosen("--crop", "none", "--framing", "letterbox")


@pytest.mark.parametrize(
    "words",
    [
        *("--size 96", "--size 0x8", "--size 5000x5", "--window 0", "--seconds nan"),
        *("--features a,,b", "--bands 0", "--bands 129", "--mfcc 0"),
    ],
)
def test_values_that_make_no_sense(words: str) -> None:
    with pytest.raises(click.UsageError):
        chosen(*words.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_reads_data_has_them(name: str) -> None:
    found = group.cli.get_command(click.Context(group.cli), name)
    assert found
    params = {param.name for param in found.params}
    assert set(Reading.__dataclass_fields__) <= params
    assert ("crop" in params) is (name != "predict")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Rows of which a comes from 0 to 9 in class no, and from 10 on in class yes."""
    path = tmp_path / "table.csv"
    lines = [f"{i},{-i},{('no', 'yes')[i >= 10]},{('train', 'test')[i % 2]}" for i in range(20)]
    path.write_text("\n".join(["a,b,kind,part", *lines]))
    return path


def classifier(path: Path, reading: Reading, source: Path) -> Path:
    """A file whose class is yes if its first input is more than 9.5."""
    tensors = [
        build.tensor((1, 1)),
        build.constant(np.array([[-1.0], [1.0]]), "float32"),
        build.constant(np.array([9.5, -9.5]), "float32"),
        build.tensor((1, 2)),
        build.tensor((1, 2)),
    ]
    ops: list[build.Op] = [
        ("FULLY_CONNECTED", [0, 1, 2], 3, {}),
        ("SOFTMAX", [3], 4, {"beta": 1.0}),
    ]
    provenance = {"data": {"source": str(source), "reading": reading.document}}
    metadata = Metadata(("no", "yes"), provenance=provenance, meaning="probabilities")
    path.write_bytes(attach(build.model(tensors, ops), metadata))
    return path


READING = Reading(label=("kind",), features=("a",), split="part")


def test_a_model_says_how_its_data_are_read(table: Path, tmp_path: Path) -> None:
    model = classifier(tmp_path / "m.tflite", READING, table)
    found = test_inputs.for_models([model])
    assert found.reading == READING
    assert found.x_test[:, 0].tolist() == list(range(1, 20, 2))
    # Other data need no column with the parts.
    other = tmp_path / "other.csv"
    other.write_text(
        "kind,b,a\n" + "".join(f"{'no' if i < 10 else 'yes'},7,{i}\n" for i in range(20))
    )
    likewise = test_inputs.for_models([model], str(other))
    assert (likewise.features, len(likewise.x_test)) == (("a",), 4)
    # Nor a label, without which they have no accuracy.
    other.write_text("b,a\n" + "".join(f"7,{i}\n" for i in range(20)))
    unlabelled = test_inputs.for_models([model], str(other))
    assert (unlabelled.labels, unlabelled.y_test.shape) == ((), (4, 0))
    chosen = test_inputs.for_models([model], str(table), reading=Reading(features=("b",)))
    assert chosen.x_test[:, 0].tolist() == list(range(-1, -20, -2))
    differently = classifier(tmp_path / "n.tflite", Reading(("8", "8")), table)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"n\.tflite: says how its data were read, but size"):
        test_inputs.for_models([differently])
    other_columns = classifier(tmp_path / "o.tflite", Reading(features=("b",)), table)
    with pytest.raises(
        DataError, match=r"read differently: say how .* --features, --label, --split"
    ):
        test_inputs.for_models([model, other_columns])


def test_predict_reads_tables_as_in_training(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = classifier(tmp_path / "m.tflite", READING, table)
    assert cli.run(["predict", str(model), "--data", str(table), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["correct"], document["total"]) == (20, 20)
    assert document["predictions"][3]["file"] == str(table)
    assert [answer["row"] for answer in document["predictions"]] == list(range(20))
    words = ["--data", str(table), "--split", "part", "--features", "b"]
    assert cli.run(["predict", str(model), *words]) == 0
    assert "5 of 10 right" in capsys.readouterr().out
    unlabelled = tmp_path / "unlabelled.csv"
    unlabelled.write_text("a\n3\n12\n")
    assert cli.run(["predict", str(model), "--data", str(unlabelled), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [answer["label"] for answer in document["predictions"]] == ["no", "yes"]
    assert document["total"] is None
    assert cli.run(["predict", str(model), "--label", "kind", str(table)]) == 2
    assert "--label is about --data" in capsys.readouterr().err
    assert cli.run(["predict", str(model), "--data", str(table), "--size", "8x8"]) == 2
    assert "--size is about a folder of pictures" in capsys.readouterr().err


def test_predict_names_the_files_of_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    for kind, level in (("dark", 10), ("light", 200)):
        (tmp_path / "all" / kind).mkdir(parents=True)
        for i in range(2):
            Image.new("L", (9, 8), level).save(tmp_path / "all" / kind / f"{i}.png")
    tensors = [
        build.tensor((1, 8, 8, 1)),
        build.constant([1, 64], "int32"),
        build.tensor((1, 64)),
        build.constant(np.repeat([[-1.0], [1.0]], 64, axis=1), "float32"),
        build.constant(np.array([32.0, -32.0]), "float32"),
        build.tensor((1, 2)),
    ]
    ops: list[build.Op] = [
        ("RESHAPE", [0, 1], 2, {}),
        ("FULLY_CONNECTED", [2, 3, 4], 5, {}),
    ]
    metadata = Metadata(("dark", "light"), mean=(0.0,), std=(255.0,), meaning="logits")
    model = tmp_path / "m.tflite"
    model.write_bytes(attach(build.model(tensors, ops), metadata))
    (tmp_path / "all" / "light" / "0.png").write_bytes(b"no picture")
    assert cli.run(["predict", str(model), "--data", str(tmp_path / "all")]) == 2
    assert "--skip-bad" not in capsys.readouterr().out
    words = ["--data", str(tmp_path / "all"), "--skip-bad", "--json"]
    assert cli.run(["predict", str(model), *words]) == 0
    captured = capsys.readouterr()
    assert "1 pictures are left out" in captured.err
    document = json.loads(captured.out)
    assert (document["correct"], document["total"]) == (3, 3)
    files = [
        Path(answer["file"]).relative_to(tmp_path / "all") for answer in document["predictions"]
    ]
    assert list(map(str, files)) == ["dark/0.png", "dark/1.png", "light/1.png"]


def test_recordings_are_heard_as_the_model_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audio = standard(8000, 2000, bands=20)
    for kind, amplitude in (("loud", 0.9), ("quiet", 0.01)):
        (tmp_path / "all" / kind).mkdir(parents=True)
        for i, rate in enumerate((8000, 16000, 44100)):
            tone = amplitude * np.sin(2 * np.pi * 700 * np.arange(rate // 4) / rate)
            soundfile.write(tmp_path / "all" / kind / f"{i}.wav", tone, rate)
    size = int(np.prod(audio.shape))
    tensors = [
        build.tensor((1, *audio.shape)),
        build.constant([1, size], "int32"),
        build.tensor((1, size)),
        build.constant(np.repeat([[1.0], [-1.0]], size, axis=1) / size, "float32"),
        build.constant(np.array([-0.12, 0.12]), "float32"),
        build.tensor((1, 2)),
    ]
    ops: list[build.Op] = [("RESHAPE", [0, 1], 2, {}), ("FULLY_CONNECTED", [2, 3, 4], 5, {})]
    metadata = Metadata(("loud", "quiet"), mean=(0.0,), std=(255.0,), meaning="logits", audio=audio)
    model = tmp_path / "m.tflite"
    model.write_bytes(attach(build.model(tensors, ops), metadata))
    found = test_inputs.for_models([model], str(tmp_path / "all"))
    assert (found.audio, found.x_test.shape) == (audio, (2, *audio.shape))
    words = ["predict", str(model), "--data", str(tmp_path / "all")]
    assert cli.run(words) == 0
    assert "6 of 6 right" in capsys.readouterr().out
    assert cli.run([*words, "--rate", "16000"]) == 2
    assert "--rate 16000: the model needs 8000" in capsys.readouterr().err
