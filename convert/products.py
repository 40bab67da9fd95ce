"""NEG and SQUARE, which LiteRT runs on no 8 or 16 bits, as products, which it does.

Layer and group normalisation and attention have them. A number times -1 or itself is the same in
float32, bit for bit; where it overflows, LiteRT's MUL gives the largest number instead of infinity.
"""

import numpy as np

from edgekit.convert.object_tree import add_constant, add_operator, is_float, kind, pack, unpack


def as_products(model: bytes) -> bytes:
    """Return a float .tflite file with MUL in place of NEG and SQUARE; the same without any."""
    tree = unpack(model)
    ops = tree.subgraphs[0].operators
    found = {
        at: name
        for at, op in enumerate(ops)
        if (name := kind(tree, op)) in ("NEG", "SQUARE") and is_float(tree, op.inputs[0])
    }
    minus = add_constant(tree, np.float32(-1.0)) if "NEG" in found.values() else None
    for at, name in found.items():
        number = ops[at].inputs[0]
        factors = [number, minus if name == "NEG" else number]
        ops[at] = add_operator(tree, "MUL", factors, ops[at].outputs[0])
    return pack(tree) if found else model
