"""A model as C: compiled here, it gives the bytes of the native engine and of LiteRT."""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import build
import control
import edge_runtime
import exported
import models
import runtimes
import seeded
import sources
from edge_runtime.errors import ModelError
from edge_runtime.metadata import Metadata
from edge_runtime.planner import plan
from edge_runtime.quantize import encode
from edge_runtime.reader import read
from edgekit.benchmarks.tensors import random_tensors
from edgekit.convert.c import blocks
from edgekit.convert.c.library import library
from edgekit.convert.memory import memory
from edgekit.convert.metadata import attach

TABLE = sources.KERNELS / "table.h"

WARNINGS = exported.WARNINGS
COMPILERS = {
    "gcc, C99": ["gcc", "-std=c99"],
    "gcc, C++17": ["gcc", "-x", "c++", "-std=c++17"],
    "clang, C99": ["clang", "-std=c99"],
    "clang, C++17": ["clang", "-x", "c++", "-std=c++17"],
}


def exportable(content):
    """Whether the engine has the model."""
    try:
        plan(read(content))
    except ModelError:
        return False
    return True


SEEDS = {name: content for name, content in models.seeds().items() if exportable(content)}


@pytest.mark.parametrize("model", SEEDS)
def test_every_op_gives_the_bytes_of_the_engine(model, tmp_path):
    content = SEEDS[model]
    made = exported.Exported(exported.of_rows(content, "model.tflite", "model"), tmp_path)
    native = runtimes.engines(content)["native portable"]
    assert made.selftest() == 0
    drawn = (random_tensors(20, one.shape, one.dtype) for one in native.inputs.values())
    for tensors in zip(*drawn, strict=True):
        given = native.run(tensors)  # without a reset, as states remember here and there
        expected = given if isinstance(given, tuple) else (given,)
        outputs = [output.tobytes() for output in made.run_all(tensors)]
        assert outputs == [output.tobytes() for output in expected]


@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_kernel_compiles_alone_as_it_is_taken_out(compiler, tmp_path):
    if shutil.which(COMPILERS[compiler][0]) is None:
        pytest.skip(f"needs {COMPILERS[compiler][0]}")
    kernels = re.findall(r"^    X\((\w+)\)", TABLE.read_text(), re.MULTILINE)
    assert len(kernels) > 40
    for kernel in kernels:
        text = blocks.joined(blocks.merged(blocks.needed([f"ek_{kernel}"])))
        call = f"void {kernel}(const int32_t *, void *const *);\nvoid {kernel}(const int32_t *p, "
        call += f"void *const *t)\n{{\n    ek_{kernel}(p, t);\n}}\n"
        head = "#include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n"
        (tmp_path / f"{kernel}.c").write_text(f"{head}{text}\n{call}")
    command = [*COMPILERS[compiler], *WARNINGS, "-fsyntax-only", *tmp_path.glob("*.c")]
    subprocess.run(command, check=True)


@pytest.mark.mnist
@pytest.mark.parametrize("skip_zeros", [False, True])
def test_the_documented_model_is_exact_on_all_images(int8_model, dataset, skip_zeros, tmp_path):
    content = int8_model.read_bytes()
    made = library(content, int8_model.name, "digits", skip_zeros=skip_zeros)
    run = exported.Exported(made, tmp_path).run
    native = runtimes.engines(content)["native portable"]
    litert = runtimes.builtin_ref(content)
    inputs = encode(dataset.x_test, native.input, native.metadata)
    assert len(inputs) == 2115
    for tensor in [*inputs[:, None], *random_tensors(1000, native.input.shape, "int8")]:
        output = run(tensor).tobytes()
        assert output == native.run(tensor).tobytes()
        assert output == litert(tensor).tobytes()


