"""``edgekit convert``: a Keras model in, a .tflite file and its report out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgekit.commands import options, trained_on
from edgekit.convert.recipe import CALIBRATED_SCHEMES, DYNAMIC_BATCH, SCHEMES, Recipe
from edgekit.convert.targets import TARGETS, check_recipe
from edgekit.errors import DataError, ModelFileError
from edgekit.files import (
    FLOAT_MODEL,
    KERAS_MODEL,
    require_writable,
    write_bytes,
    write_json,
)
from edgekit.index import write_index

if TYPE_CHECKING:
    from edgekit.convert.calibration import CalibrationSet
    from edgekit.convert.source import Classifier
    from edgekit.train.data import Dataset

DEFAULT = Recipe()
TIES_WORTH_TELLING = 0.01
"""Share of the test images."""


class Batch(click.ParamType[int]):
    """A batch size, or ``dynamic``."""

    name = "batch"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Parse a positive number or ``dynamic``."""
        if value == "dynamic":
            return DYNAMIC_BATCH
        return click.IntRange(1).convert(value, param, ctx)


@click.command(name="convert", short_help="Convert a Keras model to .tflite, float or int8.")
@click.argument("model", type=click.Path(path_type=Path), required=False, metavar="[MODEL.keras]")
@click.option(
    "--quantize", is_flag=True, help="Quantise; full int8 unless --scheme says otherwise."
)
@click.option(
    "--scheme",
    type=click.Choice(SCHEMES),
    help="int8: int8 in and out, no float op left. int16x8: int16 activations, int8 weights. "
    "float16: weights stored as float16. dynamic: int8 weights, float activations. "
    "Implies --quantize.",
)
@click.option(
    "--target",
    type=click.Choice(tuple(TARGETS)),
    default=DEFAULT.target,
    help="Where it will run. Only litert gets a scale for each output of a dense layer; the "
    "others get one for each tensor, which is what they take.",
)
@click.option(
    "--calibration",
    metavar="SOURCE",
    show_default="the training images",
    help="Images that show the range of each activation: mnist, synthetic, a PATH as for --data, "
    "or an .npy array [N, ...] of model inputs.",
)
@click.option(
    "--calibration-size",
    type=click.IntRange(1),
    default=DEFAULT.calibration_size,
    help="Samples, drawn evenly from the classes.",
)
@click.option(
    "--calibration-seed",
    type=click.IntRange(0),
    default=DEFAULT.calibration_seed,
    help="Of that draw.",
)
@options.data(default=None)
@options.classes(default="those the model was trained on")
@options.input_range
@click.option(
    "--batch",
    type=Batch(),
    default="1",
    metavar="N|dynamic",
    help="Images a call; only LiteRT takes other than 1.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    show_default="model.tflite, model_int8.tflite, … in the artifacts folder",
    help="Where to write; the report goes beside it as FILE.report.json.",
)
@options.artifacts
@options.as_json
@options.verbose
def command(
    model: Path | None,
    quantize: bool,
    scheme: str | None,
    target: str,
    calibration: str | None,
    calibration_size: int,
    calibration_seed: int,
    data: str | None,
    classes: tuple[str, ...] | None,
    input_range: tuple[float, float] | None,
    batch: int,
    output: Path | None,
    artifacts: Path,
    as_json: bool,
    verbose: bool,
) -> int:
    """Convert a Keras 3 or Keras 2 classifier (.keras, .h5, SavedModel) to .tflite.

    Without MODEL it is the artifacts folder's model.keras. Prints, and stores beside the file:
    size, accuracy before and after on the test images, agreement, the error of each layer, the
    ops, and whether the target runs them.
    """
    recipe = Recipe(
        scheme=scheme or ("int8" if quantize else "float32"),
        target=target,
        batch=batch,
        calibration_size=calibration_size,
        calibration_seed=calibration_seed,
    )
    check_recipe(recipe)
    path = model or artifacts / KERAS_MODEL
    output = output or artifacts / _default_name(recipe)
    if output.resolve() in (path.resolve(), Path(calibration or "").resolve()):
        raise DataError(f"{output}: is an input of this conversion; name another --output")
    require_writable(output.parent)
    from edgekit.convert import pipeline, report, source

    classifier = source.load(path, verbose=verbose)
    metrics = trained_on.metrics_of(classifier)
    dataset = trained_on.dataset_of(classifier, metrics, data, classes)
    low, high = options.pixel_range(input_range, raw_pixels=classifier.raw_pixels)
    normalization = options.normalization(low, high)
    chosen = _calibration(
        classifier, recipe, dataset, calibration, classes, normalization, (low, high)
    )
    if chosen is not None:
        for warning in chosen.warnings:
            click.echo(f"warning: calibration set {chosen.source}: {warning}", err=True)
    content, document = pipeline.convert(
        classifier,
        recipe,
        labels=dataset.labels if dataset else classes or (),
        normalization=normalization,
        framing=dataset.framing if dataset else "resize",
        data=dataset.provenance if dataset else None,
        data_source=dataset.source if dataset else None,
        training=trained_on.hyper_parameters(metrics),
        calibration=chosen,
        test=(dataset.x_test.reshape(-1, *classifier.shape), dataset.y_test) if dataset else None,
        verbose=verbose,
    )
    report_path = output.with_name(f"{output.name}.report.json")
    write_bytes(output, content)
    write_json(report_path, document)
    write_index(artifacts)
    if dataset is None and not classes:
        click.echo(
            "note: the file carries no labels, which `classify` needs; name them with --classes",
            err=True,
        )
    _warn_about_accuracy(document, classifier)
    if as_json:
        click.echo(json.dumps({"output": str(output), **document}, indent=2))
    else:
        click.echo(f"{path} → {output}  ({recipe.scheme}, {target})")
        click.echo(f"{report.text(document)}\n{'report':<12} {report_path}")
    return 0


