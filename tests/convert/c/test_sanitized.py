"""The self-test of each small model under AddressSanitizer and UBSan, in buffers of exact size.

All models are one program, which is compiled once. Input, output and arena are pieces of the heap
that end where they end, at each address that the header allows: an arena is aligned as int64_t is,
input and output as their elements are.
"""

import subprocess

import pytest

import exported
import models
import seeded
from edge_runtime.errors import ModelError
from edgekit.convert.c.library import library

FLAGS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-sanitize=object-size")
"""gcc takes the last function of a table for one behind it (object-size)."""

INPUT = """
    static {type} {port}[{size}];
    for (size_t i = 0; i < {size}; i++)
        {port}[i] = ({type})(i * 7 % 120);
"""

MODEL = """
static int test_{name}(void)
{{
{inputs}
{outputs}
    if ({name}_selftest() != 0 || {name}_check_constants() != 0)
        return 1;
    if ({name}_run({ports}) != 0)
        return 1;
    for (size_t step = 0; step < 8; step++) {{
        struct piece arena = piece({upper}_ARENA_SIZE, step % 2 * sizeof(int64_t));
{pieces}
{reset}
        if ({name}_run_in(arena.at, {places}) != 0)
            return 1;
{checks}
        free(arena.whole);
    }}
    return 0;
}}
"""

PORT = """
        struct piece at_{port} = piece(sizeof {port}, (step + {number}) % 8 * sizeof *{port});
        memcpy(at_{port}.at, {port}, sizeof {port});
"""

CHECK = """
        if (memcmp(at_{port}.at, {port}, sizeof {port}) != 0)
            return 1;
        free(at_{port}.whole);
"""

PIECE = """
#include <stdlib.h>

struct piece {
    void *whole, *at;
};

/* Bytes that end where the allocation ends, and begin so far behind an aligned address. */
static struct piece piece(size_t size, size_t offset)
{
    char *whole = (char *)malloc(size + offset);
    if (!whole)
        abort();
    memset(whole, 0x55, size + offset);
    struct piece made = {whole, whole + offset};
    return made;
}
"""


def check_of(one):
    """Return the C function that tests a library, of any inputs, outputs and states."""
    ports = [*one.inputs, *one.outputs]
    names = [port.name for port in ports]
    types = [f"{one.name}_{name}_t" for name in names]
    sizes = [f"{one.name.upper()}_{name.upper()}_SIZE" for name in names]
    fields = list(zip(names, types, sizes, strict=True))
    count = len(one.inputs)
    return MODEL.format(
        name=one.name,
        upper=one.name.upper(),
        inputs="".join(INPUT.format(port=n, type=t, size=s) for n, t, s in fields[:count]),
        outputs="\n".join(f"    static {t} {n}[{s}];" for n, t, s in fields[count:]),
        ports=", ".join(names),
        pieces="".join(PORT.format(port=n, number=i) for i, n in enumerate(names)),
        reset=f"        {one.name}_reset_in(arena.at);" if one.state else "",
        places=", ".join(f"({t} *)at_{n}.at" for n, t, _ in fields),
        checks="".join(CHECK.format(port=n) for n in names),
    )


def libraries(int8_model, float_model):
    """Return every small model as C, and the documented one in all its forms."""
    contents = {
        **models.seeds(),
        "sparse": seeded.network(zeros=0.8),
        "infinite": models.infinite(),
    }
    contents |= {"int8": int8_model.read_bytes(), "float32": float_model.read_bytes()}
    made = []
    for content in contents.values():
        try:
            made.append(exported.of_rows(content, "model.tflite", f"m{len(made)}"))
        except ModelError:
            continue
    skipping = library(contents["int8"], "model.tflite", f"m{len(made)}", skip_zeros=True)
    return [*made, skipping]


def program(made, folder, text=""):
    """Compile the libraries, and a main that tests them, as one file."""
    sources = [path.name for one in made for path in exported.write(one, folder)[:2]]
    parts = [f'#include "{source}"' for source in sources]
    parts += [PIECE, *map(check_of, made)]
    calls = "".join(
        f"    if (test_{one.name}())\n        return {i + 1};\n" for i, one in enumerate(made)
    )
    parts.append(f"int main(void)\n{{\n{text}{calls}    return 0;\n}}\n")
    (folder / "all.c").write_text("\n".join(parts))
    target = folder / "all"
    command = ["cc", "-std=c99", "-O1", *FLAGS, "-o", target, folder / "all.c"]
    done = subprocess.run(command, capture_output=True, text=True)
    if "cannot find" in done.stderr:
        pytest.skip("needs gcc's libasan and libubsan")
    assert done.returncode == 0, done.stderr
    return subprocess.run(
        [target], capture_output=True, text=True, env={"ASAN_OPTIONS": "detect_leaks=0"}
    )


def test_self_tests_and_runs_in_exact_buffers_touch_nothing_else(int8_model, float_model, tmp_path):
    made = libraries(int8_model, float_model)
    assert len(made) > 250
    ran = program(made, tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_byte_too_far_and_a_wrong_address_would_be_seen(tmp_path):
    made = [exported.of_rows(models.seeds()["RELU float32"], "model.tflite", "m0")]
    for text, message in (
        ("((char *)piece(M0_ARENA_SIZE, 8).at)[M0_ARENA_SIZE] = 1;", "heap-buffer-overflow"),
        ("*(float *)((char *)piece(8, 0).at + 1) = 1;", "misaligned address"),
    ):
        ran = program(made, tmp_path, f"    {text}\n")
        assert ran.returncode != 0
        assert message in ran.stderr
