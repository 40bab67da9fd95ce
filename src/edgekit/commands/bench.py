"""``edgekit bench``: the same test inputs through every model on every backend or as firmware."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from edge_runtime.backends import backends as all_backends
from edgekit import frameworks
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.commands import (
    bench_layers,
    bench_options,
    bench_run,
    data_options,
    options,
    running,
)
from edgekit.commands.bench_options import Duration, Options, Size, Tolerance
from edgekit.errors import MissingExtraError

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that keep NumPy's linear algebra on one thread, like every other contender; NumPy reads
them when it is imported."""

output_file = click.Path(dir_okay=False, path_type=Path)
input_file = options.InputFile()


@click.command("bench", short_help="Measure models on the test inputs and check their gates.")
@click.argument("models", nargs=-1, type=input_file, metavar="[MODEL.tflite]...")
@options.artifacts
@click.option(
    "--data",
    show_default="what the models were trained on",
    metavar="mnist|synthetic|none|PATH",
    help="Test inputs. PATH is a folder with one folder of images, WAV files or tables for each "
    "class; an .npz of x and y: uint8 is pixels, floats are the model's inputs as they are; or a "
    "table, .csv or .parquet. none: random tensors, which have no accuracy.",
)
@data_options.reading
@click.option(
    "--classes",
    "--labels",
    callback=bench_options.labels,
    metavar="LIST|FILE.txt",
    show_default="those the models were trained on",
    help="Classes in the order of the scores, as 0-9 or cat,dog, or a file with one a line; the "
    "first is the positive one.",
)
@options.task(default="as the models say, else decided from the output and the data")
@options.framing(default="as the models say; resize")
@click.option(
    "--input-range",
    type=options.InputRange(),
    metavar="LOW,HIGH",
    show_default="what the files say, else determined and reported",
    help="What pixels 0 and 255 are on the models' scale.",
)
@click.option(
    "--keras",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    show_default="the artifacts folder's model.keras, for models that were converted from it",
    help="The Keras model to compare with, or a float .tflite file in its place.",
)
@options.trust
@click.option(
    "--min-accuracy",
    type=options.FiniteRange(0, 1),
    show_default="0.99 for the documented study; else --max-drop",
    help="Least accuracy of each model on each backend.",
)
@options.least
@options.most
@click.option(
    "--max-drop",
    type=options.FiniteRange(0, 1),
    show_default="0.01 without --min-accuracy, --min and --max",
    help="Most that accuracy (of numbers R², of several labels macro F1, of anomalies AUC) may be "
    "below the Keras model's, or below what the report of the conversion says of it.",
)
@click.option(
    "--max-latency",
    type=Duration(),
    metavar="TIME",
    help="Longest median latency of one input on edgekit's engines: 50us, 2.5ms.",
)
@click.option(
    "--max-size", type=Size(), metavar="SIZE", help="Largest size of each model file: 64K."
)
@click.option(
    "--backend",
    type=options.Choice(all_backends()),
    multiple=True,
    metavar="NAME",
    show_default="all but reference, which is slow",
    help="Run only this backend; repeatable.",
)
@click.option(
    "--require",
    type=options.Choice(all_backends()),
    multiple=True,
    metavar="NAME",
    help="Fail unless this backend is present and ran a model; repeatable.",
)
@click.option(
    "--baseline",
    type=output_file,
    metavar="FILE",
    help="bench.json of an earlier run: fail if accuracy, latency, memory or size got worse.",
)
@click.option(
    "--update-baseline",
    is_flag=True,
    help="Write this run to the --baseline file if all gates pass.",
)
@click.option(
    "--tolerance",
    type=Tolerance(),
    multiple=True,
    metavar="NAME=SHARE",
    help="How much worse than the baseline a figure may be, such as latency=0.4; repeatable.",
)
@click.option(
    "--core",
    type=options.Choice(tuple(CORES)),
    metavar="CORE",
    help="Build firmware for this core, emulate it and measure that instead of backends: "
    f"{', '.join(CORES)}.",
)
@options.skip_zeros
@options.min_ram
@click.option(
    "--max-flash", type=Size(), metavar="SIZE", help="Largest flash use of the firmware: 16K."
)
@click.option(
    "--max-ram",
    type=Size(),
    metavar="SIZE",
    help="Largest RAM use of the firmware, stack included: 2K.",
)
@click.option(
    "--max-instructions",
    type=Size(),
    metavar="COUNT",
    help="Most instructions for the slowest input.",
)
@click.option(
    "--layers",
    is_flag=True,
    help="Time each layer instead, and compare it with the peak of this machine and with LiteRT.",
)
@click.option(
    "--quick", is_flag=True, help="Fewer samples: for a first look, not for figures to keep."
)
@click.option("--samples", is_flag=True, help="Include the raw samples in bench.json.")
@options.as_json
@click.option("--junit", type=output_file, metavar="FILE", help="Write the gates as JUnit XML.")
@click.option("--markdown", type=output_file, metavar="FILE", help="Write the tables as Markdown.")
@click.option(
    "--html",
    type=output_file,
    metavar="FILE",
    help="Write the report to this file instead of report.html in the artifacts folder.",
)
@options.quiet
@options.verbose
@running.by_itself
def command(**values: Any) -> int:
    """Measure models on test inputs: accuracy or error, parity, exactness, latency, footprint.

    Runs every MODEL.tflite (by default all in the artifacts folder) on the backends, and the Keras
    model that it was converted from for comparison. With --core, runs it as firmware on an emulated
    microcontroller instead: its C export is built for size and for speed, every output byte is
    compared, and flash, RAM with the stack and executed instructions are measured, by function and
    by layer, and a Cortex-M4's cycles are estimated; by default the artifacts folder's
    model_int8.tflite. Writes bench.json and report.html into the artifacts
    folder.
    With --layers, shows instead where the time of each model goes, on random tensors, and writes
    only the files that are named.
    Exit code 1 when a gate fails.
    """
    chosen = Options(**values)
    chosen.require_sense()
    _prepare_process(chosen.verbose)
    if chosen.layers:
        bench_layers.run(chosen)
        return 0
    return 0 if bench_run.run(chosen) else 1


def _prepare_process(verbose: bool) -> None:
    for variable in ONE_THREAD:
        os.environ.setdefault(variable, "1")
    if verbose:
        os.environ["EDGEKIT_VERBOSE"] = "1"
        with suppress(MissingExtraError):
            frameworks.keras(verbose=True)
