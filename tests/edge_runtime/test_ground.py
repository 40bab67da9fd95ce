"""What shows where a picture is transparent is said by the model file, as it was for training."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import build
from edge_runtime import MetadataError, load
from edge_runtime.metadata import GROUNDS, Metadata, read_metadata
from edge_runtime.reader import read
from edgekit.convert.metadata import attach


def file(ground: str) -> bytes:
    """Return a model of pictures of 4x4 in RGB."""
    tensors = [build.tensor((1, 4, 4, 3), name=name) for name in ("in", "out")]
    content = build.model(tensors, [("RELU", [0], 1, {})])
    return attach(content, Metadata(mean=(0.0,), std=(255.0,), ground=ground))


@pytest.mark.parametrize("ground", GROUNDS)
def test_a_transparent_picture_is_laid_on_the_ground_of_training(
    ground: str, tmp_path: Path
) -> None:
    (tmp_path / "model.tflite").write_bytes(file(ground))
    picture = np.zeros((4, 4, 4), np.uint8)
    picture[0] = (10, 20, 30, 255)  # dark, so that white contrasts with it
    PIL.Image.fromarray(picture).save(tmp_path / "picture.png")
    with load(tmp_path / "model.tflite") as model:
        pixels = model.prepare(tmp_path / "picture.png").pixels
    assert pixels[0, 0].tolist() == [10, 20, 30]
    assert pixels[1:].min() == pixels[1:].max() == (0 if ground == "black" else 255)


def test_a_ground_that_is_none_is_refused() -> None:
    content = file("white").replace(b'"ground": "white"', b'"ground": "green"')
    with pytest.raises(MetadataError, match="the ground is none of contrasting, white, black"):
        read_metadata(read(content), content)
