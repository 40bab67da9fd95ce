"""The whole conversion: a model in, a checked and measured .tflite with its report out."""

import hashlib
import tempfile
import zlib
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import edge_runtime
from edge_runtime.errors import BackendError, ModelError
from edge_runtime.meaning import NUMBERS, class_scores
from edge_runtime.reader import read
from edgekit.convert import beside, compare, quantizing, report
from edgekit.convert.calibration import Arrays, FloatArray
from edgekit.convert.conversion import QUANTIZERS, Conversion
from edgekit.convert.job import Job
from edgekit.convert.metadata import attach
from edgekit.convert.quantizing import LITERT
from edgekit.convert.source import TrainedModel
from edgekit.convert.targets import TARGETS, check_conversion, check_graph
from edgekit.errors import DataError, ModelFileError, TargetError
from edgekit.train.dataset import Dataset, Inputs
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
    made = quantizing.files(trained, conversion, inputs, verbose=verbose)
    plain, converted = made.plain, made.converted
    quantizer = quantizing.quantizer_of(trained, conversion)
    provenance = _provenance(trained, conversion, job, quantizer)
    model = attach(converted, replace(job.metadata, provenance=provenance))
    graph = read(model)
    if conversion.scheme == "int8" and (left := quantizing.left_in_float(graph, made.kept)):
        raise ModelFileError(f"{trained.path}: float ops are left after int8: {left[0]}")
    target = TARGETS[conversion.target]
    verdict = check_graph(graph, target.name)
    if not verdict.runs:
        raise TargetError(
            f"--target {target.name}: {target.title} cannot run this model: "
            f"{'; '.join(verdict.problems[:3])}"
        )
    test = job.test_inputs(trained)
    samples = _error_samples(inputs, test)
    errors: list[compare.TensorError] = []
    if conversion.scheme != "float32" and conversion.batch == 1 and samples is not None:
        errors = compare.tensor_errors(plain, model, *samples)
    accuracy = numbers = outputs = None
    if measure and test is not None:
        before = trained.run(test)
        _require_numbers(before, f"{trained.path}: its weights are finite, but its answers")
        # A device gets pixels, where the data has them.
        fed = (job.dataset.x_test,) if job.dataset and job.pixels else test
        after = _predict(trained, model, fed)
        _require_numbers(after, f"{trained.path}: the answers of the converted model")
        if job.meaning.name != NUMBERS:
            before = (class_scores(before[0], job.meaning.name),)
        if trained.several:
            names = [spec.name for spec in trained.output_specs]
            outputs = report.outputs(names, before, after)
        elif job.labels and job.dataset:
            accuracy = report.answers(before[0], after[0], job.dataset.y_test)
        elif job.dataset:
            targets = _targets(trained, job.dataset, test[0])
            numbers = report.numbers(before[0], after[0], targets)
    return model, report.document(
        trained=trained,
        conversion=replace(conversion, quantizer=quantizer or None),
        job=job,
        graph=graph,
        digest=hashlib.sha256(model).hexdigest(),
        accuracy=accuracy,
        numbers=numbers,
        outputs=outputs,
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


def _predict(trained: TrainedModel, model: bytes, inputs: tuple[Inputs, ...]) -> Arrays:
    """Return what the converted model predicts of pixels or of inputs on its scale.

    Args:
        trained: what it was converted from.
        model: the converted model.
        inputs: for each input [N, ...].

    Returns:
        For each output the scores, or the numbers.
    """
    with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(model)
        try:
            opened = edge_runtime.load(path, backend="litert")
            if len(inputs) > 1:
                names = [spec.name for spec in trained.input_specs]
                outputs = opened.predict(dict(zip(names, inputs, strict=True)))
            else:
                outputs = opened.predict(inputs[0].reshape(-1, *opened.input.shape[1:]))
        except (BackendError, ModelError) as error:
            reason = str(error).removeprefix(f"{path}: ")
            raise ModelFileError(
                f"{trained.path}: was converted, but its accuracy cannot be measured: {reason}"
            ) from error
    if len(trained.output_specs) == 1:
        return (outputs,)
    return tuple(outputs[spec.name] for spec in trained.output_specs)


def _require_numbers(answers: Arrays, whose: str) -> None:
    """Raise ModelFileError where a row of answers has NaN in it."""
    rows = np.hstack([answer.reshape(len(answer), -1) for answer in answers])
    wrong = int(np.isnan(rows).any(axis=1).sum())
    if wrong:
        raise ModelFileError(
            f"{whose} to {wrong} of {len(rows)} test inputs are NaN: an overflow, or a "
            "logarithm or a division of 0; is the scale of the inputs (--input-range) right?"
        )


def _error_samples(inputs: Arrays | None, test: Arrays | None) -> Arrays | None:
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
