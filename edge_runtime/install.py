"""Shell commands that install packages, ready to run with this Python and this copy of edgekit.

Where a copy came from is in its direct_url.json, which pip and uv write (PEP 610): a checkout, a
wheel, a repository. A copy from an index has none.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

DISTRIBUTION = "keras-edgekit"
"""Name of this project on a package index, where `edgekit` is another project."""

UNQUOTED = r"[\w./\\:@%+=,-]+"
"""Words that need no quotes in any shell of Windows."""


def install_line(extra: str = "", *options: str) -> str:
    """Return the command that installs this copy again, with an extra if one is named.

    Args:
        extra: an extra of this distribution, such as "host"; empty for none.
        options: options of ``pip install``.
    """
    return pip_line("install", *options, *_this_copy(f"[{extra}]" if extra else ""))


def pip_line(command: str, *arguments: str) -> str:
    """Return a pip command for this Python; a uv command if there is no pip, but uv."""
    import shutil
    import sys
    from importlib.machinery import PathFinder

    python = sys.executable or "python3"
    # Not importlib.util.find_spec, where setuptools' hook gives pip an old distutils.
    if PathFinder.find_spec("pip"):
        return quoted(python, "-m", "pip", command, *arguments)
    if shutil.which("uv"):
        return quoted("uv", "pip", command, "--python", python, *arguments)
    get_pip = quoted(python, "-m", "ensurepip")
    return f"{get_pip} && {quoted(python, '-m', 'pip', command, *arguments)}"


def quoted(*words: str) -> str:
    """Return a command for the shell of this system."""
    import os
    import shlex

    if os.name == "nt":
        import re

        return " ".join(word if re.fullmatch(UNQUOTED, word) else f'"{word}"' for word in words)
    return shlex.join(words)


def editable_folder() -> Path | None:
    """Return the folder of an editable installation, which may not exist; None for any other."""
    origin = _direct_url() or {}
    return _path(origin) if origin.get("dir_info", {}).get("editable") else None


def _this_copy(extra: str) -> list[str]:
    """Return the arguments of ``pip install`` for this copy; ``extra`` is in brackets, or empty."""
    origin = _direct_url()
    if origin is not None:
        url = origin.get("url")
        if not url:
            return [f"{DISTRIBUTION}{extra}"]
        path = _path(origin)
        if path is None or path.exists():
            if path and origin.get("dir_info", {}).get("editable"):
                return ["--editable", f"{path}{extra}"]
            if vcs := origin.get("vcs_info"):
                url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
            if subdirectory := origin.get("subdirectory"):
                url += f"#subdirectory={subdirectory}"
            return [f"{DISTRIBUTION}{extra} @ {url}"]
    # Not installed, or from a place that no longer exists: what the extra needs, if it is known.
    if checkout := _checkout():
        return ["--editable", f"{checkout}{extra}"]
    return (extra and _needs(extra[1:-1])) or [f"{DISTRIBUTION}{extra}"]


def _direct_url() -> dict[str, Any] | None:
    """Return the content of direct_url.json, empty without one; None when not installed."""
    import json
    from importlib.metadata import distributions

    for distribution in distributions(name=DISTRIBUTION):
        # A checkout has metadata as well, which a build left in src/ without installing it.
        if distribution.read_text("RECORD") is not None:
            try:
                origin = json.loads(distribution.read_text("direct_url.json") or "{}")
            except ValueError:
                origin = {}
            return origin if isinstance(origin, dict) else {}
    return None


def _path(origin: dict[str, Any]) -> Path | None:
    """Return the local file or folder of a copy's origin; None if that is remote."""
    from pathlib import Path
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    parts = urlsplit(origin.get("url", ""))
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def _checkout() -> Path | None:
    """Return the checkout that this file lies in, None when it is installed."""
    from pathlib import Path

    # <checkout>/edge_runtime/install.py, or <sdist>/src/edge_runtime/install.py
    for folder in Path(__file__).resolve().parents[1:3]:
        project = folder / "pyproject.toml"
        if project.is_file() and f'name = "{DISTRIBUTION}"' in project.read_text("utf-8"):
            return folder
    return None


def _needs(extra: str) -> list[str]:
    """Return the requirements of an extra, as the installation's metadata has them."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        requirements = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return []
    needs: list[str] = []
    for line in requirements:
        requirement, _, marker = (part.strip() for part in line.partition(";"))
        if f'extra == "{extra}"' in marker:
            name, _, others = requirement.rstrip("]").partition("[")
            if name == DISTRIBUTION:  # an extra of other extras
                needs += [need for other in others.split(",") for need in _needs(other)]
            else:
                needs.append(requirement)
    return needs
