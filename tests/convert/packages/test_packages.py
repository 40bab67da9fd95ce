"""What the folders of an exported library hold, and that all of it builds and runs on the host."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from cmake import CMAKE_BIN_DIR
from ruamel.yaml import YAML

import build as build_model
import edge_runtime
import golden
import listener
import several
from edge_runtime import quantize
from edge_runtime.meaning import ANOMALY, NUMBERS
from edge_runtime.metadata import Metadata
from edgekit import __version__, escape
from edgekit.convert.c.library import CLibrary, library
from edgekit.convert.metadata import attach
from edgekit.convert.packages import PACKAGES
from edgekit.convert.packages.folder import write
from hostile_text import LABELS
from tiny_library import sabotaged, tiny_detector, tiny_library, tiny_model

BOARDS = Path(__file__).parents[2] / "support" / "boards"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
C99 = ["cc", "-std=c99", *STRICT]
CXX17 = ["c++", "-std=c++17", *STRICT]

EXAMPLES = {
    "c": ("main.c",),
    "arduino": ("examples/digits_example/digits_example.ino",),
    "platformio": ("examples/native/src/main.c", "examples/arduino/src/main.cpp"),
    "zephyr": ("samples/digits/src/main.c",),
    "esp-idf": ("examples/digits_example/main/main.c",),
}


def exported(target: str, library: CLibrary, tmp_path: Path) -> Path:
    folder = tmp_path / library.name
    write(PACKAGES[target](library), folder)
    return folder


def run(*command: str | Path, **options: str | Path) -> str:
    done = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def build(target: str, example: str, folder: Path, tmp_path: Path) -> Path:
    """Compile the library and its example for the host as strictly as compilers go."""
    name = folder.name
    library = [next(folder.rglob(f"{name}{end}.c")) for end in ("", "_selftest")]
    include = [f"-I{next(folder.rglob(f'{name}.h')).parent}", f"-I{BOARDS}"]
    objects = []
    for source in library:
        objects.append(tmp_path / f"{source.stem}.o")
        run(*C99, *include, "-c", source, "-o", objects[-1])
    main = folder / example
    compiler = C99
    if main.suffix == ".ino":
        # The Arduino build puts this line before a sketch and compiles it as C++.
        main = tmp_path / "sketch.cpp"
        main.write_text(f"#include <Arduino.h>\n{(folder / example).read_text()}")
    if main.suffix == ".cpp":
        compiler = CXX17
    start = [BOARDS / "app_main.c"] if target == "esp-idf" else []
    run(*compiler, *include, main, *start, *objects, "-o", tmp_path / "example")
    return tmp_path / "example"


def colors() -> bytes:
    """Return a model of pictures in color, each color normalised on its own, of three classes."""
    weights = np.random.default_rng(5).integers(-9, 10, (3, 60)).astype(np.int8)
    tensors = [
        build_model.tensor((1, 4, 5, 3), "int16", 2**-13),
        build_model.constant(weights, "int8", 2**-7),
        build_model.tensor((1, 3), "int16", 2**-11),
    ]
    content = build_model.model(tensors, [("FULLY_CONNECTED", [0, 1, -1], 2, {})])
    known = Metadata(
        labels=("red", "green", "blue"), mean=(127.5, 100.0, 90.0), std=(60.0, 50.0, 40.0)
    )
    return attach(content, known)


MODELS = {
    "int8": lambda: tiny_model("int8"),
    "float32": lambda: tiny_model("float32"),
    "digits": golden.INT8.read_bytes,
    "colors": colors,
}
"""Models whose file describes their pixels."""


def picture(height: int, width: int, channels: int) -> npt.NDArray[np.uint8]:
    """Return the picture of the examples: a bright bar on a gradient."""
    y, x, channel = np.mgrid[:height, :width, :channels]
    bar = (x >= width // 3) & (x < -(-width * 2 // 3))
    bar &= (y >= height // 6) & (y < -(-height * 5 // 6))
    bright = 255 - 60 * channel if channels > 1 else 255
    return np.where(bar, bright, x * 64 // width + y * 64 // height).astype(np.uint8)


def answer(content: bytes, folder: Path) -> tuple[str, float]:
    """Return the engine's label and score for the picture."""
    path = folder / "answer.tflite"
    path.write_bytes(content)
    model = edge_runtime.load(path)
    [port], [output] = model.inputs.values(), model.outputs.values()
    pixels = picture(*port.shape[1:])
    [raw] = quantize.encoded(pixels[None], port, model.metadata)
    [scores] = quantize.dequantize(np.asarray(model.run(raw)), output)
    best = int(scores.argmax())
    assert best == model.predict(pixels[None])[0].argmax()
    return model.labels[best], float(scores[best])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("target", "example"),
    [(target, example) for target, examples in EXAMPLES.items() for example in examples],
)
def test_every_example_runs_the_self_test_and_classifies_a_picture_as_the_engine_does(
    tmp_path: Path, target: str, example: str, model: str
) -> None:
    content = MODELS[model]()
    made = library(content, "model.tflite", "digits")
    printed = run(build(target, example, exported(target, made, tmp_path), tmp_path))
    label, score = answer(content, tmp_path)
    shown = f"{int(np.float32(score) * 1000)}/1000" if example.endswith(".c") else f"{score:.3f}"
    what = "score" if model == "digits" else "logit"
    assert printed.splitlines() == [
        "digits: self-test passed",
        f"digits: {label}, {what} {shown}",
    ]


