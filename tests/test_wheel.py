"""The wheel and the sdist, built and installed in empty environments."""

import email
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from email.message import Message
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest

import models
import runtimes
import smoke
from edgekit.convert.c import blocks

ROOT = Path(__file__).parents[1]
EXTENSION_LIMIT, RUNTIME_LIMIT, INSTALLED_LIMIT = 600_000, 2_000_000, 7_500_000
"""Bytes: of the extension, of edge_runtime with it, of all that the wheel brings, compiled."""


def run(*command: object, **options: object) -> str:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, without what was built in it."""
    copy = tmp_path_factory.mktemp("tree") / "edgekit"
    built = shutil.ignore_patterns(".*", "build", "dist", "artifacts", "*.so", "*.egg-info")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=built)
    compiled_already(copy)
    return copy


def compiled_already(tree: Path) -> None:
    """Put this installation's extension where a build finds it, unless its sources are newer.

    A build looks at the sources, and not at the options in setup.py.
    """
    folder = f"lib.{sysconfig.get_platform()}-{sys.implementation.cache_tag}"
    place = tree / "build" / folder / "edge_runtime"
    place.mkdir(parents=True)
    for extension in (ROOT / "edge_runtime").glob("_native*"):
        if extension.stat().st_mtime > (ROOT / "setup.py").stat().st_mtime:
            shutil.copy2(extension, place)


def built_from(source: Path, folder: Path) -> Path:
    """Build a wheel with the setuptools that is here, as an index is not for tests."""
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", *options, "-w", folder, source)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_from(tree, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    run(sys.executable, "-c", code, folder, cwd=tree)
    (archive,) = folder.glob("*.tar.gz")
    return archive


def content(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.file_size for entry in archive.infolist()}


def test_one_wheel_of_the_stable_abi(wheel: Path) -> None:
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert wheel.name.split("-")[2:] == ["cp311", "abi3", f"{platform}.whl"]


def test_the_extension_is_small(wheel: Path) -> None:
    sizes = [
        size for name, size in content(wheel).items() if "_native" in name and ".c" not in name
    ]
    assert len(sizes) == 1
    assert sizes[0] <= EXTENSION_LIMIT


def test_the_schemas_are_in_it(wheel: Path) -> None:
    folder = ROOT / "src" / "edgekit" / "schemas"
    schemas = {f"edgekit/schemas/{path.name}" for path in folder.glob("*.json")}
    assert {"edgekit/schemas/common.json", "edgekit/schemas/bench.json"} <= schemas
    assert schemas <= content(wheel).keys()


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(archive.read(name))


def test_metadata(wheel: Path) -> None:
    metadata = metadata_of(wheel)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
        tags = email.message_from_bytes(archive.read(f"{info}/WHEEL"))
    assert metadata["Name"] == "keras-edgekit"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert f"{info}/licenses/LICENSE" in names
    assert tags["Root-Is-Purelib"] == "false"
    assert {name.split("/")[0] for name in names} == {"edgekit", "edge_runtime", info}


def test_classifiers_name_every_python_that_the_wheel_is_tested_with(wheel: Path) -> None:
    classifiers = metadata_of(wheel).get_all("Classifier")
    named = {line.rpartition(" ")[2] for line in classifiers if "Python :: 3." in line}
    assert named == {version for version, _ in pythons()}


def test_the_description_stands_alone_on_an_index_page(wheel: Path) -> None:
    metadata = metadata_of(wheel)
    assert metadata["Description-Content-Type"] == "text/markdown"
    description = metadata.get_payload()
    assert description.startswith("# edgekit\n")
    assert "`keras-edgekit`" in description
    links = re.findall(r"\]\(([^)]*)\)|^\[[^]]+\]:\s*(\S+)", description, re.MULTILINE)
    links += re.findall(r"(?:src|href)=[\"']?([^\"'> ]+)", description)
    assert [link for link in links if not "".join(link).startswith("https://")] == []


def sources(folder: Path, suffix: str) -> set[str]:
    """The files of a folder that have that suffix, relative to it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob(f"*.{suffix}")}


def test_the_sdist_holds_all_that_a_wheel_is_built_from(
    sdist: Path, wheel: Path, tmp_path: Path
) -> None:
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {
        f"src/edge_runtime/{path}"
        for suffix in ("c", "h")
        for path in sources(ROOT / "edge_runtime", suffix)
    }
    # Kernels of microcontrollers are only where `edgekit export` takes them from.
    exported = {
        name.replace("edge_runtime", "edgekit/convert/c")
        if "/cortex_m/" in name or "/riscv/" in name
        else name
        for name in wanted
    }
    assert len(wanted) > 5
    assert exported <= held
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    compiled_already(unpacked)
    again = built_from(unpacked, tmp_path / "wheel")
    assert again.name == wheel.name
    assert content(again).keys() == content(wheel).keys()


