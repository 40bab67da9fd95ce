"""Converting from Python: what ``edgekit convert`` does, as a function."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.artifact_set import replacing_set
from edgekit.convert import job as jobs
from edgekit.convert import pipeline, source
from edgekit.convert.conversion import Conversion
from edgekit.convert.job_data import Choices
from edgekit.convert.targets import check_conversion
from edgekit.files import PAGE, REPORT, is_stream, write_bytes, write_json, write_text


@dataclass(frozen=True)
class Converted:
    """A converted model and its report.

    Attributes:
        content: bytes of the .tflite file.
        report: what ``edgekit convert`` stores beside it, JSON-ready.
        warnings: possible problems, a line each.
        notes: data that was dropped, a line each.
    """

    content: bytes
    report: dict[str, Any]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    def write(self, path: Path, page: str = "") -> Path | None:
        """Write the file and, beside it, the report; all or nothing. Return the report's path.

        A pipe or a device gets the file alone, and the result is None.

        Args:
            path: the .tflite file.
            page: the report as HTML; without it, the page of an earlier conversion is deleted.
        """
        if is_stream(path):
            write_bytes(path, self.content)
            return None
        report, beside = f"{path.name}{REPORT}", f"{path.name}{PAGE}"
        with replacing_set(path.parent, without=[beside]) as staged:
            write_bytes(staged / path.name, self.content)
            write_json(staged / report, self.report)
            if page:
                write_text(staged / beside, page)
        return path.with_name(report)


def convert(
    model: str | Path,
    output: str | Path | None = None,
    *,
    quantize: bool = False,
    conversion: Conversion | None = None,
    trust: bool = False,
    verbose: bool = False,
    **choices: Any,
) -> Converted:
    """Convert a Keras model (.keras, .h5, SavedModel) to .tflite, or quantise a float .tflite.

    Args:
        model: path of the model.
        output: the .tflite file to write, with its report beside it; None writes nothing.
        quantize: int8, unless ``conversion`` says otherwise.
        conversion: scheme, target, batch, calibration size and seed, quantiser.
        trust: run code that the model contains, such as a Lambda layer's; otherwise such a model
            is refused.
        verbose: show TensorFlow's output.
        choices: fields of ``edgekit.convert.job_data.Choices``: data, classes, task, framing,
            input_range, calibration; the rest is worked out from the model and its data.

    Raises:
        EdgekitError: the model or its data cannot be used; the message says why and what to do.
    """
    conversion = conversion or Conversion(scheme="int8" if quantize else "float32")
    check_conversion(conversion)
    trained = source.load(Path(model), trust=trust, verbose=verbose)
    job = jobs.prepare(trained, Choices(**choices), conversion)
    content, report = pipeline.convert(trained, conversion, job, verbose=verbose)
    notes = job.dataset.notes if job.dataset else ()
    converted = Converted(content, report, (*trained.trusted, *job.warnings), notes)
    if output is not None:
        converted.write(Path(output))
    return converted
