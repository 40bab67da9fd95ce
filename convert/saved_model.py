"""A SavedModel: whether it is safe to load, and which of its signatures is the model."""

import re
from pathlib import Path
from typing import Any

from edgekit import frameworks
from edgekit.convert import graph_ops, weights
from edgekit.convert.opened import Opened, TensorSpec
from edgekit.errors import ModelFileError

DEFAULT = "serving_default"


def load(path: Path, *, trust: bool, verbose: bool) -> Opened:
    """Load the SavedModel in the folder at ``path``.

    Its signature ``serving_default`` is the model, or the only one that it has. Loading runs its
    initialisers, and converting runs the rest.

    Args:
        path: the folder.
        trust: run ops that read and write files or call code; otherwise such a model is refused.
        verbose: show TensorFlow's output.

    Raises:
        ModelFileError: it cannot be loaded, has such ops, or several signatures could be the model.
    """
    tf = frameworks.tensorflow(verbose=verbose)
    try:
        findings = graph_ops.in_saved_model(_proto(path))
        if findings and not trust:
            more = f" and {len(findings) - 1} more" if len(findings) > 1 else ""
            raise ModelFileError(
                f"{path}: has the op {findings[0]}{more}, which may reach files or code outside of "
                "the model, and is not run; export the model without it, or trust it: --trust"
            )
        with frameworks.native_stderr_silenced(unless=verbose):
            loaded = tf.saved_model.load(str(path))
    except ModelFileError:
        raise
    # TensorFlow may raise anything on a foreign or damaged folder.
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelFileError(f"{path}: cannot be loaded ({reason})") from error
    name = _signature(path, loaded)
    signature = loaded.signatures[name]
    # Both come from maps of the file, which have another order in each process.
    inputs, outputs = (
        {key: ports[key] for key in sorted(ports, key=_numbered)}
        for ports in (signature.structured_input_signature[1], signature.structured_outputs)
    )

    def call(*tensors: Any) -> tuple[Any, ...]:
        named = zip(inputs, map(tf.convert_to_tensor, tensors), strict=True)
        results = signature(**dict(named))
        return tuple(results[name] for name in outputs)

    return Opened(
        call=call,
        inputs=_ports(inputs),
        outputs=_ports(outputs),
        origin="SavedModel",
        weights=weights.of_variables(signature.variables),
        owner=loaded,
        note="" if name == DEFAULT else f"its only signature, {name!r}, is used as the model",
        trusted=tuple(f"--trust: runs the op {finding} of {path}" for finding in findings),
    )


def _proto(path: Path) -> Any:
    """Return what TensorFlow is going to load, without running any of it."""
    from tensorflow.python.saved_model.loader_impl import parse_saved_model

    return parse_saved_model(str(path))


def _numbered(name: str) -> list[tuple[int, str]]:
    """Return what sorts names with numbers in them by these: output_2 before output_10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _signature(path: Path, loaded: Any) -> str:
    signatures = list(loaded.signatures)
    if DEFAULT in signatures:
        return DEFAULT
    if len(signatures) == 1:
        return str(signatures[0])
    if signatures:
        raise ModelFileError(
            f"{path}: has no signature {DEFAULT!r}, but {', '.join(map(repr, signatures))}; save "
            "the one to convert alone: tf.saved_model.save(model, folder, signatures=...)"
        )
    raise ModelFileError(
        f"{path}: has no signature, so its input and output are open (a TensorFlow Hub module?); "
        "save it with one: tf.saved_model.save(model, folder, signatures=...), or export the Keras "
        "model with model.export(folder)"
    )


def _ports(specs: dict[str, Any]) -> tuple[TensorSpec, ...]:
    return tuple(
        # A shape of unknown rank has no tuple.
        TensorSpec(name, tuple(spec.shape) if spec.shape.rank is not None else (), spec.dtype.name)
        for name, spec in specs.items()
    )
