"""Any picture becomes the model's pixels: sizes, modes, framing, inversion."""

import contextlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageOps

from edge_runtime import InputError, load
from edge_runtime.image import Prepared, prepare
from edge_runtime.metadata import FRAMINGS
from edgekit.files import FLOAT_MODEL

pytestmark = pytest.mark.unsanitized

Pixels = npt.NDArray[np.uint8]


def digit(image: Any, **options: Any) -> Prepared:
    return prepare(image, 28, 28, 1, "digit", **options)


def seven(size: tuple[int, int] = (120, 160), ink: int = 20, ground: int = 240) -> Image.Image:
    """A shape without symmetry, so that rotations and mirror images differ."""
    image = Image.new("L", size, ground)
    pen = ImageDraw.Draw(image)
    pen.line((30, 30, 90, 30), fill=ink, width=12)
    pen.line((88, 30, 50, 130), fill=ink, width=12)
    return image


def mean_difference(a: Prepared, b: Prepared) -> float:
    return np.abs(a.pixels.astype(int) - b.pixels.astype(int)).mean()


def test_the_result_has_the_models_shape() -> None:
    for channels in (1, 3):
        for framing in FRAMINGS:
            prepared = prepare(seven(), 32, 24, channels, framing)

            assert prepared.pixels.shape == (32, 24, channels)
            assert prepared.pixels.dtype == np.uint8


# Digit framing.