def of_features(*, threshold: float | None = None) -> bytes:
    """Return a model of windows of features: a classifier, or with a threshold a detector."""
    shape = (1, 3, 2)
    weights = np.random.default_rng(6).integers(-90, 91, (6, 6)).astype(np.int8)
    tensors = [
        build_model.tensor(shape, "int8", 0.05, 3, name="in"),
        build_model.constant(weights, "int8", 0.01),
        build_model.constant(np.arange(6) * 500, "int32", float(np.float32(0.05 * 0.01))),
        build_model.tensor((1, 6), "int8", 0.04, -9, name="out"),
    ]
    ops = [("FULLY_CONNECTED", [0, 1, 2], 3, {})]
    scale: Any = {"mean": (3.25, -0.5), "std": (2.0, 0.125), "features": True}
    if threshold is None:
        return attach(build_model.model(tensors, ops), Metadata(tuple("abcdef"), **scale))
    about = Metadata(**scale, meaning=NUMBERS, task=ANOMALY, threshold=threshold)
    return attach(build_model.model(tensors, ops), about)


@pytest.mark.parametrize("threshold", [None, 1e-4, 4.0])
@pytest.mark.parametrize(
    ("target", "example"),
    [(target, example) for target, examples in EXAMPLES.items() for example in examples],
)
def test_every_example_of_features_begins_with_their_means(
    tmp_path: Path, target: str, example: str, threshold: float | None
) -> None:
    content = of_features(threshold=threshold)
    made = library(content, "model.tflite", "digits")
    printed = run(build(target, example, exported(target, made, tmp_path), tmp_path))
    path = tmp_path / "answer.tflite"
    path.write_bytes(content)
    model, means = edge_runtime.load(path), [3.25, -0.5] * 3
    if threshold is None:
        said = model.classify(means)
        is_c = example.endswith(".c")
        logit = model._numbers(np.reshape(means, (1, 3, 2)).astype(np.float32))[0].max()
        shown = f"{int(np.float32(logit) * 1000)}/1000" if is_c else f"{logit:.3f}"
        expected = f"{said.label}, logit {shown}"
    else:
        is_anomaly = model.score(means) > threshold
        assert is_anomaly == (threshold < 1)
        expected = "an anomaly" if is_anomaly else "normal"
    assert printed.splitlines() == ["digits: self-test passed", f"digits: {expected}"]


@pytest.mark.parametrize(
    ("target", "example"),
    [(target, example) for target, examples in EXAMPLES.items() for example in examples],
)
def test_every_example_reports_a_changed_weight(tmp_path: Path, target: str, example: str) -> None:
    program = build(
        target, example, exported(target, sabotaged(tiny_library()), tmp_path), tmp_path
    )
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("digits: self-test FAILED\n")


@pytest.mark.parametrize("target", PACKAGES)
def test_examples_without_labels_compile(tmp_path: Path, target: str) -> None:
    folder = exported(target, tiny_library(labels=()), tmp_path)
    printed = run(build(target, EXAMPLES[target][-1], folder, tmp_path))
    assert re.match(r"digits: output 0 is -?\d", printed.splitlines()[1])


@pytest.mark.parametrize("target", PACKAGES)
@pytest.mark.parametrize("make", [tiny_library, lambda: tiny_library(dtype="float32")])
def test_files_are_clean_text(target: str, make: Callable[[], CLibrary]) -> None:
    files = PACKAGES[target](make())
    assert files == PACKAGES[target](make())
    for path, text in files.items():
        assert re.fullmatch(r"[A-Za-z0-9_.]+(/[A-Za-z0-9_.]+)*", path)
        assert ".." not in path.split("/")
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        for line in text.splitlines():
            assert line == line.rstrip(), path
            # The library's name, which stands before each function and macro, is the user's.
            assert len(line.replace("digits_", "")) <= 120
        assert not re.search(
            r"(?<![\w.:/)}])/(tmp|home|root|usr|work)/|\b20[1-9]\d\b|None", text
        ), path


