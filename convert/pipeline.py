"""The whole conversion: Keras in, a checked and measured .tflite with its report out."""

import hashlib
import tempfile
import zlib
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import edge_runtime
from edge_runtime.errors import BackendError, ModelError
from edge_runtime.meaning import class_scores
from edge_runtime.reader import read
from edgekit.convert import compare, report
from edgekit.convert.calibration import FloatArray
from edgekit.convert.conversion import Conversion
from edgekit.convert.job import Job
from edgekit.convert.metadata import attach
from edgekit.convert.source import TrainedModel
from edgekit.convert.targets import TARGETS, check_conversion, check_graph, float_operators
from edgekit.convert.tflite import to_tflite
from edgekit.errors import DataError, ModelFileError, TargetError
from edgekit.train.dataset import Dataset
from edgekit.version import __version__

ERROR_SAMPLES = 200
"""Number of inputs on which the error of each tensor is measured."""


def convert(
    trained: TrainedModel,
    conversion: Conversion,
    job: Job,
    *,
    measure: bool = True,
    verbose: bool = False,
) -> tuple[bytes, dict[str, Any]]:
    """Convert, attach metadata, check against the target, measure.

    Args:
        trained: the Keras model.
        conversion: number format, target, calibration.
        job: meaning of input and output, and the data to calibrate with and to measure on.
        measure: compare the answers to the test data before and after.
        verbose: show the converter's output.

    Returns:
        The bytes of the .tflite file, and the report document (``report.document``).

    Raises:
        TargetError: the target cannot run the result.
        ModelFileError: the model cannot be converted in this scheme.
    """
    check_conversion(conversion)
    calibration = job.calibration
    inputs = None if calibration is None else calibration.inputs
    learned = trained.learned if conversion.scheme == "int8" and calibration is None else None
    # With the training library's names, which the int8 file has as well.
    reference = replace(trained, call=learned.plain) if learned else trained
    plain = to_tflite(reference, Conversion(batch=conversion.batch), verbose=verbose)
    if conversion.scheme == "float32":
        converted = plain
    else:
        if not learned:
            _require_calibratable(trained, conversion, plain, inputs)
        converted = to_tflite(trained, conversion, inputs, verbose=verbose)
    provenance = _provenance(trained, conversion, job)
    model = attach(converted, replace(job.metadata, provenance=provenance))
    graph = read(model)
    if conversion.scheme == "int8" and (remaining := float_operators(graph)):
        raise ModelFileError(f"{trained.path}: float ops are left after int8: {remaining[0]}")
    target = TARGETS[conversion.target]
    verdict = check_graph(graph, target.name)
    if not verdict.runs:
        raise TargetError(
            f"--target {target.name}: {target.title} cannot run this model: "
            f"{'; '.join(verdict.problems[:3])}"
        )
    test = job.model_inputs(job.dataset.x_test, trained.shape) if job.dataset else None
    samples = _error_samples(inputs, test)
    errors: list[compare.TensorError] = []
    if conversion.scheme != "float32" and conversion.batch == 1 and samples is not None:
        errors = compare.tensor_errors(plain, model, samples)
    accuracy = numbers = None
    if measure and job.dataset is not None and test is not None:
        before = trained.predict(test)
        _require_numbers(before, f"{trained.path}: its weights are finite, but its answers")
        after = _predict(model, job.dataset.x_test if job.pixels else test, trained.path)
        _require_numbers(after, f"{trained.path}: the answers of the converted model")
        if job.labels:
            scores = class_scores(before, job.meaning.name)
            accuracy = report.answers(scores, after, job.dataset.y_test)
        else:
            numbers = report.numbers(before, after, _targets(trained, job.dataset, test))
    return model, report.document(
        trained=trained,
        conversion=conversion,
        job=job,
        graph=graph,
        digest=hashlib.sha256(model).hexdigest(),
        accuracy=accuracy,
        numbers=numbers,
        errors=errors,
        verdict=verdict,
        deflated=len(zlib.compress(model, 9)),
        learned=learned is not None,
    )


def _targets(trained: TrainedModel, dataset: Dataset, inputs: FloatArray) -> FloatArray | None:
    """Return what the outputs of the test inputs should be, float32 [M, outputs], if known.

    Raises:
        DataError: there are other targets than outputs.
    """
    width = dataset.y_test.shape[1]
    if width not in (0, trained.outputs):
        raise DataError(
            f"{dataset.source}: has {width} targets for an input, and {trained.path} gives "
            f"{trained.outputs} numbers"
        )
    if width:
        targets: FloatArray = np.asarray(dataset.y_test, np.float32)
        return targets
    # Without targets, the targets of an autoencoder are its inputs.
    return inputs.reshape(len(inputs), -1) if trained.rebuilds_input else None


def _require_calibratable(
    trained: TrainedModel, conversion: Conversion, plain: bytes, inputs: FloatArray | None
) -> None:
    """Refuse what TensorFlow's calibrator would crash on or silently ignore."""
    if not conversion.calibrated:
        return
    if read(plain).subgraphs > 1:
        raise ModelFileError(
            f"{trained.path}: has a loop or a branch (a recurrent layer?), which TensorFlow's "
            "calibrator cannot run; build the layer with unroll=True, or use --scheme dynamic"
        )
    if inputs is None or len(inputs) < conversion.batch:
        raise DataError(
            f"calibration set: {0 if inputs is None else len(inputs)} samples do not fill one "
            f"batch of {conversion.batch}"
        )


def _predict(model: bytes, inputs: npt.NDArray[Any], source: Path) -> FloatArray:
    """Return the scores, or the numbers, of pixels or of inputs on the model's scale."""
    with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(model)
        try:
            opened = edge_runtime.load(path, backend="litert")
            outputs: FloatArray = opened.predict(inputs.reshape(-1, *opened.input.shape[1:]))
        except (BackendError, ModelError) as error:
            reason = str(error).removeprefix(f"{path}: ")
            raise ModelFileError(
                f"{source}: was converted, but its accuracy cannot be measured: {reason}"
            ) from error
    return outputs


def _require_numbers(answers: FloatArray, whose: str) -> None:
    """Raise ModelFileError where a row of answers has NaN in it."""
    wrong = int(np.isnan(answers.reshape(len(answers), -1)).any(axis=1).sum())
    if wrong:
        raise ModelFileError(
            f"{whose} to {wrong} of {len(answers)} test inputs are NaN: an overflow, or a "
            "logarithm or a division of 0; is the scale of the inputs (--input-range) right?"
        )


def _error_samples(inputs: FloatArray | None, test: FloatArray | None) -> FloatArray | None:
    """Evenly spread test inputs, or calibration inputs where there are none."""
    if test is None:
        return None if inputs is None else inputs[:ERROR_SAMPLES]
    count = min(ERROR_SAMPLES, len(test))
    samples: FloatArray = test[np.linspace(0, len(test) - 1, count).astype(int)]
    return samples


def _provenance(trained: TrainedModel, conversion: Conversion, job: Job) -> dict[str, Any]:
    """Return the file's provenance: no date and no path, so equal conversions give equal files."""
    calibration = job.calibration
    return {
        "model": {"origin": trained.origin, "sha256": trained.sha256},
        "data": job.dataset and job.dataset.provenance,
        "training": job.training,
        "recipe": asdict(conversion),
        "calibration": calibration
        and {"source": calibration.source, "samples": len(calibration.inputs)},
        "versions": {
            "edgekit": __version__,
            **{name: version(name) for name in ("tensorflow", "keras")},
        },
    }
