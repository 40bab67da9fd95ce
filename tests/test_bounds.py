"""Archives and HDF5 files that unpack to far more than their size, or reach into other files."""

import io
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from edgekit import archives, cli, frameworks, keras_files
from edgekit.errors import DataError, ModelFileError
from edgekit.train.arrays import read_npz

resource = pytest.importorskip("resource")

HUGE = 300 << 20


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in all formats of Keras 3."""
    folder = tmp_path_factory.mktemp("dense")
    keras = frameworks.keras()
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.save(folder / "model.keras")
    model.save(folder / "model.h5")
    return folder


@pytest.fixture
def memory() -> Any:
    """Hold that a test takes no memory worth speaking of."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    unit = 1 if sys.platform == "darwin" else 1024
    growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit
    assert growth < HUGE // 3


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def deflated(path: Path, held: dict[str, bytes], big: str = "", count: int = HUGE >> 20) -> Path:
    """Write an archive in which ``big`` is so many megabytes of spaces."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, content in held.items():
            if name != big:
                file.writestr(name, content)
        if big:
            with file.open(big, "w") as member:
                for _ in range(count):
                    member.write(b" " * (1 << 20))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as raised:
        keras_files.describe(path)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("name", "megabytes", "message"),
    [
        ("metadata.json", HUGE >> 20, "unpack to 314,"),
        ("config.json", HUGE >> 20, "unpack to 314,"),
        ("model.weights.h5", HUGE >> 20, "unpack to 314,"),
        ("assets/words.txt", HUGE >> 20, "unpack to 314,"),
        ("metadata.json", 2, "its metadata.json unpacks to more than 1,048,576 bytes"),
        ("config.json", 17, "its config.json unpacks to more than 16,777,216 bytes"),
    ],
)
@pytest.mark.usefixtures("memory")
def test_a_keras_file_that_expands(
    dense: Path, tmp_path: Path, name: str, megabytes: int, message: str
) -> None:
    path = deflated(tmp_path / "a.keras", members(dense / "model.keras"), name, megabytes)
    assert message in refusal(path)


@pytest.mark.usefixtures("memory")
def test_a_size_that_is_a_lie_helps_nothing(dense: Path, tmp_path: Path) -> None:
    held = members(dense / "model.keras")
    path = deflated(tmp_path / "a.keras", held, "config.json")
    content = path.read_bytes()
    # The true size is in the member's header, after its content, and in the directory.
    assert content.count(struct.pack("<I", HUGE)) >= 1
    path.write_bytes(content.replace(struct.pack("<I", HUGE), struct.pack("<I", 9)))
    assert "not a Keras model file" in refusal(path)
    packed = struct.pack("<I", 1 << 31)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        true = struct.pack("<I", file.getinfo("config.json").compress_size)
    path.write_bytes(content.replace(true, packed))
    assert "unpack to 314," in refusal(path)


@pytest.mark.usefixtures("memory")
def test_an_archive_in_the_archive(dense: Path, tmp_path: Path) -> None:
    inner = deflated(tmp_path / "weights.npz", {}, "x.npy").read_bytes()
    held = members(dense / "model.keras") | {"model.weights.npz": inner}
    assert "unpack to 314," in refusal(deflated(tmp_path / "a.keras", held))


def test_what_is_stored_may_be_large() -> None:
    assert archives.refusal(10 << 30, 10 << 30) is None
    assert archives.refusal(archives.MOST_UNPACKED, 1) is None
    assert archives.refusal(10 << 30, (10 << 30) // 99) is None


def external_link(file: Any, _: Path) -> None:
    file["layers/there"] = h5py.ExternalLink("/etc/passwd", "/")


def soft_link(file: Any, _: Path) -> None:
    file["layers/there"] = h5py.SoftLink("/layers")


def external_storage(file: Any, folder: Path) -> None:
    (folder / "secret").write_bytes(bytes(range(32)))
    place = [(str(folder / "secret"), 0, 32)]
    file.create_dataset("layers/there", (2, 4), "float32", external=place)


def virtual(file: Any, folder: Path) -> None:
    layout = h5py.VirtualLayout((4,), "float32")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "x", (4,))
    file.create_virtual_dataset("layers/there", layout)


def chunks(file: Any, _: Path) -> None:
    file.create_dataset(
        "layers/there", (HUGE, 4), "float32", compression="gzip", chunks=(1 << 16, 4)
    )


def itself(file: Any, _: Path) -> None:
    file["layers/there"] = file["/"]


REACHING: list[tuple[Callable[[Any, Path], None], str]] = [
    (external_link, "'/layers/there' is a link to somewhere else"),
    (soft_link, "'/layers/there' is a link to somewhere else"),
    (external_storage, "'/layers/there' has its numbers in another file"),
    (virtual, "'/layers/there' has its numbers in another file"),
    (chunks, "bytes unpack to 5,033,"),
]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(("change", "message"), REACHING)
def test_weights_that_lie_in_other_files_or_expand(
    dense: Path, tmp_path: Path, suffix: str, change: Callable[[Any, Path], None], message: str
) -> None:
    assert message in refusal(changed(dense, tmp_path, suffix, change))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_group_that_is_in_itself_ends_nothing(dense: Path, tmp_path: Path, suffix: str) -> None:
    keras_files.load(changed(dense, tmp_path, suffix, itself), trust=False, verbose=False)


def changed(dense: Path, folder: Path, suffix: str, change: Callable[[Any, Path], None]) -> Path:
    path, weights = folder / f"a{suffix}", folder / "a.h5"
    held = members(dense / "model.keras")
    content = (dense / "model.h5").read_bytes()
    weights.write_bytes(content if suffix == ".h5" else held["model.weights.h5"])
    with h5py.File(weights, "a") as file:
        change(file, folder)
    if suffix == ".keras":
        deflated(path, held | {"model.weights.h5": weights.read_bytes()})
    return path


def npy(shape: tuple[int, ...]) -> bytes:
    """An .npy of a shape, and none of its numbers."""
    array = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(array, header)
    return array.getvalue()


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.npz", lambda path: deflated(path, {"x.npy": npy((10**13,))})),
        ("a.npz", lambda path: deflated(path, {"x.npy": npy((10**9, 3))})),
        ("a.npy", lambda path: path.write_bytes(npy((10**13,)))),
        ("a.npy", lambda path: path.write_bytes(npy((10**9, 3)))),
        ("a.npy", lambda path: path.write_bytes(b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535)),
        ("a.npy", lambda path: path.write_bytes(b"PK\x03\x04 and no more")),
    ],
)
@pytest.mark.usefixtures("memory")
def test_arrays_that_expand_or_claim_a_size(
    tmp_path: Path, name: str, write: Callable[[Path], Any]
) -> None:
    path = tmp_path / name
    write(path)
    with pytest.raises(DataError) as raised:
        read_npz(path)
    assert str(raised.value).startswith(f"{path}: ")


@pytest.mark.usefixtures("memory")
def test_an_npz_that_expands(tmp_path: Path) -> None:
    path = deflated(tmp_path / "a.npz", {}, "x.npy")
    with pytest.raises(DataError, match="bytes unpack to 314,572,800; the limit is"):
        read_npz(path)


def test_what_is_no_array_in_an_npz_is_passed_over(tmp_path: Path) -> None:
    held = {"x.npy": npy((0, 3)), "notes.txt": b"of a user", "y": b"PK"}
    assert set(read_npz(deflated(tmp_path / "a.npz", held))) == {"x"}


class Payload:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["a.npz", "a.npy", "pickle.npy", "pickle.npz"])
def test_pickles_in_arrays_are_never_loaded(
    tmp_path: Path, dense: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    mark, path = tmp_path / "mark", tmp_path / name
    objects = np.array([Payload(mark)], object)
    if name.startswith("pickle"):
        path.write_bytes(pickle.dumps(Payload(mark)))
    elif name == "a.npz":
        np.savez(path, x=objects, y=objects)
    else:
        np.save(path, objects)
    model, out = str(dense / "model.keras"), str(tmp_path / "a.tflite")
    commands = [
        ["train", "--data", str(path), "--artifacts", str(tmp_path / "artifacts")],
        ["convert", model, "-o", out, "--data", str(path)],
        ["convert", model, "-o", out, "--quantize", "--calibration", str(path)],
        ["tune", model, "--prune", "0.5", "--data", str(path)],
    ]
    for command in commands:
        assert cli.run(command) == 2
    assert cli.run(["convert", model, "-o", out]) == 0
    assert cli.run(["bench", out, "--data", str(path), "--artifacts", str(tmp_path)]) == 2
    assert "never loaded" in capsys.readouterr().err
    assert not mark.exists()
    with suppress(IndexError, TypeError):  # its mark is no array
        np.load(path, allow_pickle=True)["x"]
    assert mark.exists()