@pytest.mark.parametrize("target", PACKAGES)
def test_the_c_files_are_the_librarys(target: str) -> None:
    library = tiny_library()
    files = {path.rsplit("/", 1)[-1]: text for path, text in PACKAGES[target](library).items()}
    assert files["digits.h"] == library.header
    assert files["digits.c"] == library.source
    assert files["digits_selftest.c"] == library.selftest


@pytest.mark.parametrize("target", PACKAGES)
def test_two_libraries_share_no_name(target: str) -> None:
    """Of two exports, only files that no build takes from both have the same name."""
    first, second = (set(PACKAGES[target](tiny_library(name))) for name in ("one", "two"))
    shared = {path.rsplit("/", 1)[-1] for path in first & second}
    assert not {name for name in shared if name.endswith((".h", ".c"))} - {"main.c"}


def test_the_version_is_a_semantic_one() -> None:
    """Manifests carry it, and their formats take no other."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


SEVERAL = {
    "two and two": several.renamed(),
    "two and one": several.shared_sum("float32", (4,)),
    "one and two": several.two_outputs(),
    "a state": several.stateful("int8", 5),
}


@pytest.mark.parametrize("model", SEVERAL)
@pytest.mark.parametrize(
    ("target", "example"),
    [(target, example) for target, examples in EXAMPLES.items() for example in examples],
)
def test_examples_of_several_inputs_and_outputs_run(
    target: str, example: str, model: str, tmp_path: Path
) -> None:
    made = library(SEVERAL[model], "model.tflite", "digits")
    output = run(build(target, example, exported(target, made, tmp_path), tmp_path))
    assert "digits: self-test passed" in output
    for port in made.outputs:
        what = f"output {port.name}" if len(made.outputs) > 1 else "output"
        for index in range(5):
            assert f"digits: {what} {index} is " in output


@pytest.mark.parametrize("model", SEVERAL)
def test_the_readme_of_several_compiles_and_names_each(model: str, tmp_path: Path) -> None:
    made = library(SEVERAL[model], "model.tflite", "digits")
    folder = exported("c", made, tmp_path)
    text = (folder / "README.md").read_text()
    for ports in made.inputs, made.outputs:
        assert len(ports) == 1 or all(f"`{port.name}`: 5 × " in text for port in ports)
    assert ("`digits_reset()`" in text) == bool(made.state)
    (code,) = re.findall(r"```c\n(.*?)```", text, re.DOTALL)
    (tmp_path / "use.c").write_text(code)
    for compiler in (C99, ["c++", "-x", "c++", "-std=c++17", *STRICT]):
        run(*compiler, f"-I{folder}", "-c", tmp_path / "use.c", "-o", tmp_path / "use.o")


@pytest.mark.parametrize("model", SEVERAL)
def test_keywords_are_words_of_the_header(model: str) -> None:
    made = library(SEVERAL[model], "model.tflite", "digits")
    words = PACKAGES["arduino"](made)["keywords.txt"].splitlines()
    named = [line.split("\t")[0] for line in words]
    assert [word for word in named if not re.search(rf"\b{word}\b", made.header)] == []
    assert ("digits_reset" in named) == bool(made.state)


# README


@pytest.mark.parametrize("target", PACKAGES)
def test_the_readme_tells_what_is_known(target: str) -> None:
    library = tiny_library()
    text = PACKAGES[target](library)["README.md"]
    for fact in (
        "`model_int8.tflite`",
        library.sha256,
        "edgekit 0.1.0",
        "| weights and biases | 8 bytes |",
        "| arena, in RAM, with input and output | 64 bytes |",
        "| input | 4 bytes |",
        "| output | 2 bytes |",
        "| multiply-accumulates of an inference | 8 |",
        "`image[2][2][1]`",
        "real = 0.003921568859368563 × (value + 128)",
        "| 1 | `one` |",
        "edgekit bench --core cortex-m4 model_int8.tflite",
    ):
        assert fact in text


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_the_usage_of_the_readme_compiles(tmp_path: Path, dtype: str) -> None:
    folder = exported("c", tiny_library(dtype=dtype), tmp_path)
    (code,) = re.findall(r"```c\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    (tmp_path / "use.c").write_text(code)
    for compiler in (C99, ["c++", "-x", "c++", "-std=c++17", *STRICT]):
        run(*compiler, f"-I{folder}", "-c", tmp_path / "use.c", "-o", tmp_path / "use.o")


@pytest.mark.parametrize("kind", ["classifier", "detector", "listener"])
def test_what_takes_no_pictures_speaks_of_none(kind: str, tmp_path: Path) -> None:
    made = {
        "classifier": lambda: library(of_features(), "model.tflite", "digits"),
        "detector": lambda: library(of_features(threshold=1.0), "model.tflite", "digits"),
        "listener": lambda: library(listener.model(), "model.tflite", "digits"),
    }[kind]()
    for target in PACKAGES:
        for path in exported(target, made, tmp_path / target).rglob("*"):
            text = path.read_text() if path.is_file() else ""
            assert not re.search("image|picture|camera|pixel", text), path


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_an_anomaly_detectors_readme_compiles_and_its_keywords_are_there(
    tmp_path: Path, dtype: str
) -> None:
    made = tiny_detector(dtype=dtype)
    folder = exported("c", made, tmp_path)
    text = (folder / "README.md").read_text()
    assert "score anomalies (`digits_score`)" in text
    (code,) = re.findall(r"```c\n(.*?)```", text, re.DOTALL)
    assert "digits_score(input, output) > DIGITS_THRESHOLD" in code
    (tmp_path / "use.c").write_text(code)
    for compiler in (C99, ["c++", "-x", "c++", "-std=c++17", *STRICT]):
        run(*compiler, f"-I{folder}", "-c", tmp_path / "use.c", "-o", tmp_path / "use.o")
    words = PACKAGES["arduino"](made)["keywords.txt"].splitlines()
    named = [line.split("\t")[0] for line in words if "quantize_u8" not in line]
    assert "digits_score" in named
    assert [word for word in named if not re.search(rf"\b{word}\b", made.header)] == []


@pytest.mark.parametrize("target", PACKAGES)
def test_names_of_models_and_labels_break_no_file(tmp_path: Path, target: str) -> None:
    strange = replace(tiny_library(), model='a"b*/ `c|\n$d\\.tflite', labels=("``` | \n#", '"*/\\'))
    files = PACKAGES[target](strange)
    table = [line for line in files["README.md"].splitlines() if line.startswith(("| 0", "| 1"))]
    assert table == ["| 0 | \\`\\`\\` \\| \\# |", '| 1 | `"*/\\` |']
    build(target, EXAMPLES[target][0], exported(target, strange, tmp_path), tmp_path)


TEXT = re.compile(r".*\.(c|h)|README\.md|library\.(json|properties)|idf_component\.yml")
"""Files that hold text of a model's, each escaped as its format wants it."""


