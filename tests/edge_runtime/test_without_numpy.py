"""Pictures, features, sounds and scores where NumPy cannot be imported."""

import json
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import build
import listener
import sound
from edge_runtime import InputError, ModelError, load
from edge_runtime.install import pip_line
from edge_runtime.metadata import Metadata
from edge_runtime.quantize import encode
from edgekit.convert.metadata import attach

pytestmark = pytest.mark.unsanitized

CHILD = """
import json, sys
from array import array
sys.modules["numpy"] = None
import edge_runtime
from edge_runtime import single

def answer(path, call, argument, options):
    model = edge_runtime.load(path)
    if isinstance(argument, dict):
        argument = array(argument["code"], argument["numbers"])
    if call == "encoded":
        pixels = isinstance(argument, str)
        content = model.prepare(argument, **options).content if pixels else argument
        return single.encoded(model, content).hex()
    result = getattr(model, call)(argument, **options)
    return vars(result) if call == "classify" else result

answers = []
for request in json.load(sys.stdin):
    try:
        answers.append(answer(*request))
    except edge_runtime.EdgeRuntimeError as error:
        answers.append(f"{type(error).__name__}: {error}")
print(json.dumps(answers))
print([name for name in sys.modules if name.startswith("numpy.")], file=sys.stderr)
"""


def without_numpy(*requests: tuple[Path, str, Any, dict[str, Any]]) -> list[Any]:
    """Return what calls of models return where NumPy cannot be imported."""
    given = json.dumps(requests, default=str)
    command = [sys.executable, "-c", CHILD]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "[]\n"), done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers


def model(
    folder: Path, shape: tuple[int, ...], metadata: Metadata, dtype: str = "int8", outputs: int = 2
) -> Path:
    """Write a model of one FULLY_CONNECTED."""
    quantized = {} if dtype == "float32" else {"scale": 0.0173, "zero_point": -21}
    count = int(np.prod(shape))
    random = np.random.default_rng(3)
    weights = random.integers(-127, 128, (outputs, count))
    scaled = {} if dtype == "float32" else {"scale": 0.01}
    constant = weights / 1000 if dtype == "float32" else weights
    tensors = [
        build.tensor((1, *shape), dtype, name="in", **quantized),
        build.constant(constant, dtype, *scaled.values(), name="weights"),
        build.tensor((1, outputs), dtype, name="out", **quantized),
    ]
    path = folder / f"{dtype}-{metadata.framing}-{'x'.join(map(str, shape))}.tflite"
    content = build.model(tensors, [("FULLY_CONNECTED", [0, 1, -1], 2, {})])
    path.write_bytes(attach(content, metadata))
    return path


