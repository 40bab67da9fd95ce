"""Augmentation while training, by Keras' own random layers."""

from dataclasses import dataclass
from typing import Any

from edgekit import frameworks
from edgekit.errors import DataError, did_you_mean

LARGEST = 1.0


@dataclass(frozen=True)
class Kind:
    """One kind of augmentation.

    Attributes:
        layer: name of the layer in ``keras.layers``.
        amount: the usual amount; None for a kind that has none.
        arguments: further arguments of the layer.
        pictures: whether it is for pictures alone, inputs [H, W, C].
    """

    layer: str
    amount: float | None
    arguments: dict[str, Any]
    pictures: bool = True


KINDS = {
    "flip": Kind("RandomFlip", None, {"mode": "horizontal"}),
    "rotate": Kind("RandomRotation", 0.05, {"fill_mode": "nearest"}),
    "zoom": Kind("RandomZoom", 0.1, {"fill_mode": "nearest"}),
    "shift": Kind("RandomTranslation", 0.1, {"fill_mode": "nearest"}),
    "contrast": Kind("RandomContrast", 0.2, {"value_range": (0.0, 1.0)}),
    "brightness": Kind("RandomBrightness", 0.2, {"value_range": (0.0, 1.0)}),
    "noise": Kind("GaussianNoise", 0.05, {}, pictures=False),
}


def parse(text: str) -> tuple[tuple[str, float | None], ...]:
    """Return the kinds and amounts of a list such as ``flip,rotate=0.1,noise``.

    Raises:
        DataError: there is no such kind, or the amount is no number from 0 to 1.
    """
    chosen: dict[str, float | None] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        kind = KINDS.get(name)
        if kind is None:
            raise DataError(
                f"--augment {part!r}: there are {', '.join(KINDS)}{did_you_mean(name, KINDS)}"
            )
        amount = kind.amount
        if equals:
            try:
                amount = float(value)
            except ValueError:
                amount = -1.0
            if kind.amount is None or not 0 < amount <= LARGEST:
                expected = "has no amount" if kind.amount is None else "needs an amount from 0 to 1"
                raise DataError(f"--augment {part!r}: {name} {expected}")
        chosen[name] = amount
    return tuple(chosen.items())


def layers(text: str, shape: tuple[int, ...]) -> Any:
    """Return a ``keras.Sequential`` that augments inputs [N, *shape], or None for none.

    Args:
        text: the kinds, as for :func:`parse`.
        shape: shape of an input, without the batch.

    Raises:
        DataError: see :func:`parse`; or a kind is for pictures, and the inputs are not.
    """
    chosen = parse(text)
    if not chosen:
        return None
    keras = frameworks.keras()
    made = []
    for name, amount in chosen:
        kind = KINDS[name]
        if kind.pictures and len(shape) != 3:
            raise DataError(
                f"--augment {name}: is for pictures, and these inputs are {list(shape)}"
            )
        amounts = [] if amount is None else [amount, amount] if name == "shift" else [amount]
        made.append(getattr(keras.layers, kind.layer)(*amounts, **kind.arguments))
    return keras.Sequential([keras.Input(shape), *made], name="augmentation")