def pythons() -> Iterator[tuple[str, Path | None]]:
    """Yield the CPython versions of the wheel, and their paths; None for those not installed."""
    for minor in range(11, 15):
        version = f"3.{minor}"
        pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        paths = [shutil.which(f"python{version}"), *reversed(pyenv)]
        if sys.version_info[:2] == (3, minor):
            paths.insert(0, sys.executable)
        yield version, next((Path(path) for path in paths if path and works(path, version)), None)


def works(path: str | Path, version: str) -> bool:
    """Tell whether it is that version (pyenv leaves commands that only say where to look)."""
    code = "import sys; print(f'{sys.version_info[0]}.{sys.version_info[1]}')"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() == version


@pytest.fixture(params=pythons(), ids=lambda named: named[0], scope="module")
def environment(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """An empty environment after ``pip install --no-deps``: its Python and its packages."""
    version, python = request.param
    if python is None:
        pytest.skip(f"there is no CPython {version} here")
    empty = tmp_path_factory.mktemp("environment") / "empty"
    run(python, "-m", "venv", "--without-pip", empty)
    inside = next(path for path in empty.glob("*/python*") if path.stem == "python")
    pip = (sys.executable, "-m", "pip", "--python", inside, "--disable-pip-version-check")
    others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, env=others)
    code = "import sysconfig; print(sysconfig.get_path('platlib'))"
    return inside, Path(run(inside, "-c", code).strip())


def tool(python: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a Python that finds no compiler and nothing of this tree."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [python, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=python.parent,
        env={**kept, "PATH": ""},
    )


