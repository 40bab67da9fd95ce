"""Image files from any source: formats, sizes and frames, refused before decoding."""

import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import EpsImagePlugin, Image

from edge_runtime.errors import InputError
from edge_runtime.image import prepare
from edge_runtime.picture import FORMATS, MOST_PIXELS

SUFFIXES = {"JPEG": "jpg", "PPM": "pgm"}


def pixels_of(source: Path | Image.Image) -> npt.NDArray[np.uint8]:
    return prepare(source, 8, 8, 1, "resize").pixels


def gradient(size: tuple[int, int] = (8, 8)) -> Image.Image:
    return Image.fromarray(np.arange(size[0] * size[1], dtype=np.uint8).reshape(size))


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of grey pixels that has a header, the chunks, and no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize("name", FORMATS)
def test_the_formats_that_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"image.{SUFFIXES.get(name, name.lower())}"
    gradient().save(path, name, **({"lossless": True} if name == "WEBP" else {}))

    difference = np.abs(pixels_of(path)[:, :, 0].astype(int) - np.asarray(gradient()))

    assert difference.max() <= 4


def test_postscript_by_another_name_starts_no_ghostscript(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *a, **_: started.append(a))
    Image.new("RGB", (8, 8)).save(tmp_path / "image.eps")
    path = (tmp_path / "image.eps").rename(tmp_path / "image.png")

    with pytest.raises(InputError, match=r"image.png: it is not an image that Pillow can read as"):
        pixels_of(path)
    assert not started


@pytest.mark.parametrize("name", ["ICO", "TGA", "PCX", "DDS", "SGI"])
def test_other_formats_are_accepted_when_already_opened(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (16, 16), "red").save(tmp_path / "image.png", name)

    with pytest.raises(InputError, match="can read as one of PNG, JPEG"):
        pixels_of(tmp_path / "image.png")
    with Image.open(tmp_path / "image.png") as image:
        assert pixels_of(image).max() == 76


@pytest.mark.parametrize("height", [MOST_PIXELS // 4096 + 1, 2**15, 2**20])
@pytest.mark.filterwarnings("ignore:Image size:Warning")
def test_an_image_with_too_many_pixels_is_not_decoded(tmp_path: Path, height: int) -> None:
    (tmp_path / "huge.png").write_bytes(png(4096, height))

    with pytest.raises(InputError, match=f"huge.png: it has .*{MOST_PIXELS:,} pixels are the"):
        pixels_of(tmp_path / "huge.png")


def test_an_image_with_the_most_pixels(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(png(4096, MOST_PIXELS // 4096))

    # It lacks the pixels that its header promises: decoding was attempted.
    with pytest.raises(InputError, match=r"large.png: the image cannot be read"):
        pixels_of(tmp_path / "large.png")


@pytest.mark.parametrize(
    "chunk",
    [
        (b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 25), 9)),
        (b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(1 << 25), 9)),
        (b"iCCP", b"a\0\0" + zlib.compress(bytes(1 << 25), 9)),
    ],
    ids=lambda chunk: chunk[0].decode(),
)
def test_text_and_profiles_that_expand_a_thousandfold(
    tmp_path: Path, chunk: tuple[bytes, bytes]
) -> None:
    content = zlib.compress(b"".join(b"\0" + bytes(8) for _ in range(8)))
    (tmp_path / "text.png").write_bytes(png(8, 8, chunk, (b"IDAT", content)))

    try:
        assert not pixels_of(tmp_path / "text.png").any()
    except InputError as error:
        assert "text.png: the image cannot be read" in str(error)  # noqa: PT017 - both are good


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "TIFF"])
def test_a_file_with_several_frames_is_refused(tmp_path: Path, name: str) -> None:
    path, frames = tmp_path / "frames", [gradient(), gradient().rotate(90)]
    frames[0].save(path, name, save_all=True, append_images=frames[1:])

    with pytest.raises(InputError, match=r"frames: it has several frames or pages"):
        pixels_of(path)
    with Image.open(path) as image:
        assert pixels_of(image).shape == (8, 8, 1)


def test_the_first_picture_of_a_phones_jpeg_is_used(tmp_path: Path) -> None:
    first, second = Image.new("L", (8, 8), 255), Image.new("L", (8, 8), 0)
    first.save(tmp_path / "photo.jpg", "MPO", save_all=True, append_images=[second])

    assert pixels_of(tmp_path / "photo.jpg").min() == 255
