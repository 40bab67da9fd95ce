"""The model card: the model, its training data, its accuracy and its limits."""

from collections.abc import Sequence
from typing import Any

from edge_runtime.front_end import from_json
from edge_runtime.meaning import ANOMALY, MULTILABEL
from edgekit import sounds
from edgekit.escape import markdown
from edgekit.train.plots import CONFUSION_MATRIX, LEARNING_CURVES, SAMPLES


def model_card(metrics: dict[str, Any]) -> str:
    """Return the model card of a run in Markdown, from the content of its metrics.json."""
    data = metrics["data"]
    labels: Sequence[str] = data["classes"]
    name = markdown(data["name"])
    inputs = noun(metrics)
    classes = f", classes {markdown(', '.join(labels))}" if labels else ""
    result = _accuracy(metrics) if "accuracy" in metrics else _figures(metrics)
    return f"""# Model card: {f"{name} {markdown('/'.join(labels))}".strip()}
{_origin(data)}
## Model

{_model(metrics)}
{_tuning(metrics)}
## Data

{name}{classes}: {data["train"]} training and {data["test"]} test
{inputs}; SHA-256 `{data["sha256"]}`.

## Preprocessing

{_preprocessing(metrics)}

## Result on the test {inputs}

{result}
![Learning curves]({LEARNING_CURVES})
{f"![Sample predictions]({SAMPLES})" if inputs != "inputs" and labels else ""}

## Limits

{_limits(metrics)}

Model SHA-256 `{metrics["model_sha256"]}`, weights SHA-256 `{metrics["weights_sha256"]}`.
"""


def noun(metrics: dict[str, Any]) -> str:
    """Return what the inputs of a run are called."""
    if "audio" in metrics["data"]:
        return "recordings"
    return "images" if metrics["input_range"] else "inputs"


def _preprocessing(metrics: dict[str, Any]) -> str:
    """Return what happens between raw input and tensor."""
    data = metrics["data"]
    if (features := metrics.get("normalization")) is not None:
        columns = data.get("features") or [str(i) for i in range(len(features["mean"]))]
        rows = "\n".join(
            f"| {markdown(str(name))} | {mean:.6g} | {std:.6g} |"
            for name, mean, std in zip(columns, features["mean"], features["std"], strict=True)
        )
        return f"""Each feature becomes (value - mean) / deviation, of the training inputs.

| feature | mean | deviation |
|---|---:|---:|
{rows}"""
    if metrics["input_range"] is None:
        return "Inputs are numbers on the model's own scale."
    low, high = metrics["input_range"]
    scale = f"0 to 255 become {low:g} to {high:g}"
    if (audio := data.get("audio")) is not None:
        return f"Sound becomes bytes: {sounds.described(from_json(audio))}; {scale}."
    return f"Pixels {scale}; pictures of another size are framed: {data['framing']}."


def _accuracy(metrics: dict[str, Any]) -> str:
    """Return the result of a classifier."""
    right, (low, high) = f"{metrics['correct']} of {metrics['total']}", metrics["accuracy_95"]
    return f"""**{right} right: accuracy {metrics["accuracy"]:.5f}**
(95 % interval {low:.5f} to {high:.5f}), loss {metrics["loss"]:.6f}.

{_matrix(metrics["confusion_matrix"])}

![Confusion matrix]({CONFUSION_MATRIX})"""


def _figures(metrics: dict[str, Any]) -> str:
    """Return the result of a model of labels or numbers."""
    found = {**metrics.get("errors", {}), **metrics.get("metrics", {})}
    listed = ", ".join(f"{name} {value:.6g}" for name, value in found.items() if value is not None)
    return f"""**{listed}**, loss {metrics["loss"]:.6f}.
"""


def _limits(metrics: dict[str, Any]) -> str:
    labels, task = metrics["data"]["classes"], metrics.get("task")
    about = ""
    if task == ANOMALY:
        about = (
            "The model rebuilds its input: how far it is off says how unlike the training data the "
            "input\nis, and not what it is. "
        )
    elif task == MULTILABEL:
        about = (
            "Each label has a score of its own, whatever the model is given; it is not\nthe "
            "probability that the label applies. "
        )
    elif labels:
        about = (
            f"The model answers with one of its {len(labels)} classes whatever it is given; a "
            "score is not\nthe probability that the input is any of them. "
        )
    return about + _framing(metrics)


