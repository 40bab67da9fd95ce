"""The loss of fine-tuning: the model's own, in tf_keras."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgekit import frameworks

LOSSES: Mapping[str, tuple[str, ...]] = {
    "BinaryCrossentropy": ("from_logits", "label_smoothing"),
    "BinaryFocalCrossentropy": (
        *("apply_class_balancing", "alpha", "gamma", "from_logits", "label_smoothing"),
    ),
    "CategoricalCrossentropy": ("from_logits", "label_smoothing"),
    "CategoricalFocalCrossentropy": ("alpha", "gamma", "from_logits", "label_smoothing"),
    "CategoricalHinge": (),
    "CosineSimilarity": (),
    "Hinge": (),
    "Huber": ("delta",),
    "KLDivergence": (),
    "LogCosh": (),
    "MeanAbsoluteError": (),
    "MeanAbsolutePercentageError": (),
    "MeanSquaredError": (),
    "MeanSquaredLogarithmicError": (),
    "Poisson": (),
    "SparseCategoricalCrossentropy": ("from_logits",),
    "SquaredHinge": (),
}
"""Losses that are the same in both, with the arguments that determine what."""

BY_FUNCTION = {kind.lower(): kind for kind in LOSSES}
"""A function's name without its underscores -> the class of the same loss."""


@dataclass(frozen=True)
class Loss:
    """A loss that both libraries have.

    Attributes:
        kind: name of its class.
        arguments: what it is made with.
    """

    kind: str
    arguments: Mapping[str, Any]

    def made(self, library: Any) -> Any:
        """Return it as an object of Keras 3 or tf_keras."""
        return getattr(library.losses, self.kind)(**self.arguments)


def described(loss: Any) -> Loss | None:
    """Describe a Keras 3 loss: an object, a function or a name; None for one of the user's own."""
    losses = frameworks.keras().losses
    if isinstance(loss, str):
        loss = losses.get(loss)
    kind = type(loss).__name__
    if kind in LOSSES and type(loss) is getattr(losses, kind):
        # Keras leaves Huber's delta out of its configuration.
        config = loss.get_config() | getattr(loss, "_fn_kwargs", {})
        return Loss(kind, {name: config[name] for name in LOSSES[kind]})
    name = getattr(loss, "__name__", "")
    same = getattr(losses, name, None) is loss
    kind = BY_FUNCTION.get(name.replace("_", ""), "")
    return Loss(kind, {}) if same and kind else None
