import mmap
import random
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as litert
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime import flatbuffer, schema
from edge_runtime.errors import ModelError
from edge_runtime.graph import Blockwise, Graph, Quantization
from edge_runtime.reader import MAX_RANK, read

pytestmark = pytest.mark.unsanitized

MODELS = ["float_model", "int8_model", "dynamic_model", "convolutional_model"]


def constants(enum: Any) -> Any:
    return {name: value for name, value in vars(enum).items() if not name.startswith("_")}


def tree_of(data: bytes) -> Any:
    return litert.ModelT.InitFromPackedBuf(data)


def pack(tree: Any) -> bytes:
    builder = flatbuffers.Builder(0)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def small() -> Any:
    """One FULLY_CONNECTED: float32[1, 3] times float32[2, 3]."""
    tensor = litert.TensorT
    return litert.ModelT(
        version=3,
        operatorCodes=[litert.OperatorCodeT(9, None, 1, 9)],
        buffers=[litert.BufferT(), litert.BufferT(data=np.zeros(24, np.uint8))],
        subgraphs=[
            litert.SubGraphT(
                tensors=[
                    tensor(shape=[1, 3], name="x"),
                    tensor(shape=[2, 3], name="w", buffer=1),
                    tensor(shape=[1, 2], name="y"),
                ],
                operators=[litert.OperatorT(inputs=[0, 1, -1], outputs=[2])],
                inputs=[0],
                outputs=[2],
            )
        ],
    )