@pytest.mark.parametrize(
    ("zeros", "sparse"),
    [(0, ""), (0.2, ""), (0.6, "without RVV or HELIUM or DSP"), (0.8, "without RVV or HELIUM")],
)
def test_zeros_among_the_weights_are_left_out_where_that_pays(zeros, sparse, tmp_path):
    content = seeded.network(zeros=zeros)
    made = library(content, "model.tflite", "model")
    assert made.sparse == sparse
    constants = library(seeded.network(), "model.tflite", "model").constants
    assert made.constants == constants if not sparse else made.constants < constants * 0.8
    portable, dsp = (
        "ek_fully_connected_int8_once_sparse" + one in made.source for one in ("", "_dsp")
    )
    assert (portable, dsp) == (bool(sparse), sparse == "without RVV or HELIUM")
    run, litert = exported.Exported(made, tmp_path).run, runtimes.builtin_ref(content)
    for tensor in random_tensors(200, (1, 784), "int8"):
        assert run(tensor).tobytes() == litert(tensor).tobytes()
    skipping = library(content, "model.tflite", "model", skip_zeros=True)
    assert skipping.sparse == ""
    assert "_sparse" not in skipping.source


@pytest.fixture(scope="module")
def digits(int8_model):
    return library(int8_model.read_bytes(), int8_model.name, "digits")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_all_files_compile_without_a_warning(compiler, digits, tmp_path):
    if shutil.which(COMPILERS[compiler][0]) is None:
        pytest.skip(f"needs {COMPILERS[compiler][0]}")
    sources = exported.write(digits, tmp_path)
    command = [*COMPILERS[compiler], *WARNINGS, "-O2", *sources, "-o", tmp_path / "program"]
    subprocess.run(command, check=True)
    done = subprocess.run([tmp_path / "program"], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[0] == "digits: self-test passed"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("right = 31 - shift", "right = 30 - shift"),
        ("+ ((int64_t)1 << (right - 1))", "+ 0 * (right - 1)"),
        ("k < depth", "k < depth - 2"),
        ("weights += depth", "weights += depth - 1"),
        ("+ 128", "+ 129"),
        ("784, 14, -128, -128,", "784, 14, -128, -127,"),
        ("zero_point = layer->output", "zero_point = -layer->output"),
    ],
)
def test_the_self_test_notices_what_a_port_may_break(right, wrong, digits, tmp_path):
    assert right in digits.source
    broken = replace(digits, source=digits.source.replace(right, wrong))
    assert exported.Exported(broken, tmp_path).selftest() != 0


def test_the_self_test_notices_a_changed_output(digits, tmp_path):
    text = digits.selftest.replace(
        "        sum =", "        output[1] ^= sample == 1023;\n        sum ="
    )
    assert text != digits.selftest
    assert exported.Exported(digits, tmp_path / "whole").selftest() == 0
    assert exported.Exported(replace(digits, selftest=text), tmp_path / "broken").selftest() == 1


def test_two_models_are_linked_together(digits, tmp_path):
    content = SEEDS["RELU float32"]
    other = exported.of_rows(content, "other.tflite", "other")
    sources = [*exported.write(digits, tmp_path)[:2], *exported.write(other, tmp_path)[:2]]
    both = exported.compiled(tmp_path, sources)
    assert both.digits_selftest() == 0
    assert both.other_selftest() == 0


TOGETHER = """
#include "{0}.c"
#include "{1}.c"
#include "{0}_selftest.c"
#include "{1}_selftest.c"
int both(void);
int both(void) {{ return {0}_selftest() + {1}_selftest(); }}
"""


@pytest.mark.parametrize("language", [exported.C99, exported.CXX17], ids=["C99", "C++17"])
@pytest.mark.parametrize(
    "other", ["dense int8", "sparse", "SOFTMAX float32", "AVERAGE_POOL_2D int8"]
)
def test_two_models_are_compiled_as_one_file(language, other, digits, tmp_path):
    """The second as another edgekit would write it, whose kernel of that name is another."""
    content = seeded.network(zeros=0.8) if other == "sparse" else SEEDS[other]
    second = exported.of_rows(content, "add.tflite", "add")
    kernel = re.search(r"static void add_ek_\w+\(.*?\)\n\{\n", second.source, re.DOTALL)
    assert kernel is not None
    later = second.source.replace(kernel[0], f"{kernel[0]}    (void)0; /* newer */\n", 1)
    for made in digits, replace(second, source=later):
        exported.write(made, tmp_path)
    (tmp_path / "both.c").write_text(TOGETHER.format("digits", "add"))
    target = tmp_path / "both.so"
    command = ["cc", *language, "-O2", "-shared", "-fPIC", "-o", target, tmp_path / "both.c"]
    subprocess.run(command, check=True)
    functions = ctypes.CDLL(str(target))
    assert getattr(functions, "_Z4bothv" if "c++" in language else "both")() == 0


