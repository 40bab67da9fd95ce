"""A float .tflite file quantised by the LiteRT project's quantiser, without TensorFlow."""

import io
import logging
import re
import sys
import warnings
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import ModelError
from edge_runtime.graph import Graph
from edge_runtime.reader import read
from edgekit import frameworks
from edgekit.convert.conversion import Conversion
from edgekit.convert.float_splits import as_int8
from edgekit.convert.integer_ops import as_integers
from edgekit.convert.normal_form import KEY
from edgekit.convert.targets import TARGETS
from edgekit.errors import MissingExtraError, ModelFileError

if TYPE_CHECKING:
    from pathlib import Path

    from edgekit.convert.calibration import Arrays

PACKAGE = "litert-quantizer"
EXTRA = "quantizer"
EVERYWHERE = ".*"


def quantized(
    path: "Path",
    content: bytes,
    conversion: Conversion,
    calibration: "Arrays | None",
    kept: Sequence[int] = (),
    *,
    verbose: bool = False,
) -> bytes:
    """Return a float .tflite file quantised as ``conversion`` says.

    The ranges of activations are the least and the largest number of all samples, as TensorFlow's
    converter has them; the package itself averages over the samples, which cuts off what is rare.

    Args:
        path: path for messages.
        content: the float file, whose one signature names its inputs (``normal_form.normalised``).
        conversion: scheme and target.
        calibration: for each input float32 [N, *shape], for schemes that need it.
        kept: indices of ops of the float file that stay in float32.
        verbose: show the package's output.

    Raises:
        MissingExtraError: the package is not installed.
        ModelFileError: it cannot quantise the file.
    """
    try:
        with frameworks.native_stderr_silenced(unless=verbose):
            import litert_quantizer  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "litert_quantizer":
            raise
        raise MissingExtraError(PACKAGE, EXTRA, "quantising a .tflite file") from None
    graph = read(content)
    recipe = _recipe(conversion, graph, kept)
    before = logging.root.manager.disable
    logging.disable(logging.NOTSET if verbose else logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            frameworks.native_stderr_silenced(unless=verbose),
            redirect_stderr(sys.stderr if verbose else io.StringIO()),  # its progress bar
        ):
            warnings.simplefilter("default" if verbose else "ignore")
            quantised = _quantised(content, graph, recipe, calibration)
    except Exception as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), repr(error))
        raise ModelFileError(
            f"{path}: the LiteRT quantiser cannot make {conversion.scheme} of it "
            f"({reason.strip().rstrip('.')[:200]})"
        ) from error
    finally:
        logging.disable(before)
    names = {graph.tensors[output].name for index in kept for output in graph.ops[index].outputs}
    result = as_integers(as_int8(quantised, names), names) if conversion.calibrated else quantised
    _require_runnable(path, result, conversion.scheme)
    return result


def _require_runnable(path: "Path", model: bytes, scheme: str) -> None:
    """Raise ModelFileError unless LiteRT accepts the quantised file."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        read(model)  # refuses what the quantiser writes wrongly, such as scales of 0
        Interpreter(
            model_content=model,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        ).allocate_tensors()
    except (ModelError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise ModelFileError(
            f"{path}: what the LiteRT quantiser makes of it in {scheme} does not run ({reason}); "
            "--keep-float keeps a layer in float32"
        ) from error


def _quantised(
    content: bytes, graph: Graph, recipe: list[dict[str, Any]], calibration: "Arrays | None"
) -> bytes:
    from litert_quantizer.calibrator import Calibrator
    from litert_quantizer.quantizer import Quantizer
    from litert_quantizer.recipe_manager import RecipeManager
    from litert_quantizer.utils.qsv_utils import min_max_update
    from litert_quantizer.utils.tfl_interpreter_utils import create_tfl_interpreter

    quantizer = Quantizer(bytearray(content), recipe)
    ranges = None
    if calibration is not None and quantizer.need_calibration:
        rules = RecipeManager()
        rules.load_quantization_recipe(recipe)
        calibrator = Calibrator(bytearray(content), num_threads=1, qsv_update_func=min_max_update)
        if _has_unread(graph):
            # XNNPACK gives no memory to what nothing reads, as a part of SPLIT in a first step of
            # an LSTM, and the calibrator reads everything.
            calibrator._tfl_interpreter = create_tfl_interpreter(
                content, use_xnnpack=False, num_threads=1
            )
        calibrator.calibrate({KEY: _samples(graph, calibration)}, rules)
        ranges = calibrator.get_model_qsvs()
    result = quantizer.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)


def _has_unread(graph: Graph) -> bool:
    """Return whether an op writes a tensor that nothing reads."""
    read = {index for op in graph.ops for index in op.inputs} | set(graph.outputs)
    return any(index not in read for op in graph.ops for index in op.outputs)


def _samples(graph: Graph, calibration: "Arrays") -> list[dict[str, Any]]:
    """Return the calibration set call by call, by the names of the inputs."""
    batch = graph.tensors[graph.inputs[0]].shape[0]
    return [
        {
            name: array[start : start + batch]
            for name, array in zip(graph.input_names, calibration, strict=True)
        }
        for start in range(0, len(calibration[0]) - batch + 1, batch)
    ]


def _recipe(conversion: Conversion, graph: Graph, kept: Iterable[int]) -> list[dict[str, Any]]:
    """Return the package's rules: for all ops, then those that some have of their own."""
    from litert_quantizer.algorithm_manager import AlgorithmName
    from litert_quantizer.qtyping import QuantGranularity, TFLOperationName
    from litert_quantizer.recipe_manager import RecipeManager

    rules, scheme = RecipeManager(), conversion.scheme
    every = TFLOperationName.ALL_SUPPORTED
    if scheme == "float16":
        rules.add_weight_only_config(
            EVERYWHERE, every, 16, algorithm_key=AlgorithmName.FLOAT_CASTING
        )
    elif scheme == "dynamic":
        rules.add_dynamic_config(EVERYWHERE, every, 8)
    else:
        bits = 16 if scheme == "int16x8" else 8
        rules.add_static_config(EVERYWHERE, every, bits, 8)
        if not TARGETS[conversion.target].per_channel_dense:
            dense = TFLOperationName.FULLY_CONNECTED
            rules.add_static_config(EVERYWHERE, dense, bits, 8, QuantGranularity.TENSORWISE)
    for index in kept:
        rules.add_quantization_config(
            _scope(graph, index), every, algorithm_key=AlgorithmName.NO_QUANTIZE
        )
    recipe: list[dict[str, Any]] = rules.get_quantization_recipe()
    return recipe


def _scope(graph: Graph, index: int) -> str:
    """Return an expression that only one op's outputs match, as the package names them."""
    names = (graph.tensors[output].name for output in graph.ops[index].outputs)
    return f"^{''.join(re.escape(f'{name};') for name in names if name)}$"
