"""Keras to .tflite bytes.

The forward pass is frozen to constants at a fixed batch before the converter sees it. Converting a
Keras 3 model as it is leaves SHAPE, STRIDED_SLICE and PACK behind for the dynamic batch, which
microcontroller and TPU stacks refuse; a function with variables leaves READ_VARIABLE, which breaks
the calibrator. Frozen, Keras 3, Keras 2 and SavedModel models are converted alike.
"""

import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from edge_runtime.errors import ModelError
from edge_runtime.reader import read
from edgekit import frameworks
from edgekit.convert.calibration import Arrays, FloatArray
from edgekit.convert.conversion import DYNAMIC_BATCH, Conversion
from edgekit.convert.float_splits import as_int8
from edgekit.convert.integer_ops import as_integers
from edgekit.convert.port_order import ordered
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
    calibration: FloatArray | Arrays | None = None,
    *,
    start: bytes | None = None,
    verbose: bool = False,
) -> bytes:
    """Convert ``trained`` as ``conversion`` says; the same arguments give the same bytes.

    Args:
        trained: from ``source.load``.
        conversion: scheme, target and batch.
        calibration: model inputs float32 [N, *shape], a tuple of such for several inputs. Required
            by calibrated schemes, except int8 for a model with learned ranges, which a calibration
            set overrides.
        start: the float file that is quantised, of the same signature; None for the converter's
            own. Only for calibrated schemes.
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
            names = _output_names(trained)
            _save(frozen, names, folder)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            samples = _samples(trained, conversion, calibration)
            _configure(converter, conversion, samples, learned=learned is not None)
            if start is not None:
                # TensorFlow's quantiser reads a float file, for which it has no public name.
                quantize = converter._quantize
                converter._quantize = lambda _, *settings: quantize(start, *settings)
            with warnings.catch_warnings():
                # Its calibrator opens TensorFlow's own, deprecated interpreter for several inputs.
                warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated")
                content = bytes(converter.convert())
            if conversion.scheme == "int8":
                content = as_integers(as_int8(content))
            if trained.several:
                content = ordered(content, _input_names(trained), names)
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


def _input_names(trained: TrainedModel) -> list[str]:
    """Return the names of the inputs in the signature."""
    return [spec.name for spec in trained.input_specs] if trained.several else [INPUT_NAME]


def _output_names(trained: TrainedModel) -> list[str]:
    """Return the names of the outputs in the signature."""
    return [spec.name for spec in trained.output_specs] if trained.several else [OUTPUT_NAME]


def _frozen(call: Callable[..., Any], trained: TrainedModel, batch: int) -> Any:
    """Return the forward pass as a concrete function whose variables are constants."""
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    tf = frameworks.tensorflow()
    size = None if batch == DYNAMIC_BATCH else batch
    specs = [
        tf.TensorSpec((size, *shape), tf.float32, name=name)
        for name, shape in zip(_input_names(trained), trained.shapes, strict=True)
    ]
    forward = tf.function(call, input_signature=specs, autograph=False)
    return convert_variables_to_constants_v2(forward.get_concrete_function())


def _save(frozen: Any, names: list[str], folder: str) -> None:
    tf = frameworks.tensorflow()

    def serve(*tensors: Any) -> dict[str, Any]:
        return dict(zip(names, frozen(*tensors), strict=True))

    specs = [tf.TensorSpec(one.shape, tf.float32, name=one.op.name) for one in frozen.inputs]
    module = tf.Module()
    module.serve = tf.function(serve, input_signature=specs, autograph=False)
    # Some functions, such as swish, define their own gradient, which a frozen graph lacks.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, folder, signatures=module.serve, options=options)


Sample = list[FloatArray] | dict[str, FloatArray]
Samples = Callable[[], Iterator[Sample]]


def _samples(
    trained: TrainedModel, conversion: Conversion, calibration: FloatArray | Arrays | None
) -> Samples | None:
    """Return what yields the calibration set batch by batch; several inputs by their names."""
    if calibration is None:
        return None
    arrays = calibration if isinstance(calibration, tuple) else (calibration,)
    names, batch = _input_names(trained), conversion.batch or 1

    def samples() -> Iterator[Sample]:
        for start in range(0, len(arrays[0]) - batch + 1, batch):
            sample = [array[start : start + batch] for array in arrays]
            # The converter has an order of its own for several.
            yield dict(zip(names, sample, strict=True)) if len(names) > 1 else sample

    return samples


def _configure(
    converter: Any, conversion: Conversion, samples: Samples | None, *, learned: bool
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
    if samples is None:
        raise ValueError(f"{conversion.scheme} needs a calibration set")
    converter.representative_dataset = samples
    if conversion.scheme == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    else:
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
        converter.inference_input_type = converter.inference_output_type = tf.int16
