"""The ranges of quantisation-aware training, stored in the .keras file.

They are stored as the frozen forward pass that was trained, with its rounding in FakeQuant nodes.
Converting it needs nothing of the training library, and batch norms, fused activations and whatever
else that library rearranges stay as they were trained.
"""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit import archives, frameworks
from edgekit.convert import graph_ops
from edgekit.errors import ModelFileError
from edgekit.files import QUANTIZED_FORWARD

INPUT, OUTPUT = "image", "scores"
FAKE_QUANT = ("FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel")


@dataclass(frozen=True)
class Learned:
    """A forward pass that was trained with int8's rounding in it, [N, *shape] -> ([N, outputs],).

    Attributes:
        quantized: the forward pass with the rounding, from which the converter reads the ranges.
        plain: the same ops under the same names without it, to measure the rounding.
    """

    quantized: Callable[..., tuple[Any, ...]]
    plain: Callable[..., tuple[Any, ...]]


def load(path: Path, *, trust: bool) -> Learned | None:
    """Return what ``edgekit train --qat`` stored in the .keras file at ``path``; None without it.

    Raises:
        ModelFileError: it is there and cannot be read, or has ops that ``trust`` would allow.
    """
    try:
        with zipfile.ZipFile(path) as file:
            if QUANTIZED_FORWARD not in file.namelist():
                return None
            content = file.read(QUANTIZED_FORWARD)
    except archives.DAMAGED_ZIP as error:
        raise ModelFileError(f"{path}: its {QUANTIZED_FORWARD} is damaged; tune again") from error
    tf = frameworks.tensorflow()
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(content)
    except Exception as error:
        raise ModelFileError(f"{path}: its {QUANTIZED_FORWARD} is damaged; tune again") from error
    if not trust and (findings := graph_ops.in_graph(graph)):
        raise ModelFileError(
            f"{path}: its {QUANTIZED_FORWARD} has the op {findings[0]}, which edgekit train --qat "
            "never writes and which is not run; tune again, or trust the file: --trust"
        )
    plain = tf.compat.v1.GraphDef()
    plain.CopyFrom(graph)
    for node in plain.node:
        if node.op in FAKE_QUANT:
            node.op = "Identity"
            del node.input[1:]
            node.attr.clear()
            node.attr["T"].type = tf.float32.as_datatype_enum
    return Learned(_callable(graph), _callable(plain))


def _callable(graph: Any) -> Callable[..., tuple[Any, ...]]:
    tf = frameworks.tensorflow()

    def call(image: Any) -> tuple[Any, ...]:
        return tuple(
            tf.graph_util.import_graph_def(
                graph, input_map={INPUT: image}, return_elements=[f"{OUTPUT}:0"], name=""
            )
        )

    return call
