"""One run: who takes part, what is measured in which order, and each result kept at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.benchmarks import accuracy, environment, exactness, footprint, latency, parity
from edgekit.benchmarks.contender import Contender, Floats, from_keras, from_models
from edgekit.benchmarks.dataset import describe, meaning, scaling
from edgekit.benchmarks.result import Result, Subject, stamped
from edgekit.train.data import Dataset


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: turns of the latency measurement.
        calls: calls in a turn, at most.
        slice_seconds: rough length of a turn.
        passes: of the throughput measurement over all test images.
        starts: fresh processes for cold start and memory.
        tensors: random ones on which the outputs of native are compared with LiteRT's.
    """

    rounds: int
    calls: int
    slice_seconds: float
    passes: int
    starts: int
    tensors: int


THOROUGH = Effort(rounds=20, calls=200, slice_seconds=0.1, passes=5, starts=5, tensors=2000)
QUICK = Effort(rounds=5, calls=50, slice_seconds=0.02, passes=1, starts=1, tensors=200)
STAGES = 6
"""How often ``run`` says what it does next."""


def run(
    models: Mapping[str, Path],
    backends: Sequence[str],
    dataset: Dataset,
    keras_file: Path,
    scratch: Path,
    *,
    effort: Effort = THOROUGH,
    keep: Callable[[Result], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Result]:
    """Measure each model on each backend, and the Keras model on its peers.

    Args:
        models: .tflite files by the name that the results call them.
        backends: names of edge_runtime's backends, present or not.
        dataset: whose test images are used.
        keras_file: the Keras model that the peers run and that answers are compared with.
        scratch: folder for files that are needed for the run only.
        effort: how much is measured.
        keep: called with each result as soon as it is there.
        say: called with a line of progress before each stage.
    """
    data, machine = describe(dataset), environment.describe()
    results: list[Result] = []

    def store(*measured: Result) -> None:
        for result in measured:
            results.append(stamped(result, data, machine))
            keep(results[-1])

    say("loading the models and their peers")
    contenders: list[Contender] = []
    paths = list(models.values())
    kept = from_keras(keras_file, scratch, scaling(paths), meaning(paths))
    for outcome in (*from_models(models, backends), *kept):
        if isinstance(outcome, Contender):
            contenders.append(outcome)
        else:
            store(outcome)

    say(f"accuracy on {len(dataset.x_test)} test images")
    scores: dict[Subject, Floats] = {}
    for contender in contenders:
        try:
            answers = contender.predict(dataset.x_test)
        # Whatever a backend's library raises is that backend's result.
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            store(Result(contender.subject, "accuracy", "class", status="failed", reason=reason))
            continue
        result = accuracy.measure(contender.subject, answers, dataset)
        store(result)
        if result.status == "measured":
            scores[contender.subject] = answers
    able = [contender for contender in contenders if contender.subject in scores]
    origins = {contender.subject: contender.origin for contender in able}
    for result in _agreements(scores, origins):
        store(result)
        if result.reason:
            say(f"{result.subject}: not compared with Keras: {result.reason}")

    say(f"outputs beside LiteRT's, and on {effort.tensors} random tensors")
    for contender in able:
        if contender.subject.backend == "native":
            store(*exactness.measure(contender, dataset.x_test, effort.tensors))

    say("latency of one image, everyone in turns")
    timed = latency.measure(
        able,
        dataset.x_test,
        rounds=effort.rounds,
        calls=effort.calls,
        slice_seconds=effort.slice_seconds,
    )
    store(*timed, *latency.relative(timed), *latency.against_litert(timed))
    say("throughput on all test images")
    store(*latency.throughput(able, dataset.x_test, effort.passes))
    say("cold start and memory of fresh processes")
    store(*footprint.measure(able, dataset.x_test, effort.starts))
    for contender in able:
        store(*footprint.sizes(contender))
    return results


def _agreements(
    scores: Mapping[Subject, Floats], origins: Mapping[Subject, str]
) -> Iterable[Result]:
    """Compare everyone's answers with those of Keras' own predict on the same model."""
    keras = next((one for one in scores if one.peer and one.backend == "keras"), None)
    for subject, own in scores.items():
        reason = ""
        if keras is None:
            reason = "the Keras model was not run"
        elif origins[subject] not in ("", keras.sha256):
            reason = f"it was converted from another Keras model than the {keras.model} here"
        if reason or keras is None:
            yield Result(subject, "agreement", "score", status="not present", reason=reason)
        elif subject != keras:
            yield parity.compare(subject, own, keras, scores[keras])