def test_the_digit_is_framed_as_in_mnist() -> None:
    pixels = digit(seven()).pixels[:, :, 0].astype(float)

    rows, columns = (np.flatnonzero(pixels.any(axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    centre = np.average(np.indices((28, 28)), axis=(1, 2), weights=np.stack([pixels, pixels]))
    assert np.abs(centre - 14).max() <= 0.5
    assert pixels.max() == 255
    assert pixels[0].max() == pixels[-1].max() == pixels[:, 0].max() == pixels[:, -1].max() == 0


def test_the_box_grows_with_the_field() -> None:
    pixels = prepare(seven(), 56, 56, 1, "digit").pixels

    assert np.ptp(np.flatnonzero(pixels.any((1, 2)))) + 1 == 40


def test_size_and_place_on_the_page_do_not_matter() -> None:
    expected = digit(seven())
    small = seven().resize((60, 80), Image.Resampling.LANCZOS)
    page = Image.new("L", (900, 700), 240)
    page.paste(seven(), (600, 30))

    assert mean_difference(digit(page), expected) == 0
    assert mean_difference(digit(small), expected) < 6


def test_faint_ink_gives_the_same_result_as_strong_ink() -> None:
    assert mean_difference(digit(seven(ink=140, ground=200)), digit(seven())) < 1


def test_ink_is_light_for_either_polarity() -> None:
    dark_on_light, light_on_dark = digit(seven()), digit(seven(ink=235, ground=15))

    assert dark_on_light.inverted
    assert not light_on_dark.inverted
    assert mean_difference(dark_on_light, light_on_dark) < 1


def test_inversion_can_be_forced() -> None:
    assert not digit(seven(), invert=False).inverted
    assert digit(seven(ink=235, ground=15), invert=True).inverted
    assert mean_difference(digit(seven(), invert=True), digit(seven())) == 0
    assert mean_difference(digit(seven(), invert=False), digit(seven())) > 50


def test_an_image_of_the_right_size_is_not_changed() -> None:
    image = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)
    image[0], image[-1], image[:, 0], image[:, -1] = 0, 0, 0, 0

    np.testing.assert_array_equal(digit(image).pixels[:, :, 0], image)
    np.testing.assert_array_equal(digit(255 - image).pixels[:, :, 0], image)
    assert digit(255 - image).inverted
    np.testing.assert_array_equal(digit(image, invert=True).pixels[:, :, 0], 255 - image)


@pytest.mark.parametrize("level", [0, 17, 128, 255])
@pytest.mark.parametrize("size", [(28, 28), (100, 60)])
def test_a_blank_image(level: str, size: int) -> None:
    noise = np.random.default_rng(0).integers(-8, 8, size)
    image = np.clip(level + noise, 0, 255).astype(np.uint8)

    for invert in (None, True, False):
        with pytest.raises(InputError, match="blank: there is no ink"):
            digit(image, invert=invert)


def test_ink_that_only_its_colour_shows_has_one_polarity() -> None:
    """Red of the luma of its green ground is found, but not by levels of grey."""
    image = np.full((60, 60, 3), (0, 130, 0), np.uint8)
    image[15:45, 25:32] = (255, 0, 0)
    assert digit(image).pixels.max() == 255

    with pytest.raises(InputError, match="blank: there is no ink"):
        digit(image, invert=True)


def test_one_pixel_of_ink() -> None:
    image = np.zeros((50, 50), np.uint8)
    image[40, 10] = 255

    assert digit(image).pixels[14, 14] == 255


@pytest.mark.parametrize("shape", [(40, 500), (500, 40), (9, 40)])
def test_extreme_proportions(shape: tuple[int, ...]) -> None:
    image = np.zeros(shape, np.uint8)
    image[shape[0] // 3 : shape[0] // 2, shape[1] // 3 : shape[1] // 2] = 200

    assert digit(image).pixels.max() == 255


@pytest.mark.parametrize("shape", [(3, 500), (500, 3), (1, 40), (40, 1), (1, 1)])
def test_too_thin_for_a_ground(shape: tuple[int, ...]) -> None:
    image = np.zeros(shape, np.uint8)
    image[:, 1 : shape[1] - 1] = 200

    with contextlib.suppress(InputError):
        assert digit(image).pixels.max() == 255


# Resizing.


def test_resize_scales_the_whole_image() -> None:
    ramp = np.tile(np.arange(0, 256, dtype=np.uint8), (64, 1))

    pixels = prepare(ramp, 16, 32, 1, "resize").pixels[:, :, 0]

    np.testing.assert_allclose(pixels, np.tile(np.arange(32) * 8 + 3.5, (16, 1)), atol=2)


def test_resize_is_antialiased() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (60, 30))

    pixels = prepare(stripes, 20, 20, 1, "resize").pixels

    assert 90 < pixels.min() <= pixels.max() < 165


def test_resize_inverts_only_when_asked() -> None:
    image = seven()

    assert not prepare(image, 28, 28, 1, "resize").inverted
    plain, inverted = (prepare(image, 28, 28, 1, "resize", invert) for invert in (False, True))
    np.testing.assert_array_equal(inverted.pixels, 255 - plain.pixels)
    assert inverted.inverted


def test_colours_survive_in_a_colour_model() -> None:
    image = Image.new("RGB", (50, 40), (200, 100, 50))

    np.testing.assert_array_equal(
        prepare(image, 8, 8, 3, "resize").pixels, np.full((8, 8, 3), (200, 100, 50))
    )
    luma = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    np.testing.assert_array_equal(prepare(image, 8, 8, 1, "resize").pixels, luma)


# The other framings.


def target(rows: int, columns: int) -> Pixels:
    """A white square in the middle of grey, in RGB."""
    image = np.full((rows, columns, 3), (90, 60, 30), np.uint8)
    image[rows // 2 - 8 : rows // 2 + 8, columns // 2 - 8 : columns // 2 + 8] = 255
    return image


@pytest.mark.parametrize("shape", [(64, 128), (128, 64), (64, 64), (65, 131)])
def test_centre_crop_keeps_the_middle_and_its_proportions(shape: tuple[int, ...]) -> None:
    pixels = prepare(target(*shape), 32, 32, 3, "centre-crop").pixels

    assert pixels.shape == (32, 32, 3)
    white = pixels.min(2) > 128
    assert [np.flatnonzero(white.any(axis)).tolist() for axis in (0, 1)] == [[*range(12, 20)]] * 2
    assert (pixels[0] == (90, 60, 30)).all()


def test_centre_crop_of_another_aspect_ratio() -> None:
    image = np.tile(np.arange(100, dtype=np.uint8), (100, 1))

    pixels = prepare(image, 40, 20, 1, "centre-crop").pixels[:, :, 0]

    np.testing.assert_allclose(pixels[0], np.linspace(26, 73, 20), atol=1.5)


@pytest.mark.parametrize("shape", [(64, 128), (128, 64), (64, 64), (1, 500), (500, 1)])
def test_letterbox_shows_the_whole_image_on_black(shape: tuple[int, ...]) -> None:
    image = np.full((*shape, 3), (90, 60, 30), np.uint8)

    pixels = prepare(image, 32, 32, 3, "letterbox").pixels

    inside = pixels.any(2)
    rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
    scale = 32 / max(shape)
    assert (len(rows), len(columns)) == tuple(max(1, round(side * scale)) for side in shape)
    assert abs(rows[0] - (31 - rows[-1])) <= 1
    assert abs(columns[0] - (31 - columns[-1])) <= 1
    assert (pixels[inside] == (90, 60, 30)).all()


def test_the_bars_of_a_letterbox_stay_black() -> None:
    pixels = prepare(np.zeros((10, 20), np.uint8), 20, 20, 1, "letterbox", invert=True).pixels

    assert (pixels[5:15] == 255).all()
    assert not pixels[:5].any()
    assert not pixels[15:].any()


def test_an_unknown_framing_is_refused() -> None:
    with pytest.raises(ValueError, match="'poster': there are digit, resize, centre-crop, letter"):
        prepare(seven(), 28, 28, 1, "poster")


# What is dropped is said.


DROPPED = [
    (target(64, 64), (32, 32, 3, "resize"), ()),
    (target(64, 64), (32, 32, 1, "resize"), ("colour",)),
    (target(64, 64)[:, :, :1].repeat(3, 2), (32, 32, 1, "resize"), ()),
    (target(64, 128), (32, 32, 3, "resize"), ("aspect ratio",)),
    (target(64, 65), (32, 32, 3, "resize"), ()),
    (target(64, 128), (32, 32, 3, "centre-crop"), ("edges",)),
    (target(64, 128), (32, 32, 3, "letterbox"), ()),
    (target(512, 512), (32, 32, 3, "letterbox"), ("detail",)),
    (target(512, 512), (32, 32, 1, "centre-crop"), ("colour", "detail")),
    (np.full((32, 32, 4), 128, np.uint8), (32, 32, 3, "resize"), ("transparency",)),
    (np.full((32, 32, 4), 255, np.uint8), (32, 32, 3, "resize"), ()),
    (np.asarray(seven()), (28, 28, 1, "digit"), ()),
    (np.asarray(seven().convert("RGB")) // (1, 2, 8), (28, 28, 1, "digit"), ("colour",)),
]


@pytest.mark.parametrize(("image", "how", "dropped"), DROPPED)
def test_what_is_dropped_is_reported(image: Any, how: Any, dropped: Any) -> None:
    assert prepare(image, *how).dropped == dropped


# Modes and element types.


def transparent(image: Any) -> Any:
    """The same drawing as ink of some opacity on a transparent ground."""
    alpha = ImageOps.invert(image)
    return Image.merge("LA", (Image.new("L", image.size, 0), alpha))


def palette(image: Any) -> Any:
    return image.convert("P", palette=Image.Palette.ADAPTIVE)


def sixteen_bit(image: Any) -> Any:
    return Image.fromarray(np.asarray(image).astype(np.uint16) * 257)


MODES = {
    "L": lambda image: image,
    "RGB": lambda image: image.convert("RGB"),
    "RGBA": lambda image: image.convert("RGBA"),
    "RGBX": lambda image: image.convert("RGBX"),
    "LA": lambda image: image.convert("LA"),
    "P": palette,
    "PA": lambda image: image.convert("PA"),
    "CMYK": lambda image: image.convert("RGB").convert("CMYK"),
    "YCbCr": lambda image: image.convert("YCbCr"),
    "HSV": lambda image: image.convert("RGB").convert("HSV"),
    "I;16": sixteen_bit,
    "I": lambda image: image.convert("I"),
    "F": lambda image: image.convert("F"),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode(mode: str) -> None:
    image = MODES[mode](seven())
    assert image.mode == mode

    assert mean_difference(digit(image), digit(seven())) < 1


def test_black_and_white() -> None:
    image = seven(ink=0, ground=255)

    assert mean_difference(digit(image.convert("1")), digit(image)) == 0


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tiff", "webp", "jpg"])
def test_every_file_format(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"seven.{suffix}"
    seven().save(path)

    assert mean_difference(digit(path), digit(seven())) < 2


def test_a_sixteen_bit_file(tmp_path: Path) -> None:
    sixteen_bit(seven()).save(tmp_path / "seven.png")

    assert mean_difference(digit(tmp_path / "seven.png"), digit(seven())) < 1


ARRAYS = {
    "uint8": lambda array: array,
    "uint16": lambda array: array.astype(np.uint16) * 257,
    "big-endian uint16": lambda array: (array.astype(np.uint16) * 257).astype(">u2"),
    "int32": lambda array: array.astype(np.int32),
    "int64 of 16 bits": lambda array: array.astype(np.int64) * 257,
    "float32 to 1": lambda array: array.astype(np.float32) / 255,
    "float64 to 255": lambda array: array.astype(np.float64),
    "float16": lambda array: (array / 255).astype(np.float16),
    "one channel": lambda array: array[:, :, None],
    "three channels": lambda array: np.repeat(array[:, :, None], 3, axis=2),
    "four channels": lambda array: np.dstack([array, array, array, np.full_like(array, 255)]),
    "strided": lambda array: np.repeat(array, 2, axis=1)[:, ::2],
    "read-only": lambda array: np.frombuffer(array.tobytes(), np.uint8).reshape(array.shape),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_every_array(kind: Any) -> None:
    array = ARRAYS[kind](np.asarray(seven()))

    assert mean_difference(digit(array), digit(seven())) < 1


@pytest.mark.parametrize("top", [255, 1023, 4095, 16383, 65535])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_pixels_of_fewer_bits_in_wider_integers(top: Any, dtype: str) -> None:
    """Cameras store 10, 12 and 14 bits in 16: the largest value determines the number of bits."""
    array = np.rint(np.asarray(seven()) / 240 * top).astype(dtype)

    expected = np.rint(np.asarray(seven()) / 240 * 255)
    pixels = prepare(array, *array.shape, 1, "resize").pixels[:, :, 0]
    assert np.abs(pixels - expected).max() <= 1
    assert mean_difference(digit(array), digit(seven())) < 1


def test_a_boolean_array() -> None:
    array = np.asarray(seven()) < 128

    assert mean_difference(digit(array), digit(array.astype(np.uint8) * 255)) == 0
    assert not digit(array).inverted


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 28, 28, 1), np.uint8), r"expected an image \[h, w\]"),
        (np.zeros((28, 28, 2), np.uint8), r"expected an image \[h, w\]"),
        (np.zeros((28,), np.uint8), r"expected an image \[h, w\]"),
        (np.zeros((0, 28), np.uint8), r"expected an image \[h, w\]"),
        (np.zeros((28, 28), complex), "got complex128"),
        (np.full((28, 28), "a"), "got <U1"),
        (np.full((28, 28), None), "got object"),
        (np.full((28, 28), np.nan), "not in the range"),
        (np.full((28, 28), np.inf), "not in the range"),
        (np.full((28, 28), -0.1), "not in the range"),
        (np.full((28, 28), 256.0), "not in the range 0 to 255"),
        (np.full((28, 28), -1), "not in the range"),
        (np.full((28, 28), 70000), "not in the range 0 to 65535"),
    ],
)
def test_arrays_that_are_not_images(array: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        digit(array)


@pytest.mark.parametrize("thing", [None, 7, b"bytes", [[0, 255], [0, 255]], object()])
def test_objects_that_are_not_images(thing: Any) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        digit(thing)


# Transparency.


def test_dark_ink_on_transparency() -> None:
    prepared = digit(transparent(seven(ink=0, ground=255)))

    assert prepared.inverted  # its ground is white
    assert mean_difference(prepared, digit(seven(ink=0, ground=255))) < 1


def test_light_ink_on_transparency() -> None:
    ink = seven(ink=0, ground=255)
    image = Image.merge("LA", (Image.new("L", ink.size, 255), ImageOps.invert(ink)))

    prepared = digit(image)

    assert not prepared.inverted
    assert mean_difference(prepared, digit(ink)) < 1


def test_a_transparent_palette_entry(tmp_path: Path) -> None:
    image = Image.new("P", (60, 80), 0)
    image.putpalette([0, 0, 0, 30, 0, 0])
    ImageDraw.Draw(image).line((30, 10, 30, 70), fill=1, width=8)
    image.save(tmp_path / "one.png", transparency=0)

    prepared = digit(tmp_path / "one.png")

    assert prepared.inverted
    assert prepared.pixels[14, 14] == 255
    assert prepared.pixels[0, 0] == 0


def test_nothing_but_transparency() -> None:
    with pytest.raises(InputError, match="blank"):
        digit(Image.new("RGBA", (50, 50), (0, 0, 0, 0)))


def test_half_transparent_colour() -> None:
    image = np.full((8, 8, 4), (0, 0, 0, 128), np.uint8)

    np.testing.assert_array_equal(prepare(image, 8, 8, 3, "resize").pixels, 127)


# Files.


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: Any, tmp_path: Path) -> None:
    upright = seven()
    undo = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = upright
    for step in undo.get(orientation, []):
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "seven.png", exif=exif)

    assert mean_difference(digit(tmp_path / "seven.png"), digit(upright)) == 0
    with Image.open(tmp_path / "seven.png") as image:
        assert mean_difference(digit(image), digit(upright)) == 0


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.png: .*No such file or directory"):
        digit(tmp_path / "nowhere.png")


def test_a_file_that_is_not_an_image(tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("not a picture")

    with pytest.raises(InputError, match=r"notes.png: it is not an image that Pillow can read"):
        digit(str(path))


def test_a_truncated_file(tmp_path: Path) -> None:
    seven().save(tmp_path / "seven.png")
    content = (tmp_path / "seven.png").read_bytes()

    for length in range(0, len(content) - 20, 7):
        (tmp_path / "cut.png").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"cut.png: "):
            digit(tmp_path / "cut.png")


def test_damaged_files_are_refused_or_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for suffix in ("png", "jpg", "gif", "tiff", "webp"):
        seven().save(tmp_path / f"seven.{suffix}")
        content = np.frombuffer((tmp_path / f"seven.{suffix}").read_bytes(), np.uint8)
        for _ in range(30):
            damaged = content.copy()
            damaged[rng.integers(0, len(content), 5)] = rng.integers(0, 256, 5)
            path = tmp_path / f"damaged.{suffix}"
            path.write_bytes(damaged.tobytes())
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow warns about metadata
                with contextlib.suppress(InputError):
                    assert digit(path).pixels.shape == (28, 28, 1)


def test_the_callers_image_is_not_changed() -> None:
    array = np.asarray(seven()).copy()
    before = array.copy()
    image = Image.fromarray(array)

    digit(array)
    digit(image)

    np.testing.assert_array_equal(array, before)
    np.testing.assert_array_equal(np.asarray(image), before)


# The whole road, on real handwriting.


@pytest.mark.mnist
def test_mnist_drawn_large_on_paper_is_still_read(artifacts: Path, mnist: Any) -> None:
    model = load(artifacts / FLOAT_MODEL)
    rng = np.random.default_rng(0)

    answers = []
    for image in mnist.x_test[::5, :, :, 0]:
        size = 28 * int(rng.integers(2, 12))
        ink = Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)
        page = Image.new("L", (size + int(rng.integers(1, 300)), size + 200), 230)
        page.paste(40, tuple(int(n) for n in rng.integers(0, (page.width - size, 200))), ink)
        answers.append(model.classify(page).index)

    assert (np.array(answers) == mnist.y_test[::5]).mean() > 0.99
