"""Speed of edgekit's engine compared with LiteRT's, in one run.

    python -m edgekit.benchmarks.studies.engine [--model FILE ...] [--rounds 30] [--json]
    python -m edgekit.benchmarks.studies.engine --networks [--rounds 30] [--json]
    python -m edgekit.benchmarks.studies.engine --survey PATH ... [--rounds 30] [--json]

One process, one thread, all contenders in turns: one image per call on test images and on random
tensors, all test images in one call; then fresh processes from their start to their first answer.
The networks of ``networks.py`` have random weights, and so only random tensors. ``--hide avx512``
shows both sides a processor without AVX-512.
"""

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import edge_runtime
from edge_runtime.backends import native, unavailable
from edge_runtime.errors import EdgeRuntimeError, ModelError
from edgekit import files
from edgekit.benchmarks import dataset, environment, footprint
from edgekit.benchmarks.contender import Contender, from_models
from edgekit.benchmarks.latency import DISTINCT_IMAGES, compared
from edgekit.benchmarks.report.units import quantity, three_digits
from edgekit.benchmarks.resolvers import (
    RESOLVERS,
    LiteRTModel,
    open_litert,
    with_open_batch,
)
from edgekit.benchmarks.result import Result, Subject, select
from edgekit.benchmarks.studies import calls, hiding, survey
from edgekit.benchmarks.studies.networks import converted_networks
from edgekit.benchmarks.tensors import random_tensors
from edgekit.errors import EdgekitError
from edgekit.train.dataset import Images

Array = npt.NDArray[Any]

SINGLE = {"images": "call_on_images", "random": "call_on_random"}
"""Inputs -> metric of one image per call."""
BATCH = {"images": "batch_call", "random": "batch_call_on_random"}
"""Inputs -> metric of all images in one call."""
BATCHES = {32: "batch_of_32", 128: "batch_of_128"}
"""Random tensors in one call of a network -> metric."""
RATIO = "_ratio"
"""Suffix of the metric of a comparison: peer / native, round by round."""
TITLES = {
    SINGLE["images"]: "one test image per call",
    SINGLE["random"]: "one random tensor per call",
    BATCH["images"]: "all test images in one call, per image",
    BATCH["random"]: "as many random tensors in one call, per tensor",
    **{of: f"{count} random tensors in one call, per tensor" for count, of in BATCHES.items()},
    "cold_start": "cold start",
    "peak_memory": "peak memory",
}
TOLERANCE = 1e-5
"""Largest difference of a float32 score when LiteRT runs a batch."""


def measure(model: Path, images: Images, rounds: int, *, starts: bool = True) -> Iterator[Result]:
    """Yield all results of a model; what one side cannot run has a reason instead.

    Args:
        model: a .tflite file with a batch of 1.
        images: uint8 [N, H, W, C], all for the batch and the first of them for single calls.
        rounds: turns of each contender, and number of fresh processes.
        starts: measure fresh processes as well.

    Raises:
        ModelError: LiteRT or our engine cannot run the model.
    """
    contenders = dict(_contenders(model))
    tensors = contenders["native"].inputs(images)
    yield from one_a_call(model, tensors, rounds)
    yield from batch(model, contenders["native"].run, tensors, rounds)
    drawn = random_tensors(len(tensors), tensors.shape[1:], str(tensors.dtype))
    yield from batch(model, contenders["native"].run, drawn, rounds, BATCH["random"])
    if starts:
        yield from _starts(model, contenders, images, rounds)


def one_a_call(model: Path, tensors: Array, rounds: int) -> Iterator[Result]:
    """Yield the seconds of a call on one tensor, and ratios to native with its best instructions.

    Args:
        model: the file.
        tensors: raw inputs [N, ...] of test images.
        rounds: turns of each contender.
    """
    loops = _loops(model, native.instructions(), RESOLVERS)
    drawn = random_tensors(DISTINCT_IMAGES, tensors.shape[1:], str(tensors.dtype))
    for inputs, metric in zip((tensors, drawn), SINGLE.values(), strict=True):
        singles = calls.singles(inputs, DISTINCT_IMAGES)
        yield from _with_ratios(calls.measure(loops, singles, metric, rounds))


def networks(rounds: int, *, starts: bool = True) -> Iterator[Result]:
    """Yield the results of the networks of ``networks.py``, int8 and float32.

    Args:
        rounds: turns of each contender, and number of fresh processes.
        starts: measure fresh processes as well.
    """
    for path in converted_networks():
        yield from network(path, rounds, starts=starts)


