"""Keras to .tflite bytes.

The forward pass is frozen to constants at a fixed batch before the converter sees it. Converting a
Keras 3 model as it is leaves SHAPE, STRIDED_SLICE and PACK behind for the dynamic batch, which
microcontroller and TPU stacks refuse; a function with variables leaves READ_VARIABLE, which breaks
the calibrator. Frozen, Keras 3, Keras 2 and SavedModel models are converted alike.
"""

import re
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from edge_runtime.errors import ModelError
from edge_runtime.reader import read
from edgekit import frameworks
from edgekit.convert.calibration import FloatArray
from edgekit.convert.conversion import DYNAMIC_BATCH, Conversion
from edgekit.convert.source import TrainedModel
from edgekit.convert.targets import TARGETS
from edgekit.convert.weights import of_file, of_graph, require_finite, require_float16
from edgekit.errors import ModelFileError

INPUT_NAME, OUTPUT_NAME = "image", "scores"
LACKING = re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op")
"""The converter's message about an op that TFLite does not have."""


def to_tflite(
    trained: TrainedModel,
    conversion: Conversion,
    calibration: FloatArray | None = None,
    *,
    verbose: bool = False,
) -> bytes:
    """Convert ``trained`` as ``conversion`` says; the same arguments give the same bytes.

    Args:
        trained: from ``source.load``.
        conversion: scheme, target and batch.
        calibration: model inputs float32 [N, *shape]. Required by calibrated schemes, except int8
            for a model with learned ranges, which a calibration set overrides.
        verbose: show the converter's output.

    Raises:
        ModelFileError: the converter cannot express the model in this scheme.
    """
    tf = frameworks.tensorflow(verbose=verbose)
    if conversion.scheme == "float16":
        require_float16(trained.path, trained.weights)
    with (
        tempfile.TemporaryDirectory(prefix="edgekit-") as folder,
        frameworks.native_stderr_silenced(unless=verbose),
    ):
        try:
            uses_learned = conversion.scheme == "int8" and calibration is None
            learned = trained.learned if uses_learned else None
            call = learned.quantized if learned else trained.call
            frozen = _frozen(call, trained, conversion.batch)
            require_finite(trained.path, of_graph(frozen.graph.as_graph_def()))
            _save(frozen, folder)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            _configure(converter, conversion, calibration, learned=learned is not None)
            content = bytes(converter.convert())
            graph = read(content)  # refuses what the converter writes wrongly, such as scales of 0
            if conversion.scheme == "float16":
                # A convolution's weights are larger when a normalisation is folded into them.
                require_float16(trained.path, of_file(graph))
        except ModelFileError:
            raise
        except Exception as error:
            raise ModelFileError(
                f"{trained.path}: TensorFlow's converter cannot make {conversion.scheme} of it "
                f"({_reason(error)}); -v shows its whole output"
            ) from error
    return content


def _reason(error: Exception) -> str:
    """Return the converter's message as one line; only the ops where TFLite lacks some."""
    if isinstance(error, ModelError):
        return f"its file is wrong: {error}"
    text = str(error)
    if lacking := dict.fromkeys(LACKING.findall(text)):
        return f"TFLite has no {', '.join(lacking)}; build the model without"
    line = next((line for line in text.splitlines() if line.strip()), repr(error))
    return line.strip().rstrip(".")[:200]


def _frozen(call: Callable[[Any], Any], trained: TrainedModel, batch: int) -> Any:
    """Return the forward pass as a concrete function whose variables are constants."""
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    forward = _function(call, (None if batch == DYNAMIC_BATCH else batch, *trained.shape))
    return convert_variables_to_constants_v2(forward.get_concrete_function())


def _save(frozen: Any, folder: str) -> None:
    tf = frameworks.tensorflow()

    def serve(image: Any) -> dict[str, Any]:
        return {OUTPUT_NAME: frozen(image)[0]}

    module = tf.Module()
    module.serve = _function(serve, frozen.inputs[0].shape)
    # Some functions, such as swish, define their own gradient, which a frozen graph lacks.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, folder, signatures=module.serve, options=options)


def _function(call: Callable[[Any], Any], shape: Any) -> Any:
    tf = frameworks.tensorflow()
    signature = [tf.TensorSpec(shape, tf.float32, name=INPUT_NAME)]
    return tf.function(call, input_signature=signature, autograph=False)


def _configure(
    converter: Any, conversion: Conversion, calibration: FloatArray | None, *, learned: bool
) -> None:
    tf = frameworks.tensorflow()
    if conversion.scheme == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    # TensorFlow offers no public name for this; device stacks need it (see targets.py).
    converter._experimental_disable_per_channel_quantization_for_dense_layers = not (
        TARGETS[conversion.target].per_channel_dense
    )
    if conversion.scheme == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if learned:
        converter.inference_input_type = converter.inference_output_type = tf.int8
        return
    if not conversion.calibrated:
        return
    if calibration is None:
        raise ValueError(f"{conversion.scheme} needs a calibration set")

    def representative_dataset() -> Iterator[list[FloatArray]]:
        batch = conversion.batch or 1
        for start in range(0, len(calibration) - batch + 1, batch):
            yield [calibration[start : start + batch]]

    converter.representative_dataset = representative_dataset
    if conversion.scheme == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    else:
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
        converter.inference_input_type = converter.inference_output_type = tf.int16
