import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, strategies

from edgekit.convert.c.identifier import HEADERS, KEYWORDS, LONGEST, TAKEN, c_identifier


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Model-2.tflite", "my_model_2"),
        ("digits", "digits"),
        ("3d.tflite", "model_3d"),
        ("int.tflite", "model_int"),
        ("Class", "model_class"),
        ("main", "model_main"),
        ("string.tflite", "model_string"),
        ("test", "model_test"),
        ("__init__.tflite", "init"),
        ("a__b--c.v2.tflite", "a_b_c_v2"),
        ("modèle.tflite", "modele"),
        ("Straße", "strasse"),
        ("数字.tflite", "model"),
        (".tflite", "model"),
        ("x" * 99, "x" * LONGEST),
        ("x" * (LONGEST - 1) + " y", "x" * (LONGEST - 1)),
    ],
)
def test_a_file_name_becomes_an_identifier(text: str, name: str) -> None:
    assert c_identifier(text) == name


@given(strategies.text())
def test_any_text_becomes_a_free_identifier(text: str) -> None:
    name = c_identifier(text)
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)
    assert len(name) <= LONGEST
    assert name not in KEYWORDS | HEADERS | TAKEN
    assert c_identifier(name) == name


@pytest.mark.parametrize(("compiler", "suffix"), [("cc", "c"), ("c++", "cpp")])
def test_compilers_take_what_stands_for_their_words(
    tmp_path: Path, compiler: str, suffix: str
) -> None:
    names = sorted({c_identifier(word) for word in KEYWORDS | HEADERS | TAKEN})
    source = tmp_path / f"names.{suffix}"
    source.write_text("".join(f"int {name};\n" for name in names))
    standard = {"cc": "-std=c99", "c++": "-std=c++17"}[compiler]
    subprocess.run([compiler, standard, "-Werror", "-fsyntax-only", source], check=True)
