"""``edgekit convert``: converts a model to a .tflite file and its report."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_runtime.meaning import NUMBERS
from edgekit.commands import convert_repairs, data_options, options, running, terminal
from edgekit.convert.conversion import DYNAMIC_BATCH, QUANTIZERS, SCHEMES, Conversion
from edgekit.convert.targets import TARGETS, check_conversion
from edgekit.errors import DataError
from edgekit.files import (
    FLOAT_MODEL,
    KERAS_MODEL,
    PAGE,
    require_target,
    to_json,
)
from edgekit.index import write_index
from edgekit.limits import Check, Limits, bounds, drop, most_lost, reported, reported_targets
from edgekit.train.reading import Reading

if TYPE_CHECKING:
    from edgekit.convert.source import TrainedModel

DEFAULT = Conversion()
BOTH = "both"
TIES_WORTH_A_WARNING = 0.01
"""Share of the test inputs with a tie above which a warning is printed."""


TARGET_WORTH_A_WARNING = 0.05
"""Drop of a target's R² above which a warning is printed."""


class Batch(click.ParamType[int]):
    """A batch size, or ``dynamic``."""

    name = "batch"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Parse a positive number or ``dynamic``."""
        if value == "dynamic":
            return DYNAMIC_BATCH
        return click.IntRange(1).convert(value, param, ctx)


@click.command(
    name="convert", short_help="Convert a Keras model to .tflite, or quantise a float .tflite."
)
@click.argument(
    "model", type=click.Path(path_type=Path), required=False, metavar="[MODEL.keras|.tflite]"
)
@click.option(
    "--quantize", is_flag=True, help="Quantise; full int8 unless --scheme says otherwise."
)
@click.option(
    "--scheme",
    type=options.Choice(SCHEMES),
    help="int8: int8 in and out, no float op left. int16x8: int16 activations, int8 weights. "
    "float16: weights stored as float16. dynamic: int8 weights, float activations. "
    "Implies --quantize.",
)
@click.option(
    "--target",
    type=options.Choice(tuple(TARGETS)),
    default=DEFAULT.target,
    help="Device that will run it. Only litert gets a scale for each output of a dense layer; the "
    "others get one for each tensor, which is all they support.",
)
@click.option(
    "--quantizer",
    type=options.Choice((*QUANTIZERS, BOTH)),
    show_default="tensorflow; litert for a .tflite file",
    help="tensorflow: the quantiser of TensorFlow's converter. litert: that of the LiteRT project, "
    "which quantises the float .tflite file. both: tensorflow's file, with litert's figures beside "
    "it for each layer.",
)
@click.option(
    "--keep-float",
    "keep_float",
    metavar="LAYER",
    multiple=True,
    help="A layer that stays in float32: its position, its kind (SOFTMAX), or a part of its name. "
    "May be repeated; needs litert's quantiser, which it chooses.",
)
@click.option(
    "--equalize",
    is_flag=True,
    help="Rescale the channels of layers that follow each other to equal ranges, which leaves the "
    "float model the same, before quantising to int8 or int16x8.",
)
@click.option(
    "--calibration",
    metavar="SOURCE",
    show_default="the training data",
    help="Inputs that set the range of each activation: mnist, synthetic, a PATH as for --data, or "
    "an .npy array [N, ...] of model inputs; for several inputs an .npz with an array for each, by "
    "its name.",
)
@click.option(
    "--calibration-size",
    type=click.IntRange(1),
    default=DEFAULT.calibration_size,
    help="Number of samples, drawn evenly from the classes.",
)
@click.option(
    "--calibration-seed",
    type=click.IntRange(0),
    default=DEFAULT.calibration_seed,
    help="Seed of that draw.",
)
@options.data(default=None)
@data_options.reading
@options.classes(default="those the model was trained on")
@options.task(default=options.TASK_DECIDED)
@options.framing(default="as the model was trained; resize")
@options.input_range
@click.option(
    "--batch",
    type=Batch(),
    default="1",
    metavar="N|dynamic",
    help="Images in each call; only litert supports others than 1.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    show_default="model.tflite, model_int8.tflite, … in the artifacts folder",
    help="File to write; the report goes beside it as FILE.report.json and FILE.report.html, "
    "unless FILE is a pipe or a device.",
)
@options.least
@options.most
@click.option(
    "--max-drop",
    type=options.FiniteRange(0, 1),
    help="Fail where accuracy is lower by more than this than before the conversion; of several "
    "labels it is the macro F1, of numbers R², of anomalies the AUC.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Show what quantisation does in each layer, and try repairs: what each buys in the task's "
    "metric, in bytes and in time.",
)
@click.option(
    "--auto",
    is_flag=True,
    help="Where int8 drops more than --max-drop (0.01 by default), write the cheapest repair that "
    "does not. The last one is quantisation-aware training, which takes a few epochs.",
)
@options.trust
@options.artifacts
@options.as_json
@options.quiet
@options.verbose
@running.by_itself
def command(
    model: Path | None,
    quantize: bool,
    scheme: str | None,
    target: str,
    quantizer: str | None,
    keep_float: tuple[str, ...],
    equalize: bool,
    calibration: str | None,
    calibration_size: int,
    calibration_seed: int,
    data: str | None,
    classes: tuple[str, ...] | None,
    task: str | None,
    framing: str | None,
    reading: Reading,
    input_range: tuple[float, float] | None,
    batch: int,
    output: Path | None,
    least: tuple[tuple[str, float], ...],
    most: tuple[tuple[str, float], ...],
    max_drop: float | None,
    explain: bool,
    auto: bool,
    trust: bool,
    artifacts: Path,
    as_json: bool,
    verbose: bool,
) -> int:
    """Convert a Keras 3 or Keras 2 model (.keras, .h5, SavedModel) to .tflite.

    Or, with --quantize, quantise a float .tflite file that anything else made (litert-torch, JAX),
    or an .onnx file where the program onnx2tf is installed.

    MODEL is the artifacts folder's model.keras by default. Prints, and stores beside the file:
    size, the meaning of input and output and why, accuracy before and after on the test data,
    agreement, the error of each layer, the ops, and whether the target runs them. Exit code 1 when
    a gate fails; the files are written all the same.
    """
    if auto:
        quantize, max_drop = True, 0.01 if max_drop is None else max_drop
        if scheme not in (None, "int8"):
            raise click.UsageError(f"--auto begins with int8: leave --scheme {scheme} out")
    conversion = Conversion(
        scheme=scheme or ("int8" if quantize else "float32"),
        target=target,
        batch=batch,
        calibration_size=calibration_size,
        calibration_seed=calibration_seed,
        quantizer=QUANTIZERS[0] if quantizer == BOTH else quantizer,
        keep_float=keep_float,
        equalize=equalize,
    )
    check_conversion(conversion)
    path = model or artifacts / KERAS_MODEL
    output = output or artifacts / _default_name(conversion)
    if output.resolve() in (path.resolve(), Path(calibration or "").resolve()):
        raise DataError(f"{output}: is an input of this conversion; choose another --output")
    require_target(output)
    from edgekit import conversion_page
    from edgekit.convert import job as jobs
    from edgekit.convert import pipeline, report, source
    from edgekit.convert.api import Converted
    from edgekit.convert.job_data import Choices
    from edgekit.train.dataset import takes_images

    running.warn_of_others(path)
    with terminal.working("convert", f"loading {path}"):
        trained = source.load(path, trust=trust, verbose=verbose)
    for line in trained.trusted:
        terminal.warn(line)
    choices = Choices(
        data=data,
        classes=classes,
        task=task,
        framing=framing,
        input_range=input_range,
        calibration=calibration,
        reading=reading,
    )
    with terminal.working("convert", "looking at the model and its data"):
        job = jobs.prepare(trained, choices, conversion)
    if trained.note:
        terminal.note(f"{path}: {trained.note}")
    for warning in job.warnings:
        terminal.warn(warning)
    notes = job.dataset.notes if job.dataset else ()
    one_input = len(trained.input_specs) == 1
    for note in notes:
        terminal.note(note)
    with terminal.working("convert", f"converting {path} and comparing the answers"):
        run = pipeline.convert_by_both if quantizer == BOTH else pipeline.convert
        content, document = run(trained, conversion, job, verbose=verbose)
    if (explain or auto) and conversion.scheme != "float32":
        content, document = convert_repairs.repaired(
            trained,
            choices,
            job,
            (conversion, content, document),
            output,
            explain=explain,
            most_drop=max_drop if auto else None,
            trust=trust,
            verbose=verbose,
        )
    limits = Limits(dict(least), dict(most), max_drop)
    checks = _checks(limits, document)
    document["gates"] = [asdict(check) for check in checks]
    converted = Converted(content, document, job.warnings, notes)
    summary = report.text(document)
    page = conversion_page.render(document, content, job.dataset, output.name)
    report_path = converted.write(output, page)
    write_index(artifacts)
    if one_input and not job.labels and job.meaning.name != NUMBERS:
        terminal.note("the file has no labels, which `classify` needs; name them with --classes")
    unsaid = one_input and job.dataset is None and job.pixels is None
    if unsaid and takes_images(trained.shape):
        terminal.note(
            "nothing says what pixels are on the model's scale, so the file does not say it; if "
            "its input is an image, give --input-range"
        )
    _warn_about_accuracy(document, trained)
    if as_json:
        terminal.page(to_json({**document, "output": str(output)}))
    else:
        # The reader of a stream gets only the model.
        aside = report_path is None
        terminal.echo(f"{path} → {output}  ({conversion.scheme}, {target})", err=aside)
        terminal.page(summary, err=aside)
        if "explained" in document:
            from edgekit.convert import explained

            terminal.page(explained.text(document), err=aside)
        shown = report_path and report_path.with_name(f"{output.name}{PAGE}")
        terminal.echo(f"{'report':<12} {shown or 'none beside a stream'}", err=aside)
    failed = [check for check in checks if check.verdict == "failed"]
    for check in failed:
        terminal.echo(f"edgekit convert: {check.name}: {check.message}", err=True)
    return 1 if failed else 0


def _checks(limits: Limits, document: dict[str, Any]) -> list[Check]:
    """Return the limits and whether the converted model keeps them."""
    before, after = (reported(document, when) for when in ("before", "after"))
    checks = bounds(limits, after, "" if document["data"] else "there are no data; give --data")
    if limits.drop is not None:
        task, targets = document["task"]["name"], reported_targets(document)
        checks.append(drop(task, after, before, limits.drop, targets=targets))
    return checks


def _default_name(conversion: Conversion) -> str:
    parts = [Path(FLOAT_MODEL).stem]
    if conversion.scheme != "float32":
        parts.append(conversion.scheme)
    if conversion.target != "litert":
        parts.append(conversion.target.replace("-", ""))
    return "_".join(parts) + ".tflite"


def _origin(trained: "TrainedModel") -> str:
    return "float" if trained.file else "Keras"


def _warn_about_accuracy(document: dict[str, Any], trained: "TrainedModel") -> None:
    """Warn of the usual causes when the figures look wrong."""
    worst = most_lost(reported_targets(document))
    if worst and worst[2] - worst[1] > TARGET_WORTH_A_WARNING:
        terminal.warn(
            f"target {worst[0]}: its R² fell from {worst[2]:.5f} to {worst[1]:.5f}: a quantised "
            "output has one scale, which the target with the largest numbers sets; train on "
            "targets divided by their deviations, or keep the last layer in float32 (--keep-float)"
        )
    accuracy = document["accuracy"]
    if accuracy is None:
        return
    before, after, ties = accuracy["before"], accuracy["after"], accuracy["ties"]
    ends_in_softmax = "SOFTMAX" in document["ops"][-2:]
    if ties["after"] - ties["before"] > TIES_WORTH_A_WARNING * after["total"]:
        terminal.warn(
            f"{ties['after']} of {after['total']} answers share their top score with "
            "another class: quantised scores are too coarse to distinguish saturated ones"
            + ("" if ends_in_softmax else "; an output layer with softmax keeps them distinct")
        )
    if before["accuracy"] < 1.5 / max(2, trained.outputs):
        terminal.warn(
            f"the {_origin(trained)} model itself is right on only {before['accuracy']:.1%} of the "
            "test data; does it need another --input-range or other --classes?"
        )
    elif before["accuracy_95"][0] > after["accuracy"]:
        terminal.warn(
            f"accuracy fell from {before['accuracy']:.5f} to {after['accuracy']:.5f}, "
            "more than chance explains; check the worst layer and the calibration set"
        )
