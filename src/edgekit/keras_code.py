"""Parts of a Keras model's description that make Keras run code, import modules or read files.

Keras' own safe mode refuses Python lambdas. A file can also name functions and classes by module,
in any argument of any layer, and Keras 2 looks for them in every module. So all names are compared
with what belongs in a model: an allow-list, because every list of dangerous names has been too
short (CVE-2024-3660, CVE-2025-1550, -8747, -9905, -9906, -12058).
"""

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgekit import escape

CLASS_PLACES = (
    *("layers", "layers.experimental", "layers.experimental.preprocessing", "models"),
    *("initializers", "regularizers", "constraints", "losses", "metrics", "optimizers"),
    *("dtype_policies", "mixed_precision", "quantizers"),
)
FUNCTION_PLACES = (
    *("activations", "ops", "initializers", "regularizers", "constraints", "losses", "metrics"),
)
"""Modules of Keras whose public classes and functions a file may name."""

NOT_FUNCTIONS = ("deserialize", "get", "serialize")
INTERNAL = ("Functional",)
"""Classes of Keras that files name although they are not public."""

MODULE = re.compile(
    r"(tf_)?keras(\.src)?(\.(layers|models|initializers|regularizers|constraints|activations|losses"
    r"|metrics|optimizers|dtype_policies|mixed_precision|quantizers|ops|engine)(\.\w+)*)?"
)
OPERATIONS = re.compile(r"keras\.src\.ops\.\w+")
"""Modules of the classes that stand for keras.ops on the tensors of a Keras 3 model."""

PLAIN = (
    *("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"),
    *("__tuple__", "TensorShape"),
)
"""Names of values that are not objects."""