def set_at(root: Any, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for step in parents:
        root = root[int(step)] if step.isdigit() else getattr(root, step)
    setattr(root, last, value)


def damaged(changes: dict[str, Any]) -> bytes:
    tree = small()
    for path, value in changes.items():
        set_at(tree, path, value)
    return pack(tree)


def refusal(data: bytes) -> str:
    """Return the message of the ModelError, empty when the file is read; other exceptions fail."""
    try:
        assert isinstance(read(data), Graph)
    except ModelError as error:
        return str(error)
    return ""


def accepts_or_refuses(data: bytes | memoryview) -> None:
    assert "\n" not in refusal(data)


def test_names_equal_those_of_the_schema() -> None:
    operators = constants(litert.BuiltinOperator)
    assert {name: code for code, name in enumerate(schema.BUILTIN_OPERATORS)} == operators
    assert operators["CUSTOM"] == schema.CUSTOM
    types = constants(litert.TensorType)
    assert {name.upper(): i for i, (name, _) in enumerate(schema.TENSOR_TYPES)} == types


def test_element_sizes_equal_those_of_numpy() -> None:
    for name, bits in schema.TENSOR_TYPES:
        if bits is not None and hasattr(np, name):
            assert np.dtype(name).itemsize * 8 == bits, name


@pytest.mark.parametrize("model", MODELS)
def test_agrees_with_litert(model: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(model)
    graph = read(path.read_bytes())
    interpreter = Interpreter(
        str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    details = interpreter.get_tensor_details()
    assert len(graph.tensors) == len(details)
    for tensor, detail in zip(graph.tensors, details, strict=True):
        quantization = tensor.quantization or Quantization((), ())
        expected = detail["quantization_parameters"]
        assert tensor.index == detail["index"]
        assert tensor.name == detail["name"]
        assert tensor.shape == tuple(detail["shape"])
        assert tensor.signature == tuple(detail["shape_signature"])
        assert tensor.dtype == np.dtype(detail["dtype"]).name
        assert quantization.scales == tuple(expected["scales"].tolist())
        assert quantization.zero_points == tuple(expected["zero_points"].tolist())
        assert quantization.axis == expected["quantized_dimension"]
    assert [(op.index, op.name, op.inputs, op.outputs) for op in graph.ops] == [
        (op["index"], op["op_name"], tuple(op["inputs"]), tuple(op["outputs"]))
        for op in interpreter._get_ops_details()
    ]
    assert graph.inputs == tuple(d["index"] for d in interpreter.get_input_details())
    assert graph.outputs == tuple(d["index"] for d in interpreter.get_output_details())


@pytest.mark.parametrize("model", MODELS)
def test_agrees_with_the_generated_reader(model: str, request: pytest.FixtureRequest) -> None:
    data = request.getfixturevalue(model).read_bytes()
    graph, tree = read(data), tree_of(data)

    def content(index: Any) -> Any:
        content = tree.buffers[index].data
        return None if content is None else bytes(content)

    assert graph.description == tree.description.decode()
    assert graph.subgraphs == len(tree.subgraphs)
    assert graph.size == len(data)
    assert {name: bytes(view) for name, view in graph.metadata.items()} == {
        entry.name.decode(): content(entry.buffer) for entry in tree.metadata
    }
    for tensor, expected in zip(graph.tensors, tree.subgraphs[0].tensors, strict=True):
        assert (tensor.data and bytes(tensor.data)) == content(expected.buffer)
    for op, expected in zip(graph.ops, tree.subgraphs[0].operators, strict=True):
        assert op.version == tree.operatorCodes[expected.opcodeIndex].version
        assert not op.custom


def test_the_models_cover_the_special_cases(
    float_model: Path, int8_model: Path, dynamic_model: Path
) -> None:
    def names(path: Path) -> list[str]:
        return [op.name for op in read(path.read_bytes()).ops]

    assert names(float_model)[-3:] == ["FULLY_CONNECTED", "FULLY_CONNECTED", "LOGISTIC"]
    assert {"SHAPE", "PACK"} <= set(names(dynamic_model))
    dynamic = read(dynamic_model.read_bytes())
    assert dynamic.tensors[dynamic.inputs[0]].signature == (-1, 28, 28, 1)
    assert dynamic.tensors[dynamic.inputs[0]].shape == (1, 28, 28, 1)
    assert any(t.quantization for t in read(int8_model.read_bytes()).tensors)


def test_constants_are_views_of_the_file(float_model: Path) -> None:
    data = float_model.read_bytes()
    views = [tensor.data for tensor in read(data).tensors if tensor.data is not None]
    assert views
    assert all(view.obj is data and view.readonly for view in views)


def test_reads_from_a_memory_map(float_model: Path) -> None:
    with float_model.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    assert read(data) == read(float_model.read_bytes()) == read(memoryview(data))


def test_a_zip_after_the_model_is_ignored(float_model: Path) -> None:
    data = float_model.read_bytes()
    assert read(data + b"PK\x03\x04 and so on").tensors == read(data).tensors


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"", "it is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "PNG"),
        (b"PK\x03\x04" + bytes(64), "edgekit convert"),
        (b"\x89HDF\r\n\x1a\n" + bytes(64), "edgekit convert"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 5\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\n  <HTML lang=en>", "web page"),
        (b"\x1f\x8b\x08" + bytes(64), "gunzip"),
        (b"\x08\x08\x12\x07pytorch", "ONNX"),
        (b"\x08\x01\x12\x93\x10\x12\x04", "SavedModel"),
        (b"\x80\x02}q\x00.", "pickle"),
        (b"PK\x03\x04" + bytes(26) + b"archive/data.pklFB", "PyTorch"),
        (b"\x93NUMPY\x01\0", "NumPy"),
        (b"GGUF\x03\0\0\0", "llama.cpp"),
        (b"unsigned char model_tflite[] = {\n  0x1c,", "C source"),
        (b'#include "model.h"\n', "C source"),
        (b'{"model": 1}', "JSON"),
        (b"hello, world", "TFL3"),
        (b"TFL3", "TFL3"),
        (b"\x1c\0\0", "TFL3"),
    ],
)
def test_a_foreign_file_is_named(content: bytes, hint: str) -> None:
    with pytest.raises(ModelError, match=f"^not a .tflite file: .*{hint}"):
        read(content)
    # Bytes 4 to 7 decide, whatever the other bytes look like.
    with pytest.raises(ModelError, match=r"^(?!not a .tflite)"):
        read((content[:4].ljust(4, b"\0") + b"TFL3" + content[8:]).ljust(64, b"\xff"))


def test_truncated_anywhere() -> None:
    data = pack(small())
    for length in range(len(data)):
        with pytest.raises(ModelError):
            read(data[:length])


@pytest.mark.parametrize("model", ["float_model", "int8_model"])
def test_a_real_model_truncated_anywhere(model: str, request: pytest.FixtureRequest) -> None:
    data = memoryview(request.getfixturevalue(model).read_bytes())
    for length in range(len(data)):
        accepts_or_refuses(data[:length])


@pytest.mark.parametrize("model", ["float_model", "int8_model"])
@pytest.mark.parametrize("code", ["B", "H", "I", "Q"])
def test_overwritten_words(model: Any, code: Any, request: pytest.FixtureRequest) -> None:
    original = request.getfixturevalue(model).read_bytes()
    rng = random.Random(f"{model} {code}")
    size = struct.calcsize(code)
    limit = 256**size
    # Constants are most of the file and cannot be wrong: choose bytes of the structure.
    places = structure(original)
    for _ in range(1500):
        data = bytearray(original)
        for _ in range(rng.choice((1, 1, 2, 8))):
            value = rng.choice((0, 1, len(data), limit // 2, limit - 1, rng.randrange(limit)))
            place = min(rng.choice(places), len(data) - size)
            struct.pack_into(f"<{code}", data, place, value % limit)
        accepts_or_refuses(bytes(data))


def test_flipped_bits(int8_model: Path) -> None:
    original = int8_model.read_bytes()
    places = structure(original)
    rng = random.Random(7)
    for _ in range(4000):
        data = bytearray(original)
        data[rng.choice(places)] ^= 1 << rng.randrange(8)
        accepts_or_refuses(bytes(data))


def structure(data: bytes) -> Any:
    """Return the offsets of the file's bytes outside constants."""
    structural = bytearray(b"\1" * len(data))
    for tensor in read(data).tensors:
        if tensor.data is not None:
            start = data.find(bytes(tensor.data))
            structural[start : start + len(tensor.data)] = bytes(len(tensor.data))
    return [place for place, is_structural in enumerate(structural) if is_structural]


SMALL = pack(small())


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.binary(max_size=8)), max_size=8),
    st.integers(0, len(SMALL)),
)
def test_any_edit(edits: Any, length: int) -> None:
    data = bytearray(SMALL)
    for place, content in edits:
        data[place : place + len(content)] = content
    accepts_or_refuses(bytes(data))
    accepts_or_refuses(bytes(data[:length]))


@settings(max_examples=400, deadline=None)
@given(st.binary(min_size=4, max_size=4), st.binary(max_size=400))
def test_any_bytes_after_the_identifier(root: Any, rest: Any) -> None:
    accepts_or_refuses(root + b"TFL3" + rest)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "schema version 2"),
        ({"subgraphs": []}, "no subgraph"),
        ({"operatorCodes": []}, "op 0: there is no op code 0"),
        ({"operatorCodes.0.builtinCode": 4711}, "op code 0: builtin operator 4711"),
        ({"operatorCodes.0.builtinCode": 32}, "op code 0: a custom op without a name"),
        ({"subgraphs.0.tensors.1.buffer": 2}, "tensor 1: there is no buffer 2"),
        ({"subgraphs.0.tensors.1.type": 77}, "tensor 1: element type 77"),
        ({"subgraphs.0.tensors.1.type": -1}, "tensor 1: element type -1"),
        ({"subgraphs.0.tensors.1.shape": [2, 4]}, r"tensor 1: float32\[2, 4\] takes 32 bytes"),
        ({"subgraphs.0.tensors.0.shape": [1, -3]}, "tensor 0: .* negative"),
        ({"subgraphs.0.tensors.0.shape": [1] * (MAX_RANK + 1)}, "tensor 0: 65 dimensions"),
        ({"subgraphs.0.tensors.0.shape": [2**31 - 1] * 3}, "tensor 0: .* too large"),
        ({"subgraphs.0.tensors.0.shapeSignature": [-1]}, "tensor 0: shape signature"),
        ({"subgraphs.0.tensors.0.shapeSignature": [-2, 3]}, "tensor 0: shape signature"),
        ({"subgraphs.0.tensors.0.externalBuffer": 1}, "tensor 0: .* another file"),
        ({"subgraphs.0.inputs": [3]}, "subgraph 0: its input is tensor 3"),
        ({"subgraphs.0.inputs": [-1]}, "subgraph 0: its input is tensor -1"),
        ({"subgraphs.0.outputs": [2**31 - 1]}, "subgraph 0: its output is tensor 2147483647"),
        ({"subgraphs.0.operators.0.inputs": [0, 5]}, "op 0: its input is tensor 5"),
        ({"subgraphs.0.operators.0.inputs": [-2]}, "op 0: its input is tensor -2"),
        ({"subgraphs.0.operators.0.outputs": [-1]}, "op 0: its output is tensor -1"),
        ({"subgraphs.0.operators.0.opcodeIndex": 1}, "op 0: there is no op code 1"),
        ({"metadata": [litert.MetadataT("notes", 9)]}, "metadata entry 0: there is no buffer 9"),
        ({"buffers.1.offset": 64, "buffers.1.size": 10**18}, "buffer 1: .* outside the file"),
    ],
)
def test_a_contradiction_is_named(changes: dict[str, Any], message: str) -> None:
    assert read(SMALL).ops[0].inputs == (0, 1, -1)
    with pytest.raises(ModelError, match=message):
        read(damaged(changes))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scale": [0.5], "zeroPoint": []}, "1 scales, 0 zero points"),
        ({"scale": [0.5, 0.5], "zeroPoint": [0]}, "2 scales, 1 zero points"),
        ({"scale": [0.5] * 3, "zeroPoint": [0] * 3}, "3 scales along axis 0"),
        ({"scale": [0.5], "zeroPoint": [0], "quantizedDimension": 2}, "axis 2 is not one of 2"),
        ({"scale": [0.5], "zeroPoint": [0], "quantizedDimension": -1}, "axis -1"),
        ({"scale": [float("nan")], "zeroPoint": [0]}, "not a positive number"),
        ({"scale": [float("inf")], "zeroPoint": [0]}, "not a positive number"),
        ({"scale": [0.0], "zeroPoint": [0]}, "not a positive number"),
        ({"scale": [0.5], "zeroPoint": [128]}, "outside int8"),
    ],
)
def test_a_contradictory_quantization_is_named(fields: Any, message: str) -> None:
    def with_quantization(**fields: Any) -> Any:
        return damaged(
            {
                "subgraphs.0.tensors.1.type": litert.TensorType.INT8,
                "subgraphs.0.tensors.1.buffer": 0,
                "subgraphs.0.tensors.1.quantization": litert.QuantizationParametersT(**fields),
            }
        )

    good = read(with_quantization(scale=[0.5, 0.25], zeroPoint=[-128, 127]))
    assert good.tensors[1].quantization == Quantization((0.5, 0.25), (-128, 127), axis=0)
    with pytest.raises(ModelError, match=f"tensor 1: quantization: .*{message}"):
        read(with_quantization(**fields))