@pytest.mark.parametrize("target", PACKAGES)
def test_what_is_not_escaped_holds_no_text_of_a_file(target: str) -> None:
    strange = replace(tiny_library(labels=LABELS[:2]), model='${V} $<1:x>\n;#[["\\')
    plain, files = PACKAGES[target](tiny_library()), PACKAGES[target](strange)
    differing = {path.rpartition("/")[2] for path in files if files[path] != plain[path]}
    assert "README.md" in differing
    assert all(map(TEXT.fullmatch, differing))


@pytest.mark.parametrize("model", LABELS[::5])
def test_manifests_are_read_as_one_line_of_text(model: str) -> None:
    strange = replace(tiny_library(), model=model)
    shown = escape.line(model)
    yaml = YAML(typ="safe").load(PACKAGES["esp-idf"](strange)["idf_component.yml"])
    assert yaml["description"] == f"{shown} as plain C, without interpreter and heap"
    assert yaml.keys() == {"version", "description", "dependencies"}
    manifest = json.loads(PACKAGES["platformio"](strange)["library.json"])
    assert manifest["description"] == yaml["description"]
    lines = PACKAGES["arduino"](strange)["library.properties"].split("\n")
    assert len(lines) == len(PACKAGES["arduino"](tiny_library())["library.properties"].split("\n"))
    assert f"sentence={shown} as plain C." in lines


def test_the_readme_tells_a_shell_the_file(tmp_path: Path) -> None:
    name = "-m; touch marked #'$(x)`\n\x1b|é.tflite"
    text = PACKAGES["c"](replace(tiny_library(), model=name))["README.md"]
    (line,) = (one for one in text.splitlines() if "edgekit bench" in one)
    said = line.replace("edgekit bench --core cortex-m4", "printf '%s'")
    assert run("sh", "-c", said, cwd=tmp_path) == f"./{name}"
    assert not list(tmp_path.iterdir())