def network(model: Path, rounds: int, *, starts: bool = True) -> Iterator[Result]:
    """Yield the seconds of calls on random tensors, ratios to native, and cold starts.

    Args:
        model: the file.
        rounds: turns of each contender, and number of fresh processes.
        starts: measure fresh processes as well.
    """
    contenders = dict(_contenders(model))
    native_model = edge_runtime.load(model, backend="native")
    shape, dtype = native_model.input.shape[1:], native_model.input.dtype
    # Without the portable kernels, which vectors are never slower than.
    loops = _loops(model, native.instructions()[:-1] or native.instructions(), ["XNNPACK"])
    singles = calls.singles(random_tensors(DISTINCT_IMAGES, shape, dtype), DISTINCT_IMAGES)
    yield from _with_ratios(calls.measure(loops, singles, SINGLE["random"], rounds))
    for count, metric in BATCHES.items():
        drawn = random_tensors(count, shape, dtype)
        yield from batch(model, native_model.run, drawn, rounds, metric)
    if starts:
        yield from _starts(model, contenders, np.zeros((1, *shape), np.uint8), rounds)


def batch(
    model: Path,
    run: Callable[[Array], Any],
    tensors: Array,
    rounds: int,
    metric: str = BATCH["images"],
) -> Iterator[Result]:
    """Yield the seconds of a call on all ``tensors``, and LiteRT's ratio to native.

    Args:
        model: the file; LiteRT gets a copy with an open batch, resized once beforehand.
        run: native's run, which accepts a batch.
        tensors: raw inputs [N, ...].
        rounds: turns of each contender.
        metric: one of BATCH or BATCHES.
    """
    loops: dict[Subject, calls.Loop] = {}
    ours, peer = _subject(model, "native"), _subject(model, "LiteRT XNNPACK")
    try:
        _require_equal(run(tensors), run, tensors)
        loops[ours] = calls.loop_of(run)
    except EdgeRuntimeError as error:
        yield Result(ours, metric, "s", status="not present", reason=str(error))
    try:
        many = _resized(model, tensors)
        _require_equal(many.run(tensors), open_litert(model, "XNNPACK").run, tensors)
        loops[peer] = calls.loop_of_litert(many)
    except (ModelError, RuntimeError, ValueError) as error:
        yield Result(peer, metric, "s", status="not present", reason=str(error))
    results = calls.measure(loops, [tensors], metric, rounds)
    for result in _with_ratios(results) if ours in loops else results:
        yield replace(result, summary={**result.summary, "images": len(tensors)})


def report(results: Sequence[Result]) -> str:
    """Return a table for each model and metric: median, ratio and its 5 % to 95 % range."""
    lines = [f"{name}: {value}" for name, value in results[0].environment.items()]
    for model in dict.fromkeys(result.subject.model for result in results):
        of_model = [result for result in results if result.subject.model == model]
        for metric, title in TITLES.items():
            if select(of_model, metric):
                lines += ["", f"{model}: {title}", *_rows(of_model, metric)]
    return "\n".join(lines)


def main() -> None:
    """Measure and print tables, or the samples with ``--json``."""
    parser = argparse.ArgumentParser(
        description="Compares the speed of edgekit's engine with LiteRT's."
    )
    models = parser.add_mutually_exclusive_group()
    models.add_argument(
        "--model",
        type=Path,
        nargs="+",
        metavar="FILE",
        default=sorted(Path(files.DEFAULT_ARTIFACTS).glob("[!.]*.tflite")),
        help="default: all .tflite files in the artifacts folder",
    )
    models.add_argument(
        "--networks",
        action="store_true",
        help="the networks of MLPerf Tiny and two more instead, which needs TensorFlow",
    )
    models.add_argument(
        "--survey",
        type=Path,
        nargs="+",
        metavar="PATH",
        help="any .tflite files, or folders of them, instead: a line each, the slowest ratio first",
    )
    parser.add_argument(
        "--hide",
        choices=list(hiding.LEVELS),
        help="let the processor look as if it had not these instructions and those named before",
    )
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    named = arguments.model or arguments.networks or arguments.survey
    if not named or arguments.rounds < 1:
        parser.error("name a .tflite with --model, and at least one round")
    try:
        if arguments.hide:
            hiding.hide(arguments.hide)
        for backend in ("native", "litert"):
            if reason := unavailable(backend):
                parser.error(f"{backend}: {reason}")
        machine = environment.describe()
        if arguments.hide:
            machine["hidden"] = arguments.hide
        results = [replace(result, environment=machine) for result in _measured(arguments)]
    except (EdgekitError, EdgeRuntimeError, OSError) as error:
        parser.error(str(error))
    if arguments.json:
        print(files.to_json([result.to_dict() for result in results], None))
    else:
        print(survey.report(results) if arguments.survey else report(results))


