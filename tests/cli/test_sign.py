"""edgekit sign and verify --key: what the holder of the key has signed passes, nothing else."""

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import documents
import keys
import models
import smoke
from edge_runtime import load
from edge_runtime.signature import public_key
from edgekit import cli, digests
from edgekit.commands import sign as sign_command
from edgekit.digests import SUMS
from edgekit.errors import SigningError
from edgekit.sign import private_key, sign
from edgekit.verify import Status, verify

Captured = pytest.CaptureFixture[str]
HINT = "sign the file again if it is right"


def run(*words: object) -> int:
    return cli.run([str(word) for word in words])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifacts folder with a model, a document and two exports; and keys beside it."""
    folder = tmp_path_factory.mktemp("made")
    artifacts = folder / "artifacts"
    artifacts.mkdir()
    keys.write(folder)
    (artifacts / "model.tflite").write_bytes(models.seeds()["documented"])
    (artifacts / "metrics.json").write_text("{}")
    digests.record(artifacts, artifacts / "model.tflite", artifacts / "metrics.json")
    for package in ("c", "arduino"):
        model = artifacts / "model.tflite"
        assert run("export", model, "--package", package, "-o", artifacts / package) == 0
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    return copy


@pytest.fixture
def artifacts(folder: Path) -> Path:
    return folder / "artifacts"


@pytest.fixture
def signed(folder: Path, artifacts: Path) -> Path:
    """The artifacts folder, signed."""
    sign(artifacts, private_key(folder / "private.pem", str))
    return artifacts


def failed(folder: Path, name: str = "") -> dict[str, Status]:
    """Return what verify --key has against the files of the artifacts folder."""
    top = folder / "artifacts" / name
    found = verify(top, key=public_key(folder / "public.pem"))
    return {
        one.file.relative_to(folder / "artifacts").as_posix(): one.status
        for one in found
        if not one.passed
    }


def test_the_road(folder: Path, artifacts: Path, capsys: Captured) -> None:
    private, public = folder / "private.pem", folder / "public.pem"
    assert run("verify", "--key", public, "--artifacts", artifacts) == 1
    assert "not signed: there is no SHA256SUMS.sig\n" in capsys.readouterr().out
    assert run("sign", "--key", private, "--artifacts", artifacts) == 0
    assert f"{artifacts / SUMS} → SHA256SUMS.sig\n" in capsys.readouterr().out
    written = {path.relative_to(artifacts).as_posix() for path in artifacts.rglob("*.sig")}
    expected = {"SHA256SUMS.sig", "model.tflite.sig", "c/SHA256SUMS.sig", "arduino/SHA256SUMS.sig"}
    assert written == expected
    assert run("verify", "--key", public, "--artifacts", artifacts) == 0
    out = capsys.readouterr().out
    assert "SHA256SUMS, signed\n" in out
    assert out.endswith("files, none changed, missing or unsigned\n")
    assert run("verify", artifacts) == 0, "signatures are no files that a digest lacks"
    load(artifacts / "model.tflite", public_key=public)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
def test_openssl_makes_keys_and_signatures_and_checks_them(tmp_path: Path, artifacts: Path) -> None:
    private, public, model = tmp_path / "p.pem", tmp_path / "q.pem", artifacts / "model.tflite"

    def openssl(*words: object) -> str:
        command = ["openssl", *map(str, words)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    openssl("genpkey", "-algorithm", "ed25519", "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    assert run("sign", "--key", private, artifacts) == 0
    check = ("pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin")
    for file in model, artifacts / SUMS, artifacts / "c" / SUMS:
        said = openssl(*check, "-in", file, "-sigfile", f"{file}.sig")
        assert "Verified Successfully" in said
    ours = Path(f"{model}.sig").read_bytes()
    openssl("pkeyutl", "-sign", "-inkey", private, "-rawin", "-in", model, "-out", f"{model}.sig")
    assert Path(f"{model}.sig").read_bytes() == ours
    assert run("verify", "--key", public, model) == 0

    hidden = tmp_path / "hidden.pem"
    encrypted = ("-aes-256-cbc", "-pass", "pass:open sesame")
    openssl("genpkey", "-algorithm", "ed25519", *encrypted, "-out", hidden)
    assert private_key(hidden, lambda: "open sesame").sign(b"")


def test_one_bit_of_any_file_is_found(signed: Path, folder: Path) -> None:
    assert failed(folder) == {}
    for file in sorted(path for path in signed.rglob("*") if path.is_file()):
        name = file.relative_to(signed).as_posix()
        content = file.read_bytes()
        file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        bad = failed(folder)
        if file.suffix == ".sig":
            assert bad[name.removesuffix(".sig")] is Status.UNSIGNED
        else:
            assert bad[name] is Status.CHANGED
        file.write_bytes(content)


def test_digests_that_were_written_again_do_not_deceive(signed: Path, folder: Path) -> None:
    """What `verify` alone cannot tell: whoever changes a file can change its digest as well."""
    (signed / "metrics.json").write_text('{"accuracy": 1}')
    digests.record(signed, signed / "metrics.json")
    header = next((signed / "c").glob("*.h"))
    header.write_text("#error\n")
    sums = digests.read(signed / "c" / SUMS)
    assert sums
    listed = {**sums.digests, header.name: digests.sha256(header)}
    (signed / "c" / SUMS).write_bytes(digests.text(sums.mark, listed))
    assert run("verify", signed) == 0
    bad = failed(folder)
    # The model has a signature of its own, which still holds.
    assert bad.keys() == {SUMS, "metrics.json", f"c/{SUMS}", *(f"c/{name}" for name in listed)}
    assert set(bad.values()) == {Status.UNSIGNED}


def test_a_list_that_a_command_changed_is_to_be_signed_again(
    signed: Path, folder: Path, capsys: Captured
) -> None:
    (signed / "bench.json").write_text("{}")
    digests.record(signed, signed / "bench.json")
    assert run("verify", "--key", folder / "public.pem", signed) == 1
    out = capsys.readouterr().out
    assert f"not signed: SHA256SUMS.sig is for other content, or by another key: {HINT}" in out
    assert "not signed: the SHA256SUMS that lists it is not either" in out
    assert run("sign", "--key", folder / "private.pem", signed) == 0
    assert run("verify", "--key", folder / "public.pem", signed) == 0


def test_another_key_and_no_key(signed: Path, folder: Path, capsys: Captured) -> None:
    other = folder / "other"
    other.mkdir()
    keys.write(other)
    every = {f"c/{SUMS}", SUMS, "model.tflite", "metrics.json"}
    found = verify(signed, key=public_key(other / "public.pem"))
    assert {one.status for one in found} == {Status.UNSIGNED}
    assert len(found) > 10
    for sig in signed.rglob("*.sig"):
        sig.unlink()
    assert failed(folder).items() >= dict.fromkeys(every, Status.UNSIGNED).items()
    assert run("verify", "--key", folder / "private.pem", signed) == 2
    assert "private.pem is a private key, which stays secret" in capsys.readouterr().err
    assert run("verify", "--key", signed / "model.tflite", signed) == 2
    assert "is no public key in PEM" in capsys.readouterr().err


def test_what_was_put_beside_signed_files(signed: Path, folder: Path) -> None:
    """Arduino compiles all of src/, and bench takes every model of the folder."""
    for name in ("arduino/src/more.cpp", "arduino/.more", "evil.tflite", "sub/main.c"):
        file = signed / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"1")
        assert failed(folder) == {name: Status.UNSIGNED}
        file.unlink()
    (signed / "arduino" / "src" / "linked").symlink_to(folder)
    assert failed(folder) == {"arduino/src/linked": Status.UNSIGNED}


def test_what_people_keep_in_the_artifacts_folder(signed: Path, folder: Path) -> None:
    shutil.copy(folder / "public.pem", signed)
    (signed / ".cache").mkdir()
    (signed / ".cache" / "file").touch()
    found = verify(signed, key=public_key(folder / "public.pem"))
    assert {one.file.name for one in found if one.status is Status.UNKNOWN} == {"public.pem"}
    assert failed(folder) == {}
    sweep = signed / "sweep"
    sweep.mkdir()
    for name in ("sweep.json", ".unfinished", "notes"):
        (sweep / name).touch()
    digests.record(sweep, sweep / "sweep.json")
    sign(sweep, private_key(folder / "private.pem", str))
    assert failed(folder) == failed(folder, "sweep") == {}
    # In a folder without a list nobody knows what belongs there.
    (signed / SUMS).unlink()
    assert failed(folder).keys() == {
        *(f"{SUMS}.sig", "metrics.json", "public.pem", ".cache/file"),
    }


def test_one_file(signed: Path, folder: Path) -> None:
    key = public_key(folder / "public.pem")

    def one(name: str) -> tuple[Status, str]:
        (finding,) = verify(signed / name, key=key)
        return finding.status, finding.detail

    source = next((signed / "arduino" / "src").glob("*.c")).relative_to(signed).as_posix()
    assert one("model.tflite") == (Status.OK, "SHA256SUMS, signed")
    assert one("metrics.json") == one(source) == (Status.OK, "SHA256SUMS, signed")
    (signed / "foreign").write_bytes(b"1")
    assert one("foreign") == (
        Status.UNSIGNED,
        "not signed: there is no foreign.sig, and no SHA256SUMS lists it",
    )
    sign(signed / "foreign", private_key(folder / "private.pem", str))
    assert one("foreign") == (Status.OK, "signed")
    # Its own signature counts before that of the list, as load() has no other.
    (signed / "model.tflite.sig").write_bytes(bytes(64))
    assert one("model.tflite")[0] is Status.UNSIGNED
    assert failed(folder) == {"model.tflite": Status.UNSIGNED}


def test_nothing_is_signed_when_a_file_has_changed(
    artifacts: Path, folder: Path, capsys: Captured
) -> None:
    (artifacts / "metrics.json").write_text("[]")
    for path in artifacts, artifacts / SUMS, artifacts / "metrics.json":
        assert run("sign", "--key", folder / "private.pem", path) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "metrics.json: not as it was written, says SHA256SUMS" in line
        assert line.endswith("nothing was signed")
    assert list(artifacts.rglob("*.sig")) == []
    assert run("sign", "--key", folder / "private.pem", artifacts / "c") == 0
    assert [path.parent.name for path in artifacts.rglob("*.sig")] == ["c"]


def test_a_foreign_model_is_signed_only_by_name(
    artifacts: Path, folder: Path, capsys: Captured
) -> None:
    foreign = artifacts / "foreign.tflite"
    foreign.write_bytes(smoke.MODEL)
    assert run("sign", "--key", folder / "private.pem", artifacts, "--json") == 0
    out, err = capsys.readouterr()
    document = documents.read(out)
    assert document["skipped"] == [str(foreign)]
    assert "foreign.tflite: not signed, as its digest is not stated" in err
    assert {Path(one["signature"]).name for one in document["files"]} == {
        "SHA256SUMS.sig",
        "model.tflite.sig",
    }
    assert failed(folder) == {"foreign.tflite": Status.UNSIGNED}
    assert run("sign", "--key", folder / "private.pem", foreign) == 0
    assert failed(folder) == {}
    capsys.readouterr()
    assert run("verify", "--key", folder / "public.pem", artifacts, "--json") == 0
    assert documents.read(capsys.readouterr().out)["key"] == document["key"]
    assert run("verify", artifacts, "--json") == 0
    assert documents.read(capsys.readouterr().out)["key"] is None


def test_what_another_tool_calls_a_signature_is_left_alone(artifacts: Path, folder: Path) -> None:
    theirs = artifacts / "model.tflite.sig"
    theirs.write_bytes(b"OpenPGP")
    with pytest.raises(SigningError, match=r"model\.tflite\.sig is not an Ed25519 signature of 64"):
        sign(artifacts, private_key(folder / "private.pem", str))
    assert [path.name for path in artifacts.rglob("*.sig")] == [theirs.name]
    assert theirs.read_bytes() == b"OpenPGP"


def test_an_export_replaces_a_signed_one(signed: Path, folder: Path) -> None:
    again = ("export", signed / "model.tflite", "--package", "c", "-o", signed / "c")
    assert run(*again, "--name", "other") == 0
    assert not (signed / "c" / "SHA256SUMS.sig").exists()
    assert {name.partition("/")[0] for name in failed(folder)} == {"c"}
    (signed / "c" / "SHA256SUMS.sig").write_text("somebody else's")
    assert run(*again) == 2
    assert (signed / "c" / "SHA256SUMS.sig").exists()


def test_an_encrypted_key(
    artifacts: Path, folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.write(folder, "open sesame")
    words = ("sign", "--key", folder / "private.pem", artifacts)
    monkeypatch.delenv(sign_command.PASSPHRASE, raising=False)
    assert run(*words) == 2
    assert "is encrypted: set EDGEKIT_KEY_PASSPHRASE, or sign in a t" in capsys.readouterr().err
    for wrong in ("", "open"):
        monkeypatch.setenv(sign_command.PASSPHRASE, wrong)
        assert run(*words) == 2
        assert "the passphrase is wrong" in capsys.readouterr().err
    assert list(artifacts.rglob("*.sig")) == []
    monkeypatch.setenv(sign_command.PASSPHRASE, "open sesame")
    assert run(*words) == 0
    assert "open sesame" not in "".join(capsys.readouterr())


def test_a_terminal_is_asked_for_the_passphrase(
    artifacts: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.write(folder, "open sesame")
    monkeypatch.delenv(sign_command.PASSPHRASE, raising=False)
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    words = ["--key", str(folder / "private.pem"), str(artifacts)]
    result = CliRunner().invoke(
        sign_command.command, words, input="open sesame\n", standalone_mode=False
    )
    assert result.return_value == 0
    assert result.stderr == f"Passphrase of {folder / 'private.pem'}: \n"
    assert "open sesame" not in result.output


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("public", "is a public key; signing needs the private one"),
        ("", "is not a private key in PEM"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "is not a private key in PEM"),
        ("x25519", "is a private key, but not of Ed25519"),
    ],
)
def test_what_is_no_private_key(folder: Path, content: str, said: str) -> None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    form = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    path = folder / "key.pem"
    path.write_text(
        {
            "public": (folder / "public.pem").read_text(),
            "x25519": X25519PrivateKey.generate().private_bytes(*form).decode(),
        }.get(content, content)
    )
    with pytest.raises(SigningError, match=said):
        private_key(path, str)
