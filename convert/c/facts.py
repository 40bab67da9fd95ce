"""What is known of an exported model: names, tensors, sizes. All of it is exact."""

from dataclasses import dataclass

from edge_runtime.graph import SIZES
from edge_runtime.meaning import NUMBERS, PROBABILITIES


@dataclass(frozen=True)
class Port:
    """The input or the output.

    Attributes:
        dtype: element type: "int8", "int16", "uint8", "float32".
        shape: without the first dimension where that is 1, as for one image: (28, 28, 1).
        elements: their number.
        scale: of the quantisation; None for float32.
        zero_point: None for float32.
    """

    dtype: str
    shape: tuple[int, ...]
    elements: int
    scale: float | None
    zero_point: int | None

    @property
    def bytes(self) -> int:
        """Bytes of the buffer."""
        return self.elements * SIZES[self.dtype]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What an exported model is.

    Attributes:
        name: the C identifier that all public names begin with: "digits".
        model: file name of the model.
        sha256: hex digest of that file.
        version: edgekit's.
        labels: of the classes, in the order of the scores; empty when the file does not say. Two
            for a single sigmoid output, which is the score of the second.
        mean: of the normalisation ``(pixel - mean) / std``; one number, or one for each channel;
            empty when the file does not say.
        std: as many.
        meaning: of the output, one of ``edge_runtime.meaning.MEANINGS``.
        input: the model's input.
        output: the model's output.
        arena: bytes that activations take.
        constants: bytes of all constants that lie in flash, of the form for any core.
        weights: bytes of the weights and biases in the model file.
        macs: multiply-accumulates of an inference.
        ops: builtin name of each step.
        skip_zeros: whether inputs that stand for 0 are skipped.
        sparse: where weights of 0 are left out: "", "everywhere", or "without DSP": on cores that
            do not have that extension, or none of those named, "A or B".
    """

    name: str
    model: str
    sha256: str
    version: str
    labels: tuple[str, ...]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    meaning: str = PROBABILITIES
    input: Port
    output: Port
    arena: int
    constants: int
    weights: int
    macs: int
    ops: tuple[str, ...]
    skip_zeros: bool = False
    sparse: str = ""

    @property
    def sparse_where(self) -> str:
        """What follows "left out" in a sentence on the weights' zeros."""
        if self.sparse == "everywhere":
            return ""
        return f" where there is no {self.sparse.removeprefix('without ')} extension"

    @property
    def classes(self) -> int:
        """Number of scores; 0 where the output is numbers."""
        if self.meaning == NUMBERS:
            return 0
        return 2 if self.single else self.output.elements

    @property
    def single(self) -> bool:
        """Whether a single output tells two classes apart."""
        return self.meaning != NUMBERS and self.output.elements == 1
