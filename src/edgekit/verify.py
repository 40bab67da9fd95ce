"""Whether files are unchanged and signed: their digests compared with the stated ones."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import digests, signed
from edgekit.convert import seal
from edgekit.digests import SUMS
from edgekit.errors import DigestError
from edgekit.files import HIDDEN, KERAS_MODEL, METRICS, REPORT, read_object, sha256
from edgekit.folders import below

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ITSELF = "the file itself"
"""Source of the digest of a sealed .tflite file, and of SHA256SUMS."""

MODEL_SHA256 = re.compile(r'#define \w+_MODEL_SHA256 \\\n +"([0-9a-f]{64})"')
"""Digest of the model in the header of an export."""

MODELS = (".tflite", ".keras")


class Status(StrEnum):
    """Result for a file."""

    OK = "ok"
    UNKNOWN = "unknown"
    """A model without a stated digest; with a key, a file that is not edgekit's."""
    UNSIGNED = "unsigned"
    """No signature by the key covers the present content."""
    CHANGED = "changed"
    MISSING = "missing"


@dataclass(frozen=True)
class Comparison:
    """A comparison of a file with a stated digest.

    Attributes:
        file: the file.
        source: where the digest is stated.
        holds: whether the file has that digest.
    """

    file: Path
    source: str
    holds: bool


@dataclass(frozen=True)
class Finding:
    """Result for one file after all checks.

    Attributes:
        file: the file.
        status: result for the file.
        detail: where its digest is stated, or what to do.
    """

    file: Path
    status: Status
    detail: str

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return self.status in (Status.OK, Status.UNKNOWN)


def verify(
    path: Path, model: Path | None = None, key: "Ed25519PublicKey | None" = None
) -> list[Finding]:
    """Compare a file, or all files of a folder, with the digests that are stated for them.

    Args:
        path: a file, or a folder, including its subfolders with a SHA256SUMS.
        model: a .tflite file that the exports of the folder must have been made from.
        key: public key whose signatures must cover each file. Only files directly in
            an artifacts folder that are not models may be unsigned.

    Returns:
        A finding for each file, sorted by its path.

    Raises:
        DigestError: no digest is stated and nothing is signed, or no export names its model.
    """
    if not path.exists():
        raise DigestError(f"{path}: not found")
    if path.is_dir() or path.name == SUMS:
        top = path if path.is_dir() else path.parent
        lists = {path.parent for path in below(top) if path.name == SUMS}
        visible = [folder for folder in lists if HIDDEN not in str(folder.relative_to(top))]
        folders = [top, *sorted({*visible} - {top})]
        checks = [check for folder in folders for check in _folder(folder)]
    else:
        folders = []
        checks = [check for check in _around(path) if check.file == path]
    if model is not None:
        checks += _exports_of(model, folders, path)
    findings = [_finding(file, checks) for file in dict.fromkeys(check.file for check in checks)]
    checked = {finding.file for finding in findings}
    if key is None:
        for folder in folders:
            findings += [
                _unknown(file) for file in {*folder.iterdir()} - checked if _is_model(file)
            ]
    else:
        if not (findings or folders):  # a file of another tool
            findings = [_unknown(path)]
        findings = [_signed(finding, key) for finding in findings]
        findings += _beside(folders, checked, key)
    if not checks and (key is None or not findings):
        raise DigestError(
            f"{path}: nothing states a digest: it has no {SUMS}, or its files were not "
            "written by edgekit"
        )
    return sorted(findings, key=lambda finding: finding.file)


def _folder(folder: Path) -> Iterator[Comparison]:
    """Yield the checks of a folder's SHA256SUMS, models and documents."""
    listed = list(_listed(folder))
    yield from listed
    for file in folder.glob("[!.]*.tflite"):
        if file.is_file() and seal.is_sealed(content := file.read_bytes()):
            yield Comparison(file, ITSELF, seal.is_intact(content))
    changed = {check.file for check in listed if not check.holds}
    for document, name, digest in _documented(folder):
        file = folder / name
        if digest and file.is_file() and document not in changed:
            yield Comparison(file, document.name, sha256(file) == digest)


def _around(file: Path) -> Iterator[Comparison]:
    """Yield the checks of a file's folder, and of SHA256SUMS in those above it."""
    yield from _folder(file.parent)
    for folder in file.absolute().parents[1:]:
        sums = digests.read(folder / SUMS)
        name = file.absolute().relative_to(folder).as_posix()
        if sums and name in sums.digests:
            yield Comparison(file, SUMS, sha256(file) == sums.digests[name])


