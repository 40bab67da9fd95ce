"""How many places of the tree an op touches: what a new one has to be written into."""

import re
import subprocess
from pathlib import Path

import pytest

import models
from edge_runtime import ops
from edge_runtime.reader import read

ROOT = Path(__file__).parents[1]
USERS = {
    "bounded.py": "forms that keep in int8 what others lose",
    "foreign.py": "a model that rescales its input",
    "litert_ops.py": "what LiteRT calls the ops that XNNPACK runs",
    "networks.py": "what random networks are made of",
    "object_tree.py": "ops that a conversion adds to a file",
    "own_scales.py": "forms whose numbers have scales of their own",
    "products.py": "what NEG and SQUARE become before a model is quantised",
    "rescaling.py": "what may rescale an input",
    "targets.py": "what the Edge TPU's and Vela's compilers accept",
    "test_bounded.py": "forms that keep in int8 what others lose",
    "test_extension_size.py": "sizes of some kernels",
    "test_litert_ops.py": "what LiteRT calls the ops that XNNPACK runs",
    "test_litert_quantizer.py": "a model that rescales its input",
    "test_products.py": "what NEG and SQUARE become before a model is quantised",
    "test_tune.py": "a model that rescales its input",
    "test_worked_examples.py": "four kernels that a reader can check by hand",
}
"""Files that mention MUL without being a place of it: a new op is not written into them."""

ENUMERATION = re.compile(r'_BUILTIN_OPERATORS = """.*?"""', re.DOTALL)
"""Every op of the schema, whether the engine has it or not."""


def tracked() -> list[str]:
    """Files of the product and of its tests, but for prose and what `make docs` writes."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("needs git")
    source = (".py", ".c", ".h", ".toml", ".yml", "Makefile", "run")
    return [name for name in listed.stdout.split() if name.endswith(source)]


def mention(op: str) -> re.Pattern[str]:
    """Matches the builtin, its kernels' names, and its module or files."""
    name = op.lower()
    kernels = rf"\b(ek_)?{name}_(int|float)\d"
    module = rf'["/ ]{name}(\.py|\.c|"|,|$)|import {name}\b'
    return re.compile(rf"\b{op}\b|{kernels}|{module}", re.MULTILINE)


def places(op: str) -> set[str]:
    """Files that are the op's, or mention it.

    Variants are no places: an op needs none. Their headers belong to the kernel's file.
    """
    found = set()
    for name in set(tracked()) - {Path(__file__).relative_to(ROOT).as_posix()}:
        path = ROOT / name
        is_variant = path.parent.parent.name == "kernels"
        if path.name in USERS or is_variant or path.name == f"{op.lower()}.h":
            continue
        text = ENUMERATION.sub("", path.read_text()) if path.is_file() else ""
        if op.lower() in path.stem.split("_") or mention(op).search(text):
            found.add(name)
    return found


ROWS = {
    "edge_runtime/ops/__init__.py": r'    "MUL": "mul",',
    "edge_runtime/kernels/table.h": r"    (X|x86)\(mul_\w+[,)].*",
    "edge_runtime/schema.py": r'    "MUL": \(21, .*',
}
"""OPS, the table of kernels and variants, and OPTIONS, with what a row of MUL is."""


def test_an_op_is_written_into_seven_places():
    files = {
        *("edge_runtime/ops/mul.py", "edge_runtime/kernels/mul.py", "edge_runtime/kernels/mul.c"),
        "tests/ops/test_mul.py",
    }
    assert places("MUL") == {*files, *ROWS}


@pytest.mark.parametrize("name", ROWS)
def test_places_that_ops_share_have_nothing_but_rows(name):
    text = ENUMERATION.sub("", (ROOT / name).read_text())
    lines = [line for line in text.splitlines() if mention("MUL").search(line)]
    assert lines
    assert [line for line in lines if not re.fullmatch(ROWS[name], line)] == []


def test_every_op_has_a_test_file_with_its_seeds():
    files = {**ops.OPS, **ops.CUSTOM}
    assert set(models.op_tests()) == set(files.values())
    for name, module in models.op_tests().items():
        builtins = {builtin for builtin, file in files.items() if file == name}
        for data in module.SEEDS.values():
            builtins -= {op.name for op in read(data).ops}
        assert not builtins, f"tests/ops/test_{name}.py has no SEEDS of {builtins}"
