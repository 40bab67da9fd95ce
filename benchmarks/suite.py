"""One run: the contenders, the order of measurements, and each result stored at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.benchmarks import environment, exactness, footprint, latency, layers, outcome, parity
from edgekit.benchmarks.contender import Contender, Floats, from_keras, from_models
from edgekit.benchmarks.dataset import NO_DATA, describe
from edgekit.benchmarks.result import FLOAT, REFERENCES, Result, Subject, stamped
from edgekit.benchmarks.subjects import Entry, Keras
from edgekit.train.dataset import Dataset


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: turns of the latency measurement.
        calls: most calls in a turn.
        slice_seconds: approximate length of a turn.
        passes: passes of the throughput measurement over all test images.
        starts: fresh processes for cold start and memory.
        tensors: random tensors on which the outputs of native are compared with LiteRT's.
    """

    rounds: int
    calls: int
    slice_seconds: float
    passes: int
    starts: int
    tensors: int


THOROUGH = Effort(rounds=20, calls=200, slice_seconds=0.1, passes=5, starts=5, tensors=2000)
QUICK = Effort(rounds=5, calls=50, slice_seconds=0.02, passes=1, starts=1, tensors=200)
STAGES = 7
"""Number of progress lines of ``run``."""


def run(
    models: Mapping[str, Entry],
    backends: Sequence[str],
    dataset: Dataset,
    keras: Keras,
    scratch: Path,
    *,
    effort: Effort = THOROUGH,
    keep: Callable[[Result], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Result]:
    """Measure each model on each backend, and the Keras model on its peers.

    Args:
        models: the models by their name in the results.
        backends: names of edge_runtime's backends, present or not.
        dataset: the dataset with the test inputs.
        keras: the Keras model that the peers run and that answers are compared with, if any.
        scratch: folder for temporary files.
        effort: how much is measured.
        keep: called with each result as soon as it is measured.
        say: called with a line of progress before each stage.
    """
    data, machine = describe(dataset), environment.describe()
    results: list[Result] = []

    def store(*measured: Result) -> None:
        for result in measured:
            results.append(stamped(result, data, machine))
            keep(results[-1])

    say("loading the models and their peers")
    able: list[Contender] = []
    paths = {name: entry.file.path for name, entry in models.items()}
    usages = {name: entry.usage for name, entry in models.items()}
    contenders = list(from_models(paths, backends, usages))
    if keras.file and keras.like:
        size, usage = keras.like.file.size, keras.like.usage
        contenders += from_keras(keras.file, scratch, size, usage, trust=keras.trust)
    say(f"answers to {len(dataset.x_test)} {'random' if data['random'] else 'test'} inputs")
    scores: dict[Subject, Floats] = {}
    for one in contenders:
        if isinstance(one, Result):
            store(one)
            continue
        try:
            outputs = one.predict(dataset.x_test)
        # Everything that a backend's library raises is that backend's result.
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            store(Result(one.subject, "accuracy", "class", status="failed", reason=reason))
            continue
        entry = models.get(one.subject.model)
        several = entry.file.several if entry else ""
        like = entry or keras.like
        used = like.usage if like else None
        result = outcome.measure(one.subject, outputs, dataset, several, used=used)
        store(result)
        if result.status == "measured":
            scores[one.subject] = outputs
            if one.subject.backend == FLOAT:
                continue  # it is compared with, and not measured
            able.append(one)
            if one.note:
                say(f"{one.subject}: {one.note}")
    classes = any(entry.usage.classes for entry in models.values())
    store(*agreements(scores, keras, classes))
    for name, reason in keras.unrelated.items():
        say(f"{name}: not compared with Keras: {reason}")

    say(f"outputs compared with LiteRT's, also on {effort.tensors} random tensors")
    real = dataset.x_test[:0] if dataset.source == NO_DATA else dataset.x_test
    for contender in able:
        if contender.subject.backend == "native":
            store(*exactness.measure(contender, real, effort.tensors))

    say("latency of one input, all contenders in turns")
    timed = latency.measure(
        able,
        dataset.x_test,
        rounds=effort.rounds,
        calls=effort.calls,
        slice_seconds=effort.slice_seconds,
    )
    store(*timed)
    timed = [result for result in timed if result.status == "measured"]
    store(*latency.relative(timed), *latency.against_litert(timed))
    say("throughput on all inputs")
    store(*latency.throughput(able, dataset.x_test, effort.passes))
    say("time of each layer")
    for contender in able:
        if contender.subject.backend == "native":
            store(layers.times(contender.subject, models[contender.subject.model].file))
    say("cold start and memory of fresh processes")
    store(*footprint.measure(able, dataset.x_test, effort.starts))
    for contender in able:
        store(*footprint.sizes(contender))
    return results


def agreements(scores: Mapping[Subject, Floats], keras: Keras, classes: bool) -> Iterable[Result]:
    """Compare each subject's answers with those of Keras' predict on the same model.

    Args:
        scores: scores or numbers by subject.
        keras: the Keras model, with the models that are not compared with it.
        classes: the scores are those of classes, and not numbers.
    """
    peers = (subject for subject in scores if subject.peer and subject.backend in REFERENCES)
    peer = next(peers, None)
    for subject, outputs in scores.items():
        reason = "" if subject.peer else keras.unrelated.get(subject.model, "")
        if peer is None and not reason:
            reason = "the Keras model was not run"
        if reason or peer is None:
            yield Result(subject, "agreement", "score", status="not present", reason=reason)
        elif subject != peer:
            yield parity.compare(subject, outputs, peer, scores[peer], classes=classes)
