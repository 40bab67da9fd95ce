"""How a model was trained: metrics.json beside a Keras model, the metadata of a .tflite file."""

from typing import Any

from edge_runtime.errors import InputError
from edge_runtime.front_end import Audio, from_json
from edge_runtime.metadata import EDGEKIT_ENTRY, Preprocessing
from edgekit import stored
from edgekit.convert.opened import FloatFile
from edgekit.convert.source import TrainedModel
from edgekit.errors import ModelFileError
from edgekit.files import KERAS_MODEL, METRICS
from edgekit.train.finetune.recipe import STAGES
from edgekit.train.normalization import Normalization
from edgekit.train.reading import Reading, from_document

SETTINGS = {str: (bool, float, str, None)}
METRICS_SHAPE = {
    "data?": {
        "source?": (str, None),
        "classes": [str],
        "sha256?": str,
        "framing?": str,
        "reading?": object,
        "audio?": (object, None),
    },
    "recipe?": (SETTINGS, None),
    "tuning?": ({"recipe": SETTINGS}, None),
    "input_range?": ([float, float], None),
    "normalization?": {"mean": [float], "std": [float]},
}
"""Types of the entries of metrics.json that are read."""


def read(model: TrainedModel) -> dict[str, Any]:
    """Return the metrics that ``edgekit train`` or ``tune`` wrote with this model, or {}.

    Of a .tflite file these are what its metadata say.

    Raises:
        ModelFileError: the file is damaged.
    """
    if model.file:
        return _of_file(model.file)
    metrics = _metrics_beside(model)
    if metrics.get("model_sha256") != model.sha256:
        return {}
    problem = stored.problem(metrics, METRICS_SHAPE)
    if not problem and (bounds := metrics.get("input_range")) and not bounds[0] < bounds[1]:
        problem = "input_range: expected the smaller number first"
    if not problem:
        problem = _of_data(metrics)
    if problem:
        path = model.path.parent / METRICS
        raise ModelFileError(f"{path}: damaged: {problem}: restore it, or move it away")
    return metrics


def stray(model: TrainedModel) -> str:
    """Return that metrics.json belongs to another model.keras; "" where it does not."""
    if model.path.name != KERAS_MODEL or "model_sha256" not in _metrics_beside(model):
        return ""
    return f"{model.path.parent / METRICS}: belongs to another {KERAS_MODEL}: its digest differs"


def _metrics_beside(model: TrainedModel) -> dict[str, Any]:
    path = model.path.parent / METRICS
    if not path.is_file():
        return {}
    try:
        metrics = stored.parse(path.read_bytes())
    except ValueError as error:
        raise ModelFileError(f"{path}: damaged ({error}): restore it, or move it away") from None
    return metrics if isinstance(metrics, dict) else {}


def normalization(metrics: dict[str, Any]) -> Normalization | None:
    """Return what brings the features that the model was trained on onto its scale, if any."""
    if (document := metrics.get("normalization")) is None:
        return None
    return Normalization(*(tuple(map(float, document[name])) for name in ("mean", "std")))


def reading(metrics: dict[str, Any]) -> Reading:
    """Return how the data were read that the model was trained on."""
    return from_document(metrics.get("data", {}).get("reading"))


def audio(metrics: dict[str, Any]) -> Audio | None:
    """Return what turned recordings into the inputs that the model was trained on."""
    document = metrics.get("data", {}).get("audio")
    return None if document is None else from_json(document)


def _of_data(metrics: dict[str, Any]) -> str:
    """Return what is wrong with how the data were read; "" if nothing is."""
    try:
        reading(metrics)
        audio(metrics)
    except ValueError as error:
        return f"data.reading: {error}"
    except InputError as error:
        return f"data.audio: {error}"
    return ""


def _of_file(file: FloatFile) -> dict[str, Any]:
    """Return what the metadata of a .tflite file say, as metrics.json does."""
    if file.metadata is None:
        return {}
    metrics: dict[str, Any] = {
        "data": file.metadata.provenance.get("data") or {"classes": []},
        "recipe": file.metadata.provenance.get("training"),
    }
    if stored.problem(metrics, METRICS_SHAPE):  # another tool's, or edited
        metrics = {}
    elif EDGEKIT_ENTRY in file.graph.metadata:
        metrics["data"] = {**metrics["data"], "framing": file.metadata.framing}
    if file.metadata.audio:
        data = metrics.get("data", {"classes": []})
        metrics["data"] = {**data, "audio": file.metadata.audio.to_json()}
    if file.metadata.features:
        means, deviations = file.metadata.mean, file.metadata.std
        metrics["normalization"] = {"mean": list(means), "std": list(deviations)}
    elif len(pairs := _pairs(file.metadata)) == 1:
        ((mean, std),) = pairs
        metrics["input_range"] = [(0.0 - mean) / std, (255.0 - mean) / std]
    return metrics


def lost(file: FloatFile) -> tuple[str, ...]:
    """Return a line for what a .tflite file's metadata say and its conversion cannot keep."""
    said = file.metadata
    if said is None or said.features or len(_pairs(said)) < 2:
        return ()
    return (
        "its metadata normalise each channel by itself, which the converted file does not keep: "
        "normalise the data before, as numbers, or let the model do it",
    )


def _pairs(said: Preprocessing) -> set[tuple[float, float]]:
    """Return the different means with their deviations of the channels."""
    mean, std = said.mean, said.std
    channels = max(len(mean), len(std))
    return set(
        zip(
            mean * (channels // max(1, len(mean))),
            std * (channels // max(1, len(std))),
            strict=True,
        )
    )


def hyper_parameters(metrics: dict[str, Any]) -> dict[str, Any] | None:
    """Return how the model was trained and fine-tuned, for the .tflite's provenance."""
    recipe, tuning = metrics.get("recipe"), metrics.get("tuning")
    if recipe:
        # Fine-tuning, after training or later, is in ``tuning``.
        recipe = {name: value for name, value in recipe.items() if name not in STAGES}
    return {**(recipe or {}), "tuning": tuning["recipe"]} if tuning else recipe