def _listed(folder: Path) -> Iterator[Comparison]:
    """Yield the checks of a folder's SHA256SUMS, if that has not changed itself."""
    sums = digests.read(folder / SUMS)
    if sums:
        yield Comparison(folder / SUMS, ITSELF, sums.intact)
        for name, digest in sums.digests.items() if sums.intact else ():
            file = folder / name
            yield Comparison(file, SUMS, file.is_file() and sha256(file) == digest)


def _documented(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield document, file name and digest for the documents of train, convert and bench."""
    metrics = folder / METRICS
    yield metrics, KERAS_MODEL, _text(read_object(metrics), "model_sha256")
    for report in folder.glob(f"*{REPORT}"):
        yield report, report.name.removesuffix(REPORT), _text(read_object(report), "tflite_sha256")
    for bench in folder.glob("bench*.json"):
        results = read_object(bench).get("results")
        results = results if isinstance(results, list) else []
        subjects = [result.get("subject") for result in results if isinstance(result, dict)]
        stated = {(_text(s, "model"), _text(s, "sha256")) for s in subjects}
        yield from ((bench, name, digest) for name, digest in sorted(stated))


def _exports_of(model: Path, folders: list[Path], path: Path) -> list[Comparison]:
    """Return checks that the headers of exports name ``model`` as their source."""
    checks = []
    for folder in folders:
        sums = digests.read(folder / SUMS)
        for name in sums.digests if sums else ():
            header = folder / name
            if header.suffix == ".h" and header.is_file():
                stated = MODEL_SHA256.search(header.read_text("utf-8", "replace"))
                if stated:
                    checks.append(Comparison(model, str(header), sha256(model) == stated[1]))
    if not checks:
        raise DigestError(f"{path}: no export there, whose header would name its model")
    return checks


def _finding(file: Path, checks: list[Comparison]) -> Finding:
    """Return the result of all checks of one file."""
    relevant = [check for check in checks if check.file == file]
    against = list(dict.fromkeys(check.source for check in relevant if not check.holds))
    if not against:
        return Finding(
            file, Status.OK, ", ".join(dict.fromkeys(check.source for check in relevant))
        )
    if not file.exists():
        detail = f"listed in {SUMS}, but not there: restore it, or write it again"
        return Finding(file, Status.MISSING, detail)
    if {SUMS, ITSELF}.isdisjoint(against):
        documents = " and ".join(against)
        detail = f"not the file that {documents} is about: restore it, or write {documents} again"
    else:
        says = " and ".join(against)
        detail = f"not as it was written, says {says}: restore it, or write it again"
    return Finding(file, Status.CHANGED, detail)


def _unknown(file: Path) -> Finding:
    detail = "nothing states its digest: not written by edgekit, or by an earlier one, or changed"
    return Finding(file, Status.UNKNOWN, detail)


def _signed(finding: Finding, key: "Ed25519PublicKey") -> Finding:
    """Return the finding with the signatures considered; a failed one stays as it is."""
    if not finding.passed:
        return finding
    if reason := signed.objection(finding.file, key):
        return Finding(finding.file, Status.UNSIGNED, f"not signed: {reason}")
    stated = finding.status is Status.OK
    return Finding(finding.file, Status.OK, f"{finding.detail}, signed" if stated else "signed")


def _beside(folders: list[Path], checked: set[Path], key: "Ed25519PublicKey") -> Iterator[Finding]:
    """Yield a finding for every other file in the folders: it could be compiled or run."""
    everything = {path for folder in folders[:1] for path in below(folder)}
    files = {path for path in everything if path.is_symlink() or not path.is_dir()}
    # Artifacts folders, where people keep their own files.
    shared = {folder for folder in folders if _mark(folder) == digests.MARK}
    hidden = {path for path in everything if path.parent in shared and path.name[0] == "."}
    for file in files - checked - {signed.signature_of(file) for file in files}:
        if not hidden.isdisjoint((file, *file.parents)):
            continue
        finding = _signed(_unknown(file), key)
        if not finding.passed and file.parent in shared and file.suffix not in MODELS:
            finding = Finding(file, Status.UNKNOWN, "neither listed nor signed")
        yield finding


def _mark(folder: Path) -> str:
    """Return the first line of a folder's SHA256SUMS, which says who wrote it."""
    sums = digests.read(folder / SUMS)
    return sums.mark if sums else ""


def _is_model(file: Path) -> bool:
    return file.suffix in MODELS and file.name[0] != "." and file.is_file()


def _text(document: Any, key: str) -> str:
    """Return a string of a JSON object; "" where it has none."""
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, str) else ""