@pytest.mark.parametrize(
    ("code", "dtype", "size"),
    [
        (17, "int4", 3),
        (19, "int2", 2),
        (3, "uint8", 6),
        (6, "bool", 6),
        (9, "int8", 6),
        (7, "int16", 12),
        (1, "float16", 12),
        (4, "int64", 48),
    ],
)
def test_element_types(code: Any, dtype: str, size: int) -> None:
    changes = {"subgraphs.0.tensors.1.type": code}
    tensor = read(damaged({**changes, "buffers.1.data": np.ones(size, np.uint8)})).tensors[1]
    assert tensor.dtype == dtype
    assert len(tensor.data) == size
    with pytest.raises(ModelError, match="tensor 1"):
        read(damaged({**changes, "buffers.1.data": np.ones(size + 1, np.uint8)}))


@pytest.mark.parametrize("code", [5, 13, 14])
def test_types_without_a_fixed_size(code: Any) -> None:
    tree = damaged({"subgraphs.0.tensors.1.type": code, "buffers.1.data": np.ones(5, np.uint8)})
    assert read(tree).tensors[1].dtype in ("string", "resource", "variant")


def test_a_sparse_constant_is_marked() -> None:
    sparse = damaged(
        {
            "subgraphs.0.tensors.1.sparsity": litert.SparsityParametersT(),
            "buffers.1.data": np.ones(4, np.uint8),
        }
    )
    assert [tensor.sparse for tensor in read(sparse).tensors] == [False, True, False]


