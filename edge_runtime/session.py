"""A model opened for use: ``load``, and what one can do with what it returns."""

from __future__ import annotations

import os
import sys

# threading.Lock by its other name: importing threading takes 2 ms of a cold start.
from _thread import allocate_lock
from math import isfinite, isqrt

from edge_runtime import backends, reader
from edge_runtime.errors import BackendError, InputError, MetadataError, ModelError
from edge_runtime.graph import FORMATS
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from types import ModuleType
    from typing import Any

    import numpy as np
    import numpy.typing as npt
    from _typeshed import ReadableBuffer
    from PIL.Image import Image

    from edge_runtime.backends import Session
    from edge_runtime.graph import Graph, Tensor
    from edge_runtime.metadata import Metadata


@record
class Prediction:
    """What a model says about one image.

    Attributes:
        label: name of the class with the highest score.
        index: its position in ``scores``.
        score: its score, as the model gives it.
        scores: the score of each class.
        inverted: whether the image was inverted before the model saw it.
    """

    label: str
    index: int
    score: float
    scores: tuple[float, ...]
    inverted: bool


def load(path: str | os.PathLike[str], *, backend: str = "native", **options: object) -> Model:
    """Open a .tflite file.

    The file is mapped into memory, and its constants are used where they lie: replace a model that
    is in use by moving another file into its place, never by writing into it.

    Args:
        path: the file.
        backend: name of the engine that runs it; see ``edge_runtime.backends.backends()``.
        options: the backend's own: ``rounding`` for native and reference, ``num_threads`` for
            litert, ``device`` for edgetpu.

    Raises:
        ModelError: the file cannot be read, is no sound .tflite file, does not have one input and
            one output of fixed size, or holds what the backend cannot run.
        BackendError: there is no such backend or option, or it is not present on this machine.
    """
    module = backends.find(backend)
    known = module.open_session.__kwdefaults__ or {}
    if unknown := sorted(options.keys() - known.keys()):
        raise BackendError(
            f"the backend {backend} has no option {unknown[0]!r}: it takes "
            f"{', '.join(known) or 'none'}"
        )
    name = os.fspath(path)
    try:
        data = _content(name)
    except OSError as error:
        raise ModelError(f"{name}: {error.strerror or error}") from error
    # Later than the rest, so that `import edge_runtime` stays as short as it is.
    from edge_runtime.check import require_runnable

    try:
        graph = reader.read(data)
        require_runnable(graph)
        session = module.open_session(graph, data, **options)
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error
    return Model(name, data, graph, session)


def _content(name: str) -> bytes | mmap.mmap:
    """Map a file into memory; read what cannot be mapped: an empty file, or a pipe."""
    from mmap import ACCESS_READ, mmap

    with open(name, "rb") as file:  # noqa: PTH123 (pathlib takes 8 ms to import)
        try:
            return mmap(file.fileno(), 0, access=ACCESS_READ)
        except (OSError, ValueError):
            return file.read()


