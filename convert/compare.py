"""The error of each tensor of a converted model, compared with the float model."""

from dataclasses import dataclass
from math import inf, isfinite, log10
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.graph import FORMATS, Graph
from edge_runtime.quantize import quantize
from edge_runtime.reader import read
from edgekit.convert.calibration import Arrays, FloatArray
from edgekit.errors import MissingExtraError

Scores = npt.NDArray[np.float32]
QUIET = 6.02 * 8 + 1.76
"""SNR in decibels of a full-range sine in 8 bits (Bennett 1948): a tensor above it is as good as
int8 gets, so losses above it do not count."""

CASTS = ("QUANTIZE", "DEQUANTIZE")
"""Ops that change how a number is stored; they may have the name of a neighbouring op."""

Key = tuple[str, str, tuple[int, ...]]
"""An op's name, and the name and shape of its output."""


@dataclass(frozen=True)
class TensorError:
    """How far a tensor of the converted model is from the same tensor in float32.

    Attributes:
        op: index and name of the op that computes it, as "1 FULLY_CONNECTED".
        tensor: its name in the file.
        snr_db: signal-to-noise ratio, 10·log10(Σx² / Σ(x - x̂)²) over all samples, in decibels;
            infinite when the two are equal, minus infinite for noise where there is no signal.
        largest: the largest absolute difference.
        lost_db: how much of the SNR that the op's noisiest input had is gone after it; what lies
            above QUIET does not count. Noise travels on, so the op that broke is not the one with
            the lowest SNR, but the one that loses most; infinite where no signal is left.
    """

    op: str
    tensor: str
    snr_db: float
    largest: float
    lost_db: float


def tensor_errors(float_model: bytes, model: bytes, *inputs: FloatArray) -> list[TensorError]:
    """Compare every op output that both files have, on float32 [N, *shape] for each input in order.

    Ops are paired by kind and by the name and shape of their output; the models' outputs are paired
    by position. Ops without a partner (a QUANTIZE that the scheme adds, for example) are left out,
    and so are ops that compute nothing from the input (the DEQUANTIZE of a constant). Both models
    run on LiteRT's kernels without a delegate, which keep their intermediate tensors.

    Raises:
        MissingExtraError: ai-edge-litert is not installed.
    """
    reference, converted = read(float_model), read(model)
    if reference.subgraphs > 1:
        return []  # outputs of loops and branches have no memory of their own to look at
    pairs = _pairs(reference, converted)
    signal, noise, largest = (np.zeros(len(pairs)) for _ in range(3))
    runs = zip(
        intermediates(float_model, reference, [a for a, _, _ in pairs], inputs),
        intermediates(model, converted, [b for _, b, _ in pairs], inputs),
        strict=True,
    )
    for expected, got in runs:
        for i, (x, y) in enumerate(zip(expected, got, strict=True)):
            difference = x - y
            signal[i] += float(np.sum(x * x))
            noise[i] += float(np.sum(difference * difference))
            largest[i] = max(largest[i], float(np.abs(difference).max(initial=0)))
    measured = {index: i for i, (_, index, _) in enumerate(pairs)}
    snr = [_decibels(signal[i], noise[i]) for i in range(len(pairs))]
    lost = _lost(converted, {index: snr[i] for index, i in measured.items()})
    return [
        TensorError(
            op=label,
            tensor=converted.tensors[index].name,
            snr_db=snr[i],
            largest=float(largest[i]),
            lost_db=lost[index],
        )
        for i, (_, index, label) in enumerate(pairs)
    ]


def _lost(graph: Graph, snr: dict[int, float]) -> dict[int, float]:
    """Return the decibels lost in computing each measured tensor; an unmeasured op loses none."""
    arriving: dict[int, float] = {}
    lost: dict[int, float] = {}
    for op in graph.ops:
        before = min(arriving.get(index, QUIET) for index in (-1, *op.inputs))
        for index in op.outputs:
            arriving[index] = min(QUIET, snr.get(index, before))
            # Without a signal there is nothing to lose.
            lost[index] = before - arriving[index] if before > -inf else 0.0
    return lost


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return inf
    if not isfinite(signal + noise):
        return -inf  # NaN or an overflow on either side: nothing is left to compare
    return 10 * log10(signal / noise) if signal else -inf


def _pairs(reference: Graph, converted: Graph) -> list[tuple[int, int, str]]:
    """Return the tensor in each file, and the op of the converted one as a label."""
    first, second = _op_outputs(reference), _op_outputs(converted)
    return sorted(
        (
            (index, other, f"{op} {converted.ops[op].name}")
            for key, outputs in second.items()
            if len(first.get(key, ())) == len(outputs)
            for (_, index), (op, other) in zip(first[key], outputs, strict=True)
        ),
        key=lambda pair: int(pair[2].split()[0]),
    )


def _op_outputs(graph: Graph) -> dict[Key, list[tuple[int, int]]]:
    """Return op and tensor index of what is computed from the input, those of a key in order."""
    computed = set(graph.inputs)
    outputs: dict[Key, list[tuple[int, int]]] = {}
    for op in graph.ops:
        if computed.isdisjoint(op.inputs):
            continue
        computed.update(op.outputs)
        for index in op.outputs:
            if graph.tensors[index].dtype not in FORMATS:
                continue  # complex numbers and strings
            if op.name not in CASTS or index in graph.outputs:
                outputs.setdefault(_key(graph, op.name, index), []).append((op.index, index))
    return outputs


def _key(graph: Graph, op: str, index: int) -> Key:
    """Return the tensor's name in both files: rounding adds to it, and an output may change it."""
    tensor = graph.tensors[index]
    if index in graph.outputs:
        return "", f"output {graph.outputs.index(index)}", tensor.shape
    parts = tensor.name.split(";")
    name = ";".join(part for part in parts if "/FakeQuantWithMinMaxVars" not in part)
    # The converter numbers tensors of one name, a constant and its dequantised self among them.
    return op, name.rstrip("0123456789"), tensor.shape


def intermediates(model: bytes, graph: Graph, indices: list[int], inputs: Arrays) -> Any:
    """Yield, for each sample, the tensors at ``indices`` as float64 arrays."""
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ModuleNotFoundError:
        raise MissingExtraError("ai-edge-litert", "litert", "the error of each tensor") from None
    interpreter = Interpreter(
        model_content=model,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    for sample in zip(*inputs, strict=True):
        for index, array in zip(graph.inputs, sample, strict=True):
            interpreter.set_tensor(index, quantize(array[None], graph.tensors[index]))
        interpreter.invoke()
        yield [_real(interpreter.get_tensor(i), graph, i) for i in indices]


def _real(stored: npt.NDArray[Any], graph: Graph, index: int) -> npt.NDArray[np.float64]:
    quantization = graph.tensors[index].quantization
    if quantization is None or stored.dtype.kind == "f":
        return stored.astype(np.float64)
    (scale,), (zero_point,) = quantization.scales, quantization.zero_points
    return (stored.astype(np.float64) - zero_point) * scale
