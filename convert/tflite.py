"""Keras to .tflite bytes.

The forward pass is frozen to constants at a fixed batch before the converter sees it. Converting a
Keras 3 model as it is leaves SHAPE, STRIDED_SLICE and PACK behind for the dynamic batch, which
microcontroller and TPU stacks refuse; a function with variables leaves READ_VARIABLE, which breaks
the calibrator. Frozen, Keras 3, Keras 2 and SavedModel take the same road.
"""

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from edgekit import frameworks
from edgekit.convert.calibration import FloatArray
from edgekit.convert.recipe import DYNAMIC_BATCH, Recipe
from edgekit.convert.source import TrainedModel
from edgekit.convert.targets import TARGETS
from edgekit.errors import ModelFileError

INPUT_NAME, OUTPUT_NAME = "image", "scores"


def to_tflite(
    trained: TrainedModel,
    recipe: Recipe,
    calibration: FloatArray | None = None,
    *,
    verbose: bool = False,
) -> bytes:
    """Convert ``trained`` as ``recipe`` says; the same arguments give the same bytes.

    Args:
        trained: from ``source.load``.
        recipe: scheme, target and batch.
        calibration: model inputs float32 [N, *shape]; needed by the calibrated schemes, but for
            int8 of a model that learned its ranges in training.
        verbose: show what the converter says.

    Raises:
        ModelFileError: the converter cannot express the model in this scheme.
    """
    tf = frameworks.tensorflow(verbose=verbose)
    with (
        tempfile.TemporaryDirectory(prefix="edgekit-") as folder,
        frameworks.native_stderr_silenced(unless=verbose),
    ):
        try:
            learned = trained.learned if recipe.scheme == "int8" and calibration is None else None
            call = learned.quantized if learned else trained.call
            _save_frozen(call, trained.shape, recipe.batch, folder)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            _configure(converter, recipe, calibration, learned=learned is not None)
            return bytes(converter.convert())
        except Exception as error:
            reason = next((line for line in str(error).splitlines() if line.strip()), repr(error))
            raise ModelFileError(
                f"{trained.path}: TensorFlow's converter cannot make {recipe.scheme} of it "
                f"({reason.strip()[:200]}); -v shows all it said"
            ) from error


def _save_frozen(
    call: Callable[[Any], Any], input_shape: tuple[int, ...], batch: int, folder: str
) -> None:
    tf = frameworks.tensorflow()
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    shape = (None if batch == DYNAMIC_BATCH else batch, *input_shape)
    signature = [tf.TensorSpec(shape, tf.float32, name=INPUT_NAME)]
    forward = tf.function(call, input_signature=signature, autograph=False)
    frozen = convert_variables_to_constants_v2(forward.get_concrete_function())

    def serve(image: Any) -> dict[str, Any]:
        return {OUTPUT_NAME: frozen(image)[0]}

    module = tf.Module()
    module.serve = tf.function(serve, input_signature=signature, autograph=False)
    tf.saved_model.save(module, folder, signatures=module.serve)


def _configure(
    converter: Any, recipe: Recipe, calibration: FloatArray | None, *, learned: bool
) -> None:
    tf = frameworks.tensorflow()
    if recipe.scheme == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    # TensorFlow offers no public name for this; device stacks need it (see targets.py).
    converter._experimental_disable_per_channel_quantization_for_dense_layers = not (
        TARGETS[recipe.target].per_channel_dense
    )
    if recipe.scheme == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if learned:
        converter.inference_input_type = converter.inference_output_type = tf.int8
        return
    if not recipe.calibrated:
        return
    if calibration is None:
        raise ValueError(f"{recipe.scheme} needs a calibration set")

    def representative_dataset() -> Iterator[list[FloatArray]]:
        batch = recipe.batch or 1
        for start in range(0, len(calibration) - batch + 1, batch):
            yield [calibration[start : start + batch]]

    converter.representative_dataset = representative_dataset
    if recipe.scheme == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    else:
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
        converter.inference_input_type = converter.inference_output_type = tf.int16
