"""The float .tflite file of a model, and the file that its quantiser makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_runtime.graph import Graph
from edge_runtime.reader import read
from edgekit.convert import equalising, indices, layers, litert_quantizer, tflite_file
from edgekit.convert.bounded import as_bounded
from edgekit.convert.calibration import Arrays
from edgekit.convert.conversion import CALIBRATED_SCHEMES, DYNAMIC_BATCH, Conversion
from edgekit.convert.normal_form import normalised
from edgekit.convert.own_scales import as_sums, with_own_scales, with_steps
from edgekit.convert.products import as_products
from edgekit.convert.source import TrainedModel
from edgekit.convert.targets import BRIDGES, float_operators, is_float
from edgekit.convert.tflite import to_tflite
from edgekit.convert.unrolling import MOST_STEPS
from edgekit.errors import DataError, ModelFileError

TENSORFLOW, LITERT = "tensorflow", "litert"


@dataclass(frozen=True)
class Files:
    """A model as .tflite files.

    Attributes:
        plain: the float file, equalised on demand.
        converted: the file in the number format of the conversion; ``plain`` for float32.
        learned: whether its ranges were learned in quantisation-aware training.
        kept: names of the tensors of ``plain`` that stay in float32 on demand.
    """

    plain: bytes
    converted: bytes
    learned: bool
    kept: frozenset[str]


def quantizer_of(trained: TrainedModel, conversion: Conversion) -> str:
    """Return which of ``conversion.QUANTIZERS`` makes the file; "" where none is needed."""
    if conversion.scheme == "float32":
        return ""
    if conversion.quantizer:
        return conversion.quantizer
    return LITERT if trained.file or conversion.keep_float else TENSORFLOW


def check(trained: TrainedModel, conversion: Conversion) -> None:
    """Refuse, before any work is done, a conversion that contradicts itself or the model.

    Raises:
        DataError: the quantiser cannot do what was asked, or the batch cannot be had.
    """
    if conversion.scheme == "float32":
        if trained.origin == tflite_file.ORIGIN:
            raise DataError(
                f"{trained.path}: is a .tflite already, in float32: --quantize or --scheme "
                "quantises it; `edgekit label` writes labels and pixel range into it"
            )
        if conversion.keep_float or conversion.quantizer:
            option = "--keep-float" if conversion.keep_float else "--quantizer"
            raise DataError(f"{option}: says how to quantise; add --quantize or --scheme")
    if conversion.equalize:
        _require_equalisable(trained, conversion)
    if conversion.quantizer == TENSORFLOW and trained.file:
        raise DataError(
            f"--quantizer tensorflow: {trained.path} is no Keras model, which TensorFlow's "
            "quantiser needs; leave --quantizer out"
        )
    if conversion.quantizer == TENSORFLOW and conversion.keep_float:
        raise DataError(
            "--keep-float: TensorFlow's quantiser quantises every layer; leave --quantizer out"
        )
    if trained.file:
        _require_batch(trained.path, trained.file.graph, conversion.batch)


def _require_equalisable(trained: TrainedModel, conversion: Conversion) -> None:
    if not conversion.calibrated:
        raise DataError(
            f"--equalize: helps {' and '.join(CALIBRATED_SCHEMES)}, not {conversion.scheme}; leave "
            "it out, or quantise with --quantize"
        )
    if trained.learned and conversion.scheme == "int8" and not conversion.quantizes_files:
        raise DataError(
            f"--equalize: {trained.path} learned its ranges in quantisation-aware training, which "
            "are those of its channels as they are; leave --equalize out"
        )


def _equalised(path: Path, plain: bytes) -> bytes:
    result = equalising.equalised(plain)
    if result == plain:
        raise ModelFileError(
            f"{path}: has no two layers to equalise: convolutions or dense layers that follow each "
            "other with nothing but ReLU, padding, pooling or a reshape in between"
        )
    return result


def _require_batch(path: Path, graph: Graph, batch: int) -> None:
    inputs = [graph.tensors[index] for index in graph.inputs]
    sizes = sorted({tensor.shape[0] for tensor in inputs})
    if batch == DYNAMIC_BATCH:
        if not any(-1 in tensor.signature for tensor in inputs):
            raise DataError(f"--batch dynamic: {path} has a fixed batch")
    elif sizes != [batch]:
        raise DataError(
            f"--batch {batch}: {path} has a batch of {', '.join(map(str, sizes))}, which cannot be "
            "changed in a .tflite file"
        )


def files(
    trained: TrainedModel,
    conversion: Conversion,
    calibration: Arrays | None,
    *,
    verbose: bool = False,
) -> Files:
    """Return the float file of ``trained``, and the file that the conversion asks for.

    Args:
        trained: the model.
        conversion: scheme, target, batch, quantiser.
        calibration: for each input float32 [N, *shape]; None where the scheme needs none, or where
            the model learned its ranges.
        verbose: show the output of converter and quantiser.

    Raises:
        DataError: the quantiser cannot do what was asked, or has too few samples.
        ModelFileError: the model cannot be converted in this scheme.
    """
    check(trained, conversion)
    quantizer = quantizer_of(trained, conversion)
    uses_learned = conversion.scheme == "int8" and calibration is None and quantizer == TENSORFLOW
    learned = trained.learned if uses_learned else None
    # With the training library's names, which the int8 file has as well.
    reference = replace(trained, call=learned.plain) if learned else trained
    if trained.file:
        plain = _of_file(trained, conversion)
    else:
        plain = to_tflite(reference, Conversion(batch=conversion.batch), verbose=verbose)
    if conversion.equalize:
        plain = _equalised(trained.path, plain)
    if not quantizer:
        return Files(plain, plain, learned is not None, frozenset())
    if not learned:
        _require_calibratable(trained, conversion, quantizer, plain, calibration)
    first = plain
    if calibration is not None:
        plain = as_products(as_bounded(plain))
        plain = with_own_scales(plain) if quantizer == TENSORFLOW else as_sums(plain)
    if quantizer == TENSORFLOW:
        start = plain if conversion.equalize or plain != first else None
        converted = to_tflite(trained, conversion, calibration, start=start, verbose=verbose)
        if calibration is not None:
            converted = with_steps(indices.exact(trained.path, converted, calibration))
        return Files(plain, converted, learned is not None, frozenset())
    graph = read(plain)
    kept = layers.named(trained.path, graph, conversion.keep_float)
    converted = litert_quantizer.quantized(
        trained.path, plain, conversion, calibration, kept, verbose=verbose
    )
    if calibration is not None:
        converted = with_steps(indices.exact(trained.path, converted, calibration))
    outputs = (index for op in kept for index in graph.ops[op].outputs)
    return Files(plain, converted, False, frozenset(graph.tensors[index].name for index in outputs))


def left_in_float(graph: Graph, kept: frozenset[str]) -> list[str]:
    """Return the ops of an int8 file that compute in float32, but for those that were to stay so.

    Args:
        graph: the int8 file's graph.
        kept: names of the tensors of ops that stay in float32; with any, there are bridges to them.
    """
    if not kept:
        return float_operators(graph)
    return [
        f"op {op.index} {op.name}"
        for op in graph.ops
        if op.name not in BRIDGES
        and is_float(graph, op)
        and kept.isdisjoint(graph.tensors[index].name for index in op.outputs)
    ]


def instead(left: Sequence[str], quantizer: str) -> str:
    """Return what helps where a quantiser left ops in float32, as the end of a sentence.

    Args:
        left: the ops, as of ``left_in_float``.
        quantizer: the quantiser.
    """
    kinds = dict.fromkeys(one.split()[-1] for one in left)
    options = " ".join(f"--keep-float {kind}" for kind in kinds if kind not in BRIDGES)
    other = "try --quantizer litert, which knows others, or " if quantizer == TENSORFLOW else "try "
    return f"; {other}{options}, which says that they stay so" if options else ""


def _of_file(trained: TrainedModel, conversion: Conversion) -> bytes:
    """Return the float file with a signature, and without open sizes unless they are asked for."""
    if trained.file is None:
        raise ValueError("not a .tflite file")
    # What follows runs in LiteRT, in this process, which a damaged file may end: this runs in
    # edgekit's engine, which checks all, or in LiteRT in a process of its own.
    trained.run(tuple(np.zeros((1, *shape), np.float32) for shape in trained.shapes))
    try:
        return normalised(
            trained.file.content,
            [spec.name for spec in trained.input_specs],
            [spec.name for spec in trained.output_specs],
            fixed=conversion.batch != DYNAMIC_BATCH,
        )
    # The schema's own code checks nothing, and unpacks parts that nothing else reads.
    except Exception as error:
        raise ModelFileError(
            f"{trained.path}: damaged in a part that running it does not read: {error}"
        ) from error


def _require_calibratable(
    trained: TrainedModel,
    conversion: Conversion,
    quantizer: str,
    plain: bytes,
    inputs: Arrays | None,
) -> None:
    """Refuse what a calibrator would crash on or silently ignore."""
    if not conversion.calibrated:
        return
    if read(plain).subgraphs > 1:
        others = trained.file.graph.others if trained.file else ()
        if further := sum(bool(other.output_names) for other in others):
            raise ModelFileError(
                f"{trained.path}: has {1 + further} signatures, and the LiteRT quantiser measures "
                "the ranges of one: write a file of one, as signature_keys=[...] of TensorFlow's "
                "converter does"
            )
        if quantizer == LITERT:
            raise ModelFileError(
                f"{trained.path}: has a loop or a branch, or several subgraphs, whose ranges the "
                "LiteRT quantiser does not measure; use --scheme dynamic"
            )
        raise ModelFileError(
            f"{trained.path}: has a loop or a branch (a recurrent layer?), which TensorFlow's "
            f"calibrator cannot run; of a Keras file, recurrent layers of at most {MOST_STEPS} "
            "steps are unrolled; build a longer one with unroll=True, or use --scheme dynamic"
        )
    samples = len(inputs[0]) if inputs else 0
    if samples < conversion.batch:
        raise DataError(
            f"calibration set: {samples} samples do not fill one batch of {conversion.batch}"
        )
