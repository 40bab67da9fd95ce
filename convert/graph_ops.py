"""Which ops of an untrusted graph may run: those that cannot reach anything outside of it.

An allow-list: TensorFlow has 1,900 ops and adds more with each release. About 900 of them are
arithmetic by their declaration (``_is_arithmetic``); ALLOWED names the rest that models have.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from edgekit import escape

ALLOWED = re.compile(
    "|".join(
        (
            # Arithmetic with a string argument that says how: an equation, an interpolation.
            "Einsum|DataFormatVecPermute|DataFormatDimMap|ScaleAndTranslate|CheckNumerics",
            "ImageProjectiveTransformV[23]|ExtractGlimpse(V2)?|RaggedTensorToTensor|PreventGradient",
            "(Tensor)?ScatterNd\\w*|TensorScatter\\w+|GatherNd|UniformQuantizedConvolution\\w*",
            # Calls, branches and loops; the functions that they call are checked as well.
            "(Stateful)?PartitionedCall|(Stateless)?(If|While|Case)|(Ref)?Enter|MapDefun",
            "TensorList\\w+|EmptyTensorList|TensorArray\\w+V3",
            # Variables, their training, and tables filled from constants.
            "VarHandleOp|VarIsInitializedOp|DestroyResourceOp|Variable(V2|Shape)?|GuaranteeConst",
            "DisableCopyOnRead",
            "ReadVariableOp|Assign(Add|Sub)?VariableOp|Resource(Sparse)?(Apply|Gather|Scatter)\\w*",
            "(Mutable)?HashTableV2|InitializeTableV2",
            "LookupTable(Find|Size|Import|Insert|Export|Remove)V2",
            # Random numbers.
            "Random(Uniform(Int)?|StandardNormal|Gamma|Shuffle|Poisson(V2)?)|TruncatedNormal",
            "ParameterizedTruncatedNormal|Multinomial|Stateful(Uniform|StandardNormal)\\w*",
            "RngReadAndSkip|RngSkip|StatelessRandomGetAlg",
            # Recurrent layers on a GPU, which Keras 2 keeps beside those for the CPU.
            "CudnnRNN\\w*",
            # Text, which stays in the graph, and the end with an error.
            "(Static)?Regex\\w+|String\\w+|Unicode\\w+|AsString|Substr|Assert",
        )
    )
)
SAVER = re.compile("SaveV2|RestoreV2|MergeV2Checkpoints|ShardedFilename")
"""Ops that save and restore variables: allowed where only the model's saver calls them."""


@dataclass(frozen=True)
class ForbiddenOp:
    """A node whose op is not allowed.

    Attributes:
        op: kind of the node.
        node: name of the node.
        function: function that contains the node; "" for the graph itself.
    """

    op: str
    node: str
    function: str

    def __str__(self) -> str:
        """Return it as part of a sentence: WriteFile (node 'write' of the function 'init')."""
        place = f" of the function {self.function!r}" if self.function else ""
        return f"{escape.line(self.op)} (node {self.node!r}{place})"


def in_graph(graph: Any) -> list[ForbiddenOp]:
    """Return what is not allowed in a GraphDef and in all its functions."""
    names = {function.signature.name for function in graph.library.function}
    return [*_checked(graph.node, "", names), *_in_functions(graph.library.function)]


def in_saved_model(saved_model: Any) -> list[ForbiddenOp]:
    """Return what is not allowed in a SavedModel proto: in all its graphs and all functions.

    Each counts, even if nothing visibly calls it. The exception is the saver's own ops where only
    the saver calls them, which edgekit does not run.
    """
    return [finding for meta in saved_model.meta_graphs for finding in _in_meta_graph(meta)]


def _in_meta_graph(meta: Any) -> Iterator[ForbiddenOp]:
    nodes = {node.name: node for node in meta.graph_def.node}
    functions = {function.signature.name: function for function in meta.graph_def.library.function}
    saver = meta.saver_def
    savers = _closure([saver.save_tensor_name, saver.restore_op_name], nodes, _inputs)
    roots = [name for name in nodes if name not in savers]
    for signature in meta.signature_def.values():
        roots += [tensor.name for tensor in signature.outputs.values()]
    for collection in meta.collection_def.values():
        roots += collection.node_list.value
    run = _closure(roots, nodes, _inputs)

    def called(function: Any) -> Iterator[str]:
        for node in getattr(function, "node_def", [function]):
            yield from _functions(node)

    of_savers = [name for node in savers for name in _functions(nodes[node])]
    only_saved = _closure(of_savers, functions, called)
    called_otherwise = [
        *(name for name in functions if name not in only_saved),
        *meta.object_graph_def.concrete_functions,
        *(name for node in run for name in _functions(nodes[node])),
        *(function.gradient_func for function in meta.graph_def.library.gradient),
        # By this name TensorFlow may replace one function with another.
        *(name for name, function in functions.items() if "api_implements" in function.attr),
    ]
    only_saved -= _closure(called_otherwise, functions, called)
    for node in meta.graph_def.node:
        yield from _checked([node], "", functions, saver=node.name not in run)
    yield from _in_functions(meta.graph_def.library.function, only_saved)


def _in_functions(
    functions: Iterable[Any], only_saved: Collection[str] = ()
) -> Iterator[ForbiddenOp]:
    names = {function.signature.name for function in functions}
    for function in functions:
        name = function.signature.name
        yield from _checked(function.node_def, name, names, saver=name in only_saved)


def _checked(
    nodes: Iterable[Any], function: str, functions: Collection[str], *, saver: bool = False
) -> Iterator[ForbiddenOp]:
    for node in nodes:
        # A function may be called by its name, as an op; then its own nodes are checked.
        if node.op in functions or (saver and SAVER.fullmatch(node.op)):
            continue
        if not ALLOWED.fullmatch(node.op) and not _is_arithmetic(node.op):
            yield ForbiddenOp(node.op, node.name, function)


@cache
def _is_arithmetic(op: str) -> bool:
    """Tell whether an op cannot reach outside the graph: it has no state and can name nothing.

    That is, it handles no string, resource or function, and its string attributes come from a fixed
    list. A file, a socket or a Python function would have to be named.
    """
    from tensorflow.core.framework import types_pb2
    from tensorflow.python.framework import op_def_registry

    definition = op_def_registry.get(op)
    if definition is None or definition.is_stateful:
        return False
    naming = (types_pb2.DT_STRING, types_pb2.DT_RESOURCE, types_pb2.DT_VARIANT)
    if any(argument.type in naming for argument in (*definition.input_arg, *definition.output_arg)):
        return False
    return not any(
        attribute.type in ("func", "list(func)")
        or (attribute.type.endswith(("string", "string)")) and not attribute.allowed_values.list.s)
        for attribute in definition.attr
    )


def _closure(
    names: Iterable[str], definitions: Mapping[str, Any], uses: Callable[[Any], Iterable[str]]
) -> set[str]:
    """Return the ``names`` and all that they use, among ``definitions``."""
    reached: set[str] = set()
    waiting = [name.split(":")[0].removeprefix("^") for name in names]
    while waiting:
        name = waiting.pop()
        if name in definitions and name not in reached:
            reached.add(name)
            waiting += uses(definitions[name])
    return reached


def _inputs(node: Any) -> Iterator[str]:
    for name in node.input:
        yield name.split(":")[0].removeprefix("^")


def _functions(node: Any) -> Iterator[str]:
    """Yield the functions that a node calls, or names in a string."""
    yield node.op
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)
        yield value.s.decode(errors="replace")