# CMake


def cmake(source: Path, binary: Path, *options: str) -> str:
    tool = Path(CMAKE_BIN_DIR) / "cmake"
    flags = " ".join(["-std=c99", *STRICT])
    printed = run(
        tool, "-S", source, "-B", binary, f"-DCMAKE_C_FLAGS={flags}", "-Werror=dev", *options
    )
    return printed + run(tool, "--build", binary)


def ctest(binary: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(CMAKE_BIN_DIR) / "ctest", "--test-dir", binary, "--no-tests=error"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_cmake_builds_and_tests_the_folder(tmp_path: Path, dtype: str) -> None:
    cmake(exported("c", tiny_library(dtype=dtype), tmp_path), tmp_path / "build")
    done = ctest(tmp_path / "build")
    assert done.returncode == 0, done.stdout
    assert "100% tests passed" in done.stdout


def test_ctest_fails_for_a_changed_weight(tmp_path: Path) -> None:
    cmake(exported("c", sabotaged(tiny_library()), tmp_path), tmp_path / "build")
    done = ctest(tmp_path / "build")
    assert done.returncode != 0
    assert "digits_selftest (Failed)" in done.stdout


USER = """\
cmake_minimum_required(VERSION 3.14)
project(user LANGUAGES C)
{libraries}
add_executable(user main.c)
target_link_libraries(user PRIVATE digits::digits{more})
if(TARGET digits_example)
  message(FATAL_ERROR "a user of the library gets its example")
endif()
"""


def test_a_project_takes_two_libraries_as_subfolders(tmp_path: Path) -> None:
    exported("c", tiny_library("letters"), tmp_path)
    library = tiny_library()
    exported("c", library, tmp_path)
    (tmp_path / "CMakeLists.txt").write_text(
        USER.format(
            libraries="enable_testing()\nadd_subdirectory(digits)\nadd_subdirectory(letters)",
            more=" letters::letters",
        )
    )
    main = library.example.replace("digits_selftest()", "(digits_selftest() | letters_selftest())")
    (tmp_path / "main.c").write_text(f'#include "letters.h"\n{main}')
    cmake(tmp_path, tmp_path / "build")
    assert run(tmp_path / "build" / "user").startswith("digits: self-test passed\n")
    assert "No tests were found" in ctest(tmp_path / "build").stderr


def test_an_installed_library_is_found(tmp_path: Path) -> None:
    library = tiny_library(dtype="float32")
    cmake(exported("c", library, tmp_path), tmp_path / "build")
    prefix = tmp_path / "prefix"
    run(Path(CMAKE_BIN_DIR) / "cmake", "--install", tmp_path / "build", "--prefix", prefix)
    user = tmp_path / "user"
    user.mkdir()
    find = "find_package(digits REQUIRED CONFIG)"
    (user / "CMakeLists.txt").write_text(USER.format(libraries=find, more=""))
    (user / "main.c").write_text(library.example)
    cmake(user, user / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    assert run(user / "build" / "user").startswith("digits: self-test passed\n")


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_the_zephyr_module_and_its_sample_build(tmp_path: Path, dtype: str) -> None:
    folder = exported("zephyr", tiny_library(dtype=dtype), tmp_path)
    package = f"-DZephyr_DIR={BOARDS / 'zephyr-package'}"
    cmake(folder / "samples" / "digits", tmp_path / "build", package)
    assert run(tmp_path / "build" / "app").startswith("digits: self-test passed\n")


def test_the_zephyr_module_waits_for_its_option(tmp_path: Path) -> None:
    folder = exported("zephyr", tiny_library(), tmp_path)
    (folder / "samples" / "digits" / "prj.conf").write_text("")
    package = f"-DZephyr_DIR={BOARDS / 'zephyr-package'}"
    with pytest.raises(AssertionError, match=r"digits\.h"):
        cmake(folder / "samples" / "digits", tmp_path / "build", package)


def test_the_idf_component_and_its_example_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = exported("esp-idf", tiny_library(), tmp_path)
    monkeypatch.setenv("IDF_PATH", str(BOARDS / "idf"))
    example = folder / "examples" / "digits_example"
    cmake(example, tmp_path / "build", f"-DCOMPONENT={folder}")
    assert run(tmp_path / "build" / "app").startswith("digits: self-test passed\n")