def test_labels_are_no_names_of_functions(tmp_path):
    """A class called "rescale" keeps its name, whatever the kernels' functions are called."""
    labels = ("rescale", "weights_0")
    content = attach(seeded.network(), Metadata(labels=labels))
    made = library(content, "model.tflite", "model")
    found = exported.Exported(made, tmp_path).functions
    names = (ctypes.c_char_p * 2).in_dll(found, "model_labels")
    assert tuple(one.decode() for one in names) == labels


@pytest.mark.parametrize("language", [["-std=c99"], ["-x", "c++", "-std=c++17"]])
def test_labels_are_whole_whatever_they_hold(tmp_path, language):
    """Longer than a string constant may be, and what ends a comment, a string or a line."""
    labels = ("é?'\\" * 1500, '\x1b[31m*/ ??/"\u202e\u2028')
    content = attach(seeded.network(), Metadata(labels=labels))
    exported.write(library(content, "a??/*/ \\\n\u202e.tflite", "model"), tmp_path)
    strict = ["-trigraphs", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    command = ["cc", *language, *strict, "-fPIC", "-c", "model.c", "-o", "model.o"]
    subprocess.run(command, check=True, cwd=tmp_path)
    subprocess.run(["cc", "-shared", "model.o", "-o", "model.so"], check=True, cwd=tmp_path)
    names = (ctypes.c_char_p * 2).in_dll(ctypes.CDLL(str(tmp_path / "model.so")), "model_labels")
    assert tuple(one.decode() for one in names) == labels


def test_no_memory_is_needed_but_the_callers(digits, tmp_path):
    functions = exported.Exported(digits, tmp_path).functions
    image, output = bytes(784), ctypes.create_string_buffer(2)
    arena = ctypes.create_string_buffer(digits.arena + 8)
    aligned = (ctypes.addressof(arena) + 7) // 8 * 8
    address = ctypes.c_void_p
    assert functions.digits_run_in(address(aligned), image, output) == 0
    assert functions.digits_run_in(address(aligned + 1), image, output) == -1
    assert functions.digits_run_in(None, image, output) == -1
    assert functions.digits_run(None, output) == -1
    assert functions.digits_run(image, None) == -1


PIXELS = """
#include "{name}.h"
void pixels(const uint8_t *from, {name}_input_t *to);
void floats(const float *from, {name}_input_t *to);
void pixels(const uint8_t *from, {name}_input_t *to) {{ {name}_quantize_u8(from, to); }}
void floats(const float *from, {name}_input_t *to) {{ {name}_quantize_float(from, to); }}
float score(const {name}_output_t *output, int index);
int best(const {name}_output_t *output);
float score(const {name}_output_t *output, int index) {{ return {name}_score(output, index); }}
int best(const {name}_output_t *output) {{ return {name}_best(output); }}
"""


@pytest.mark.parametrize("form", ["int8", "float32"])
def test_images_and_scores_are_those_of_the_runtime(
    form, int8_model, float_model, dataset, tmp_path
):
    path = int8_model if form == "int8" else float_model
    made = library(path.read_bytes(), path.name, "model")
    sources = exported.write(made, tmp_path)[:2]
    (tmp_path / "helpers.c").write_text(PIXELS.format(name="model"))
    helpers = exported.compiled(tmp_path, [*sources, tmp_path / "helpers.c"])
    model = edge_runtime.load(path)
    image = dataset.x_test[3]
    given = np.empty(784, made.inputs[0].dtype)
    helpers.pixels(image.tobytes(), given.ctypes.data_as(ctypes.c_void_p))
    assert given.tobytes() == encode(image[None], model.input, model.metadata).tobytes()

    numbers = np.random.default_rng(1).uniform(-0.3, 1.3, 784).astype(np.float32)
    numbers[:4] = [0.0, 1.0, 0.5 / 255, 254.5 / 255]
    helpers.floats(numbers.tobytes(), given.ctypes.data_as(ctypes.c_void_p))
    assert (
        given.tobytes()
        == encode(numbers.reshape(1, 28, 28, 1), model.input, model.metadata).tobytes()
    )

    helpers.score.restype = ctypes.c_float
    output = model.run(encode(image[None], model.input, model.metadata))
    scores = model.predict(image[None])[0]
    found = [helpers.score(output.tobytes(), index) for index in range(2)]
    assert found == scores.tolist()
    assert helpers.best(output.tobytes()) == scores.argmax()


def test_the_text_is_the_same_from_run_to_run(int8_model, digits, tmp_path):
    code = (
        "import sys, pathlib; from edgekit.convert.c.library import library\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "made = library(path.read_bytes(), path.name, 'digits')\n"
        "sys.stdout.write(made.header + made.source + made.selftest + made.example)"
    )
    for seed in "1", "2":
        done = subprocess.run(
            [sys.executable, "-c", code, int8_model],
            check=True,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC+{seed}"},
        )
        assert done.stdout == digits.header + digits.source + digits.selftest + digits.example
    assert str(int8_model.parent) not in done.stdout
    assert not re.search(r"20\d\d-\d\d|__DATE__|__TIME__", done.stdout)


REFUSED = {
    "several inputs": {"inputs": [0, 1]},
    "an input twice": {"inputs": [0, 0]},
    "no output": {"outputs": []},
    "an output that no op makes": {"outputs": [4]},
    "an empty input": {"tensors__0__shape": [0, 9]},
    "a scalar input": {"tensors__0__shape": []},
    "a float16 input": {"tensors__0__type": 1},
    "a string output": {"tensors__3__type": 5},
    "a sparse constant": {"tensors__1__sparsity": schema.SparsityParametersT()},
    "an absent input": {"operators__0__inputs": [-1, 1, 2]},
    "absent weights": {"operators__0__inputs": [0, -1, 2]},
    "a late input": {"operators__0__inputs": [3, 1, 2]},
    "a state": {"tensors__1__isVariable": True},
    "a limit": {"operators__0__builtinOptions__fusedActivationFunction": 4},
    "nothing": {},
}
"""What is wrong -> fields of a small model by their path in the object API."""


@pytest.mark.parametrize("what", REFUSED)
def test_what_load_refuses_is_not_exported_and_the_words_are_the_same(what, tmp_path):
    tree = schema.ModelT.InitFromPackedBuf(models.seeds()["dense int8"])
    tree.subgraphs[0].tensors.append(build.tensor((1, 5), "int8", 0.1))
    for path, value in REFUSED[what].items():
        *parents, last = path.split("__")
        owner = tree.subgraphs[0]
        for step in parents:
            owner = owner[int(step)] if step.isdigit() else getattr(owner, step)
        setattr(owner, last, value)
    path = tmp_path / "model.tflite"
    path.write_bytes(build.pack(tree))

    def refusal(function, *arguments, **options):
        try:
            function(*arguments, **options)
        except ModelError as error:
            return str(error).removeprefix(f"{path}: ")
        return ""

    loaded = {refusal(edge_runtime.load, path, backend=one) for one in ("native", "reference")}
    exporting = refusal(exported.of_rows, path.read_bytes(), path.name, "model")
    planning = refusal(memory, path.read_bytes())
    assert loaded == {exporting} == {planning}
    assert bool(exporting) == bool(REFUSED[what])


def test_several_images_at_once_are_refused_with_what_to_do():
    with pytest.raises(ModelError, match=r"takes 2 images at once.*`edgekit convert --batch 1`"):
        library(models.seeds()["dense int8"], "model.tflite", "model")


def test_what_cannot_be_exported_is_refused_with_op_and_name():
    bitcast = build.unary("BITCAST", ("int8", 0.1, 0), ("int8", 0.1, 0), 4)
    with pytest.raises(ModelError, match=r"op 0, BITCAST 'y', is not supported"):
        library(bitcast, "model.tflite", "model")


def test_the_rounds_of_a_loop_have_their_weights_once(tmp_path):
    weights = np.random.default_rng(1).normal(size=(3, 3)).astype(np.float32)
    made = library(control.dense(weights, 9), "loop.tflite", "m")
    assert made.ops == ("FULLY_CONNECTED",) * 9
    assert made.weights == weights.nbytes
    assert made.constants < 2 * weights.nbytes
    c = exported.Exported(made, tmp_path, *exported.C99)
    assert c.selftest() == 0
