"""A model opened for use: ``Model``."""

from __future__ import annotations

import sys
from math import prod

from edge_runtime.errors import InputError, MetadataError, ModelError, require
from edge_runtime.graph import ports
from edge_runtime.record import record
from edge_runtime.runner import Runner, describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from collections.abc import Sequence
    from typing import Any

    import numpy as np
    import numpy.typing as npt
    from _typeshed import ReadableBuffer

    from edge_runtime.backends import Session
    from edge_runtime.graph import Graph, Tensor
    from edge_runtime.image import Prepared
    from edge_runtime.metadata import Metadata
    from edge_runtime.picture import Source

    RawTensor = ReadableBuffer | npt.NDArray[Any]
    RawTensors = RawTensor | dict[str, RawTensor] | tuple[RawTensor, ...]


@record
class Prediction:
    """The class that a model assigns to an image.

    Attributes:
        label: name of the class with the highest score, or that the file's threshold decides.
        index: its position in ``scores``.
        score: its score, from 0 to 1.
        scores: the scores of all classes.
        inverted: whether the image was inverted before the model ran on it.
    """

    label: str
    index: int
    score: float
    scores: tuple[float, ...]
    inverted: bool


class Model:
    """A model that is ready to run, as ``load`` returns it.

    Threads may share it, and so may forked children, even if threads are running it at the fork.
    ``with load(...) as model`` closes it at the end.

    Attributes:
        graph: the content of the file.
        inputs: the input tensors in the file's order, by their names in its signature, otherwise
            by those of the tensors: shape, element type, scale and zero_point.
        outputs: the output tensors, likewise.
        backend: name of the engine that runs it.
    """

    def __init__(
        self,
        name: str,
        data: bytes | mmap.mmap,
        graph: Graph,
        session: Session,
        backend: str,
    ) -> None:
        self.graph = graph
        self.backend = backend
        self.inputs: dict[str, Tensor] = ports(graph, graph.inputs, graph.input_names)
        self.outputs: dict[str, Tensor] = ports(graph, graph.outputs, graph.output_names)
        self._name = name
        self._data = data
        self._session = session
        self._runner = Runner(self.inputs, self.outputs, session)
        # An engine may run a fitting array directly, without the way through Python.
        if hasattr(session, "bind"):
            names = tuple(self.inputs), tuple(self.outputs)
            vars(self)["run"] = session.bind(self._runner.run, *names)

    def __enter__(self) -> Model:
        """Return the model itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the model."""
        self.close()

    def close(self) -> None:
        """End the threads and the processes that run the model, which cannot run after that.

        It waits for runs in other threads. A model whose last reference is gone is closed, too.
        """
        self._runner.close()

    def __repr__(self) -> str:
        """Describe the model in a line."""
        inputs, outputs = (
            ", ".join(map(describe, named.values())) for named in (self.inputs, self.outputs)
        )
        return f"<Model {self._name!r} on {self.backend}: {inputs} -> {outputs}>"

    def _repr_html_(self) -> str:
        """Describe the model as a table, which notebooks show."""
        from edge_runtime.notebook import table

        return table(self, self._name)

    @property
    def input(self) -> Tensor:
        """The input tensor of a model that has one.

        Raises:
            ModelError: it has several; use ``inputs``.
        """
        return self._only("input", self.inputs)

    @property
    def output(self) -> Tensor:
        """The output tensor of a model that has one.

        Raises:
            ModelError: it has several; use ``outputs``.
        """
        return self._only("output", self.outputs)

    def _only(self, what: str, named: dict[str, Tensor]) -> Tensor:
        if len(named) > 1:
            names = ", ".join(map(repr, named))
            raise ModelError(
                f"{self._name}: it has {len(named)} {what}s, {names}: use run(), with a dict by "
                "name or a tuple"
            )
        return next(iter(named.values()))

    @property
    def metadata(self) -> Metadata | None:
        """What the file says about its use; None when it says nothing.

        Raises:
            MetadataError: the metadata is damaged.
        """
        # Read at the first access, because run() does not need it.
        if not hasattr(self, "_metadata"):
            from edge_runtime.metadata import read_metadata

            try:
                self._metadata = read_metadata(self.graph, self._data)
            except MetadataError as error:
                raise MetadataError(f"{self._name}: {error}") from error
        return self._metadata

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names, in the order of the scores.

        Raises:
            MetadataError: the file does not have them.
        """
        return self._labelled().labels

    @property
    def meaning(self) -> str:
        """What the output means: one of ``edge_runtime.meaning.MEANINGS``.

        A file that does not state it is judged by its last op.

        Raises:
            MetadataError: the metadata is damaged.
        """
        if not hasattr(self, "_meaning"):
            from edge_runtime.meaning import of_graph

            said = self.metadata
            self._meaning = (said and said.meaning) or of_graph(
                self.graph, said.labels if said else ()
            )
        return self._meaning

    @property
    def task(self) -> str:
        """What the model is for, one of ``edge_runtime.meaning.TASKS``; "" if it does not say."""
        return self.metadata.task if self.metadata else ""

    def _labelled(self) -> Metadata:
        """Return the metadata, which has labels."""
        if self.meaning == "numbers":
            raise ModelError(
                f"{self._name}: its output is numbers and not the scores of classes: use "
                "predict(), which returns them"
            )
        if self.metadata is None or not self.metadata.labels:
            raise MetadataError(
                f"{self._name}: it carries no labels: convert it with `edgekit convert` and "
                "--data or --classes, which name them, or use predict(), which needs none"
            )
        return self.metadata

    def run(self, tensors: RawTensors) -> Any:
        """Run the model on one raw tensor for each of its inputs.

        Args:
            tensors: an ndarray of exactly the input's shape and element type, or of several such
                tensors along the first axis; or any other C-contiguous buffer of exactly one
                tensor, flat or in the input's shape, that holds plain bytes or elements of the
                input's type. For several inputs a dict of these by the names of ``inputs`` or of
                the tensors, or a tuple in their order.

        Returns:
            The output in the model's element type and shape (for several tensors along the first
            axis, likewise): a new ndarray for an ndarray, otherwise a memoryview. If there are
            several outputs, a tuple in the order of ``outputs`` for a tuple, otherwise a dict by
            name.

        Raises:
            InputError: wrong names, number, shape, element type or size, or NaN or infinity.
            BackendError: the backend failed, or the model is closed.
        """
        return self._runner.run(tensors)

    def reset(self) -> None:
        """Reset the state that some models keep from one run to the next."""
        self._runner.reset()

    @property
    def backend_note(self) -> str:
        """What the backend had to do differently to run the file; "" if nothing."""
        return str(getattr(self._session, "note", ""))

    def predict(self, batch: npt.ArrayLike | dict[str, npt.ArrayLike]) -> Any:
        """Return what the model says about a batch, or about one input without NumPy.

        Args:
            batch: [N, ...] of the model's input shape. uint8 is pixels, which the normalisation in
                the file's metadata brings onto the model's scale; floats are on it already. An axis
                of length 1 for the channel of grey images may be there or not. Of a model that
                hears also the path of a WAV file, or PCM, int16 [N, samples]. For several inputs a
                dict by the names of ``inputs``, or a tuple in their order, of numbers on their
                scales. Or one input: a list, tuple or buffer (bytes, ``array.array``, a memoryview)
                of one dimension with as many numbers as an input has, channels last.

        Returns:
            Of classes the scores, float32 [N, classes], as probabilities: logits go through
            softmax, and a single p or logit becomes the scores of two classes. Where the output
            is numbers (``meaning``), those, float32 [N, ...]. Of several outputs a dict by the
            names of ``outputs`` of their numbers, [N, ...] each: float32, or integers as they are
            where they have no scale. For one input flat tuples in place of the arrays, of the
            same values.

        Raises:
            InputError: wrong names, number, shape or element type, NaN or infinity, or floats that
                are plainly not on the model's scale.
            MetadataError: pixels, and the file has no normalisation.
            ModelError: inputs and outputs do not have the batch as their first dimension, or are
                integer without scale and zero point.
            BackendError: the backend failed.
            MissingPackageError: it is a batch, and NumPy is not installed.
        """
        return self._of_one_or_many("predict", batch)

    def score(self, batch: npt.ArrayLike) -> Any:
        """Return the mean squared difference of output and input.

        See :mod:`edge_runtime.anomaly`. An anomaly has one above ``metadata.threshold``.

        Args:
            batch: as for ``predict``.

        Returns:
            float64 [N]; for one input a float of the same bits, without NumPy.

        Raises:
            ModelError: the output has not as many elements as the input; and all that ``predict``
                raises.
        """
        from edge_runtime.anomaly import steps

        steps(self.input, self.output)
        return self._of_one_or_many("score", batch)

    def _of_one_or_many(self, call: str, batch: Any) -> Any:
        """Return what a function of ``single`` or ``batches`` returns."""
        self._require_batches()
        if len(self.inputs) == 1 and not isinstance(batch, dict) and not _is_array(batch):
            from edge_runtime import single

            content = single.encoded(self, batch)
            if content is not None:
                return getattr(single, call)(self, self._runner, content)
        require("numpy", f"{call}() of a batch")
        from edge_runtime import batches

        return getattr(batches, call)(self, self._runner, batch)

    def _numbers(self, batch: Any) -> npt.NDArray[np.float32]:
        """Return what the only output says about a batch before it becomes scores."""
        self._require_batches()
        from edge_runtime import batches

        return batches.numbers(self, self._runner, batch)

    def _require_batches(self) -> None:
        """Raise unless inputs and outputs begin with the same number of inputs."""
        inputs, outputs = (tuple(named.values()) for named in (self.inputs, self.outputs))
        heads = {tensor.shape[:1] for tensor in (*inputs, *outputs)}
        if len(heads) > 1 or () in heads:
            froms, tos = (", ".join(map(describe, tensors)) for tensors in (inputs, outputs))
            raise ModelError(
                f"{self._name}: it turns {froms} into {tos}, which do not begin with the same "
                "number of inputs: use run()"
            )

    def classify(
        self, image: Source | Sequence[float] | ReadableBuffer, *, invert: bool | None = None
    ) -> Prediction:
        """Classify an image, a sound where the model hears, or features where it takes those.

        NumPy is only needed for arrays.

        Args:
            image: path, PIL image or array of any size and mode;
                :func:`edge_runtime.image.prepare` describes how it becomes the model's input. Of a
                sound a WAV file, see :func:`edge_runtime.audio.read_wav`, or PCM, int16 [samples].
                Of features a list, tuple or buffer of one dimension, as for ``predict``.
            invert: whether to invert the image first; None lets ``prepare`` decide.

        Raises:
            InputError: the image or sound cannot be read, the image is blank, or the features are
                others.
            MetadataError: the file has no labels or no normalisation.
            ModelError: the input is not an image, or is no classifier.
            BackendError: the backend failed.
            MissingPackageError: Pillow is not installed, or NumPy where it is needed.
        """
        said = self.metadata
        if not (said and (said.audio or said.features)):
            require("PIL", "classify()")
        output, metadata = self.output, self._labelled()
        from edge_runtime import single
        from edge_runtime.meaning import MULTILABEL

        if self.task == MULTILABEL:
            raise ModelError(
                f"{self._name}: its labels do not exclude each other: use predict(), which returns "
                "the score of each"
            )
        self._require_batches()
        inverted = False
        if metadata.features:
            content = single.encoded(self, image)
        else:
            prepared = self.prepare(image, invert=invert)  # type: ignore[arg-type]
            content, inverted = single.encoded(self, prepared.content), prepared.inverted
        if content is None:
            raise InputError(
                f"expected features, a list or buffer of {prod(self.input.shape[1:])} numbers, got "
                f"{type(image).__name__}"
            )
        index, scores = single.classify(self, self._runner, content)
        if len(scores) != len(metadata.labels):
            raise ModelError(
                f"{self._name}: {describe(output)} is not one score for each class: use predict()"
            )
        return Prediction(
            label=metadata.labels[index],
            index=index,
            score=scores[index],
            scores=scores,
            inverted=inverted,
        )

    def prepare(self, image: Source, *, invert: bool | None = None) -> Prepared:
        """Convert an image of any size and mode, or sound, to the pixels that ``predict`` expects.

        Args:
            image: path, PIL image, array or PCM, as for ``classify``.
            invert: as for ``classify``.

        Returns:
            ``pixels`` uint8 in the input's shape without the batch, framed as the file says, and
            their bytes in ``content``, which need no NumPy.

        Raises:
            InputError: the image or sound cannot be read, or the image is blank.
            ModelError: the input is not an image.
            MissingPackageError: Pillow is not installed.
        """
        from edge_runtime.image import Prepared, prepare, size_of
        from edge_runtime.metadata import Metadata

        shape, said = self.input.shape[1:], self.metadata or Metadata()
        if said.audio:
            from edge_runtime.audio import hear_one

            return Prepared(hear_one(said.audio, image), shape, inverted=False)
        require("PIL", "prepare()")
        size = size_of(shape)
        if size is None:
            raise ModelError(
                f"{self._name}: its input {describe(self.input)} is not an image [1, height, "
                "width, 1 or 3]: use predict() or run()"
            )
        done = prepare(image, *size, said.framing, invert, said.ground)
        return Prepared(done.content, shape, done.inverted, done.dropped)


def _is_array(value: object) -> bool:
    """Return whether a value is an array of NumPy, which is not imported for it."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)
