"""A model as a C library: its files as text, and the figures that are known at export."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Port:
    """The input or the output of the library.

    Attributes:
        dtype: "int8", "int16" or "float32".
        shape: of one image, without the batch: (28, 28, 1).
        elements: how many that are.
        scale: real = scale * (value - zero_point); None when not quantised.
        zero_point: None when not quantised.
    """

    dtype: str
    shape: tuple[int, ...]
    elements: int
    scale: float | None
    zero_point: int | None


@dataclass(frozen=True)
class CLibrary:
    """A model as C, in files that need each other and nothing else.

    Attributes:
        name: C identifier, the prefix of every public name: "digits".
        header: digits.h, for C99 and C++.
        source: digits.c: weights, kernels, digits_run; needs digits.h only.
        selftest: digits_selftest.c.
        example: main.c: runs the self-test and one inference, prints.
        model: file name of the model: "model_int8.tflite".
        sha256: hex digest of the model's file.
        version: edgekit's.
        labels: of the classes; empty when the file carries none.
        input: what digits_run takes.
        output: what it gives.
        arena: bytes.
        constants: bytes of weights, biases and tables in flash.
        weights: of them: weights and biases of the file.
        macs: multiply-accumulates of one inference.
        ops: builtin op name of each step.
    """

    name: str
    header: str
    source: str
    selftest: str
    example: str
    model: str
    sha256: str
    version: str
    labels: tuple[str, ...]
    input: Port
    output: Port
    arena: int
    constants: int
    weights: int
    macs: int
    ops: tuple[str, ...]
