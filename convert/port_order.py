"""The order of inputs and outputs in a .tflite file."""

from collections.abc import Sequence

from edgekit.convert.object_tree import pack, unpack


def ordered(model: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Return ``model`` with inputs and outputs in the order of these names of its signature.

    TensorFlow's converter has an order of its own; tuples in Python and arguments in C have the
    file's.
    """
    tree = unpack(model)
    (signature,) = tree.signatureDefs
    main = tree.subgraphs[signature.subgraphIndex]
    main.inputs, main.outputs = (
        [next(one.tensorIndex for one in ports if one.name.decode() == name) for name in names]
        for ports, names in ((signature.inputs, inputs), (signature.outputs, outputs))
    )
    return pack(tree)
