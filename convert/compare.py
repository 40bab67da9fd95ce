"""A converted model against the one it came from: answers, and the error of each tensor."""

from dataclasses import dataclass
from math import inf, log10
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.graph import Graph
from edge_runtime.quantize import quantize
from edge_runtime.reader import read
from edgekit.convert.calibration import FloatArray
from edgekit.errors import MissingExtraError

Scores = npt.NDArray[np.float32]
QUIET = 6.02 * 8 + 1.76
"""SNR in decibels of a full-range sine in 8 bits (Bennett 1948): a tensor above it is as good as
int8 gets, so what is lost above it is nobody's fault."""


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


def tensor_errors(float_model: bytes, model: bytes, inputs: FloatArray) -> list[TensorError]:
    """Compare every op output that both files have, on ``inputs`` float32 [N, *shape].

    Ops are paired by the name of their output, the last ones as the models' outputs; those
    without a partner (the QUANTIZE that a scheme adds, say) are left out. Both run on LiteRT's
    kernels without a delegate, which keep their intermediate tensors.

    Raises:
        MissingExtraError: ai-edge-litert is not installed.
    """
    reference, converted = read(float_model), read(model)
    if reference.subgraphs > 1:
        return []  # outputs of loops and branches have no memory of their own to look at
    partners = {name: index for name, (index, _) in _op_outputs(reference).items()}
    pairs = [
        (partners[name], index, label)
        for name, (index, label) in _op_outputs(converted).items()
        if name in partners
    ]
    signal, noise, largest = (np.zeros(len(pairs)) for _ in range(3))
    runs = zip(
        _intermediates(float_model, reference, [a for a, _, _ in pairs], inputs),
        _intermediates(model, converted, [b for _, b, _ in pairs], inputs),
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
    """Decibels lost on the way to each measured tensor; an op that is not measured loses none."""
    arriving: dict[int, float] = {}
    lost: dict[int, float] = {}
    for op in graph.ops:
        before = min(arriving.get(index, QUIET) for index in (-1, *op.inputs))
        for index in op.outputs:
            arriving[index] = min(QUIET, snr.get(index, before))
            # Of nothing, nothing can be lost.
            lost[index] = before - arriving[index] if before > -inf else 0.0
    return lost


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return inf
    return 10 * log10(signal / noise) if signal else -inf


def _op_outputs(graph: Graph) -> dict[str, tuple[int, str]]:
    """Op outputs by name: tensor index, and the op as a label."""
    return {
        _key(graph, index): (index, f"{op.index} {op.name}")
        for op in graph.ops
        for index in op.outputs
    }


def _key(graph: Graph, index: int) -> str:
    """What both files call the tensor: fused rounding adds to a name, an output may change it."""
    if index in graph.outputs:
        return f"output {graph.outputs.index(index)}"
    parts = graph.tensors[index].name.split(";")
    return ";".join(part for part in parts if "/FakeQuantWithMinMaxVars" not in part)


def _intermediates(model: bytes, graph: Graph, wanted: list[int], inputs: FloatArray) -> Any:
    """Yield, for each input, the wanted tensors as float64 arrays."""
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
    (input_index,) = graph.inputs
    for sample in inputs:
        interpreter.set_tensor(input_index, quantize(sample[None], graph.tensors[input_index]))
        interpreter.invoke()
        yield [_real(interpreter.get_tensor(i), graph, i) for i in wanted]


def _real(stored: npt.NDArray[Any], graph: Graph, index: int) -> npt.NDArray[np.float64]:
    quantization = graph.tensors[index].quantization
    if quantization is None or stored.dtype.kind == "f":
        return stored.astype(np.float64)
    (scale,), (zero_point,) = quantization.scales, quantization.zero_points
    return (stored.astype(np.float64) - zero_point) * scale
