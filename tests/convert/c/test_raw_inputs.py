"""Raw inputs in C: pixels and features become the bytes that edge_runtime makes of them.

It makes the same of a batch, with NumPy, and of one input, without.
"""

import ctypes
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

import build
import exported
from edge_runtime.errors import ModelError
from edge_runtime.image import prepare
from edge_runtime.metadata import Metadata
from edge_runtime.plain import encode as encode_one
from edge_runtime.quantize import encode
from edge_runtime.reader import read
from edgekit.convert.c.library import CLibrary, library
from edgekit.convert.metadata import attach

HEIGHT, WIDTH = 6, 7
MEANS, STDS = (10.0, 127.5, 99.0), (58.5, 127.5, 61.25)


def file(shape: tuple[int, ...], metadata: Metadata, dtype: str) -> bytes:
    """Return a model of one RELU with an input of a shape and a type, and its metadata."""
    scale = {} if dtype == "float32" else {"scale": 0.0173, "zero_point": -21}
    tensors = [build.tensor((1, *shape), dtype, name=name, **scale) for name in ("in", "out")]
    return attach(build.model(tensors, [("RELU", [0], 1, {})]), metadata)


def calls(made: CLibrary, tmp_path: Path, *functions: tuple[str, str]) -> Any:
    """Compile functions of the header that get raw elements of a C type, as C99 and as C++."""
    lines = [f'#include "{made.name}.h"']
    for name, kind in functions:
        start = f"void call_{name}(const {kind} *from, m_input_t *to)"
        lines += [f"{start};", f"{start} {{ m_{name}(from, to); }}"]
    sources = exported.write(made, tmp_path)[:2]
    (tmp_path / "calls.c").write_text("\n".join(lines) + "\n")
    return exported.compiled(tmp_path, [*sources, tmp_path / "calls.c"])


def given(function: Any, raw: npt.NDArray[Any], made: CLibrary) -> bytes:
    """Return what a function makes of raw elements."""
    [port] = made.inputs
    result = np.empty(port.elements, port.dtype)
    function(raw.tobytes(), result.ctypes.data_as(ctypes.c_void_p))
    return result.tobytes()


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("shape", [(5,), (16, 3)])
def test_features_in_their_own_units(shape: tuple[int, ...], dtype: str, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    means, stds = random.normal(0, 1000, shape[-1]), 10.0 ** random.integers(-3, 4, shape[-1])
    mean, std = (tuple(map(float, values.astype(np.float32))) for values in (means, stds))
    metadata = Metadata(mean=mean, std=std, features=True)
    content = file(shape, metadata, dtype)
    made = library(content, "m.tflite", "m")
    assert "quantize_u8" not in made.header
    functions = calls(made, tmp_path, ("from_features", "float"))
    graph = read(content)
    for spread in (1, 3, 1e6, 1e30):
        features = (means + spread * stds * random.normal(size=shape)).astype(np.float32)
        expected = encode(features[None], graph.tensors[graph.inputs[0]], metadata)
        assert given(functions.call_from_features, features, made) == expected.tobytes()
        one = array("f", features.tobytes())
        tensor = graph.tensors[graph.inputs[0]]
        assert encode_one(one, tensor, mean, std, features=True) == expected.tobytes()


def rgb(tmp_path: Path) -> Path:
    """Write a picture of the model's size in all kinds of colours."""
    random = np.random.default_rng(2)
    path = tmp_path / "picture.png"
    PIL.Image.fromarray(random.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)).save(path)
    return path


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize(
    ("channels", "mean", "std"),
    [(1, (0.0,), (255.0,)), (3, (127.5,), (127.5,)), (3, MEANS, STDS), (3, (21.0,), (57.8,))],
)
def test_a_png_becomes_the_same_bytes_in_python_and_c(
    channels: int, mean: tuple[float, ...], std: tuple[float, ...], dtype: str, tmp_path: Path
) -> None:
    metadata = Metadata(mean=mean, std=std)
    content = file((HEIGHT, WIDTH, channels), metadata, dtype)
    made = library(content, "m.tflite", "m")
    kinds = ("from_u8", "uint8_t"), ("from_rgb888", "uint8_t"), ("from_rgb565", "uint16_t")
    functions = calls(made, tmp_path, *kinds)
    graph = read(content)
    tensor = graph.tensors[graph.inputs[0]]
    path = rgb(tmp_path)

    def expected(image: Any) -> bytes:
        prepared = prepare(image, HEIGHT, WIDTH, channels, "resize")
        batch = encode(prepared.pixels[None], tensor, metadata).tobytes()
        one = array("B", prepared.content)
        assert encode_one(one, tensor, mean, std, features=False) == batch
        return batch

    colours = np.asarray(PIL.Image.open(path))
    pixels = prepare(path, HEIGHT, WIDTH, channels, "resize").pixels
    assert given(functions.call_from_u8, pixels, made) == expected(path)
    assert given(functions.call_from_rgb888, colours, made) == expected(path)
    red, green, blue = (colours[:, :, c].astype(np.uint16) for c in range(3))
    packed = red >> 3 << 11 | green >> 2 << 5 | blue >> 3
    # Five and six bits of a camera, as a display shows them.
    shown = [red >> 3 << 3 | red >> 5, green >> 2 << 2 | green >> 6, blue >> 3 << 3 | blue >> 5]
    image = np.stack(shown, axis=2).astype(np.uint8)
    assert given(functions.call_from_rgb565, packed, made) == expected(image)