def pictures(folder: Path) -> list[Path]:
    """Write PNG files of each mode: 8 and 16 bits, grey, colours, palette, with transparency."""
    random = np.random.default_rng(1)
    images = {
        "grey": Image.fromarray(random.integers(0, 256, (20, 31), np.uint8)),
        "rgb": Image.fromarray(random.integers(0, 256, (25, 18, 3), np.uint8)),
        "rgba": Image.fromarray(random.integers(0, 256, (9, 40, 4), np.uint8)),
        "sixteen": Image.fromarray(random.integers(0, 4000, (30, 30)).astype(np.uint16)),
    }
    images["la"] = images["rgba"].convert("LA")
    images["palette"] = images["rgb"].quantize(16)
    images["bits"] = images["grey"].convert("1")
    for name, image in images.items():
        image.save(folder / f"{name}.png")
    return [folder / f"{name}.png" for name in images]


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("framing", ["resize", "centre-crop", "letterbox"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_give_the_bytes_and_the_scores_of_numpy(
    channels: int, framing: str, dtype: str, tmp_path: Path
) -> None:
    mean, std = ((10.0, 127.5, 99.0)[:channels], (58.5, 127.5, 61.25)[:channels])
    metadata = Metadata(("a", "b"), mean=mean, std=std, framing=framing, meaning="probabilities")
    path = model(tmp_path, (12, 14, channels), metadata, dtype)
    opened, files = load(path), pictures(tmp_path)
    options = [{"invert": invert} for invert in (None, True)]
    each = [(file, how) for file in files for how in options]
    calls = [(path, call, *one) for one in each for call in ("encoded", "classify")]
    answers = iter(without_numpy(*calls))
    for file, how in each:
        pixels = opened.prepare(file, **how).pixels
        assert next(answers) == encode(pixels[None], opened.input, metadata).tobytes().hex()
        answer, scores = next(answers), opened.predict(pixels[None])[0].tolist()
        assert answer == {**vars(opened.classify(file, **how)), "scores": scores}
        assert answer["inverted"] == bool(how["invert"])


def digit(ground: int, size: tuple[int, int] = (28, 28)) -> Image.Image:
    """A bar on an even ground."""
    image = np.full(size, ground, np.uint8)
    image[4:24, 12:16] = 255 - ground
    image[5, 13] = 100
    return Image.fromarray(image)


def test_a_digit_that_is_framed_already(tmp_path: Path) -> None:
    metadata = Metadata(("0", "1"), mean=(0.0,), std=(255.0,), framing="digit")
    path = model(tmp_path, (28, 28, 1), metadata)
    opened = load(path)
    for name, ground in ("black", 0), ("white", 255), ("grey", 90):
        digit(ground).save(tmp_path / f"{name}.png")
    black, white, grey = (tmp_path / f"{name}.png" for name in ("black", "white", "grey"))
    calls = [(black, None), (white, None), (white, False), (grey, False), (black, True)]
    both = "encoded", "classify"
    answers = without_numpy(
        *((path, call, file, {"invert": how}) for file, how in calls for call in both)
    )
    for (file, how), content, answer in zip(calls, answers[::2], answers[1::2], strict=True):
        pixels = opened.prepare(file, invert=how).pixels
        assert content == encode(pixels[None], opened.input, metadata).tobytes().hex()
        assert answer["inverted"] == ((file, how) in [(white, None), (black, True)])
        assert answer["scores"] == opened.predict(pixels[None])[0].tolist()
    np.testing.assert_array_equal(pixels[:, :, 0], 255 - np.asarray(digit(0)))


def digits_to_frame(folder: Path) -> list[Path]:
    """Write PNG files of bars: dark, light, in a shadow, noisy, coloured, transparent, 16 bits."""
    random = np.random.default_rng(2)
    bar = np.zeros((90, 130))
    bar[15:75, 55:70] = 1
    shadow = np.where(np.arange(130) < 62, 0.5, 1)
    rough = random.normal(0, 6, bar.shape)
    levels = {
        "dark": 200 - 150 * bar,
        "light": 60 + 150 * bar,
        "shadow": (200 - 150 * bar) * shadow + rough / 3,
        "noise": 130 - 90 * bar + rough,
    }
    images = {
        name: Image.fromarray(one.clip(0, 255).astype(np.uint8)) for name, one in levels.items()
    }
    mask = Image.fromarray((255 * bar).astype(np.uint8))
    images["colour"] = Image.new("RGB", mask.size, (0, 130, 0))
    images["colour"].paste((255, 60, 0), mask=mask)
    images["transparent"] = Image.new("RGBA", mask.size, (20, 20, 90, 255))
    images["transparent"].putalpha(mask)
    images["sixteen"] = Image.fromarray((3000 - 2500 * bar).astype(np.uint16))
    images["narrow"] = images["dark"].crop((40, 0, 85, 90))
    images["size"] = images["dark"].resize((28, 28))
    images["blank"] = Image.new("L", mask.size, 128)
    for name, image in images.items():
        image.save(folder / f"{name}.png")
    return [folder / f"{name}.png" for name in images]


def test_a_digit_is_found_and_framed(tmp_path: Path) -> None:
    metadata = Metadata(("0", "1"), mean=(0.0,), std=(255.0,), framing="digit")
    path = model(tmp_path, (28, 28, 1), metadata)
    opened = load(path)
    calls = [(file, how) for file in digits_to_frame(tmp_path) for how in (None, True, False)]
    both = "encoded", "classify"
    answers = without_numpy(
        *((path, call, file, {"invert": how}) for file, how in calls for call in both)
    )
    for (file, how), content, answer in zip(calls, answers[::2], answers[1::2], strict=True):
        if file.stem == "blank":
            assert content == answer
            assert content.startswith(f"InputError: {file}: the image is blank")
            continue
        prepared = opened.prepare(file, invert=how)
        pixels = prepared.pixels
        assert content == encode(pixels[None], opened.input, metadata).tobytes().hex()
        assert answer["scores"] == opened.predict(pixels[None])[0].tolist()
        light = file.stem in ("light", "colour")
        assert answer["inverted"] == prepared.inverted == ((not light) if how is None else how)
        if how is None:
            assert pixels[5:23, 14].min() > 200
            assert pixels[:, :9].max() == pixels[:, 19:].max() == 0


def test_a_batch_needs_numpy_and_says_so_in_one_line(tmp_path: Path) -> None:
    path = model(tmp_path, (28, 28, 1), Metadata(("0", "1"), mean=(0.0,), std=(255.0,)))
    [answer] = without_numpy((path, "predict", [[0.5] * 784], {}))
    line = f"needs NumPy, which is not installed: {pip_line('install', 'numpy')}"
    assert answer == f"MissingPackageError: predict() of a batch {line}"


BACKENDS = """
import sys
sys.modules["numpy"] = None
from edge_runtime import BackendError, load
for backend in "litert", "reference":
    try:
        load(sys.argv[1], backend=backend)
    except BackendError as error:
        print(error)
"""


def test_backends_that_need_numpy_say_so(int8_model: Path) -> None:
    command = [sys.executable, "-c", BACKENDS, str(int8_model)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    line = f"NumPy is not installed: {pip_line('install', 'numpy')}"
    assert done.stdout.splitlines() == [line, line]


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("shape", [(5,), (4, 4), (6, 3)])
def test_features_give_the_bytes_and_the_scores_of_numpy(
    shape: tuple[int, ...], dtype: str, tmp_path: Path
) -> None:
    random = np.random.default_rng(1)
    means, stds = random.normal(0, 1000, shape[-1]), 10.0 ** random.integers(-3, 4, shape[-1])
    mean, std = (tuple(map(float, each.astype(np.float32))) for each in (means, stds))
    metadata = Metadata(
        ("a", "b", "c"),
        mean=mean,
        std=std,
        features=True,
        meaning="probabilities",
        task="classify",
    )
    path = model(tmp_path, shape, metadata, dtype, 3)
    opened = load(path)
    spread = np.array([1, 3, 1e6]).reshape(3, *(1 for _ in shape))
    rows = (means + spread * stds * random.normal(size=(3, *shape))).reshape(3, -1)
    calls: list[Any] = []
    for row in rows.tolist():
        for one in row, {"code": "f", "numbers": row}:
            calls += [(path, call, one, {}) for call in ("encoded", "predict", "classify")]
    answers = iter(without_numpy(*calls))
    for row in rows:
        batch = row.reshape(1, *shape)
        for _ in range(2):
            assert next(answers) == encode(batch, opened.input, metadata).tobytes().hex()
            scores = opened.predict(batch)[0].tolist()
            assert next(answers) == scores
            index = int(np.argmax(scores))
            expected = {"label": "abc"[index], "index": index, "score": scores[index]}
            assert next(answers) == {**expected, "scores": scores, "inverted": False}
    # The same where NumPy is there; and its arrays are classified, too.
    one = rows[0].tolist()
    assert opened.predict(one) == tuple(opened.predict(rows[:1].reshape(1, *shape))[0].tolist())
    assert opened.classify(one) == opened.classify(rows[0])
    with pytest.raises(InputError, match=r"expected features, a list or buffer of \d+"):
        opened.classify(path)


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("features", [True, False])
def test_an_anomaly_has_the_same_score(features: bool, dtype: str, tmp_path: Path) -> None:
    norm: Any = {"mean": (3.0,), "std": (2.0,), "features": True} if features else {}
    path = model(tmp_path, (24,), Metadata(**norm, task="anomaly", meaning="numbers"), dtype, 24)
    opened = load(path)
    rows = np.random.default_rng(0).normal(0, 1, (20, 24)).astype(np.float32)
    answers = without_numpy(*((path, "score", row, {}) for row in rows.tolist()))
    assert answers == opened.score(rows).tolist() == [opened.score(array("f", r)) for r in rows]
    assert min(answers) > 0
    with pytest.raises(ModelError, match="does not rebuild its input"):
        load(model(tmp_path, (5,), Metadata(), dtype)).score([0.0] * 5)


def test_a_sound_is_classified(tmp_path: Path) -> None:
    path = tmp_path / "listener.tflite"
    path.write_bytes(listener.model())
    pcm = sound.sounds(listener.EARS)["speech"]
    wav = sound.write_wav(tmp_path / "word.wav", pcm, listener.EARS.rate)
    clip = {"code": "h", "numbers": pcm.tolist()}
    answers = without_numpy(
        (path, "encoded", wav, {}),
        (path, "encoded", clip, {}),
        (path, "classify", wav, {}),
        (path, "predict", clip, {}),
        (path, "predict", wav, {}),
    )
    opened = load(path)
    pixels = opened.prepare(wav).pixels
    expected = encode(pixels[None], opened.input, opened.metadata).tobytes().hex()
    assert answers[:2] == [expected] * 2
    scores = opened.predict(wav)[0]
    assert answers[2]["scores"] == answers[3] == pytest.approx(scores, abs=1e-7)
    assert answers[4].startswith("MissingPackageError: predict() of a batch needs NumPy")


@pytest.mark.parametrize(("meaning", "threshold"), [("probabilities", 0.7), ("logits", 0.3)])
def test_a_threshold_decides_as_in_a_batch(meaning: str, threshold: float, tmp_path: Path) -> None:
    metadata = Metadata(
        ("no", "yes"),
        mean=(0.0,),
        std=(1.0,),
        features=True,
        meaning=meaning,
        task="binary",
        threshold=threshold,
    )
    path = model(tmp_path, (5,), metadata, "float32", 1)
    opened = load(path)
    rows = np.random.default_rng(0).normal(0, 9, (40, 5)).astype(np.float32)
    above = opened._numbers(rows)[:, 0] > threshold
    answers = without_numpy(*((path, "classify", row, {}) for row in rows.tolist()))
    assert [answer["index"] for answer in answers] == above.astype(int).tolist()
    assert 5 < above.sum() < 35


def test_one_input_of_a_model_of_larger_batches(tmp_path: Path) -> None:
    tensors = [build.tensor((4, 3), name=name) for name in ("in", "out")]
    path = tmp_path / "four.tflite"
    path.write_bytes(build.model(tensors, [("RELU", [0], 1, {})]))
    assert without_numpy((path, "predict", [1.5, -2.0, 3.0], {})) == [[1.5, 0.0, 3.0]]


def test_several_outputs_have_names(tmp_path: Path) -> None:
    tensors = [
        build.tensor((1, 3), "int8", 0.5, 1, name="in"),
        build.tensor((1, 3), "int8", 0.5, 1, name="out"),
        build.tensor((1, 3), "float32", name="floats"),
    ]
    ops = [("RELU", [0], 1, {}), ("DEQUANTIZE", [0], 2, {})]
    path = tmp_path / "two.tflite"
    path.write_bytes(build.model(tensors, ops, outputs=[1, 2]))
    both = {"out": [1.5, 0.0, 3.0], "floats": [1.5, -2.0, 3.0]}
    assert without_numpy((path, "predict", [1.5, -2.0, 3.0], {})) == [both]
    batch = load(path).predict(np.array([[1.5, -2.0, 3.0]]))
    assert {name: values[0].tolist() for name, values in batch.items()} == both


@pytest.mark.parametrize("ground", [0, 90])
def test_numpy_is_not_imported_for_a_picture(ground: int, tmp_path: Path) -> None:
    """Where it is installed, it is two thirds of a cold start."""
    digit(ground).save(tmp_path / "one.png")
    path = model(
        tmp_path, (28, 28, 1), Metadata(("0", "1"), mean=(0.0,), std=(255.0,), framing="digit")
    )
    code = "import sys, edge_runtime; edge_runtime.load(sys.argv[1]).classify(sys.argv[2]); "
    code += "print('numpy' in sys.modules)"
    command = [sys.executable, "-c", code, str(path), str(tmp_path / "one.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
