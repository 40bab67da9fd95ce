"""What a file or folder that is no model to convert is, judged by its name and first bytes."""

from pathlib import Path

from edgekit.keras_files import ZIP

EXPECTED = "expected a .keras, .h5, float .tflite or .onnx file or a SavedModel folder"
KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
HDF5 = b"\x89HDF\r\n\x1a\n"
"""First bytes of an HDF5 file; those of a zip are ``ZIP``."""
TFLITE = b"TFL3"
"""Bytes 4 to 8 of a .tflite file."""
ONNX = ".onnx"
TORCH = (
    "a PyTorch model: litert-torch makes a float .tflite file of it "
    "(litert_torch.convert(model.eval(), inputs).export(file)), which edgekit quantises"
)

FOREIGN = {
    ".pt": TORCH,
    ".pth": TORCH,
    ".safetensors": "weights without a model: edgekit starts from Keras or a float .tflite file",
    ".pb": "a graph without its folder: give the SavedModel folder that it is in; a frozen graph "
    "of TensorFlow 1 has to become one first (tf.compat.v1.saved_model.simple_save)",
    ".zip": f"a zip archive: unpack it and give what is in it ({EXPECTED})",
    ".json": "an architecture without weights: save the whole model with model.save()",
    ".ckpt": "a checkpoint, weights without a model: save the whole model with model.save()",
    ".index": "a checkpoint, weights without a model: save the whole model with model.save()",
}


def file(path: Path) -> str | None:
    """Return what keeps the file at ``path`` from being a model to convert; None when nothing."""
    with path.open("rb") as opened:
        start = opened.read(256)
    text = start.lstrip().lower()
    if not start:
        return "is empty: the copy or the download failed"
    if start.startswith(b"version https://git-lfs.github.com/"):
        return "is a Git LFS pointer and not the file itself: fetch it with `git lfs pull`"
    if text.startswith((b"<!doctype html", b"<html")):
        return "is a web page: the download led to a page and not to the file"
    if start[4:8] == TFLITE or path.suffix == ONNX:
        return None
    if path.suffix == ".tflite":
        return "not a .tflite file, or damaged at its beginning"
    if path.suffix in FOREIGN:
        return f"is {FOREIGN[path.suffix]}"
    if path.suffix not in KERAS_SUFFIXES:
        return EXPECTED
    if not start.startswith((HDF5, ZIP)):
        return "not a Keras model file: neither a zip nor an HDF5 file, or damaged at its beginning"
    return None


def folder(path: Path) -> str | None:
    """Return what keeps the folder at ``path`` from being a SavedModel; None when nothing does."""
    if any((path / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
        return None
    if (path / "tfhub_module.pb").is_file():
        return (
            "is a TensorFlow 1 Hub module, which has no signature to convert: build a Keras model "
            "with hub.KerasLayer and export it as a SavedModel"
        )
    if (path / "checkpoint").is_file() or any(path.glob("*.index")):
        return "is a checkpoint, weights without a model: save the whole model with model.save()"
    if (path / "model.json").is_file():
        return "is a TensorFlow.js model: edgekit starts from the Keras model that it was made from"
    inner = sorted(
        [child for child in path.glob("*") if child.suffix in KERAS_SUFFIXES]
        + [child.parent for child in path.glob("*/saved_model.pb")]
    )
    if inner:
        return f"not a SavedModel (no saved_model.pb in it); did you mean {inner[0]}?"
    return "not a SavedModel (no saved_model.pb in it)"
