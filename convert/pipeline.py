"""The whole conversion: Keras in, a checked and measured .tflite with its report out."""

import hashlib
import zlib
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from edge_runtime.reader import read
from edgekit.convert import compare, measuring, report, thresholds
from edgekit.convert.calibration import Arrays
from edgekit.convert.conversion import Conversion
from edgekit.convert.job import Job
from edgekit.convert.measuring import Measured
from edgekit.convert.metadata import attach
from edgekit.convert.source import TrainedModel
from edgekit.convert.targets import TARGETS, check_conversion, check_graph, float_operators
from edgekit.convert.tflite import to_tflite
from edgekit.convert.unrolling import MOST_STEPS
from edgekit.errors import DataError, ModelFileError, TargetError
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
    metadata = replace(job.metadata, provenance=provenance)
    model, threshold = attach(converted, metadata), None
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
    if measure and (threshold := thresholds.choose(trained, model, job)):
        model = attach(converted, replace(metadata, threshold=threshold.value))
        graph = read(model)
    test = job.test_inputs(trained)
    samples = _error_samples(inputs, test)
    errors: list[compare.TensorError] = []
    if conversion.scheme != "float32" and conversion.batch == 1 and samples is not None:
        errors = compare.tensor_errors(plain, model, *samples)
    measured = Measured()
    if measure and test is not None:
        measured = measuring.measured(trained, model, job, test, threshold)
    return model, report.document(
        trained=trained,
        conversion=conversion,
        job=job,
        graph=graph,
        digest=hashlib.sha256(model).hexdigest(),
        measured=measured,
        threshold=threshold,
        errors=errors,
        verdict=verdict,
        deflated=len(zlib.compress(model, 9)),
        learned=learned is not None,
    )


def _require_calibratable(
    trained: TrainedModel, conversion: Conversion, plain: bytes, inputs: Arrays | None
) -> None:
    """Refuse what TensorFlow's calibrator would crash on or silently ignore."""
    if not conversion.calibrated:
        return
    if read(plain).subgraphs > 1:
        raise ModelFileError(
            f"{trained.path}: has a loop or a branch (a recurrent layer?), which TensorFlow's "
            f"calibrator cannot run; of a Keras file, recurrent layers of at most {MOST_STEPS} "
            "steps are unrolled; build a longer one with unroll=True, or use --scheme dynamic"
        )
    samples = len(inputs[0]) if inputs else 0
    if samples < conversion.batch:
        raise DataError(
            f"calibration set: {samples} samples do not fill one batch of {conversion.batch}"
        )


def _error_samples(inputs: Arrays | None, test: Arrays | None) -> Arrays | None:
    """Evenly spread test inputs, or calibration inputs where there are none."""
    if test is None:
        return None if inputs is None else tuple(array[:ERROR_SAMPLES] for array in inputs)
    length = len(test[0])
    rows = np.linspace(0, length - 1, min(ERROR_SAMPLES, length)).astype(int)
    return tuple(array[rows] for array in test)


def _provenance(trained: TrainedModel, conversion: Conversion, job: Job) -> dict[str, Any]:
    """Return the file's provenance: no date and no path, so equal conversions give equal files."""
    calibration = job.calibration
    return {
        "model": {"origin": trained.origin, "sha256": trained.sha256},
        "data": job.data and job.data.provenance,
        "training": job.training,
        "recipe": asdict(conversion),
        "calibration": calibration
        and {"source": calibration.source, "samples": calibration.samples},
        "versions": {
            "edgekit": __version__,
            **{name: version(name) for name in ("tensorflow", "keras")},
        },
    }