def test_an_offset_of_one_is_not_used() -> None:
    changes = {"buffers.1.offset": 1, "buffers.1.size": 1}
    assert read(damaged(changes)).tensors == read(SMALL).tensors
    assert bytes(read(damaged(changes)).tensors[1].data) == bytes(24)


def test_content_after_the_flatbuffer() -> None:
    content = bytes(range(24))
    start = len(SMALL) + 256
    changes = {"buffers.1.data": None, "buffers.1.offset": start, "buffers.1.size": 24}
    data = damaged(changes).ljust(start) + content
    assert bytes(read(data).tensors[1].data) == content
    with pytest.raises(ModelError, match="truncated"):
        read(data[:-1])


@pytest.mark.parametrize(("deprecated", "builtin"), [(9, 9), (9, 0), (127, 206), (0, 9)])
def test_old_and_new_op_codes(deprecated: Any, builtin: Any) -> None:
    changes = {
        "operatorCodes.0.deprecatedBuiltinCode": deprecated,
        "operatorCodes.0.builtinCode": builtin,
    }
    name = read(damaged(changes)).ops[0].name
    assert name == schema.BUILTIN_OPERATORS[builtin or deprecated]


def test_a_custom_op() -> None:
    op = read(damaged({"operatorCodes": [litert.OperatorCodeT(32, "edgetpu-custom-op", 1, 32)]}))
    assert (op.ops[0].name, op.ops[0].custom) == ("edgetpu-custom-op", True)


