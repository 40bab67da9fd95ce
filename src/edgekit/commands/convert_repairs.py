"""What ``edgekit convert`` tries where int8 costs too much; the last of it trains."""

import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.meaning import CLASSIFY
from edgekit.artifact_set import replacing_set
from edgekit.commands import terminal, tuning
from edgekit.digests import SUMS
from edgekit.errors import DataError
from edgekit.files import KERAS_MODEL, is_stream
from edgekit.train.finetune.recipe import Tuning

if TYPE_CHECKING:
    from edgekit.convert.conversion import Conversion
    from edgekit.convert.job import Job
    from edgekit.convert.job_data import Choices
    from edgekit.convert.repairs import FineTuned
    from edgekit.convert.source import TrainedModel

FOLDER = "{}_qat"
"""Name of the folder of the model that was fine-tuned, with that of the .tflite file."""

INPUTS, MOST_EPOCHS = 50_000, 20
"""Inputs to fine-tune on in all, at least an epoch, and most epochs. The number of epochs depends
on the data and not on the time they take, so that the same command gives the same file."""


def repaired(
    trained: "TrainedModel",
    choices: "Choices",
    job: "Job",
    first: tuple["Conversion", bytes, dict[str, Any]],
    output: Path,
    *,
    explain: bool,
    most_drop: float | None,
    trust: bool,
    verbose: bool,
) -> tuple[bytes, dict[str, Any]]:
    """Return the file to write, and its report with what was tried.

    Args:
        trained: the model.
        choices: the user's choices.
        job: its data and meaning.
        first: the conversion, its file and its report.
        output: path of the .tflite file; a model that was fine-tuned for it is kept beside it.
        explain: whether to measure each layer, and to try every repair that does not train.
        most_drop: most that the task's metric may drop; None to keep the conversion.
        trust: whether the user trusts the model's file.
        verbose: show TensorFlow's output.
    """
    from edgekit.convert import explained

    place = output.with_name(FOLDER.format(output.stem))
    with tempfile.TemporaryDirectory(prefix="edgekit-") as name, ExitStack() as shown:
        folder = Path(name)
        shown.enter_context(terminal.working("convert", "trying what keeps more of the metric"))

        def tune() -> "FineTuned":
            if is_stream(output):
                raise DataError(f"{output}: is a stream, beside which the tuned model has no place")
            shown.close()  # the epochs have a bar of their own
            return _tuned(trained, job, folder, place, trust=trust, verbose=verbose)

        content, document = explained.explained(
            trained,
            choices,
            job,
            first,
            layers=explain,
            most_drop=most_drop,
            tune=None if most_drop is None else tune,
        )
        if document["model"]["sha256"] != trained.sha256:
            with replacing_set(place) as staged:
                for path in folder.iterdir():
                    if path.name != SUMS:
                        shutil.copyfile(path, staged / path.name)
            terminal.note(f"the model was fine-tuned for int8; its files are in {place}")
    return content, document


def _tuned(
    trained: "TrainedModel", job: "Job", folder: Path, place: Path, *, trust: bool, verbose: bool
) -> "FineTuned":
    """Fine-tune a copy of the model for int8, in ``folder``; its files belong in ``place``."""
    from edgekit.convert import source
    from edgekit.convert.repairs import FineTuned
    from edgekit.train.finetune.run import require_packages
    from edgekit.train.fit import learned

    tuning.require_tunable(trained)
    dataset = tuning.require_data(trained, job)
    inputs = len(learned(dataset, job.meaning.task or CLASSIFY).x_train)
    require_packages()
    epochs = min(max(1, INPUTS // inputs), MOST_EPOCHS)
    terminal.note(f"no other repair is enough: fine-tuning for int8, {epochs} × {inputs:,} inputs")
    copy = source.load(trained.path, trust=trust, verbose=verbose)
    written = tuning.write(folder, copy, job, Tuning(qat=True, epochs=epochs), verbose=verbose)
    model = source.load(folder / KERAS_MODEL, trust=trust, verbose=verbose)
    return FineTuned(replace(model, path=place / KERAS_MODEL), written["seconds"])
