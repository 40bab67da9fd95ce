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
from edge_runtime.metadata import Metadata
from edge_runtime.quantize import normalise
from edge_runtime.reader import read
from edgekit.convert import compare, report
from edgekit.convert.calibration import CalibrationSet, FloatArray
from edgekit.convert.metadata import attach
from edgekit.convert.recipe import Recipe
from edgekit.convert.source import Classifier
from edgekit.convert.targets import TARGETS, check_graph, check_recipe, float_operators
from edgekit.convert.tflite import to_tflite
from edgekit.errors import DataError, ModelFileError, TargetError
from edgekit.version import __version__

ERROR_SAMPLES = 200
"""Inputs on which the error of each tensor is measured."""


def convert(
    classifier: Classifier,
    recipe: Recipe,
    *,
    labels: tuple[str, ...],
    normalization: tuple[float, float],
    framing: str,
    data: dict[str, Any] | None,
    data_source: str | None,
    training: dict[str, Any] | None,
    calibration: CalibrationSet | None,
    test: tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]] | None,
    verbose: bool = False,
) -> tuple[bytes, dict[str, Any]]:
    """Convert, attach metadata, check against the target, measure.

    Args:
        classifier: the Keras model.
        recipe: what to do.
        labels: class names in the order of the scores; empty when they are not known.
        normalization: mean and standard deviation that make model inputs of pixels.
        framing: how a device must frame an image.
        data: provenance of the training and test images.
        data_source: where they are here; for the report, not for the file.
        training: the hyper-parameters and the seed, where they are known.
        calibration: needed by the calibrated schemes, but for int8 of a model that learned its
            ranges in training; where both are there, the calibration decides.
        test: images uint8 [N, *shape] and class indices [N] to measure accuracy on.
        verbose: show what the converter says.

    Returns:
        The bytes of the .tflite file, and the report document (``report.document``).

    Raises:
        TargetError: the target cannot run the result.
        ModelFileError: the model cannot be converted in this scheme.
    """
    check_recipe(recipe)
    inputs = None if calibration is None else calibration.inputs
    learned = classifier.learned if recipe.scheme == "int8" and calibration is None else None
    # Under the names of the training library, which the int8 file has as well.
    reference = replace(classifier, call=learned.plain) if learned else classifier
    plain = to_tflite(reference, Recipe(batch=recipe.batch), verbose=verbose)
    if recipe.scheme == "float32":
        converted = plain
    else:
        if not learned:
            _require_calibratable(classifier, recipe, plain, inputs)
        converted = to_tflite(classifier, recipe, inputs, verbose=verbose)
    provenance = _provenance(classifier, recipe, data, training, calibration)
    mean, std = normalization
    model = attach(converted, Metadata(labels, (mean,), (std,), framing, provenance))
    graph = read(model)
    if recipe.scheme == "int8" and (left := float_operators(graph)):
        raise ModelFileError(f"{classifier.path}: float ops are left after int8: {left[0]}")
    verdict = check_graph(graph, recipe.target)
    if not verdict.runs:
        raise TargetError(
            f"--target {recipe.target}: {TARGETS[recipe.target].title} cannot run this model: "
            f"{'; '.join(verdict.problems[:3])}"
        )
    samples = _error_samples(inputs, test, normalization)
    errors: list[compare.TensorError] = []
    if recipe.scheme != "float32" and recipe.batch == 1 and samples is not None:
        errors = compare.tensor_errors(plain, model, samples)
    accuracy = None
    if test is not None:
        images, true = test
        before = classifier.predict(normalise(images, mean, std))
        accuracy = report.answers(before, _predict(model, images, classifier.path), true)
    return model, report.document(
        classifier=classifier,
        recipe=recipe,
        graph=graph,
        digest=hashlib.sha256(model).hexdigest(),
        data=data,
        data_source=data_source,
        calibration=calibration,
        accuracy=accuracy,
        errors=errors,
        verdict=verdict,
        deflated=len(zlib.compress(model, 9)),
        learned=learned is not None,
    )


def _require_calibratable(
    classifier: Classifier, recipe: Recipe, plain: bytes, inputs: FloatArray | None
) -> None:
    """Refuse what TensorFlow's calibrator would crash on or silently not see."""
    if not recipe.calibrated:
        return
    if read(plain).subgraphs > 1:
        raise ModelFileError(
            f"{classifier.path}: has a loop or a branch (a recurrent layer?), which TensorFlow's "
            "calibrator cannot run; build the layer with unroll=True, or use --scheme dynamic"
        )
    if inputs is None or len(inputs) < recipe.batch:
        raise DataError(
            f"calibration set: {0 if inputs is None else len(inputs)} samples do not fill one "
            f"batch of {recipe.batch}"
        )


def _predict(model: bytes, images: npt.NDArray[np.uint8], source: Path) -> FloatArray:
    with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(model)
        try:
            return edge_runtime.load(path, backend="litert").predict(images)
        except (BackendError, ModelError) as error:
            reason = str(error).removeprefix(f"{path}: ")
            raise ModelFileError(
                f"{source}: was converted, but its accuracy cannot be measured: {reason}"
            ) from error


def _error_samples(
    inputs: FloatArray | None,
    test: tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]] | None,
    normalization: tuple[float, float],
) -> FloatArray | None:
    """Evenly spread test images, or calibration inputs where there are none."""
    if test is None:
        return None if inputs is None else inputs[:ERROR_SAMPLES]
    count = min(ERROR_SAMPLES, len(test[0]))
    chosen = np.linspace(0, len(test[0]) - 1, count).astype(int)
    return normalise(test[0][chosen], *normalization)


def _provenance(
    classifier: Classifier,
    recipe: Recipe,
    data: dict[str, Any] | None,
    training: dict[str, Any] | None,
    calibration: CalibrationSet | None,
) -> dict[str, Any]:
    """What travels inside the file: no date and no path, so equal conversions stay equal."""
    return {
        "model": {"origin": classifier.origin, "sha256": classifier.sha256},
        "data": data,
        "training": training,
        "recipe": asdict(recipe),
        "calibration": calibration
        and {"source": calibration.source, "samples": len(calibration.inputs)},
        "versions": {
            "edgekit": __version__,
            **{name: version(name) for name in ("tensorflow", "keras")},
        },
    }
