"""Projects of ``edgekit new``: each kind of data from files to an emulated Cortex-M4."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.commands.new import FILES, KINDS, command
from edgekit.errors import DataError

FEWER = {
    "image": "EACH = 50",
    "audio": "EACH = 40",
    "sensor": "SUBJECTS, SECONDS = 6, 16",
    "tabular": "ROWS = 500",
    "anomaly": "NORMAL_ROWS, FAILURES = 600, 60",
}
"""What draws less data than a user gets, so that the tests end sooner."""

EPOCHS = {"image": 40, "audio": 20, "sensor": 12, "tabular": 30, "anomaly": 30}
COMMAND = re.compile(r"^    (edgekit .*)$", re.MULTILINE)
PICTURES = re.compile(r"image|picture|pixel|camera", re.IGNORECASE)
TAGS = re.compile(r"<style>.*?</style>|<[^>]*>", re.DOTALL)
LIMITS = {
    "image": "It expects pictures framed like the training images",
    "audio": "It expects recordings like those of the training data",
    "anomaly": "The model rebuilds its input: how far it is off",
}
"""What a model card says of the kinds that are no tables."""

FUNCTIONS = {"image": "from_rgb565", "audio": "push_pcm16", "anomaly": "score"}


def new(kind: str, folder: Path) -> None:
    assert command.main([kind, str(folder), "--quiet"], standalone_mode=False) == 0


def run(folder: Path, *arguments: str) -> str:
    environment = {name: text for name, text in os.environ.items() if name != "EDGEKIT_ARTIFACTS"}
    done = subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def texts(artifacts: Path) -> Iterator[tuple[str, str]]:
    """Yield what commands wrote for somebody to read, without tags and kernels."""
    for path in artifacts.rglob("*"):
        if path.suffix == ".html":
            yield path.name, TAGS.sub("", path.read_text())
        elif path.suffix in (".md", ".h") or path.name == "main.c":
            yield path.name, path.read_text()


@pytest.mark.tensorflow
@pytest.mark.compiler
@pytest.mark.parametrize("kind", KINDS)
def test_the_readme_s_commands_lead_from_data_to_firmware(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / kind
    new(kind, folder)
    names, values = FEWER[kind].split(" = ")
    code = f"import draw_data as d\nd.{names.replace(', ', ', d.')} = {values}\nd.main()"
    run(folder, sys.executable, "-c", code)
    lines = COMMAND.findall((folder / "README.md").read_text())
    assert [line.split()[1] for line in lines] == ["train", "convert", "bench", "export"]
    said = ""
    for line in lines:
        words = shlex.split(line)[1:]
        if words[0] == "train":
            words += ["--epochs", str(EPOCHS[kind])]
        if words[0] == "bench":
            words.append("--quick")
        said += run(folder, sys.executable, "-m", "edgekit", *words)
    about = run(folder, sys.executable, "-m", "edgekit", "inspect", "artifacts/model_int8.tflite")
    said += about.partition("normalisation")[2]  # the signature calls any input "image"
    if kind != "image":
        for name, text in [("what was said", said), *texts(folder / "artifacts")]:
            found = PICTURES.search(text)
            assert not found, f"{name}: …{text[max(0, found.start() - 60) : found.end() + 20]}…"
    card = (folder / "artifacts" / "model_card.md").read_text()
    assert LIMITS.get(kind, "numbers like those of") in card.replace("\n", " ")
    header = (folder / "artifacts" / "model_int8_c" / "model_int8.h").read_text()
    assert f"model_int8_{FUNCTIONS.get(kind, 'from_features')}(" in header


@pytest.mark.tensorflow
def test_the_projects_own_tests_pass(tmp_path: Path) -> None:
    for kind in KINDS:
        new(kind, tmp_path / kind)
        # All of them in one process would be five modules of one name.
        folder = tmp_path / kind
        code = "import test_model\ntest_model.test_the_model_fits_the_data_and_the_device()"
        run(folder, sys.executable, "-c", code)


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    new("image", tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(FILES)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(DataError, match="is not empty"):
        new("image", tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file"]
