"""`edgekit predict`."""

import json
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image, ImageDraw

import build
import documents
import listener
import several
import sound
from edge_runtime import ModelError, load
from edge_runtime.backends import litert, native
from edge_runtime.metadata import Metadata
from edgekit.cli import run
from edgekit.convert.metadata import attach


@pytest.fixture
def model(float_model, tmp_path):
    path = tmp_path / "model.tflite"
    metadata = Metadata(("0", "1"), mean=(0.0,), std=(255.0,), framing="digit")
    path.write_bytes(attach(float_model.read_bytes(), metadata))
    return str(path)


@pytest.fixture
def ring(tmp_path):
    """A 0 in dark ink on white."""
    image = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(image).ellipse((50, 20, 150, 180), outline=0, width=16)
    image.save(tmp_path / "ring.png")
    return str(tmp_path / "ring.png")


@pytest.fixture
def bar(tmp_path):
    """A 1 in light ink on black."""
    image = Image.new("L", (200, 200), 0)
    ImageDraw.Draw(image).line((105, 20, 95, 180), fill=255, width=16)
    image.save(tmp_path / "bar.jpg")
    return str(tmp_path / "bar.jpg")


def test_a_table(model, ring, bar, capsys):
    assert run(["predict", model, ring, bar]) == 0

    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["file", "label", "score"]
    assert first.split(maxsplit=3)[:2] == [ring, "0"]
    assert first.endswith("inverted: light background")
    assert second.split() == [bar, "1", second.split()[2]]
    assert first.index(" 0 ") == second.index(" 1 ") == header.index(" label")


def test_a_wav_file(tmp_path, capsys):
    path, wav = tmp_path / "listener.tflite", tmp_path / "word.wav"
    path.write_bytes(listener.model())
    pcm = sound.sounds(listener.EARS)["speech"]
    sound.write_wav(wav, pcm, 16_000)
    assert run(["predict", str(path), str(wav), "--json"]) == 0
    (prediction,) = documents.read(capsys.readouterr().out)["predictions"]
    assert prediction["scores"] == list(load(path).classify(wav).scores)
    sound.write_wav(wav, pcm, 8_000)
    assert run(["predict", str(path), str(wav)]) == 2
    assert "16 bits at 8000 Hz; the model takes 16 bits at 16000 Hz" in capsys.readouterr().err


def test_json(model, ring, bar, capsys):
    assert run(["predict", model, ring, bar, "--json"]) == 0

    document = documents.read(capsys.readouterr().out)
    assert document["model"] == model
    assert document["backend"] == "native"
    assert document["errors"] == []
    zero, one = document["predictions"]
    assert (zero["file"], zero["label"], zero["index"], zero["inverted"]) == (ring, "0", 0, True)
    assert (one["file"], one["label"], one["index"], one["inverted"]) == (bar, "1", 1, False)
    assert zero["score"] == max(zero["scores"])


def test_how_litert_runs_a_file_without_xnnpack_is_said_once(model, ring, capsys, monkeypatch):
    whole = litert._open_interpreter

    def without(*arguments, xnnpack=True, **options):
        if xnnpack:
            raise ModelError("LiteRT cannot run it: XNNPACK") from RuntimeError("XNNPACK: no")
        return whole(*arguments, xnnpack=False, **options)

    monkeypatch.setattr(litert, "_open_interpreter", without)
    assert run(["predict", model, ring, ring, "--backend", "litert"]) == 0
    said = f"{model}: LiteRT runs it without XNNPACK, which cannot: XNNPACK: no"
    assert capsys.readouterr().err.splitlines() == [f"note: {said}"]