def test_several_subgraphs_are_counted() -> None:
    first = small().subgraphs[0]
    graph = read(damaged({"subgraphs": [first, litert.SubGraphT(name="body")]}))
    assert graph.subgraphs == 2
    assert len(graph.tensors) == 3


def test_the_model_has_the_other_subgraphs() -> None:
    tree = small()
    body = small().subgraphs[0]
    tree.subgraphs = [*tree.subgraphs, body]
    model = read(pack(tree))
    (other,) = model.others
    assert model.subgraphs == 2
    assert [op.name for op in other.ops] == ["FULLY_CONNECTED"]
    # A shared buffer is one view.
    assert model.tensors[1].data is other.tensors[1].data
    body.operators[0].inputs = [99]
    with pytest.raises(ModelError, match="its input is tensor 99"):
        read(pack(tree))


def test_blocks_and_states_are_marked() -> None:
    details = litert.BlockwiseQuantizationT()
    details.scales, details.zeroPoints, details.blockSize = 7, -1, 32
    blocks = litert.QuantizationParametersT(detailsType=2, details=details)
    changes = {"subgraphs.0.tensors.1.quantization": blocks}
    weights = read(damaged(changes)).tensors[1]
    assert weights.blockwise == Blockwise(scales=7, zero_points=-1, block=32)
    assert weights.quantization is None
    assert not weights.variable
    assert read(damaged({"subgraphs.0.tensors.1.isVariable": True})).tensors[1].variable
    assert read(damaged({})).tensors[1].blockwise is None


