"""The Edge TPU backend with a stub of libedgetpu that is a real LiteRT delegate."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edge_runtime import BackendError, ModelError, load
from edge_runtime.backends import edgetpu, litert, unavailable
from edge_runtime.install import install_line
from edge_runtime.reader import read

pytestmark = pytest.mark.unsanitized

STUB = Path(__file__).with_name("edgetpu_stub.c").read_text()


def compiled(source: str, path: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or sys.platform == "win32":
        pytest.skip("needs a C compiler (cc, gcc or clang)")
    code = path.with_suffix(".c")
    code.write_text(source)
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", path, code],
        check=True,
    )
    return path


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(STUB, tmp_path_factory.mktemp("libedgetpu") / "libstub.so")


@pytest.fixture
def log(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use the stub as the library; it logs its calls to the file."""
    path = tmp_path / "log"
    path.touch()
    monkeypatch.setenv("EDGEKIT_EDGETPU_LIB", str(library))
    monkeypatch.setenv("STUB_LOG", str(path))
    return path


@pytest.fixture(scope="session")
def tpu_model(int8_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The int8 model with one edgetpu-custom-op in place of all its ops, as the compiler does."""
    import flatbuffers

    model = schema.ModelT.InitFromPackedBuf(int8_model.read_bytes(), 0)
    model.metadata = []  # the labels are behind the FlatBuffer, and stay behind
    graph = model.subgraphs[0]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode, code.version = b"edgetpu-custom-op", 1
    op = schema.OperatorT()
    op.inputs, op.outputs = graph.inputs, graph.outputs
    model.operatorCodes, graph.operators = [code], [op]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path_factory.mktemp("tpu") / "model_edgetpu.tflite"
    path.write_bytes(builder.Output())
    return path


@pytest.mark.usefixtures("log")
def test_the_delegate_computes(tpu_model: Path) -> None:
    model = load(tpu_model, backend="edgetpu")
    tensor = np.arange(784).astype(np.int8).reshape(1, 28, 28, 1)

    np.testing.assert_array_equal(model.run(tensor), tensor.reshape(1, -1)[:, :2] + 1)
    np.testing.assert_array_equal(model.run(tensor + 5), tensor.reshape(1, -1)[:, :2] + 6)


@pytest.mark.usefixtures("log")
def test_a_batch_runs_image_by_image(tpu_model: Path) -> None:
    model = load(tpu_model, backend="edgetpu")
    images = np.zeros((3, 28, 28, 1), np.float32)
    images[1, 0, 0] = images[2, 0, 1] = 0.5
    zero, half = model.predict(images[:1])[0, 0], model.predict(images[1:2])[0, 0]
    assert zero != half

    np.testing.assert_array_equal(model.predict(images), [[zero, zero], [half, zero], [zero, half]])


def test_a_separate_process(tpu_model: Path, log: Path) -> None:
    tensor = np.arange(784).astype(np.int8).reshape(1, 28, 28, 1)
    for own_process in True, None:
        model = load(tpu_model, backend="edgetpu", device="usb:1", own_process=own_process)
        np.testing.assert_array_equal(model.run(tensor), tensor.reshape(1, -1)[:, :2] + 1)
        del model

        assert log.read_text().split() == ["device", "usb:1", "created", "destroyed"]
        log.write_text("")


def test_options_reach_the_library(tpu_model: Path, log: Path) -> None:
    load(tpu_model, backend="edgetpu", device="usb:1")

    assert log.read_text().split()[:3] == ["device", "usb:1", "created"]


def test_no_device_means_no_option(tpu_model: Path, log: Path) -> None:
    load(tpu_model, backend="edgetpu")

    assert log.read_text().split()[0] == "created"


def test_the_device_is_released_with_the_model(tpu_model: Path, log: Path) -> None:
    model = load(tpu_model, backend="edgetpu")
    model.run(bytes(784))
    assert "destroyed" not in log.read_text()

    del model

    assert log.read_text().split() == ["created", "destroyed"]


@pytest.mark.usefixtures("log")
def test_a_failing_delegate_gives_its_reason(
    tpu_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUB_FAILS", "no permission for /dev/apex_0")

    with pytest.raises(
        BackendError, match=r"libstub.so cannot open the Edge TPU 'pci': no permission for /dev/ap"
    ):
        load(tpu_model, backend="edgetpu", device="pci")


@pytest.mark.usefixtures("log")
def test_a_delegate_that_fails_without_a_message(
    tpu_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUB_FAILS", "")

    with pytest.raises(BackendError, match=r"cannot open the Edge TPU: it does not say why"):
        load(tpu_model, backend="edgetpu")


@pytest.mark.usefixtures("log")
def test_a_device_that_goes_away(tpu_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(tpu_model, backend="edgetpu")
    monkeypatch.setenv("STUB_UNPLUGGED", "1")

    with pytest.raises(BackendError, match="the device is gone"):
        model.run(bytes(784))


@pytest.mark.usefixtures("log")
def test_a_model_that_is_not_compiled_is_refused_with_advice(int8_model: Path) -> None:
    with pytest.raises(ModelError, match=r"int8.tflite: .*run `edgetpu_compiler model.tflite`"):
        load(int8_model, backend="edgetpu")


def test_litert_refers_to_this_backend(tpu_model: Path) -> None:
    with pytest.raises(ModelError, match="open it with the backend edgetpu"):
        load(tpu_model, backend="litert")


@pytest.mark.usefixtures("log")
def test_an_unknown_option_is_named(tpu_model: Path) -> None:
    with pytest.raises(BackendError, match=r"no option 'num_threads': it takes device"):
        load(tpu_model, backend="edgetpu", num_threads=2)


def test_a_missing_library_is_named(
    tpu_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "libnowhere.so.1")
    monkeypatch.setenv("EDGEKIT_EDGETPU_LIB", path)

    reason = unavailable("edgetpu")

    assert reason is not None
    assert reason.startswith(f"{path} cannot be loaded")
    assert "install the community build of libedgetpu" in reason
    with pytest.raises(BackendError, match=r"libnowhere.so.1 cannot be loaded"):
        load(tpu_model, backend="edgetpu")


def test_the_library_has_the_name_of_its_platform(
    tpu_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGEKIT_EDGETPU_LIB", raising=False)
    monkeypatch.setattr(edgetpu, "LIBRARY", "libedgetpu-of-nobody.so.1")

    with pytest.raises(BackendError, match=r"libedgetpu-of-nobody.so.1 cannot be loaded"):
        load(tpu_model, backend="edgetpu")


def test_another_library_is_refused(
    tpu_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = compiled("int answer(void);\nint answer(void) { return 42; }\n", tmp_path / "other.so")
    monkeypatch.setenv("EDGEKIT_EDGETPU_LIB", str(other))

    with pytest.raises(BackendError, match=r"other.so is not libedgetpu"):
        load(tpu_model, backend="edgetpu")


def test_a_library_without_one_function_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = STUB.replace("edgetpu_free_devices", "edgetpu_frees_no_devices")
    other = compiled(source, tmp_path / "other.so")
    monkeypatch.setenv("EDGEKIT_EDGETPU_LIB", str(other))

    assert "it has no edgetpu_free_devices" in unavailable("edgetpu")


def test_only_a_compiled_model_is_for_the_edgetpu(tpu_model: Path, int8_model: Path) -> None:
    assert litert.for_edgetpu(read(tpu_model.read_bytes()))
    assert not litert.for_edgetpu(read(int8_model.read_bytes()))


def test_present(log: Path) -> None:
    assert unavailable("edgetpu") is None
    assert log.read_text() == ""  # nothing was opened


@pytest.mark.usefixtures("log")
def test_no_device_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_ABSENT", "1")

    assert unavailable("edgetpu") == "no Edge TPU is connected (USB or PCIe)"


@pytest.mark.usefixtures("log")
def test_litert_is_required_as_well(tpu_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert, "find_spec", lambda _: None)

    assert install_line("litert") in unavailable("edgetpu")
    with pytest.raises(BackendError, match="ai-edge-litert is not installed"):
        load(tpu_model, backend="edgetpu")