FOREIGN_CODE = ("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "DenseFeatures")
"""Layers of Keras that load another file, or another framework's code."""

TF_LAYERS = ("TFOpLambda", "SlicingOpLambda")
"""Keras 2's layers for TensorFlow's functions on the tensors of a model."""
TF_NAMESPACES = ("bitwise", "image", "linalg", "math", "nn", "quantization", "random", "signal")
TF_FUNCTIONS = frozenset(
    "abs acos acosh add add_n argmax argmin argsort asin asinh atan atan2 atanh batch_to_space "
    "boolean_mask broadcast_dynamic_shape broadcast_static_shape broadcast_to cast clip_by_norm "
    "clip_by_value complex concat constant convert_to_tensor cos cosh cumsum divide dtypes.cast "
    "dtypes.complex dtypes.saturate_cast edit_distance einsum ensure_shape equal exp expand_dims "
    "eye fill floor gather gather_nd greater greater_equal identity less less_equal linspace "
    "logical_and logical_not logical_or matmul maximum meshgrid minimum multiply negative norm "
    "not_equal one_hot ones ones_like pad pow range rank realdiv reduce_all reduce_any "
    "reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_sum repeat reshape "
    "reverse reverse_sequence roll round saturate_cast scatter_nd sequence_mask shape shape_n "
    "sigmoid sign sin sinh size slice sort space_to_batch space_to_batch_nd split sqrt square "
    "squeeze stack stop_gradient strided_slice subtract tan tanh tensor_scatter_nd_update "
    "tensordot tile transpose truediv unstack where zeros zeros_like".split()
)
"""TensorFlow functions that such a layer may call: functions of tensors, none of which accepts a
function or a file name."""


@dataclass(frozen=True)
class Risk:
    """Something dangerous that a file would make Keras do.

    Attributes:
        why: what it is and that it is refused, in a sentence.
        does: what ``--trust`` lets it do, after "--trust: ".
        custom: name of a class or function that the training code defined; "" otherwise.
    """

    why: str
    does: str
    custom: str = ""


def risks(architecture: Any, library: Any) -> list[Risk]:
    """Return what in a model's description would run code, without repeats, the outermost first.

    Args:
        architecture: the description, as parsed JSON.
        library: the Keras that will load it.
    """
    classes, functions = _public(library, CLASS_PLACES), _public(library, FUNCTION_PLACES)
    names = {*(name for name, value in classes.items() if inspect.isclass(value)), *INTERNAL}
    callables = {name for name in functions if name not in NOT_FUNCTIONS}
    candidates = (
        _risk(entry, owner, argument, names, callables, library)
        for entry, owner, argument in _entries(architecture)
    )
    return list(dict.fromkeys(risk for risk in candidates if risk))


def _public(library: Any, places: tuple[str, ...]) -> dict[str, Any]:
    public: dict[str, Any] = {}
    for place in places:
        module = library
        for part in place.split("."):
            module = getattr(module, part, None)
        members = vars(module or object).items()
        public |= {name: value for name, value in members if name[0] != "_"}
    return public


def _entries(node: Any) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Yield each description of an object, the layer that it belongs to, and its argument."""
    waiting = [(node, "", "")]
    while waiting:
        node, owner, argument = waiting.pop()
        if isinstance(node, dict):
            if "class_name" in node:
                yield node, owner, argument
                if node["class_name"] == "Lambda":
                    continue
                owner = name_of(node) or owner
            elif list(node) == ["value"] and node["value"]:
                # A lambda that Keras 2 stores as an argument: python_utils.func_dump.
                yield {"class_name": "__lambda__"}, owner, argument
            waiting += [(value, owner, str(name)) for name, value in reversed(node.items())]
        elif isinstance(node, list):
            waiting += [(item, owner, argument) for item in reversed(node)]


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Yield each description of an object: the model, its layers, and their arguments."""
    return (entry for entry, _, _ in _entries(node))


def name_of(entry: dict[str, Any]) -> str:
    """Return the name of a described layer; "" where an object has none."""
    config = entry.get("config")
    name = config.get("name") if isinstance(config, dict) else None
    return str(name or entry.get("name") or "")


def _risk(
    entry: dict[str, Any],
    owner: str,
    argument: str,
    classes: set[str],
    functions: set[str],
    library: Any,
) -> Risk | None:
    kind, module, config = entry["class_name"], entry.get("module"), entry.get("config")
    argument = _word(argument)
    layer = repr(name_of(entry) or owner or kind)
    if kind == "Lambda":
        return Risk(
            f"layer {layer} is a Lambda: Python code in the file, which is not run; replace it by "
            "layers of Keras (keras.ops on the tensors, Rescaling)",
            f"runs the Lambda layer {layer}",
        )
    if kind == "__lambda__":
        return Risk(
            f"the {argument} of layer {layer} is a lambda: Python code in the file, which is not "
            "run; use a function of Keras",
            f"runs the {argument} of layer {layer}",
        )
    if kind in FOREIGN_CODE:
        return Risk(
            f"layer {layer} is a {kind}, which loads another file's code, and is not loaded; "
            "replace it by layers of Keras",
            f"loads what the {kind} layer {layer} names",
        )
    if kind in TF_LAYERS:
        function = config.get("function") if isinstance(config, dict) else None
        if _is_tensor_function(function):
            return None
        return Risk(
            f"layer {layer} calls tf.{_word(function)}, which is not a function of tensors only, "
            "and is not called; replace it by layers of Keras",
            f"calls tf.{_word(function)} in layer {layer}",
        )
    if kind == "TensorFlowOpLayer":
        return Risk(
            f"layer {layer} is a TensorFlowOpLayer, of TensorFlow 2.3 and earlier: any op, which "
            "is not run; save it again with a newer TensorFlow",
            f"runs the op of layer {layer}",
        )
    if isinstance(kind, str) and kind in PLAIN:
        return None
    function = kind == "function"
    name = config if function else kind
    builtin = function and module == "builtins"
    known = isinstance(name, str) and name in (functions if function else classes)
    if known and _has_no_other_name(entry, name) and (builtin or _is_of_keras(module)):
        return None
    if not function and _is_operation(module, kind, library):
        return None
    return _unknown(entry, owner, argument, library)


def _is_of_keras(module: Any) -> bool:
    # Without a module, Keras looks among its own layers.
    return module is None or (isinstance(module, str) and bool(MODULE.fullmatch(module)))


def _has_no_other_name(entry: dict[str, Any], name: Any) -> bool:
    """Tell whether ``registered_name``, which Keras 2 also looks up, is the same name."""
    registered = entry.get("registered_name")
    return not registered or registered in (name, "function")


def _is_operation(module: Any, name: Any, library: Any) -> bool:
    if not isinstance(module, str) or not OPERATIONS.fullmatch(module):
        return False
    value = getattr(sys.modules.get(module), str(name), None)
    return inspect.isclass(value) and issubclass(value, library.Operation)


def _is_tensor_function(name: Any) -> bool:
    if not isinstance(name, str):
        return False
    name = name.removeprefix("compat.v1.")
    space, dot, rest = name.rpartition(".")
    operators = space == "__operators__" and rest.isidentifier()
    return name in TF_FUNCTIONS or operators or bool(dot and space in TF_NAMESPACES)


def _word(value: Any) -> str:
    """Return a name from the file as part of a line."""
    return escape.line(str(value)[:100])


def _unknown(entry: dict[str, Any], owner: str, argument: str, library: Any) -> Risk:
    module = entry.get("module")
    function = entry["class_name"] == "function"
    name = _word(entry.get("config") if function else entry["class_name"])
    thing = f"the function {name}" if function else f"the class {name}"
    place = f"the {argument} of layer {owner!r}" if owner and argument else "the model"
    if isinstance(module, str) and module.partition(".")[0] in ("keras", "tf_keras"):
        return Risk(
            f"{place} names {_word(module)}.{name}, which is not part of "
            f"models in Keras {library.__version__}, and is not loaded; use what is",
            f"loads {thing} of {_word(module)} in {place}",
        )
    of = f" of the module {_word(module)}" if module not in (None, "builtins") else ""
    return Risk(
        f"uses {thing}, not of Keras but of the code that trained it",
        f"imports {thing}{of}",
        custom=thing,
    )