def shared_vectors(tensors: int, scales: int) -> bytes:
    """Return a model whose tensors all share one quantisation."""
    builder = flatbuffers.Builder(0)
    one = builder.CreateNumpyVector(np.full(scales, 0.5, np.float32))
    zero = builder.CreateNumpyVector(np.zeros(scales, np.int64))
    litert.QuantizationParametersStart(builder)
    litert.QuantizationParametersAddScale(builder, one)
    litert.QuantizationParametersAddZeroPoint(builder, zero)
    quantization = litert.QuantizationParametersEnd(builder)
    shape = builder.CreateNumpyVector(np.array([scales], np.int32))
    litert.TensorStart(builder)
    litert.TensorAddShape(builder, shape)
    litert.TensorAddQuantization(builder, quantization)
    tensor = litert.TensorEnd(builder)
    builder.StartVector(4, tensors, 4)
    for _ in range(tensors):
        builder.PrependUOffsetTRelative(tensor)
    vector = builder.EndVector()
    litert.SubGraphStart(builder)
    litert.SubGraphAddTensors(builder, vector)
    subgraph = litert.SubGraphEnd(builder)
    buffer = litert.BufferT().Pack(builder)
    vectors = []
    for only in (subgraph, buffer):
        builder.StartVector(4, 1, 4)
        builder.PrependUOffsetTRelative(only)
        vectors.append(builder.EndVector())
    litert.ModelStart(builder)
    litert.ModelAddVersion(builder, 3)
    litert.ModelAddSubgraphs(builder, vectors[0])
    litert.ModelAddBuffers(builder, vectors[1])
    builder.Finish(litert.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def peak_memory(data: bytes) -> tuple[int, str]:
    tracemalloc.start()
    message = refusal(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, message


def test_shared_content_cannot_multiply() -> None:
    assert len(read(shared_vectors(tensors=2, scales=20)).tensors) == 2
    data = shared_vectors(tensors=3_000, scales=2_000)
    peak, message = peak_memory(data)
    assert "too often" in message
    assert peak < 16 * len(data)


def test_many_small_tensors_need_little_memory() -> None:
    data = shared_vectors(tensors=30_000, scales=0)
    peak, _ = peak_memory(data)
    assert peak < 16 * len(data)


@pytest.mark.parametrize("length", [2**20, 2**28, 2**31 - 1, 2**32 - 1])
@pytest.mark.slow
def test_a_giant_vector_is_refused_before_it_is_read(length: int, int8_model: Path) -> None:
    data = int8_model.read_bytes()
    refused = 0
    for place in structure(data)[::4]:
        if place + 4 > len(data):
            continue
        broken = bytearray(data)
        struct.pack_into("<I", broken, place, length)
        peak, message = peak_memory(bytes(broken))
        refused += bool(message)
        assert peak < 16 * len(data)
    assert refused > 100


def test_offsets_that_point_at_themselves() -> None:
    for place in range(0, len(SMALL) - 3, 4):
        for distance in (0, 2**32 - 1, 2**31):
            data = bytearray(SMALL)
            struct.pack_into("<I", data, place, distance)
            accepts_or_refuses(bytes(data))


def test_a_truncated_metadata_entry() -> None:
    """Only the length of its vector determines the length of a metadata entry."""
    tree = small()
    tree.buffers.append(litert.BufferT(data=np.full(100, 77, np.uint8)))
    tree.metadata = [litert.MetadataT("notes", 2)]
    data = bytearray(pack(tree))
    assert bytes(read(data).metadata["notes"]) == b"M" * 100
    struct.pack_into("<I", data, data.index(b"M" * 100) - 4, len(data))
    with pytest.raises(ModelError, match=r"buffer 2: .* outside the file"):
        read(data)


def test_a_tensor_in_empty_space() -> None:
    """Zeros are not a table, although a table of only defaults would read the same."""
    data = bytearray(SMALL) + bytes(64)
    subgraph = litert.Model.GetRootAs(data).Subgraphs(0)._tab
    slot = subgraph.Vector(subgraph.Offset(4)) + 4 * 2
    struct.pack_into("<I", data, slot, len(SMALL) + 32 - slot)
    with pytest.raises(ModelError, match=r"tensor 2: the vtable .* is damaged"):
        read(data)


def test_a_field_outside_its_table() -> None:
    data = bytearray(SMALL)
    root = litert.Model.GetRootAs(data)._tab
    (back,) = struct.unpack_from("<i", data, root.Pos)
    struct.pack_into("<H", data, root.Pos - back + 4, 1000)
    with pytest.raises(ModelError, match="model: field 0 lies outside its table"):
        read(data)


def test_all_fields_of_the_schema_are_looked_up() -> None:
    tables = [one for one in vars(schema).values() if isinstance(one, type)]
    fields = {number for one in tables for number in vars(one).values() if isinstance(number, int)}
    fields |= {len(known) - 1 for _, known in schema.OPTIONS.values()}
    assert 5 < max(fields) < flatbuffer.MOST_FIELDS


def test_a_root_that_is_also_its_vtable() -> None:
    for back in range(-16, 17):
        accepts_or_refuses(struct.pack("<I4si", 8, b"TFL3", back) + bytes(32))