class Model:
    """A model that is ready to run, as :func:`load` returns it. Many threads may share it.

    Attributes:
        graph: all that the file holds.
        input: the input tensor: shape, element type, quantisation.
        output: the output tensor.
    """

    def __init__(self, name: str, data: bytes | mmap.mmap, graph: Graph, session: Session) -> None:
        self.graph = graph
        self.input: Tensor = graph.tensors[graph.inputs[0]]
        self.output: Tensor = graph.tensors[graph.outputs[0]]
        self._name = name
        self._data = data
        self._session = session
        self._lock = allocate_lock()
        # An engine may run an array that fits by itself, without the way through Python.
        if hasattr(session, "bind"):
            vars(self)["run"] = session.bind(self.run)

    @property
    def metadata(self) -> Metadata | None:
        """What the file says about its use, None when it says nothing.

        Raises:
            MetadataError: what it says is damaged.
        """
        # Read when first asked for, because run() does without.
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

    def _labelled(self) -> Metadata:
        """Return the metadata, which has labels."""
        if self.metadata is None or not self.metadata.labels:
            raise MetadataError(
                f"{self._name}: it carries no labels: convert it with `edgekit convert` and "
                "--data or --classes, which name them, or use predict(), which needs none"
            )
        return self.metadata

    def run(self, tensor: ReadableBuffer | npt.NDArray[Any]) -> Any:
        """Run the model on a raw tensor.

        Args:
            tensor: an ndarray of exactly the input's shape and element type, or of several such
                tensors along the first axis; or any other C-contiguous buffer of as many bytes as
                one takes, flat or in the input's shape, that holds plain bytes or elements of the
                input's type.

        Returns:
            The output in the model's own element type and shape (with several tensors, theirs
            along the first axis): a new ndarray for an ndarray, otherwise a memoryview.

        Raises:
            InputError: wrong shape, element type or size, or NaN or infinity.
            BackendError: the backend failed.
        """
        numpy = sys.modules.get("numpy")
        if numpy is None:
            return memoryview(self._run(self._view(tensor), None))
        if not isinstance(tensor, numpy.ndarray):
            return memoryview(self._run(numpy.asarray(self._view(tensor)), numpy))
        if tensor.dtype != self.input.dtype or not self._fits(tensor.shape):
            raise self._mismatch(f"{tensor.dtype} {list(tensor.shape)}")
        return numpy.asarray(self._run(numpy.ascontiguousarray(tensor), numpy))

    @property
    def backend_note(self) -> str:
        """What the backend had to do otherwise than usual to run the file; "" when nothing."""
        return str(getattr(self._session, "note", ""))

    def _fits(self, shape: tuple[int, ...]) -> bool:
        """Tell whether an array is of the input's shape, or several such along the first axis."""
        own = self.input.shape
        if shape == own:
            return True
        several = len(shape) == len(own) and shape[1:] == own[1:] and shape[0] > 0
        return several and shape[0] % own[0] == 0 and self.output.shape[0] == own[0]

    def _run(self, tensor: Any, numpy: ModuleType | None) -> Any:
        """Run one tensor, or an array of several, of the right shape and element type."""
        if self.input.dtype == "float32":
            # A product or a sum with NaN or infinity in it is not finite. That is five times as
            # fast as looking at each number, which remains for a product that overflows.
            if numpy is None:
                finite = isfinite(sum(tensor.cast("B").cast("f")))
            else:
                finite = isfinite(numpy.vdot(tensor, tensor)) or numpy.isfinite(tensor).all()
            if not finite:
                raise InputError("the tensor holds NaN or infinity")
        with self._lock:
            if tensor.shape == self.input.shape:
                return self._session.run(tensor)
            return self._session.run_batch(tensor)

    def _view(self, tensor: Any) -> memoryview[Any]:
        """Return a buffer as a view that has the input's shape and element type."""
        code, shape = FORMATS[self.input.dtype], self.input.shape
        try:
            view: Any = memoryview(tensor)
        except TypeError:
            raise self._mismatch(type(tensor).__name__) from None
        # C's long has a code of its own, "l", whichever of int and long long it is as long as;
        # ctypes says the byte order as well.
        given = view.format.lstrip("@=<").replace("l", "i" if view.itemsize == 4 else "q")
        if given in ("B", "c", code) and (view.ndim == 1 or view.shape == shape):
            content: Any = memoryview(view.tobytes())
            try:
                return content.cast(code, shape)  # type: ignore[no-any-return]
            except TypeError:  # another number of bytes
                pass
        raise self._mismatch(f"{view.nbytes} bytes of {view.format!r} {list(view.shape)}")

    def _mismatch(self, got: str) -> InputError:
        """Return the error that says what was expected."""
        return InputError(f"expected a tensor of {_describe(self.input)}, got {got}")

    def predict(self, batch: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Score a batch of images.

        Args:
            batch: images [N, ...] of the model's size. uint8 is pixels, which the normalisation in
                the file's metadata brings onto the model's scale; floats are on it already. The
                channel axis of grey images may be there or not.

        Returns:
            float32 scores [N, classes]; the p of a single sigmoid output becomes (1 - p, p).

        Raises:
            InputError: wrong shape or element type, NaN or infinity, or floats that are plainly
                not on the model's scale.
            MetadataError: pixels, and the file has no normalisation.
            ModelError: the model is no classifier, or is integer without scale and zero point.
            BackendError: the backend failed.
        """
        import numpy as np

        from edge_runtime.quantize import dequantize, encode

        if len(self.output.shape) != 2 or self.output.shape[0] != self.input.shape[0]:
            raise ModelError(
                f"{self._name}: it turns {_describe(self.input)} into {_describe(self.output)}, "
                "which is not the scores of a classifier: use run()"
            )
        own, outputs = self.output.shape
        tensor = encode(batch, self.input, self.metadata)
        images = len(tensor)
        if images == 0:
            return np.zeros((0, max(2, outputs)), np.float32)
        if missing := -images % own:
            tensor = np.concatenate([tensor, tensor[:1].repeat(missing, axis=0)])
        with self._lock:
            output = self._session.run_batch(tensor)
        scores = dequantize(output[:images], self.output)
        return np.hstack([1 - scores, scores]) if outputs == 1 else scores

    def classify(
        self,
        image: str | os.PathLike[str] | Image | npt.NDArray[Any],
        *,
        invert: bool | None = None,
    ) -> Prediction:
        """Say what an image shows.

        Args:
            image: path, PIL image or array of any size and mode; how it becomes the model's input
                is told at :func:`edge_runtime.image.prepare`.
            invert: whether to invert the image first; None leaves it to ``prepare``.

        Raises:
            InputError: the image cannot be read, or is blank.
            MetadataError: the file has no labels or no normalisation.
            ModelError: the model does not take images, or is no classifier.
            BackendError: the backend failed.
        """
        from edge_runtime.image import prepare

        metadata = self._labelled()
        height, width, channels = self._image_size()
        prepared = prepare(image, height, width, channels, metadata.framing, invert)
        scores = self.predict(prepared.pixels.reshape(1, *self.input.shape[1:]))[0]
        index = int(scores.argmax())
        return Prediction(
            label=metadata.labels[index],
            index=index,
            score=float(scores[index]),
            scores=tuple(scores.tolist()),
            inverted=prepared.inverted,
        )

    def _image_size(self) -> tuple[int, int, int]:
        """Return height, width and channels of the images that the model takes."""
        shape = self.input.shape[1:]
        if len(shape) == 1 and isqrt(shape[0]) ** 2 == shape[0]:
            return isqrt(shape[0]), isqrt(shape[0]), 1
        if len(shape) == 2:
            return (*shape, 1)
        if len(shape) == 3 and shape[2] in (1, 3):
            return shape
        raise ModelError(
            f"{self._name}: its input {_describe(self.input)} is not an image [1, height, width, "
            "1 or 3]: use predict() or run()"
        )


def _describe(tensor: Tensor) -> str:
    """Return element type and shape for a message."""
    return f"{tensor.dtype} {list(tensor.signature)}"