def test_litert_serves_where_native_cannot(model, ring, capsys, monkeypatch):
    def refuse(*_, **__):
        raise ModelError("op 0, CONV_2D 'x', is not supported")

    monkeypatch.setattr(native, "open_session", refuse)
    assert run(["predict", model, ring, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["backend"] == "litert"

    assert run(["predict", model, ring, "--backend", "native"]) == 2
    assert "CONV_2D 'x', is not supported" in capsys.readouterr().err

    monkeypatch.setattr(litert, "find_spec", lambda _: None)
    assert run(["predict", model, ring]) == 2
    assert "CONV_2D 'x', is not supported" in capsys.readouterr().err


def test_no_invert(model, ring, capsys):
    assert run(["predict", model, ring, "--no-invert"]) == 0

    assert "inverted" not in capsys.readouterr().out


def test_one_bad_image_among_good_ones(model, ring, bar, tmp_path, capsys):
    bad = tmp_path / "bad.png"
    bad.write_text("not a picture")

    assert run(["predict", model, ring, str(bad), bar]) == 2

    captured = capsys.readouterr()
    assert [line.split()[1] for line in captured.out.splitlines()[1:]] == ["0", "1"]
    (line,) = captured.err.splitlines()
    assert line.startswith(f"edgekit: error: {bad}: it is not an image that Pillow can read")


def test_one_bad_image_in_json(model, ring, tmp_path, capsys):
    missing = str(tmp_path / "missing.png")

    assert run(["predict", model, missing, ring, "--json"]) == 2

    captured = capsys.readouterr()
    document = documents.read(captured.out)
    assert [answer["label"] for answer in document["predictions"]] == ["0"]
    assert [error["file"] for error in document["errors"]] == [missing]
    assert len(captured.err.splitlines()) == 1


def test_nothing_but_a_blank_image(model, tmp_path, capsys):
    Image.fromarray(np.full((50, 50), 255, np.uint8)).save(tmp_path / "blank.png")

    assert run(["predict", model, str(tmp_path / "blank.png")]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "blank.png: the image is blank" in captured.err


def test_a_model_that_is_none(ring, tmp_path, capsys):
    path = tmp_path / "model.tflite"
    path.write_bytes(bytes(100))

    assert run(["predict", str(path), ring]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert "not a .tflite file" in captured.err


def test_a_model_without_labels(float_model, ring, tmp_path, capsys):
    bare = tmp_path / "bare.tflite"
    nothing = Metadata(mean=(0.0,), std=(255.0,))
    bare.write_bytes(attach(float_model.read_bytes(), nothing))

    assert run(["predict", str(bare), ring]) == 2

    assert "bare.tflite: it carries no labels" in capsys.readouterr().err


def test_an_unknown_backend(model, ring, capsys):
    assert run(["predict", model, ring, "--backend", "abacus"]) == 2

    assert "abacus" in capsys.readouterr().err


def test_an_image_is_needed(model, capsys):
    assert run(["predict", model]) == 2

    assert "IMAGE" in capsys.readouterr().err


def test_rows_of_an_array(float_model, tmp_path, capsys):
    """Floats are inputs as they are; y is held against the answers."""
    path = tmp_path / "numbers.tflite"
    path.write_bytes(attach(float_model.read_bytes(), Metadata(("a", "b"))))
    x = np.random.default_rng(0).random((5, 28, 28, 1), np.float32)
    expected = load(path).predict(x)
    answers = expected.argmax(axis=1)
    np.savez(tmp_path / "x.npz", x=x, y=np.where(np.arange(5) == 3, 1 - answers, answers))

    assert run(["predict", str(path), "--data", str(tmp_path / "x.npz"), "--json"]) == 0

    document = documents.read(capsys.readouterr().out)
    assert [one["scores"] for one in document["predictions"]] == expected.tolist()
    assert [one["row"] for one in document["predictions"]] == list(range(5))
    assert (document["correct"], document["total"]) in ((4, 5),)
    assert run(["predict", str(path), str(tmp_path / "x.npz")]) == 0
    assert "4 of 5 right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("labels", "truths", "right"),
    [(("a", "b"), [0, 1, 0, 1], 4), (("1", "7"), [0, 1, 0, 1], 0), (("a", "b"), [0, 1, 0, 2], 0)],
)
def test_a_class_that_the_model_does_not_have_is_never_right(
    labels, truths, right, float_model, dataset, tmp_path, capsys
):
    """Whole numbers are indices only where all can be, and none is a label itself."""
    path = tmp_path / "numbers.tflite"
    path.write_bytes(attach(float_model.read_bytes(), Metadata(labels)))
    pixels = dataset.x_test[:64] / np.float32(255)
    answers = load(path).predict(pixels).argmax(axis=1)
    # Each truth is given to an input that the model takes for its index.
    x = [pixels[answers == min(truth, 1)][0] for truth in truths]
    np.savez(tmp_path / "x.npz", x=x, y=truths)
    assert run(["predict", str(path), "--data", str(tmp_path / "x.npz"), "--json"]) == 0
    document = documents.read(capsys.readouterr().out)
    assert (document["correct"], document["total"]) == (right, 4)


def test_rows_that_are_left_out_count(float_model, tmp_path, capsys):
    path = tmp_path / "numbers.tflite"
    path.write_bytes(attach(float_model.read_bytes(), Metadata(("a", "b"))))
    x = np.random.default_rng(0).random((6, 28, 28, 1), np.float32)
    expected = load(path).predict(x)
    x[1, 0, 0], x[4, 5, 5] = np.nan, np.inf
    for name in "x", "x_test":
        train = {"x_train": x[:1], "y_train": [0]} if name == "x_test" else {}
        np.savez(tmp_path / "x.npz", **{name: x}, **({"y_test": [0] * 6, **train} if train else {}))
        command = ["predict", str(path), "--data", str(tmp_path / "x.npz"), "--skip-bad", "--json"]
        assert run(command) == 0
        rows = documents.read(capsys.readouterr().out)["predictions"]
        assert [one["row"] for one in rows] == [0, 2, 3, 5]
        assert [one["scores"] for one in rows] == expected[[0, 2, 3, 5]].tolist()


def test_rows_of_a_table_that_are_left_out_count(tmp_path, capsys):
    vector = [build.tensor((1, 2)), build.tensor((1, 2))]
    content = build.model(vector, [("SOFTMAX", [0], 1, {"beta": 1.0})])
    path = tmp_path / "features.tflite"
    said = Metadata(("a", "b"), mean=(0.0, 0.0), std=(1.0, 1.0), features=True)
    path.write_bytes(attach(content, said))
    rows = ["2,0", "x,0", "0,2", "1", "3,0"]
    for header in "a,b\n", "":
        (tmp_path / "bad.csv").write_text(header + "\n".join(rows))
        command = ["predict", str(path), "--data", str(tmp_path / "bad.csv"), "--skip-bad"]
        assert run([*command, "--json"]) == 0
        found = documents.read(capsys.readouterr().out)["predictions"]
        assert [(one["row"], one["label"]) for one in found] == [(0, "a"), (2, "b"), (4, "a")]


def rowwise(folder: Path) -> Path:
    """Write a model that answers a window of three rows of two features with their amounts."""
    shape = (1, 3, 2)
    content = build.model([build.tensor(shape), build.tensor(shape)], [("ABS", [0], 1, {})])
    path = folder / "windows.tflite"
    path.write_bytes(attach(content, Metadata(mean=(0.0, 0.0), std=(1.0, 1.0), features=True)))
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_row_of_several_tables_has_its_file_and_its_number_there(suffix, tmp_path, capsys):
    path, folder = rowwise(tmp_path), tmp_path / "days"
    tables = {}
    for day, count in ("monday", 7), ("tuesday", 4), ("wednesday", 3):
        for part in "train", "test":
            rows = np.random.default_rng([len(day), count]).random((count, 2)).round(3)
            file = folder / part / f"{day}{suffix}"
            file.parent.mkdir(parents=True, exist_ok=True)
            tables[str(file)] = rows
            if suffix == ".csv":
                lines = [",".join(map(str, row)) for row in rows]
                file.write_text("\n".join(["a,b", "", *lines]))
            else:
                columns = {name: rows[:, at] for at, name in enumerate("ab")}
                pyarrow.parquet.write_table(pyarrow.table(columns), file)
    blank = suffix == ".csv"
    for data, part in (folder, "test"), (folder / "train", "train"):
        command = ["predict", str(path), "--data", str(data), "--window", "3", "--stride", "2"]
        assert run([*command, "--json"]) == 0
        found = documents.read(capsys.readouterr().out)["predictions"]
        places = {(one["file"], one["row"]) for one in found}
        assert places == {
            (str(folder / part / f"{day}{suffix}"), row + blank)
            for day, first in (("monday", (0, 2, 4)), ("tuesday", (0,)), ("wednesday", (0,)))
            for row in first
        }
        for one in found:
            first = one["row"] - blank
            window = tables[one["file"]][first : first + 3]
            assert one["values"] == window.astype(np.float32).ravel().tolist()


def test_blank_lines_of_a_table_count(tmp_path, capsys):
    path, data = rowwise(tmp_path), tmp_path / "blank.csv"
    data.write_text("a,b\n1,2\n\n1,3\n1,4\n1,5\n\n")
    assert run(["predict", str(path), "--data", str(data), "--window", "3", "--json"]) == 0
    [answer] = documents.read(capsys.readouterr().out)["predictions"]
    assert (answer["file"], answer["row"]) == (str(data), 2)
    assert answer["values"] == [1, 3, 1, 4, 1, 5]


def test_an_array_that_does_not_fit(model, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.zeros((3, 7)))

    assert run(["predict", model, str(tmp_path / "x.npy")]) == 2

    assert "x.npy: expected inputs [N, 28, 28, 1], got [3, 7]" in capsys.readouterr().err


def test_scores_for_each_pixel_are_numbers(tmp_path, capsys):
    path, shape, x = tmp_path / "map.tflite", (1, 4, 4, 2), np.ones((2, 4, 4, 2), np.float32)
    tensors = [build.tensor(shape, "float32"), build.tensor(shape, "float32")]
    content = build.model(tensors, [("LOGISTIC", [0], 1, {})])
    path.write_bytes(attach(content, Metadata(("ground", "person"))))
    np.savez(tmp_path / "x.npz", x=x)
    expected = load(path).predict(x).reshape(2, -1)
    assert load(path).meaning == "probabilities"

    assert run(["predict", str(path), str(tmp_path / "x.npz"), "--json"]) == 0

    predictions = documents.read(capsys.readouterr().out)["predictions"]
    assert [one["values"] for one in predictions] == expected.tolist()
    assert run(["predict", str(path), str(tmp_path / "x.npz")]) == 0
    assert capsys.readouterr().out.split()[:2] == ["file", "values"]


@pytest.fixture
def two(tmp_path):
    """A model of several inputs and outputs, an .npz with 7 rows, and the expected numbers."""
    path, arrays = tmp_path / "two.tflite", tmp_path / "rows.npz"
    path.write_bytes(several.two(signature=several.NAMED))
    left, right = np.random.default_rng(2).uniform(-3, 3, (2, 7, 5)).astype(np.float32)
    np.savez(arrays, left=left, right=right)
    return str(path), str(arrays), load(path).predict({"left": left, "right": right})


@pytest.mark.parametrize("backend", [[], ["--backend", "reference"]])
def test_several_inputs_and_outputs_by_name(two, backend, capsys):
    path, arrays, expected = two

    assert run(["predict", path, arrays, "--json", *backend]) == 0

    document = documents.read(capsys.readouterr().out)
    assert document["meaning"] == "numbers"
    for row, answer in enumerate(document["predictions"]):
        assert (answer["file"], answer["row"]) == (arrays, row)
        assert answer["outputs"] == {name: one[row].tolist() for name, one in expected.items()}
    assert len(document["predictions"]) == 7
    assert (document["correct"], document["total"]) == (None, None)


def test_several_outputs_have_a_line_each(two, capsys):
    path, arrays, expected = two

    assert run(["predict", path, "--data", arrays]) == 0

    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["file", "output", "values"]
    assert len(lines) == 14
    (line,) = (line for line in lines if line.split()[:2] == [f"{arrays}[3]", "difference"])
    numbers = ", ".join(f"{value:.6g}" for value in expected["difference"][3])
    assert line.split(maxsplit=2)[2] == numbers


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"left": (3, 5)}, "the inputs are 'left', 'right', got 'left'"),
        ({"left": (3, 5), "x": (3, 5)}, "the inputs are 'left', 'right', got 'left', 'x'"),
        (
            {"left": (3, 5), "right": (3, 5), "y": (3,)},
            "the inputs are 'left', 'right', got 'left', 'right', 'y'",
        ),
        (
            {"left": (3, 5), "right": (4, 5)},
            "the inputs are not as many each: 3 of 'left', 4 of 'right'",
        ),
        (
            {"left": (3, 5), "right": (3, 4)},
            "input 'right': expected inputs [N, 5], got [3, 4]",
        ),
        ({"left": (3, 5), "right": ()}, "input 'right': expected inputs [N, 5], got []"),
    ],
)
def test_arrays_that_do_not_fit_the_inputs(two, arrays, complaint, tmp_path, capsys):
    np.savez(tmp_path / "bad.npz", **{name: np.zeros(shape) for name, shape in arrays.items()})

    assert run(["predict", two[0], str(tmp_path / "bad.npz")]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"edgekit: error: {tmp_path / 'bad.npz'}: {complaint}\n"


@pytest.mark.usefixtures("ring")
@pytest.mark.parametrize("name", ["x.npy", "ring.png"])
def test_several_inputs_need_an_npz(two, name, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.zeros((3, 5)))

    assert run(["predict", two[0], str(tmp_path / name)]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"edgekit: error: {tmp_path / name}: the ")
    assert "'left', 'right'" in line


def test_one_input_and_several_outputs(tmp_path, capsys):
    path, x = tmp_path / "split.tflite", np.random.default_rng(2).normal(size=(3, 4))
    path.write_bytes(several.split())
    np.save(tmp_path / "x.npy", x)
    expected = load(path).predict(x)

    assert run(["predict", str(path), str(tmp_path / "x.npy"), "--json"]) == 0

    predictions = documents.read(capsys.readouterr().out)["predictions"]
    assert [answer["outputs"]["tensor 2"] for answer in predictions] == expected[
        "tensor 2"
    ].tolist()


def test_an_image_and_several_outputs(tmp_path, capsys):
    path, image = tmp_path / "split.tflite", np.arange(16, dtype=np.uint8).reshape(4, 4)
    tensors = [build.tensor((1, 4, 4, 1)) for _ in range(3)]
    ops = [("LOGISTIC", [0], 1, {}), ("RELU", [0], 2, {})]
    content = build.model(tensors, ops, inputs=[0], outputs=[1, 2])
    metadata = Metadata(mean=(8.0,), std=(2.0,), framing="resize")
    path.write_bytes(attach(content, metadata))
    Image.fromarray(image).save(tmp_path / "x.png")

    assert run(["predict", str(path), str(tmp_path / "x.png"), "--json"]) == 0

    (answer,) = documents.read(capsys.readouterr().out)["predictions"]
    assert answer["inverted"] is False
    assert answer["outputs"]["tensor 2"] == np.maximum((np.arange(16) - 8) / 2, 0).tolist()


@pytest.mark.parametrize("labels", [(), ("a", "b", "c", "d")])
def test_several_inputs_and_the_scores_of_classes(labels, tmp_path, capsys):
    path, arrays = tmp_path / "joined.tflite", np.random.default_rng(2).normal(size=(2, 3, 4))
    path.write_bytes(attach(several.joined(), Metadata(labels)) if labels else several.joined())
    np.savez(tmp_path / "x.npz", **{f"tensor {i}": array for i, array in enumerate(arrays)})
    expected = load(path).predict(tuple(arrays))

    assert run(["predict", str(path), str(tmp_path / "x.npz"), "--json"]) == 0

    predictions = documents.read(capsys.readouterr().out)["predictions"]
    assert [answer["scores"] for answer in predictions] == expected.tolist()
    names = labels or ("0", "1", "2", "3")
    assert [answer["label"] for answer in predictions] == [
        names[index] for index in expected.argmax(axis=1)
    ]
