import json
import os
import shlex
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner

import documents
from edge_runtime.backends import native
from edge_runtime.install import install_line
from edgekit import doctor
from edgekit.commands.doctor import command
from edgekit.doctor import Check, Level

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
REQUIRES = (
    *PROJECT["dependencies"],
    *(
        f'{requirement}; extra == "{extra}"'
        for extra, requirements in PROJECT["optional-dependencies"].items()
        for requirement in requirements
    ),
)
HEALTHY = {
    "keras-edgekit": ("0.1.0", REQUIRES),
    "numpy": ("2.4.6", ()),
    "pillow": ("13.0.0", ()),
    "click": ("8.5.1", ()),
    "packaging": ("26.3", ()),
    "tensorflow": ("2.21.0", ("numpy>=1.26.0", "keras>=3.12.0", "protobuf<8.0.0,>=6.31.1")),
    "protobuf": ("7.36.2", ()),
    "keras": ("3.15.1", ("numpy",)),
    "tf_keras": ("2.21.0", ("tensorflow<2.22,>=2.21",)),
    "tensorflow-model-optimization": (
        "0.8.1",
        ("numpy>=1.23", "tf-keras>=2.14.1", 'enum34~=1.1; python_version < "3.4"'),
    ),
    "matplotlib": ("3.11.2", ("numpy>=1.25",)),
    "rich": ("15.0.0", ()),
    "ai-edge-litert": ("2.3.0", ("numpy>=1.23.2",)),
    "litert-quantizer": ("0.11.0", ()),
    "unicorn": ("2.1.4", ()),
    "pyarrow": ("26.0.1", ()),
    "soundfile": ("0.14.0", ("numpy",)),
    "soxr": ("1.1.0", ("numpy",)),
    "distributed": ("2026.8.0", ()),
    "cryptography": ("50.0.2", ()),
    "ziglang": ("0.17.1", ()),
    "pyelftools": ("0.33", ()),
    "onnx": ("1.20.0", ()),
    "onnxruntime": ("1.32.0", ()),
}
HOST = (
    "tensorflow",
    "keras",
    "tf_keras",
    "tensorflow-model-optimization",
    "matplotlib",
    "rich",
    "ai-edge-litert",
)

