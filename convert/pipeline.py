"""The whole conversion: a model in, a checked and measured .tflite with its report out."""

import hashlib
import zlib
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np

from edge_runtime.reader import read
from edgekit.convert import beside, compare, measuring, quantizing, report, thresholds
from edgekit.convert.calibration import Arrays
from edgekit.convert.conversion import QUANTIZERS, Conversion
from edgekit.convert.job import Job
from edgekit.convert.measuring import Measured
from edgekit.convert.metadata import attach
from edgekit.convert.quantizing import LITERT
from edgekit.convert.source import TrainedModel
from edgekit.convert.targets import TARGETS, check_conversion, check_graph
from edgekit.errors import ModelFileError, TargetError
from edgekit.version import __version__

ERROR_SAMPLES = 200
"""Number of inputs on which the error of each tensor is measured."""


def convert(
    trained: TrainedModel,
    conversion: Conversion,
    job: Job,
    *,
    measure: bool = True,
    reference: TrainedModel | None = None,
    verbose: bool = False,
) -> tuple[bytes, dict[str, Any]]:
    """Convert, attach metadata, check against the target, measure.

    Args:
        trained: the Keras model.
        conversion: number format, target, calibration.
        job: meaning of input and output, and the data to calibrate with and to measure on.
        measure: compare the answers to the test data before and after.
        reference: the model whose answers are those before; None for ``trained`` itself.
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
    made = quantizing.files(trained, conversion, inputs, verbose=verbose)
    plain, converted = made.plain, made.converted
    quantizer = quantizing.quantizer_of(trained, conversion)
    provenance = _provenance(trained, conversion, job, quantizer)
    metadata = replace(job.metadata, provenance=provenance)
    model, threshold = attach(converted, metadata), None
    graph = read(model)
    if conversion.scheme == "int8" and (left := quantizing.left_in_float(graph, made.kept)):
        instead = quantizing.instead(left, quantizer)
        raise ModelFileError(f"{trained.path}: float ops are left after int8: {left[0]}{instead}")
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
    samples = error_samples(inputs, test)
    errors: list[compare.TensorError] = []
    if conversion.scheme != "float32" and conversion.batch == 1 and samples is not None:
        try:
            errors = compare.tensor_errors(plain, model, *samples)
        except RuntimeError as error:
            reason = str(error).partition(".Node number")[0]
            raise ModelFileError(
                f"{trained.path}: LiteRT does not run it in {conversion.scheme} ({reason}); use "
                "another --scheme, or other layers"
            ) from error
    measured = Measured()
    if measure and test is not None:
        measured = measuring.measured(reference or trained, model, job, test, threshold)
    return model, report.document(
        trained=trained,
        conversion=replace(conversion, quantizer=quantizer or None),
        job=job,
        graph=graph,
        digest=hashlib.sha256(model).hexdigest(),
        measured=measured,
        threshold=threshold,
        errors=errors,
        verdict=verdict,
        deflated=len(zlib.compress(model, 9)),
        learned=made.learned,
    )


def convert_by_both(
    trained: TrainedModel, conversion: Conversion, job: Job, *, verbose: bool = False
) -> tuple[bytes, dict[str, Any]]:
    """Convert by both quantisers; return TensorFlow's file and its report, with both figures in it.

    Args and errors are those of ``convert``; the model must not be a .tflite file.
    """
    results = [
        convert(trained, replace(conversion, quantizer=quantizer), job, verbose=verbose)
        for quantizer in QUANTIZERS
    ]
    content, document = results[0]
    figures = beside.compared([document for _, document in results])
    return content, {**document, "beside": figures}


def error_samples(inputs: Arrays | None, test: Arrays | None) -> Arrays | None:
    """Evenly spread test inputs, or calibration inputs where there are none."""
    if test is None:
        return None if inputs is None else tuple(array[:ERROR_SAMPLES] for array in inputs)
    length = len(test[0])
    rows = np.linspace(0, length - 1, min(ERROR_SAMPLES, length)).astype(int)
    return tuple(array[rows] for array in test)


def _provenance(
    trained: TrainedModel, conversion: Conversion, job: Job, quantizer: str
) -> dict[str, Any]:
    """Return the file's provenance: no date and no path, so equal conversions give equal files."""
    calibration = job.calibration
    packages = ["litert-quantizer", "ai-edge-litert"] if quantizer == LITERT else []
    if not trained.file:
        packages = ["tensorflow", "keras", *packages]
    return {
        "model": {"origin": trained.origin, "sha256": trained.sha256},
        "data": job.data and job.data.provenance,
        "training": job.training,
        "recipe": conversion.recorded,
        "calibration": calibration
        and {"source": calibration.source, "samples": calibration.samples},
        "versions": {
            "edgekit": __version__,
            **{name: version(name) for name in packages},
        },
    }
