"""Install commands: they have to work exactly as printed."""

import json
import os
import shlex
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_runtime import install
from edge_runtime.backends import litert, reference
from edgekit.errors import MissingExtraError

pytestmark = pytest.mark.unsanitized

ROOT = Path(__file__).parents[2]
STANDARD_LIBRARY = [sysconfig.get_path("stdlib"), sysconfig.get_config_var("DESTSHARED")]
PIP = [sys.executable, "-m", "pip", "install"]
REQUIRES = """\
Requires-Dist: numpy>=2.0
Requires-Dist: tensorflow<2.22,>=2.21; extra == "host"
Requires-Dist: keras-edgekit[litert]; extra == "host"
Requires-Dist: ai-edge-litert>=2.3; extra == "litert"
Requires-Dist: unicorn; extra == "mcu"
Requires-Dist: keras-edgekit[host,mcu]; extra == "test"
"""

Installed = Callable[[dict[str, Any] | None], None]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Return a function that installs the distribution with a direct_url.json; {}: an index."""
    site = tmp_path / "site"
    (site / "pip").mkdir(parents=True)
    (site / "pip" / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(site), *STANDARD_LIBRARY])

    def make(origin: dict[str, Any] | None) -> None:
        if origin is not None:
            info = site / "keras_edgekit-0.1.0.dist-info"
            info.mkdir(exist_ok=True)
            (info / "RECORD").touch()
            head = "Metadata-Version: 2.1\nName: keras-edgekit\nVersion: 0.1.0\n"
            (info / "METADATA").write_text(f"{head}{REQUIRES}\n")
            if origin:
                (info / "direct_url.json").write_text(json.dumps(origin))

    return make


def words(line: str) -> list[str]:
    return shlex.split(line)


def test_from_an_index(installed: Installed) -> None:
    installed({})
    assert words(install.install_line("host")) == [*PIP, "keras-edgekit[host]"]


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_damaged_records_of_an_installation(
    installed: Installed, tmp_path: Path, content: str
) -> None:
    installed({"url": "file:///nowhere"})
    (record,) = tmp_path.rglob("direct_url.json")
    record.write_text(content)
    assert words(install.install_line("host")) == [*PIP, "keras-edgekit[host]"]
    assert words(install.install_line()) == [*PIP, "keras-edgekit"]


def test_from_a_checkout(installed: Installed, tmp_path: Path) -> None:
    folder = tmp_path / "my checkout"
    folder.mkdir()
    installed({"url": folder.as_uri(), "dir_info": {"editable": True}})
    line = install.install_line("host", "--no-deps")
    assert words(line) == [*PIP, "--no-deps", "--editable", f"{folder}[host]"]
    assert install.editable_folder() == folder


@pytest.mark.parametrize(
    "origin", [{"dir_info": {}}, {"archive_info": {"hash": "sha256=00"}}], ids=["folder", "wheel"]
)
def test_from_a_folder_or_a_wheel(
    installed: Installed, tmp_path: Path, origin: dict[str, Any]
) -> None:
    source = tmp_path / "a b.whl"
    source.touch()
    installed({"url": source.as_uri(), **origin})
    requirement = f"keras-edgekit[host] @ {source.as_uri()}"
    assert words(install.install_line("host")) == [*PIP, requirement]
    assert install.editable_folder() is None


def test_from_a_repository(installed: Installed) -> None:
    installed(
        {
            "url": "https://example.org/edgekit.git",
            "vcs_info": {"vcs": "git", "requested_revision": "main", "commit_id": "ab12"},
            "subdirectory": "sub",
        }
    )
    source = "git+https://example.org/edgekit.git@ab12#subdirectory=sub"
    assert words(install.install_line("mcu")) == [*PIP, f"keras-edgekit[mcu] @ {source}"]


@pytest.mark.parametrize("origin", [None, {"dir_info": {"editable": True}}])
def test_not_installed_or_moved_the_running_checkout_is_named(
    installed: Installed, tmp_path: Path, origin: dict[str, Any] | None
) -> None:
    installed(origin and {"url": (tmp_path / "moved").as_uri(), **origin})
    assert words(install.install_line("host")) == [*PIP, "--editable", f"{ROOT}[host]"]


def test_a_wheel_that_was_deleted(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed({"url": (tmp_path / "gone.whl").as_uri(), "archive_info": {}})
    monkeypatch.setattr(install, "_checkout", lambda: None)
    needs = ["tensorflow<2.22,>=2.21", "ai-edge-litert>=2.3"]
    assert words(install.install_line("host")) == [*PIP, *needs]
    assert words(install.install_line("test")) == [*PIP, *needs, "unicorn"]
    assert words(install.install_line()) == [*PIP, "keras-edgekit"]


def test_metadata_of_a_build_in_a_checkout_is_not_an_installation(
    installed: Installed, tmp_path: Path
) -> None:
    installed({"url": tmp_path.as_uri(), "dir_info": {"editable": True}})
    left = tmp_path / "src" / "keras_edgekit.egg-info"
    left.mkdir(parents=True)
    (left / "PKG-INFO").write_text("Name: keras-edgekit\nVersion: 0.1.0\n\n")
    sys.path.insert(0, str(left.parent))
    assert words(install.install_line()) == [*PIP, "--editable", str(tmp_path)]


def test_an_environment_of_uv(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed({})
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PATH", str(tmp_path))
    line = install.pip_line("install", "numpy")
    assert line.startswith(f"{shlex.quote(sys.executable)} -m ensurepip && ")
    (tmp_path / "uv").write_text("#!/bin/sh\n")
    (tmp_path / "uv").chmod(0o755)
    line = install.pip_line("install", "numpy")
    assert words(line) == ["uv", "pip", "install", "--python", sys.executable, "numpy"]


def test_quotes_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "name", "nt")
    line = install.quoted("C:\\Python\\python.exe", "-m", "pip", "install", "keras<3", "a b")
    assert line == 'C:\\Python\\python.exe -m pip install "keras<3" "a b"'


def test_where_they_are_printed(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    installed({})
    for backend in (litert, reference):
        monkeypatch.setattr(backend, "find_spec", lambda _: None)
    line = install.install_line("litert")
    assert litert.unavailable() == f"ai-edge-litert is not installed: {line}"
    numpy = install.pip_line("install", "numpy")
    assert reference.unavailable() == f"NumPy is not installed: {numpy}"
    error = MissingExtraError("LiteRT", "litert", "this")
    assert str(error) == f"LiteRT is not installed, which this needs: {line}"