def _default_name(recipe: Recipe) -> str:
    parts = [Path(FLOAT_MODEL).stem]
    if recipe.scheme != "float32":
        parts.append(recipe.scheme)
    if recipe.target != "litert":
        parts.append(recipe.target.replace("-", ""))
    return "_".join(parts) + ".tflite"


def _calibration(
    classifier: "Classifier",
    recipe: Recipe,
    dataset: "Dataset | None",
    source: str | None,
    classes: tuple[str, ...] | None,
    normalization: tuple[float, float],
    input_range: tuple[float, float],
) -> "CalibrationSet | None":
    if not recipe.calibrated:
        if source is not None:
            raise DataError(
                f"--calibration: only {' and '.join(CALIBRATED_SCHEMES)} use it, "
                f"not {recipe.scheme}"
            )
        return None
    if classifier.learned and recipe.scheme == "int8":
        if source is not None:
            raise DataError(
                f"--calibration: {classifier.path} learned its ranges in quantisation-aware "
                "training; there is nothing to calibrate"
            )
        return None
    import numpy as np

    from edge_runtime.quantize import normalise
    from edgekit.convert.calibration import from_array, from_images
    from edgekit.train.data import image_shape, load

    size, seed = recipe.calibration_size, recipe.calibration_seed
    if source and source.endswith(".npy"):
        try:
            array = np.load(source, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{source}: not a readable .npy array ({error})") from error
        if not isinstance(array, np.ndarray):
            raise DataError(f"{source}: is an .npz; --calibration takes one .npy array")
        return from_array(array, Path(source).name, classifier.shape, size, seed, input_range)
    if source:
        own = classes or (dataset.labels if dataset else None)
        dataset = load(source, own, image_shape(classifier.shape, str(classifier.path)))
    if dataset is None:
        raise ModelFileError(
            f"{classifier.path}: {recipe.scheme} needs images to calibrate with, and nothing "
            "beside the model says what it was trained on; give --data or --calibration"
        )
    inputs = normalise(dataset.x_train, *normalization).reshape(-1, *classifier.shape)
    return from_images(inputs, dataset.y_train, dataset.name, size, seed, input_range)


def _warn_about_accuracy(document: dict[str, Any], classifier: "Classifier") -> None:
    """Point at the usual causes when the figures look wrong."""
    accuracy = document["accuracy"]
    if accuracy is None:
        return
    before, after, ties = accuracy["before"], accuracy["after"], accuracy["ties"]
    if ties["after"] - ties["before"] > TIES_WORTH_TELLING * after["total"]:
        click.echo(
            f"warning: {ties['after']} of {after['total']} answers share their top score with "
            "another class: quantised scores are too coarse to tell saturated ones apart; an "
            "output layer with softmax keeps them apart",
            err=True,
        )
    if before["accuracy"] < 1.5 / classifier.classes:
        click.echo(
            f"warning: the Keras model itself is right on only {before['accuracy']:.1%} of the "
            "test images; does it expect another --input-range or other --classes?",
            err=True,
        )
    elif before["accuracy_95"][0] > after["accuracy"]:
        click.echo(
            f"warning: accuracy fell from {before['accuracy']:.5f} to {after['accuracy']:.5f}, "
            "more than chance explains; look at the worst layer and the calibration set",
            err=True,
        )