def _measured(arguments: argparse.Namespace) -> Iterator[Result]:
    """Yield all results that the command asks for."""
    rounds, starts = arguments.rounds, not arguments.hide  # a fresh process would see all again
    if arguments.survey:
        yield from survey.measure(survey.tflite_files(arguments.survey), rounds)
    elif arguments.networks:
        yield from networks(rounds, starts=starts)
    else:
        images = dataset.for_models(arguments.model).x_test
        for model in arguments.model:
            yield from measure(model, images, rounds, starts=starts)


def _starts(
    model: Path, contenders: dict[str, Contender], images: Images, rounds: int
) -> Iterator[Result]:
    """Yield cold starts and memory of fresh processes, with the model's name."""
    for result in footprint.measure(list(contenders.values()), images, rounds):
        yield replace(result, subject=replace(result.subject, model=model.name))


def _contenders(model: Path) -> Iterator[tuple[str, Contender]]:
    """Yield native and litert with the model, by name."""
    for contender in from_models({model.name: model}, ("native", "litert")):
        if isinstance(contender, Result):
            raise ModelError(f"{contender.subject}: {contender.reason}")
        yield contender.subject.backend, contender


def _subject(model: Path, backend: str) -> Subject:
    return Subject(model.name, files.sha256(model), backend, peer=backend.startswith("LiteRT"))


def _loops(
    model: Path, levels: Iterable[str], resolvers: Iterable[str]
) -> dict[Subject, calls.Loop]:
    """Return the loops of native with each instruction set and LiteRT with each set of kernels."""
    ours = {
        _subject(model, f"native {level}"): calls.loop_of(_load(model, level).run)
        for level in levels
    }
    peers = {
        _subject(model, f"LiteRT {kernels}"): calls.loop_of_litert(open_litert(model, kernels))
        for kernels in resolvers
    }
    return ours | peers


def _load(model: Path, level: str) -> edge_runtime.Model:
    """Open a model on native with an instruction set."""
    before = os.environ.get(native.VARIABLE)
    os.environ[native.VARIABLE] = level
    try:
        return edge_runtime.load(model, backend="native")
    finally:
        del os.environ[native.VARIABLE]
        if before is not None:
            os.environ[native.VARIABLE] = before


def _resized(model: Path, tensors: Array) -> LiteRTModel:
    """Open a model in LiteRT for all ``tensors`` at once."""
    return open_litert(with_open_batch(model.read_bytes()), "XNNPACK", tensors.shape)


def _require_equal(answers: Array, run: Callable[[Array], Any], tensors: Array) -> None:
    """Raise ModelError unless a batch gives the same answers as its images one by one."""
    expected = np.concatenate([run(tensors[i : i + 1]) for i in range(len(tensors))])
    tolerance = TOLERANCE if expected.dtype == np.float32 else 0
    same = answers.shape == expected.shape
    if not (same and np.allclose(answers, expected, rtol=0, atol=tolerance)):
        raise ModelError("its answers for a batch differ from those for its images one by one")


def _with_ratios(results: Sequence[Result]) -> list[Result]:
    """Return the results, and the ratio of each to the first."""
    ratios = [compared(result, results[0], f"{result.metric}{RATIO}") for result in results]
    return [*results, *ratios]


def _rows(results: Sequence[Result], metric: str) -> list[str]:
    ratios = select(results, f"{metric}{RATIO}")
    measured = select(results, metric)
    width = max(len(subject.backend) for subject in measured)
    lines = []
    for subject, result in measured.items():
        name = f"  {subject.backend.ljust(width)}"
        if result.status != "measured":
            lines.append(f"{name}  {result.status}: {result.reason}")
            continue
        figures = result.summary
        images = figures.get("images", 1)
        median = figures["p50" if "p50" in figures else "median"] / images
        line = f"{name}  {quantity(median, result.unit):>8}"
        if images > 1:
            line += f"  {quantity(1 / median, 'images/s'):>8}"
        if subject in ratios:
            ratio, low, high = (
                three_digits(ratios[subject].summary[key]) for key in ("median", "low", "high")
            )
            line += f"  {ratio:>6} × native  ({low} to {high})"
        elif "ratio" in figures:
            line += f"  {three_digits(figures['ratio']):>6} × bare Python"
        lines.append(line)
    return lines


if __name__ == "__main__":
    main()
