"""The facts of an exported model: names, tensors, sizes. All of it is exact."""

from dataclasses import dataclass

from edge_runtime.front_end import Audio
from edge_runtime.graph import SIZES
from edge_runtime.meaning import ANOMALY, MULTILABEL, NUMBERS, PROBABILITIES
from edge_runtime.ops.constraints import LIMITS


@dataclass(frozen=True)
class Port:
    """An input or output.

    Attributes:
        name: C identifier, unique in the model: "input" or "output" for the only one.
        dtype: element type, one of ``graph.SIZES``.
        shape: without the first dimension where that is 1, as for one image: (28, 28, 1).
        elements: number of elements.
        scale: scale of the quantisation; None where elements are the numbers themselves.
        zero_point: None likewise.
        offset: bytes from the start of the arena to the place that it has for it; None for an input
            that the caller keeps.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    elements: int
    scale: float | None
    zero_point: int | None
    offset: int | None = None

    @property
    def bytes(self) -> int:
        """Bytes of the buffer."""
        return self.elements * SIZES[self.dtype]

    @property
    def takes_floats(self) -> bool:
        """Whether floats can be brought into the elements' form: they are no whole numbers."""
        return self.dtype == "float32" or (self.scale is not None and self.dtype in LIMITS)

    @property
    def picture(self) -> tuple[int, int, int] | None:
        """Height, width and channels of a picture of one or three channels; None of another."""
        shape = (*self.shape, 1) if len(self.shape) == 2 else self.shape
        return (shape[0], shape[1], shape[2]) if len(shape) == 3 and shape[2] in (1, 3) else None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts of an exported model.

    Attributes:
        name: the C identifier that all public names begin with: "digits".
        model: file name of the model.
        sha256: hex digest of that file.
        version: edgekit's.
        labels: class names, in the order of the scores; empty when the file does not say, or there
            are several outputs. Two for a single sigmoid output, which is the score of the second.
        mean: mean of the normalisation ``(pixel - mean) / std``; one number, or one for each
            channel; empty when the file does not say, or there are several inputs.
        std: as many.
        features: whether they are of features in their own units, and not of pixels.
        meaning: what the output means, one of ``edge_runtime.meaning.MEANINGS``; several are
            numbers.
        task: what the model is for, one of ``edge_runtime.meaning.TASKS``; "" when the file does
            not say, or there are several inputs or outputs.
        threshold: what decides between two classes, or normal inputs and anomalies; None without.
        inputs: the model's inputs, in the file's order.
        outputs: the model's outputs, likewise.
        arena: bytes of the activations, inputs and outputs among them.
        state: bytes of the arena that keep their values from one inference to the next.
        constants: bytes of all constants in flash, in the form for any core.
        weights: bytes of the weights and biases in the model file.
        multipliers: bytes of the channels' multipliers and shifts, an int32 each, whatever form a
            kernel has them in.
        macs: multiply-accumulates of an inference.
        ops: builtin name of each step.
        op_macs: multiply-accumulates of each step; None for one that has no formula.
        skip_zeros: whether inputs that stand for 0 are skipped.
        sparse: where weights of 0 are left out: "", "everywhere", or "without DSP": on cores
            without that extension; "without A or B" names several.
        by_rows: whether layers run row by row.
        fed_rows: rows of the input that the caller may bring one by one; 0 where it may not.
        audio: how sound becomes the pixels of the only input; None where the file does not say, or
            says nothing of their normalisation.
    """

    name: str
    model: str
    sha256: str
    version: str
    labels: tuple[str, ...]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    features: bool = False
    meaning: str = PROBABILITIES
    task: str = ""
    threshold: float | None = None
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    arena: int
    state: int = 0
    constants: int
    weights: int
    multipliers: int = 0
    macs: int
    ops: tuple[str, ...]
    op_macs: tuple[int | None, ...] = ()
    skip_zeros: bool = False
    sparse: str = ""
    by_rows: bool = False
    fed_rows: int = 0
    audio: Audio | None = None

    @property
    def ports(self) -> tuple[Port, ...]:
        """Inputs, then outputs."""
        return (*self.inputs, *self.outputs)

    @property
    def kept(self) -> tuple[Port, ...]:
        """Inputs that the caller keeps: those that the arena has no place for."""
        return tuple(port for port in self.inputs if port.offset is None)

    @property
    def framed(self) -> bool:
        """Whether there is one input, and pixels become its elements as the file says."""
        return bool(self.mean) and not self.features and self.inputs[0].takes_floats

    @property
    def takes_pictures(self) -> bool:
        """Whether the pixels of a picture become the only input as the file says."""
        return self.framed and self.audio is None and self.inputs[0].picture is not None

    @property
    def noun(self) -> str:
        """What the model is run on, in texts: "image", or "input"."""
        if self.features or self.audio is not None or len(self.inputs) > 1:
            return "input"
        [port] = self.inputs
        shown = self.framed or (len(port.shape) == 3 and port.picture is not None)
        return "image" if shown else "input"

    @property
    def sparse_where(self) -> str:
        """End of a sentence about the weights' zeros, after "left out"."""
        if self.sparse == "everywhere":
            return ""
        return f" where there is no {self.sparse.removeprefix('without ')} extension"

    @property
    def scores_anomalies(self) -> bool:
        """Whether there is a function that scores anomalies: of a detector with a threshold.

        It compares the output with the input, which a run then must not overwrite.
        """
        return self.task == ANOMALY and len(self.ports) == 2 and self.threshold is not None

    @property
    def classes(self) -> int:
        """Number of scores; 0 where outputs are numbers, or labels of their own."""
        if not self.classes_exclude:
            return 0
        return 2 if self.single else self.outputs[0].elements

    @property
    def single(self) -> bool:
        """Whether an output of one number tells two classes apart."""
        return self.classes_exclude and self.outputs[0].elements == 1

    @property
    def classes_exclude(self) -> bool:
        """Whether the output is the scores of classes that exclude each other."""
        return self.meaning != NUMBERS and self.task != MULTILABEL
