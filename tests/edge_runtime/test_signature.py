"""load(public_key=): only files signed with the key are opened, and exactly the signed bytes."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

import keys
import models
import smoke
from edge_runtime import (
    InputError,
    MissingPackageError,
    Model,
    ModelError,
    load,
    reader,
)
from edge_runtime.install import install_line
from edge_runtime.signature import SUFFIX

pytestmark = pytest.mark.unsanitized


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A signed model with its keys: private.pem, public.pem, m.tflite, m.tflite.sig."""
    key = keys.write(tmp_path)
    (tmp_path / "m.tflite").write_bytes(smoke.MODEL)
    (tmp_path / f"m.tflite{SUFFIX}").write_bytes(key.sign(smoke.MODEL))
    return tmp_path


@pytest.fixture
def model(folder: Path) -> Path:
    return folder / "m.tflite"


@pytest.fixture
def public(folder: Path) -> Path:
    return folder / "public.pem"


def flip(file: Path, position: int) -> None:
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)


def answer(opened: Model) -> list[int]:
    """Run the model on the input of the smoke test."""
    tensor = np.frombuffer(smoke.INPUT, np.int8).reshape(opened.input.shape)
    return np.asarray(opened.run(tensor)).ravel().tolist()


def raw(public: Path) -> bytes:
    return load_pem_public_key(public.read_bytes()).public_bytes_raw()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "form",
    [str, Path, Path.read_text, Path.read_bytes, raw],
    ids=["name", "path", "text", "bytes", "raw"],
)
def test_a_signed_file_is_opened(
    model: Path, public: Path, form: Callable[[Path], str | Path | bytes]
) -> None:
    opened = load(model, public_key=form(public))
    assert answer(opened) == smoke.OUTPUT


def test_one_bit_of_file_or_signature_is_refused_before_the_file_is_parsed(
    model: Path, public: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parsed(_: bytes) -> None:
        pytest.fail("parsed")

    monkeypatch.setattr(reader, "read", parsed)
    signature = Path(f"{model}{SUFFIX}")
    for file in model, signature:
        content = file.read_bytes()
        for position in (0, len(content) // 2, len(content) - 1):
            flip(file, position)
            with pytest.raises(ModelError, match=r"m.tflite.sig is not a signature of this file"):
                load(model, public_key=public)
            file.write_bytes(content)
    content = signature.read_bytes()
    for cut in (b"", content[:-1], content + b"\0"):
        signature.write_bytes(cut)
        with pytest.raises(ModelError, match="is not a signature of this file by this key"):
            load(model, public_key=public)


def test_another_key_is_refused(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    keys.write(other)
    with pytest.raises(ModelError, match="by this key: the file was changed, or signed with anoth"):
        load(model, public_key=other / "public.pem")


def test_without_a_signature_it_is_refused(model: Path, public: Path) -> None:
    Path(f"{model}{SUFFIX}").unlink()
    with pytest.raises(ModelError, match=r"not signed: .*m.tflite.sig: No such file.*edgekit sign"):
        load(model, public_key=public)
    Path(f"{model}{SUFFIX}").mkdir()
    with pytest.raises(ModelError, match=r"not signed: .*m.tflite.sig: "):
        load(model, public_key=public)


def test_the_signature_of_another_signed_file_is_refused(folder: Path, public: Path) -> None:
    other = folder / "other.tflite"
    other.write_bytes(models.seeds()["dense float32"])
    (folder / f"other.tflite{SUFFIX}").write_bytes((folder / f"m.tflite{SUFFIX}").read_bytes())
    with pytest.raises(ModelError, match=r"other.tflite.sig is not a signature of this file"):
        load(other, public_key=public)


@pytest.mark.parametrize("backend", ["native", "reference", "litert"])
def test_the_bytes_that_run_are_those_that_were_checked(
    model: Path, public: Path, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is replaced or overwritten after the check has no effect."""

    def overwritten(data: bytes) -> object:
        model.write_bytes(bytes(len(smoke.MODEL)))
        return read(data)

    def replaced(data: bytes) -> object:
        model.unlink()
        return read(data)

    read = reader.read
    digest = hashlib.sha256(smoke.MODEL).hexdigest()
    for later in overwritten, replaced:
        monkeypatch.setattr(reader, "read", later)
        model.write_bytes(smoke.MODEL)
        assert answer(load(model, public_key=public, backend=backend)) == smoke.OUTPUT
        model.write_bytes(smoke.MODEL)
        assert answer(load(model, digest=digest, backend=backend)) == smoke.OUTPUT


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("nowhere.pem", "nowhere.pem: No such file"),
        ("", "No such file"),
        ("a\0b", "null"),
        (b"", "public_key is no public key in PEM"),
        (bytes(31), "public_key is no public key in PEM"),
        ("private.pem", "private.pem is a private key, which stays secret"),
        ("m.tflite", "m.tflite is no public key in PEM"),
        ("rsa.pem", "rsa.pem is a public key, but not of Ed25519"),
        ("x25519.pem", "x25519.pem is a public key, but not of Ed25519"),
    ],
)
def test_sources_that_are_not_a_public_key(
    folder: Path, model: Path, key: str | bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    if key == "rsa.pem":
        other = rsa.generate_private_key(65537, 2048).public_key()
        (folder / key).write_bytes(other.public_bytes(*form))
    elif key == "x25519.pem":
        exchange = x25519.X25519PrivateKey.generate().public_key()
        (folder / key).write_bytes(exchange.public_bytes(*form))
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=said) as caught:
        load(model, public_key=key)
    assert "\n" not in str(caught.value)


@pytest.fixture
def _without_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("_without_cryptography")
def test_without_cryptography_its_install_command_is_printed(
    model: Path, public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = install_line("sign")
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(MissingPackageError) as caught:
        load(model, public_key=public)
    assert str(caught.value) == (f"cryptography is not installed, which signatures need: {line}")
    assert load(model).backend == "native"

    monkeypatch.delitem(sys.modules, "cryptography")
    (tmp_path / "cryptography").mkdir()
    (tmp_path / "cryptography" / "__init__.py").write_text("raise ImportError('no GLIBC_2.99')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingPackageError, match=r"does not load \(no GLIBC_2.99\), which sig"):
        load(model, public_key=public)