def _model(metrics: dict[str, Any]) -> str:
    recipe, versions = metrics["recipe"], metrics["versions"]
    numbers = ", ".join(f"{name} {number}" for name, number in versions.items())
    if recipe is None:
        layers = markdown(", ".join(metrics["layers"]))
        return f"""Layers: {layers}. {metrics["parameters"]:,} parameters.
How it was trained is unknown; it was fine-tuned with {numbers}.
"""
    if "model" in recipe:
        layers = markdown(", ".join(metrics["layers"]))
        model = (
            f"`{recipe['model']}` (SHA-256 `{recipe['model_sha256']}`). Layers: {layers}. "
            f"{metrics['parameters']:,} parameters.\n"
        )
    else:
        labels: Sequence[str] = metrics["data"]["classes"]
        hidden, ending = recipe["hidden"], recipe["output_activation"]
        model = f"""`keras.Sequential`: 28×28 input, flattened to 784; `Dense({hidden}, relu)`;
`Dense({len(labels)}, {ending})`. {metrics["parameters"]:,} parameters.
Images are scaled to [0, 1], classes are one-hot.
"""
    monitor = f"{recipe['monitor']}, patience {recipe['patience']}"
    tuned = sum(stage["epochs"] for stage in metrics.get("tuning", {}).get("stages", ()))
    # The metrics of `edgekit tune` count only the epochs of fine-tuning.
    epochs = f"{metrics['epochs_run'] - tuned} of " if metrics["epochs_run"] > tuned else ""
    initializer = f"{recipe['initializer']}, " if "initializer" in recipe else ""
    optimizer = metrics["optimizer"]
    extras = "".join(
        f"| {title} | {markdown(str(recipe[name]))} |\n"
        for name, title in (("class_weight", "class weights"), ("augment", "augmentation"))
        if name in recipe
    )
    return f"""{model}
| Training | |
|---|---|
| loss | {metrics["loss_name"]} |
| optimiser | {optimizer["name"]}, learning rate {optimizer["learning_rate"]:g} |
| initialiser | {initializer}seed {recipe["seed"]} |
{extras}| batch size | {recipe["batch_size"]} |
| early stopping | on {monitor} |
| epochs | {epochs}at most {recipe["epochs"]}, {metrics["seconds"]:.1f} s in all |
| versions | {numbers} |
"""


def _tuning(metrics: dict[str, Any]) -> str:
    """Return the section on fine-tuning, kernel by kernel; "" if there was none."""
    if (tuning := metrics.get("tuning")) is None:
        return ""
    recipe = tuning["recipe"]
    done = [
        *([f"pruned to {recipe['prune']:.0%} zeros"] if recipe["prune"] else []),
        *([f"clustered to {recipe['cluster']} values a kernel"] if recipe["cluster"] else []),
        *(
            ["trained with int8's rounding (its ranges are in model.keras)"]
            if recipe["qat"]
            else []
        ),
    ]
    rows = "\n".join(
        f"| {markdown(kernel['layer'])} | {kernel['weights']:,} | {kernel['sparsity']:.1%} "
        f"| {kernel['values']:,} |"
        for kernel in tuning["kernels"]
    )
    sizes = tuning["deflated_kernels"]
    return f"""## Fine-tuning

{", ".join(done).capitalize()}.
{recipe["epochs"]} epochs per stage, Adam with learning rate {recipe["learning_rate"]:g}.
Rounded to int8 and deflated, all kernels have {sizes["after"]:,} bytes; {sizes["before"]:,} before.

| kernel | weights | zeros | different values |
|---|---:|---:|---:|
{rows}
"""


def _origin(data: dict[str, Any]) -> str:
    if data["name"] != "synthetic":
        return ""
    return """
> **Trained and tested on synthetic digits**, drawn by code. Its accuracy says nothing yet about
> real handwriting; train on MNIST for that.
"""


def _framing(metrics: dict[str, Any]) -> str:
    data = metrics["data"]
    if data["framing"] == "digit":
        return (
            "It expects light ink on a dark ground,\nframed like MNIST; `edge_runtime`'s "
            "`classify` frames any picture so."
        )
    if metrics["input_range"] is None:
        return "It expects numbers like those of\nthe training data."
    if "audio" in data:
        return (
            "It expects recordings like those of\nthe training data, of the same rate; "
            "`edge_runtime`'s `classify` cuts them or adds silence."
        )
    return (
        "It expects pictures framed like the\ntraining images; `edge_runtime`'s `classify` "
        f"only resizes them ({data['framing']})."
    )


def _matrix(confusion: dict[str, Any]) -> str:
    labels, rows = [markdown(label) for label in confusion["labels"]], confusion["matrix"]
    lines = [
        f"| predicted ↓, true → | {' | '.join(labels)} |",
        f"|---|{'---:|' * len(labels)}",
        *(
            f"| **{label}** | {' | '.join(str(n) for n in row)} |"
            for label, row in zip(labels, rows, strict=True)
        ),
    ]
    if confusion["positive_class"] is not None:
        lines += [
            "",
            f"Positive class: {labels[0]}. The matrix reads TP, FP / FN, TN:",
            "rows are the predicted classes, columns the true ones (scikit-learn's is transposed).",
        ]
    return "\n".join(lines)