def alone(python: Path, *arguments: object) -> str:
    """Return what such a Python prints."""
    done = tool(python, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


NOTHING_ELSE = """
import importlib.util, shutil
print([name for name in ("numpy", "PIL", "click") if importlib.util.find_spec(name)])
print([name for name in ("cc", "gcc", "clang") if shutil.which(name)])
"""


def test_a_prediction_from_bytes_needs_nothing_else(environment: tuple[Path, Path]) -> None:
    python, packages = environment
    assert alone(python, "-c", NOTHING_ELSE).split() == ["[]", "[]"]
    bare = [python, "-m", "edgekit", "--help"]
    done = subprocess.run(bare, cwd=python.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("edgekit: error: click is not installed")
    assert len(done.stderr.splitlines()) == 1
    output = alone(python, Path(smoke.__file__))
    assert output.startswith(str(packages))
    files = [path for path in packages.rglob("*") if path.is_file()]
    assert len(files) > 50
    # The bytes of the files, as `edgekit bench` counts them for everyone.
    sizes = {path.relative_to(packages): path.stat().st_size for path in files}
    assert sum(sizes.values()) <= INSTALLED_LIMIT
    runtime = [size for path, size in sizes.items() if path.parts[0] == "edge_runtime"]
    assert sum(runtime) <= RUNTIME_LIMIT


IN_ARCHIVE = """
import sys, zipfile
sys.path.append(sys.argv[1])
import edge_runtime
archive = edge_runtime.__path__[1]
names = [name[:-3].replace("/", ".") for name in zipfile.ZipFile(archive).namelist()]
for name in names:
    module = __import__("edge_runtime." + name.removesuffix(".__init__"), fromlist=["*"])
    assert module.__spec__.origin.startswith(archive), module
print(*names)
"""


def test_modules_in_the_archive_are_imported_from_there(
    environment: tuple[Path, Path], wheel: Path
) -> None:
    python, _ = environment
    if not works(python, "{}.{}".format(*sys.version_info)):
        pytest.skip("this environment has no NumPy, which the kernels' definitions import")
    names = alone(python, "-c", IN_ARCHIVE, sysconfig.get_path("platlib")).split()
    assert {"unsupported", "ops.unary", "planner.passes.variables", "kernels.conv_2d"} <= {*names}
    assert len(names) == len(set(names))
    files = {f"edge_runtime/{name.replace('.', '/')}.py" for name in names}
    assert files.isdisjoint(content(wheel))
    kept = {name for name in content(wheel) if re.fullmatch(r"edge_runtime/.*[.]py", name)}
    everything = {f"edge_runtime/{path}" for path in sources(ROOT / "edge_runtime", "py")}
    assert files | kept == everything


EXPORTED = """
from edgekit.convert.c import blocks
print(*(f"{file}:{len(blocks._text(file))}" for file in sorted(blocks._paths())))
print(blocks.kernel_files() == {})
"""


def test_what_is_exported_is_read_from_an_archive(
    environment: tuple[Path, Path], wheel: Path
) -> None:
    assert not any(re.search(r"edgekit/convert/.*[.][ch]$", name) for name in content(wheel))
    sizes, empty = alone(environment[0], "-c", EXPORTED).splitlines()
    # The definitions of the kernels are not exported, and two files are the extension's alone.
    files = {file for file in blocks._paths() if not file.endswith(".py")}
    here = sorted(files - {"table.h", "finite.c"})
    assert sizes.split() == [f"{file}:{len(blocks._text(file))}" for file in here]
    assert empty == "False"


FROM_ARCHIVE = """
import runpy, sys
runpy.run_path(sys.argv[1], run_name="__main__")
origins = {name: str(getattr(module, "__file__", "")) for name, module in sys.modules.items()}
print([name for name, origin in origins.items() if "seldom.zip" in origin])
"""


def test_a_first_answer_needs_nothing_of_the_archive(environment: tuple[Path, Path]) -> None:
    python, _ = environment
    *_, last = alone(python, "-c", FROM_ARCHIVE, Path(smoke.__file__)).splitlines()
    assert last == "[]"


DOCTOR = """
import json, sys
sys.path += sys.argv[1:]
from edgekit import cli
sys.exit(cli.run(["doctor", "--json"]))
"""


def test_doctor_in_an_environment_of_its_own(
    environment: tuple[Path, Path], wheel: Path, tmp_path: Path
) -> None:
    """Only click and packaging are there, which the command line itself needs."""
    python, _ = environment
    for package in ("click", "packaging"):
        for path in Path(str(distribution(package).locate_file(""))).glob(f"{package}*"):
            (tmp_path / path.name).symlink_to(path)
    done = tool(python, "-c", DOCTOR, tmp_path)
    assert done.returncode == 2
    checks = {check["subject"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["edgekit"]["status"] == checks["click"]["status"] == "ok"
    assert checks["numpy"]["detail"] == "not installed, but edgekit needs >=2.0"
    assert shlex.split(checks["tensorflow"]["fix"])[-1] == f"keras-edgekit[host] @ {wheel.as_uri()}"


def test_the_smoke_test_holds_our_model_and_litert_s_answer() -> None:
    assert models.seeds()["dense int8"] == smoke.MODEL
    answer = runtimes.builtin_ref(smoke.MODEL)(np.frombuffer(smoke.INPUT, np.int8).reshape(2, 9))
    assert answer.ravel().tolist() == smoke.OUTPUT


WITHOUT_EXTENSION = """
import sys
sys.path.append(sys.argv[2])
import edge_runtime
from edge_runtime.backends import unavailable
print(unavailable("native"))
try:
    edge_runtime.load(sys.argv[1], backend="native")
except edge_runtime.BackendError as error:
    print(error)
print(unavailable("reference"))
if unavailable("reference") is None:
    print(edge_runtime.load(sys.argv[1], backend="reference").run(bytes(18)).shape)
"""


def test_without_the_extension_it_says_so_and_the_reference_serves(
    request: pytest.FixtureRequest, environment: tuple[Path, Path], tmp_path: Path
) -> None:
    python, packages = environment
    (extension,) = (packages / "edge_runtime").glob("_native.*[!c]")
    aside = tmp_path / extension.name
    request.addfinalizer(lambda: aside.rename(extension))
    extension.rename(aside)
    model = tmp_path / "model.tflite"
    model.write_bytes(smoke.MODEL)

    first, second, third, *rest = alone(
        python, "-c", WITHOUT_EXTENSION, model, tmp_path
    ).splitlines()
    assert first == second
    assert "install edgekit's wheel for this platform, or a C compiler" in first
    # The environment has no pip, and no uv either.
    line = f"{python} -m ensurepip && {python} -m pip install numpy"
    assert (third, rest) == (f"NumPy is not installed: {line}", [])

    if works(python, "{}.{}".format(*sys.version_info)):
        packages = sysconfig.get_path("platlib")
        *_, third, fourth = alone(python, "-c", WITHOUT_EXTENSION, model, packages).splitlines()
        assert (third, fourth) == ("None", "(2, 5)")
