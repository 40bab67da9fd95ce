"""``edgekit label``: write labels, scale and framing into a .tflite file that another tool made."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_runtime.errors import EdgeRuntimeError, ModelError
from edge_runtime.metadata import Metadata
from edgekit import artifact_set, files
from edgekit.commands import bench_options, options, running, terminal
from edgekit.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from edge_runtime.graph import Graph

FORMAT, VERSION = "edgekit label", 1


class Numbers(click.ParamType[tuple[float, ...]]):
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
    type=Numbers(),
    metavar="M[,M,M]",
    help="Of (pixel - mean) / std with pixels 0 to 255, for all channels or for each.",
)
@click.option("--std", type=Numbers(), metavar="S[,S,S]", help="The deviation of the same.")
@click.option(
    "--input-range",
    type=options.InputRange(),
    metavar="LOW,HIGH",
    help="What pixels 0 and 255 are on the model's scale, in place of --mean and --std.",
)
@options.framing(default="as the file says; resize")
@options.task
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    show_default="MODEL itself",
    help="Where to write.",
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
    output: Path | None,
    as_json: bool,
) -> int:
    """Write into MODEL.tflite what bench, predict and export need to know about its use.

    What is not named stays as the file has it. The file is written whole or not at all; FILE may
    also be a pipe or a device.
    """
    if (mean is None) != (std is None):
        raise click.UsageError("--mean and --std go together")
    if mean is not None and input_range is not None:
        raise click.UsageError("--input-range says the same as --mean and --std: give one of them")
    if mean is None and not any((labels, input_range, framing, task)):
        raise click.UsageError("nothing to write: name --labels, --mean and --std, or another")
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
    }
    if as_json:
        document = {"format": FORMAT, "version": VERSION, "output": str(target), **facts}
        terminal.page(files.to_json(document))
    else:
        # What reads a stream is to get the model alone.
        aside = files.is_stream(target)
        terminal.echo(f"{model} → {target}", err=aside)
        for name, value in facts.items():
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            terminal.echo(f"{name:<12} {shown or '–'}", err=aside)
    return 0


def _meaning(graph: "Graph", metadata: Metadata, task: str | None) -> str:
    """Return what the output means: as --task says, as the file does, or as its last op tells."""
    from edge_runtime.meaning import NUMBERS, of_graph

    if task and task != "classification":
        if metadata.labels:
            raise DataError(f"--task {task}: its output is numbers, which have no labels")
        return NUMBERS
    if metadata.meaning == NUMBERS and metadata.labels and not task:
        raise DataError(
            "the file says that its output is numbers: say --task classification to label it"
        )
    if task or metadata.labels:
        # Any label will do: that there are classes is what the user says.
        judged = of_graph(graph, metadata.labels or ("",))
        return judged if metadata.meaning in ("", NUMBERS) else metadata.meaning
    return metadata.meaning or of_graph(graph, ())


def _require_scale(graph: "Graph", metadata: Metadata) -> None:
    """Refuse a normalisation that the input contradicts.

    Raises:
        DataError: of another number of channels, or far from what the input's numbers stand for.
    """
    from edge_runtime.metadata import require_normalization
    from edgekit.benchmarks import input_range
    from edgekit.pixel_range import shown

    mean, std = metadata.mean, metadata.std
    require_normalization(mean, std)
    given = graph.tensors[graph.inputs[0]]
    channels = max(len(mean), len(std))
    if channels > 1 and channels != given.shape[-1]:
        raise DataError(
            f"--mean and --std are of {channels} channels, the input is {list(given.shape)}"
        )
    pixels = input_range.of_normalization(mean, std)
    if ends := input_range.contradicts(pixels, given):
        raise DataError(
            f"pixels 0 to 255 would become {shown(pixels)}, but its input's {given.dtype} scale "
            f"and zero point say {shown(ends)}"
        )
