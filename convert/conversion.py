"""What a conversion does: number format, target, batch."""

from dataclasses import asdict, dataclass
from typing import Any

from edge_runtime.meaning import ANOMALY, CLASSIFY, REGRESS, TASKS
from edgekit.errors import DataError

SCHEMES = ("int8", "int16x8", "float16", "dynamic")
CALIBRATED_SCHEMES = ("int8", "int16x8")
QUANTIZERS = ("tensorflow", "litert")
"""Who quantises: TensorFlow's converter, which needs the Keras model, or the LiteRT project's
quantiser, which needs a float .tflite file."""
DYNAMIC_BATCH = 0
FORMER_TASKS = {"classification": CLASSIFY, "regression": REGRESS, "autoencoder": ANOMALY}
"""Values of ``--task`` before there were TASKS, which are understood as well."""


@dataclass(frozen=True)
class Conversion:
    """How a model becomes a .tflite file.

    Attributes:
        scheme: "float32"; "int8" (int8 in, int8 out, no float op); "int16x8" (int16 activations,
            int8 weights); "float16" (weights stored as float16); "dynamic" (int8 weights, float
            activations).
        target: name of the target in ``targets.TARGETS``.
        batch: images in each call; DYNAMIC_BATCH leaves it open.
        calibration_size: calibration images, drawn evenly from the classes.
        calibration_seed: seed of that draw.
        quantizer: one of QUANTIZERS; None for TensorFlow's, but for a .tflite file or with layers
            that stay in float32.
        keep_float: layers that stay in float32 (``layers.named``).
        equalize: give the channels of layers that follow each other equal ranges before quantising
            (``equalising.equalised``).
    """

    scheme: str = "float32"
    target: str = "litert"
    batch: int = 1
    calibration_size: int = 500
    calibration_seed: int = 0
    quantizer: str | None = None
    keep_float: tuple[str, ...] = ()
    equalize: bool = False

    @property
    def recorded(self) -> dict[str, Any]:
        """What a file records of it: without what was left to edgekit."""
        recorded = asdict(self)
        for name in ("quantizer", "keep_float", "equalize"):
            if not recorded[name]:
                del recorded[name]
        return recorded

    @property
    def quantizes_files(self) -> bool:
        """Whether the LiteRT project's quantiser is asked for, which reads no learned ranges."""
        return self.quantizer == "litert" or bool(self.keep_float)

    @property
    def calibrated(self) -> bool:
        """Whether activations get their ranges from a calibration set."""
        return self.scheme in CALIBRATED_SCHEMES


def task_of(name: str | None) -> str | None:
    """Return the task of a value of ``--task``, or None for None.

    Raises:
        DataError: there is no such task.
    """
    task = FORMER_TASKS.get(name or "", name)
    if task not in (None, *TASKS):
        raise DataError(f"--task {name}: there are {', '.join(TASKS)}")
    return task
