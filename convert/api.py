"""Converting from Python: what ``edgekit convert`` does, as a function."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.artifact_set import replacing_set
from edgekit.convert import job as jobs
from edgekit.convert import pipeline, source
from edgekit.convert.job import Choices
from edgekit.convert.recipe import Recipe
from edgekit.convert.targets import check_recipe
from edgekit.files import REPORT, is_stream, write_bytes, write_json


@dataclass(frozen=True)
class Conversion:
    """A converted model and what is known of it.

    Attributes:
        content: of the .tflite file.
        report: what ``edgekit convert`` stores beside it, JSON-ready.
        warnings: what may be wrong, a line each.
        notes: what was dropped from the data on the way, a line each.
    """

    content: bytes
    report: dict[str, Any]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    def write(self, path: Path) -> Path | None:
        """Write the file, and beside it the report, whose path is returned; both or neither.

        A pipe or a device gets the file alone.
        """
        if is_stream(path):
            write_bytes(path, self.content)
            return None
        report = f"{path.name}{REPORT}"
        with replacing_set(path.parent) as staged:
            write_bytes(staged / path.name, self.content)
            write_json(staged / report, self.report)
        return path.with_name(report)


def convert(
    model: str | Path,
    output: str | Path | None = None,
    *,
    quantize: bool = False,
    recipe: Recipe | None = None,
    trust: bool = False,
    verbose: bool = False,
    **choices: Any,
) -> Conversion:
    """Convert a Keras model (.keras, .h5, SavedModel) to .tflite.

    Args:
        model: where it is.
        output: the .tflite file to write, with its report beside it; None writes nothing.
        quantize: int8, unless ``recipe`` says otherwise.
        recipe: scheme, target, batch, calibration size and seed.
        trust: run the code that the model brings along, as a Lambda layer's; else such a model is
            refused.
        verbose: show what TensorFlow says.
        choices: fields of ``edgekit.convert.job.Choices``: data, classes, task, framing,
            input_range, calibration; what is not there is found out.

    Raises:
        EdgekitError: the model or its data cannot be used; one line says why and what to do.
    """
    recipe = recipe or Recipe(scheme="int8" if quantize else "float32")
    check_recipe(recipe)
    trained = source.load(Path(model), trust=trust, verbose=verbose)
    job = jobs.prepare(trained, Choices(**choices), recipe)
    content, report = pipeline.convert(trained, recipe, job, verbose=verbose)
    notes = job.dataset.notes if job.dataset else ()
    conversion = Conversion(content, report, (*trained.trusted, *job.warnings), notes)
    if output is not None:
        conversion.write(Path(output))
    return conversion