Environment = Callable[..., dict[str, Check]]


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Check the packages of an environment that is healthy but for what is named.

    ``tf_keras="2.20.0"`` is another version (which needs what the healthy one does), None is not
    installed, ``("2.20.0", ["tensorflow<2.21"])`` is another version with other needs.
    """

    def check(**changes: str | tuple[str, list[str]] | None) -> dict[str, Check]:
        # As in an environment that has pip, which the lines then use.
        (tmp_path / "pip").mkdir()
        (tmp_path / "pip" / "__init__.py").touch()
        for name, (version, requires) in HEALTHY.items():
            change = changes.pop(name.replace("-", "_"), version)
            if change is None:
                continue
            version, requires = (change, requires) if isinstance(change, str) else change
            folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
            folder.mkdir()
            lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
            lines += [f"Requires-Dist: {requirement}" for requirement in requires]
            lines += [f"Provides-Extra: {extra}" for extra in doctor.EXTRAS]
            (folder / "METADATA").write_text("\n".join(lines) + "\n\n")
            (folder / "RECORD").touch()
        assert not changes, "not a package of the healthy environment"
        standard = [sysconfig.get_path("stdlib"), sysconfig.get_config_var("DESTSHARED")]
        monkeypatch.setattr(sys, "path", [str(tmp_path), *standard])
        return {found.subject: found for found in doctor.packages()}

    return check


FOREIGN = """
import sys
from edgekit import cli
assert not hasattr(sys.modules["edgekit"], "__version__")
sys.exit(cli.run(["doctor", "--json"]))
"""


def test_doctor_runs_where_somebody_else_s_package_has_overwritten_ours(tmp_path: Path) -> None:
    package, info = tmp_path / "edgekit", tmp_path / "edgekit-3.1.0.dist-info"
    package.mkdir()
    info.mkdir()
    for path in Path(doctor.__file__).parent.iterdir():
        (package / path.name).symlink_to(path)
    (package / "__init__.py").unlink()
    (package / "__init__.py").write_text("class Worker: ...\n")
    (info / "METADATA").write_text("Name: edgekit\nVersion: 3.1.0\n\n")
    (info / "RECORD").touch()
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", FOREIGN],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    checks = json.loads(done.stdout)["checks"]
    (found, *_) = (check for check in checks if check["subject"] == "the package edgekit")
    assert found["detail"].startswith("3.1.0 is installed, which is not this package")


def pip_install(*arguments: str) -> str:
    return shlex.join([sys.executable, "-m", "pip", "install", *arguments])


def wrong(checks: dict[str, Check]) -> dict[str, str | None]:
    return {check.subject: check.fix for check in checks.values() if check.status is Level.WRONG}


def test_a_healthy_environment_is_all_ok(packages: Environment) -> None:
    checks = packages()
    assert {check.status for check in checks.values()} == {Level.OK}
    assert checks["tensorflow"] == Check("tensorflow", Level.OK, "2.21.0")
    assert set(HEALTHY) - set(checks) == {"protobuf", "keras-edgekit"}
    assert checks["edgekit"].detail == "0.1.0"


def test_a_device_without_extras_has_notes_only(packages: Environment) -> None:
    checks = packages(
        **dict.fromkeys(name.replace("-", "_") for name in HOST),
        **dict.fromkeys(("onnx", "onnxruntime", "unicorn", "ziglang", "pyelftools", "distributed")),
        **dict.fromkeys(("pyarrow", "soundfile", "soxr", "cryptography", "litert_quantizer")),
    )
    notes = {c.subject: c.fix for c in checks.values() if c.status is Level.NOTE}
    assert wrong(checks) == {}
    assert notes == {
        "tensorflow": pip_install("keras-edgekit[host]"),
        "ai-edge-litert": pip_install("keras-edgekit[litert]"),
        "litert-quantizer": pip_install("keras-edgekit[quantizer]"),
        "unicorn": pip_install("keras-edgekit[mcu]"),
        "pyarrow": pip_install("keras-edgekit[data]"),
        "distributed": pip_install("keras-edgekit[distributed]"),
        "cryptography": pip_install("keras-edgekit[sign]"),
        "onnx": pip_install("keras-edgekit[peers]"),
    }


def test_tf_keras_of_another_minor_than_tensorflow(packages: Environment) -> None:
    checks = packages(tf_keras=("2.20.0", ["tensorflow<2.21,>=2.20"]))
    assert wrong(checks) == {"tf_keras": pip_install("tf_keras<2.22,>=2.14.1,>=2.21")}
    assert checks["tf_keras"].detail == "2.20.0, but edgekit needs <2.22,>=2.21"


def test_tensorflow_of_another_minor_than_tf_keras(packages: Environment) -> None:
    checks = packages(tensorflow="2.22.0")
    assert wrong(checks) == {"tensorflow": pip_install("tensorflow<2.22,>=2.21")}
    assert "tf_keras needs <2.22,>=2.21" in checks["tensorflow"].detail


def test_keras_2_beside_todays_tensorflow(packages: Environment) -> None:
    checks = packages(keras="2.15.0")
    assert wrong(checks) == {"keras": pip_install("keras>=3.12.0,>=3.15")}
    assert "tensorflow needs >=3.12.0" in checks["keras"].detail


def test_model_optimization_without_tf_keras(packages: Environment) -> None:
    checks = packages(tf_keras=None)
    assert wrong(checks) == {"tf_keras": pip_install("tf_keras<2.22,>=2.14.1,>=2.21")}
    assert checks["tf_keras"].detail.startswith("not installed, but edgekit needs")
    assert "tensorflow-model-optimization needs >=2.14.1" in checks["tf_keras"].detail


def test_numpy_too_old(packages: Environment) -> None:
    assert "numpy" in wrong(packages(numpy="1.24.0"))


def test_numpy_too_new_for_tensorflow(packages: Environment) -> None:
    checks = packages(tensorflow=("2.21.0", ["numpy<2.2,>=1.26"]))
    assert wrong(checks) == {"numpy": pip_install("numpy<2.2,>=1.23,>=1.23.2,>=1.25,>=1.26,>=2.0")}


def test_a_package_of_a_package_shows_only_when_it_is_wrong(packages: Environment) -> None:
    checks = packages(protobuf="5.29.0")
    assert wrong(checks) == {"protobuf": pip_install("protobuf<8.0.0,>=6.31.1")}
    assert checks["protobuf"].detail == "5.29.0, but tensorflow needs <8.0.0,>=6.31.1"


def test_litert_is_part_of_the_host_extra(packages: Environment) -> None:
    assert wrong(packages(ai_edge_litert=None)) == {
        "ai-edge-litert": pip_install("ai-edge-litert>=2.3")
    }


def test_prerelease_counts_as_a_version(packages: Environment) -> None:
    assert wrong(packages(keras="3.16.0rc1")) == {}


def test_edgekit_that_is_not_installed(packages: Environment) -> None:
    line = pip_install("--editable", str(Path(__file__).parents[2]))
    assert wrong(packages(keras_edgekit=None)) == {"edgekit": line}


def test_an_editable_copy_whose_folder_has_moved(packages: Environment, tmp_path: Path) -> None:
    packages()
    origin = {"url": (tmp_path / "old").as_uri(), "dir_info": {"editable": True}}
    (info,) = tmp_path.glob("keras_edgekit-*")
    (info / "direct_url.json").write_text(json.dumps(origin))
    checks = {check.subject: check for check in doctor.packages()}
    assert wrong(checks) == {"edgekit": pip_install("--editable", str(Path(__file__).parents[2]))}
    assert f"{tmp_path / 'old'}, which no longer exists" in checks["edgekit"].detail


def test_somebody_else_s_package_of_the_same_import_name(
    packages: Environment, tmp_path: Path
) -> None:
    packages()
    assert list(doctor.namesakes()) == []
    info = tmp_path / "edgekit-3.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Name: edgekit\nVersion: 3.1.0\nSummary: Workers at the edge\n\n"
    )
    assert list(doctor.namesakes()) == [], "nobody has installed it"
    (info / "RECORD").touch()
    (check,) = doctor.namesakes()
    assert check.status is Level.WRONG
    assert "3.1.0 is installed, which is not this package (keras-edgekit)" in check.detail
    assert "Workers at the edge" in check.detail
    uninstall = shlex.join([sys.executable, "-m", "pip", "uninstall", "--yes", "edgekit"])
    again = pip_install("--force-reinstall", "--no-deps", "keras-edgekit")
    assert check.fix == f"{uninstall} && {again}"


def test_python_without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.python().status is Level.OK
    monkeypatch.setattr(doctor, "TENSORFLOW_PYTHONS", ((3, 8), (3, 9)))
    assert doctor.python().status is Level.OK, "TensorFlow is installed, so there is one"
    monkeypatch.setattr(sys, "path", [])
    check = doctor.python()
    assert check.status is Level.NOTE
    assert "3.8 to 3.9" in check.detail
    assert check.fix == "python3.9 -m venv .venv && . .venv/bin/activate"


@pytest.mark.parametrize(("value", "noted"), [("1", True), ("True", True), ("0", False)])
def test_legacy_keras_for_every_program(
    monkeypatch: pytest.MonkeyPatch, value: str, noted: bool
) -> None:
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", value)
    fixes = [check.fix for check in doctor.legacy_keras()]
    assert fixes == ["unset TF_USE_LEGACY_KERAS"] * noted


def test_litert_that_is_installed_and_loads() -> None:
    assert [check.status for check in doctor.litert()] == [Level.OK]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ImportError('libfoo.so.6: version not found')", "libfoo.so.6: version not found"),
        ("import os; os.abort()", "ended with -6"),
    ],
)
def test_litert_that_is_installed_and_does_not_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    (tmp_path / "ai_edge_litert").mkdir()
    (tmp_path / "ai_edge_litert" / "__init__.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (check,) = doctor.litert()
    assert check.status is Level.WRONG
    assert said in check.detail
    version = metadata.version("ai-edge-litert")
    assert check.fix == pip_install("--force-reinstall", f"ai-edge-litert=={version}")


def test_compilers_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.compiler().status is doctor.cross_compiler().status is Level.NOTE
    for name in ("clang", "arm-none-eabi-gcc"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert doctor.compiler() == Check("C compiler", Level.OK, str(tmp_path / "clang"))
    assert doctor.cross_compiler().detail == str(tmp_path / "arm-none-eabi-gcc")


def test_edge_tpu_library_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_runtime.backends import edgetpu

    monkeypatch.delenv("EDGEKIT_EDGETPU_LIB", raising=False)
    monkeypatch.setattr(edgetpu, "LIBRARY", "libnowhere.so.1")
    (check,) = doctor.edge_tpu()
    assert check.status is Level.NOTE
    assert check.fix
    monkeypatch.setenv("EDGEKIT_EDGETPU_LIB", str(tmp_path / "libedgetpu.so"))
    (check,) = doctor.edge_tpu()
    assert check.status is Level.WRONG
    assert str(tmp_path) in check.detail
    assert check.fix == "export EDGEKIT_EDGETPU_LIB=/path/to/libnowhere.so.1"


@pytest.mark.parametrize(
    ("devices", "status", "detail"),
    [
        (0, Level.NOTE, "no Edge TPU is connected (USB or PCIe)"),
        (1, Level.OK, "connected"),
    ],
)
def test_edge_tpu_library_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, devices: int, status: Level, detail: str
) -> None:
    library = tmp_path / f"libedgetpu_{devices}.so"
    source = tmp_path / "stub.c"
    source.write_text("""
        #include <stddef.h>
        void tflite_plugin_create_delegate(void) {}
        void *edgetpu_list_devices(size_t *count) { *count = DEVICES; return NULL; }
        void edgetpu_free_devices(void *devices) {}
    """)
    build = ["cc", "-shared", "-fPIC", f"-DDEVICES={devices}", "-o", str(library), str(source)]
    subprocess.run(build, check=True)
    monkeypatch.setenv("EDGEKIT_EDGETPU_LIB", str(library))
    assert list(doctor.edge_tpu()) == [
        Check("libedgetpu", Level.OK, str(library)),
        Check("Edge TPU", status, detail),
    ]


def test_mnist_that_is_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEKIT_MNIST", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert doctor.mnist().status is Level.NOTE


def test_mnist_that_is_not_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEKIT_MNIST", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    cached = tmp_path / "datasets" / "mnist.npz"
    cached.parent.mkdir()
    cached.write_bytes(b"<html>proxy error</html>")
    check = doctor.mnist()
    assert (check.status, check.fix) == (Level.WRONG, f"rm {shlex.quote(str(cached))}")
    monkeypatch.setenv("EDGEKIT_MNIST", str(tmp_path / "elsewhere.npz"))
    check = doctor.mnist()
    assert (check.status, check.fix) == (Level.WRONG, "unset EDGEKIT_MNIST")


@pytest.mark.mnist
@pytest.mark.usefixtures("mnist")
def test_mnist_that_is_there() -> None:
    assert doctor.mnist().status is Level.OK


def test_command_on_this_machine() -> None:
    result = CliRunner().invoke(command, ["--json"], standalone_mode=False)
    document = documents.read(result.output)
    subjects = {check["subject"] for check in document["checks"]}
    assert {"Python", "tensorflow", "edge_runtime's engine", "libedgetpu", "MNIST"} <= subjects
    assert document["ok"] is (result.return_value == 0)


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [(Level.NOTE, 0, "ready"), (Level.WRONG, 2, "not ready, 1 wrong")],
)
def test_exit_code_and_table(
    monkeypatch: pytest.MonkeyPatch, status: Level, code: int, verdict: str
) -> None:
    checks = (Check("Python", Level.OK, "3.11"), Check("numpy", status, "1.0", "pip install 'x'"))
    monkeypatch.setattr(doctor, "diagnose", lambda: checks)
    result = CliRunner().invoke(command, [], standalone_mode=False)
    assert result.return_value == code
    assert result.output.splitlines()[:3] == [
        "ok     Python  3.11",
        f"{status:5}  numpy   1.0",
        "               $ pip install 'x'",
    ]
    assert result.output.splitlines()[-1].startswith(verdict)


def test_the_engine_says_its_instruction_sets_or_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = doctor.engine()
    assert found.status is Level.OK
    assert "portable" in found.detail

    monkeypatch.setattr(native, "_extension", lambda: None)
    missing = doctor.engine()
    assert missing.status is Level.WRONG
    assert "C extension is not there" in missing.detail
    assert missing.fix is not None
    assert " --force-reinstall --no-deps " in missing.fix
    assert missing.fix == install_line("", "--force-reinstall", "--no-deps")
