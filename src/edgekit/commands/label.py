"""``edgekit label``: write labels, scale and framing into a .tflite file that another tool made."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_runtime import anomaly
from edge_runtime.errors import EdgeRuntimeError, ModelError
from edge_runtime.meaning import ANOMALY
from edge_runtime.metadata import THRESHOLDED, Metadata
from edgekit import artifact_set, files
from edgekit.commands import bench_options, options, running, terminal
from edgekit.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from edge_runtime.graph import Graph

FORMAT, VERSION = "edgekit label", 1


class PerChannel(click.ParamType[tuple[float, ...]]):
    """One number, or one for each channel: 127.5 or 123.7,116.3,103.5."""

    name = "numbers"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        """Parse numbers with commas between them."""
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not a number, or one for each channel", param, ctx)


@click.command(
    "label",
    no_args_is_help=True,
    short_help="Write labels and scale into a .tflite of another tool.",
)
@click.argument("model", type=options.InputFile())
@click.option(
    "--labels",
    callback=bench_options.labels,
    metavar="LIST|FILE.txt",
    help="Class names in the order of the scores, as 0-9 or cat,dog, or a file with one a line.",
)
@click.option(
    "--mean",
    type=PerChannel(),
    metavar="M[,M,M]",
    help="Mean of (pixel - mean) / std with pixels 0 to 255, for all channels or for each.",
)
@click.option(
    "--std", type=PerChannel(), metavar="S[,S,S]", help="Standard deviation in the same formula."
)
@click.option(
    "--input-range",
    type=options.InputRange(),
    metavar="LOW,HIGH",
    help="Pixels 0 and 255 on the model's scale, in place of --mean and --std.",
)
@options.framing(default="as the file says; resize")
@options.task(default="as the file says")
@click.option(
    "--threshold",
    type=options.FiniteRange(),
    metavar="NUMBER",
    help="Of binary: the probability or logit of the second class above which that class is the "
    "answer. Of anomaly: the mean squared error above which an input is one.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    show_default="MODEL itself",
    help="File to write.",
)
@options.as_json
@options.verbosity
def command(
    model: Path,
    labels: tuple[str, ...] | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    input_range: tuple[float, float] | None,
    framing: str | None,
    task: str | None,
    threshold: float | None,
    output: Path | None,
    as_json: bool,
) -> int:
    """Write into MODEL.tflite what bench, predict and export need to know about its use.

    What is not named stays as it is in the file. FILE is written whole or not at all, and may be a
    pipe or a device.
    """
    if (mean is None) != (std is None):
        raise click.UsageError("--mean and --std need each other")
    if mean is not None and input_range is not None:
        raise click.UsageError("--input-range says the same as --mean and --std: give one of them")
    nothing_else = not any((labels, input_range, framing, task))
    if mean is None and threshold is None and nothing_else:
        raise click.UsageError(
            "nothing to write: give --labels, --mean and --std, or another option"
        )
    if find_spec("ai_edge_litert") is None:
        raise MissingExtraError("ai-edge-litert", "litert", "edgekit label")
    from edge_runtime.metadata import read_metadata
    from edge_runtime.reader import read
    from edgekit.convert.metadata import attach
    from edgekit.pixel_range import InputRange

    target = output or model
    files.require_target(target)
    running.finish(model.parent)
    running.warn_of_others(model)
    content = model.read_bytes()
    if input_range is not None:
        one_mean, one_std = InputRange(*input_range, "").normalization
        mean, std = (one_mean,), (one_std,)
    try:
        graph = read(content)
        if not graph.inputs or not graph.outputs:
            raise ModelError("it has no input or no output")
        metadata = read_metadata(graph, content) or Metadata()
        if labels:
            metadata = replace(metadata, labels=labels)
        if mean is not None and std is not None:
            metadata = replace(metadata, mean=mean, std=std)
            _require_scale(graph, metadata)
        if framing:
            metadata = replace(metadata, framing=framing)
        metadata = replace(metadata, meaning=_meaning(graph, metadata, task))
        metadata = _for_task(metadata, task, threshold)
        if metadata.task == ANOMALY:
            anomaly.steps(*(graph.tensors[ports[0]] for ports in (graph.inputs, graph.outputs)))
        labelled = attach(content, metadata)
    except EdgeRuntimeError as error:
        raise ModelError(f"{model}: {error}") from None
    if files.is_stream(target):
        files.write_bytes(target, labelled)
    else:
        with artifact_set.replacing_set(target.parent) as staged:
            files.write_bytes(staged / target.name, labelled)
    facts = {
        "labels": list(metadata.labels),
        "mean": list(metadata.mean),
        "std": list(metadata.std),
        "framing": metadata.framing,
        "meaning": metadata.meaning,
        "task": metadata.task or None,
        "threshold": metadata.threshold,
    }
    if as_json:
        document = {"format": FORMAT, "version": VERSION, "output": str(target), **facts}
        terminal.page(files.to_json(document))
    else:
        # The reader of a stream gets only the model.
        aside = files.is_stream(target)
        terminal.echo(f"{model} → {target}", err=aside)
        for name, value in facts.items():
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            text = "" if text is None else text
            terminal.echo(f"{name:<12} {'–' if text == '' else text}", err=aside)
    return 0


def _meaning(graph: "Graph", metadata: Metadata, task: str | None) -> str:
    """Return the meaning of the output: from --task, from the file, or from its last op."""
    from edge_runtime.meaning import NUMBERS, of_graph

    if task in ("regress", "anomaly"):
        if metadata.labels:
            raise DataError(f"--task {task}: its output is numbers, which have no labels")
        return NUMBERS
    if metadata.meaning == NUMBERS and metadata.labels and not task:
        raise DataError(
            "the file says that its output is numbers: give --task classify to label it"
        )
    if task or metadata.labels:
        # Any label will do: the user said that there are classes.
        judged = of_graph(graph, metadata.labels or ("",))
        return judged if metadata.meaning in ("", NUMBERS) else metadata.meaning
    return metadata.meaning or of_graph(graph, ())


def _for_task(metadata: Metadata, task: str | None, threshold: float | None) -> Metadata:
    """Return the metadata with the task and its threshold, where they are given.

    Raises:
        DataError: the task has no threshold.
    """
    task = task or metadata.task
    if threshold is None:
        threshold = metadata.threshold if task == metadata.task else None
    elif task not in THRESHOLDED:
        raise DataError(f"--threshold: it is for --task {' and '.join(THRESHOLDED)}: give one")
    return replace(metadata, task=task, threshold=threshold)


def _require_scale(graph: "Graph", metadata: Metadata) -> None:
    """Refuse a normalisation that the input contradicts.

    Raises:
        DataError: it has another number of channels, or is far from what the input's scale and
            zero point represent.
    """
    from edge_runtime.metadata import require_normalization
    from edgekit.benchmarks import input_range
    from edgekit.pixel_range import shown

    mean, std = metadata.mean, metadata.std
    require_normalization(mean, std)
    input_ = graph.tensors[graph.inputs[0]]
    channels = max(len(mean), len(std))
    if channels > 1 and channels != input_.shape[-1]:
        raise DataError(
            f"--mean and --std have {channels} channels, the input is {list(input_.shape)}"
        )
    pixels = input_range.of_normalization(mean, std)
    if represented := input_range.contradicts(pixels, input_):
        raise DataError(
            f"pixels 0 to 255 would become {shown(pixels)}, but its input's {input_.dtype} scale "
            f"and zero point say {shown(represented)}"
        )