@pytest.mark.parametrize("framing", ["resize", "centre-crop", "letterbox"])
@pytest.mark.parametrize(
    ("channels", "size"), [(1, (40, 33)), (3, (9, 21)), (3, (7, 5)), (1, (7, 6)), (3, (3, 2))]
)
def test_a_camera_s_frames_are_cropped_and_resized_alike(
    channels: int, size: tuple[int, int], framing: str, tmp_path: Path
) -> None:
    metadata = Metadata(mean=(127.5,), std=(127.5,), framing=framing)
    content = file((HEIGHT, WIDTH, channels), metadata, "int8")
    made = library(content, "m.tflite", "m", camera=size)
    kinds = [("from_camera_rgb888", "uint8_t"), ("from_camera_rgb565", "uint16_t")]
    kinds += [("from_camera_u8", "uint8_t")] * (channels == 1)
    functions = calls(made, tmp_path, *kinds)
    graph = read(content)
    tensor = graph.tensors[graph.inputs[0]]
    random = np.random.default_rng(5)
    width, height = size

    def expected(image: npt.NDArray[np.uint8]) -> bytes:
        PIL.Image.fromarray(image).save(tmp_path / "frame.png")
        pixels = prepare(tmp_path / "frame.png", HEIGHT, WIDTH, channels, framing).pixels
        return encode(pixels[None], tensor, metadata).tobytes()

    for _ in range(3):
        image = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
        assert given(functions.call_from_camera_rgb888, image, made) == expected(image)
        packed = random.integers(0, 1 << 16, (height, width)).astype(np.uint16)
        red, green, blue = packed >> 11, packed >> 5 & 63, packed & 31
        shown = [red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2]
        image = np.stack(shown, axis=2).astype(np.uint8)
        assert given(functions.call_from_camera_rgb565, packed, made) == expected(image)
        if channels == 1:
            grey = random.integers(0, 256, (height, width)).astype(np.uint8)
            assert given(functions.call_from_camera_u8, grey, made) == expected(grey)


@pytest.mark.parametrize(
    ("shape", "metadata", "problem"),
    [
        ((5,), Metadata(mean=(1.0,) * 5, std=(1.0,) * 5, features=True), "is no picture"),
        ((HEIGHT, WIDTH, 1), Metadata(), "is no picture whose pixels the file describes"),
        (
            (HEIGHT, WIDTH, 1),
            Metadata(mean=(0.0,), std=(255.0,), framing="digit"),
            "framed as digits",
        ),
    ],
)
def test_frames_that_no_function_can_bring_into_the_input(
    shape: tuple[int, ...], metadata: Metadata, problem: str
) -> None:
    with pytest.raises(ModelError, match=problem):
        library(file(shape, metadata, "int8"), "m.tflite", "m", camera=(20, 10))
