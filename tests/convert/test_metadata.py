import io
import json
import random
import struct
import tracemalloc
import zipfile

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as litert
from ai_edge_litert.interpreter import Interpreter
from flatbuffers.table import Table

from edge_runtime.errors import MetadataError, ModelError
from edge_runtime.front_end import Audio
from edge_runtime.metadata import LABEL_FILE_LIMIT, MAX_BRACKETS, Metadata, read_metadata
from edge_runtime.reader import read
from edgekit.convert.metadata import attach
from edgekit.errors import ModelFileError

METADATA = Metadata(
    labels=("zero", "ünø 1"),
    mean=(0.0,),
    std=(255.0,),
    framing="digit",
    provenance={"dataset": {"name": "MNIST", "sha256": "731c"}, "seed": 123, "layers": [14, 2]},
)
EARS = Audio(samples=720, window=64, hop=59, fft=256, bands=4)
"""A front end of 12 frames of 4 bands."""
OURS = (b"TFLITE_METADATA", b"EDGEKIT_METADATA")


def tree_of(data):
    return litert.ModelT.InitFromPackedBuf(data)


def pack(tree):
    builder = flatbuffers.Builder(0)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def model_with(entries=None, shape=(1, 4, 4, 3), scores=2, tail=b""):
    """A model of one input and one output, with metadata entries by name, and a tail."""
    tensor = litert.TensorT
    subgraph = litert.SubGraphT(
        tensors=[tensor(shape=list(shape), name="x"), tensor(shape=[1, scores], name="y")],
        operators=[],
        inputs=[0],
        outputs=[1],
    )
    tree = litert.ModelT(version=3, operatorCodes=[], buffers=[litert.BufferT()], metadata=[])
    tree.subgraphs = [subgraph]
    for name, content in (entries or {}).items():
        tree.buffers.append(litert.BufferT(data=np.frombuffer(content, np.uint8)))
        tree.metadata.append(litert.MetadataT(name, len(tree.buffers) - 1))
    return pack(tree) + tail


def entry(data, name):
    return bytes(read(data).metadata[name])


def plain(thing):
    """Whatever the object API holds as plain Python, to compare."""
    if isinstance(thing, np.ndarray):
        return thing.tolist()
    if isinstance(thing, list):
        return [plain(item) for item in thing]
    if hasattr(thing, "__dict__"):
        return {name: plain(value) for name, value in vars(thing).items()}
    return thing


def without_ours(data):
    tree = plain(tree_of(data))
    ours = [entry["buffer"] for entry in tree["metadata"] if entry["name"] in OURS]
    tree["metadata"] = [entry for entry in tree["metadata"] if entry["name"] not in OURS]
    tree["buffers"] = [b for index, b in enumerate(tree["buffers"]) if index not in ours]
    return tree


def metadata_of(data):
    return read_metadata(read(data), data)


@pytest.fixture(params=["model.tflite", "model_int8.tflite"])
def model(artifacts, request):
    return (artifacts / request.param).read_bytes()


def test_round_trip(model):
    assert metadata_of(attach(model, METADATA)) == METADATA


@pytest.mark.parametrize(
    "metadata",
    [
        Metadata(),
        Metadata(labels=("a", "b")),
        Metadata(mean=(127.5,), std=(127.5,), provenance={"note": None}),
        Metadata(mean=(1.0, 2.0, 3.0), std=(64.0,), framing="digit"),
        Metadata(labels=(" a, b ", "–"), mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0)),
        Metadata(mean=(0.0,), std=(255.0,), audio=EARS),
    ],
)
def test_round_trip_of_parts(metadata):
    assert metadata_of(attach(model_with(), metadata)) == metadata


def test_audio_that_does_not_fit_is_not_written():
    message = r"its audio gives 49 x 40 numbers, input 0 is \[1, 4, 4, 3\]"
    with pytest.raises(MetadataError, match=message):
        attach(model_with(), Metadata(audio=Audio()))


def test_the_model_answers_as_before(model):
    def answers(content):
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
        (given,), (wanted,) = interpreter.get_input_details(), interpreter.get_output_details()
        rng = np.random.default_rng(3)
        for _ in range(20):
            image = rng.random(given["shape"]) * 127
            interpreter.set_tensor(given["index"], image.astype(given["dtype"]))
            interpreter.invoke()
            yield interpreter.get_tensor(wanted["index"]).tobytes()

    assert list(answers(model)) == list(answers(attach(model, METADATA)))


def test_all_else_stays(model):
    attached = attach(model, METADATA)
    assert without_ours(attached) == without_ours(model)
    names = [entry.name for entry in tree_of(attached).metadata]
    assert {b"min_runtime_version", b"CONVERSION_METADATA", *OURS} == set(names)
    assert tree_of(attached).signatureDefs


@pytest.mark.parametrize("labels", [("a", "b"), ("a" * 37, "b" * 5)])
def test_every_buffer_is_aligned(model, labels):
    attached = attach(model, Metadata(labels=labels, provenance={"n": labels[0]}))
    view = read(attached)
    constants = [tensor.data for tensor in view.tensors if tensor.data is not None]
    contents = [*constants, *view.metadata.values()]
    assert len(contents) >= 8
    start = np.frombuffer(attached, np.uint8).ctypes.data
    for content in contents:
        assert (np.frombuffer(content, np.uint8).ctypes.data - start) % 16 == 0


def test_the_label_file_is_in_a_plain_zip(model):
    attached = attach(model, METADATA)
    with zipfile.ZipFile(io.BytesIO(attached)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["labels.txt"]
        assert archive.read("labels.txt").decode() == "zero\nünø 1\n"
        # Offsets count from the start of the file, as `unzip` and Android expect.
        (info,) = archive.infolist()
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert info.create_system == 3
        assert attached[info.header_offset :].startswith(b"PK\x03\x04")
        assert struct.unpack_from("<I", attached, len(attached) - 6)[0] == archive.start_dir


def test_the_same_bytes_every_time(model):
    once = attach(model, METADATA)
    assert attach(model, METADATA) == once
    assert attach(once, METADATA) == once


def test_new_metadata_replaces_old(model):
    other = Metadata(labels=("left", "right"), mean=(1.0,), std=(2.0,))
    assert attach(attach(model, METADATA), other) == attach(model, other)
    assert metadata_of(attach(attach(model, METADATA), Metadata())) == Metadata()
    assert b"labels.txt" not in attach(attach(model, METADATA), Metadata())


def field(table, number):
    """Offset of a field by its id in the schema, 0 when absent."""
    return table.Offset(4 + 2 * number)


def text(table, number):
    return table.String(field(table, number) + table.Pos).decode()


def subtable(table, number):
    return Table(table.Bytes, table.Indirect(field(table, number) + table.Pos))


def tables(table, number):
    offset = field(table, number)
    start = table.Vector(offset)
    return [
        Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(table.VectorLen(offset))
    ]


def floats(table, number):
    offset = field(table, number)
    return list(
        struct.unpack_from(f"<{table.VectorLen(offset)}f", table.Bytes, table.Vector(offset))
    )


def byte(table, number):
    return table.Bytes[field(table, number) + table.Pos]


@pytest.mark.parametrize(
    ("shape", "colors"), [((1, 28, 28, 1), 2), ((1, 28, 28), 2), ((1, 9, 9, 3), 1)]
)
def test_the_layout_is_the_standards(shape, colors):
    """Decoded with Google's flatbuffers package, by the field ids of metadata_schema.fbs."""
    content = entry(attach(model_with(shape=shape), METADATA), "TFLITE_METADATA")
    assert content[4:8] == b"M001"
    root = Table(bytearray(content), struct.unpack_from("<I", content)[0])
    assert [text(root, number) for number in (0, 1)] == [
        "edgekit classifier",
        "Turns an image into one score for each class.",
    ]
    assert text(root, 2).startswith("edgekit ")
    assert text(root, 7) == "1.0.0"
    (subgraph,) = tables(root, 3)
    (image,), (scores,) = tables(subgraph, 2), tables(subgraph, 3)

    assert (text(image, 0), text(image, 1)) == ("image", "The image.")
    assert byte(subtable(image, 3), 0) == 2  # Content is ImageProperties
    assert byte(subtable(subtable(image, 3), 1), 0) == colors
    (unit,) = tables(image, 4)
    assert byte(unit, 0) == 1  # ProcessUnitOptions is NormalizationOptions
    assert floats(subtable(unit, 1), 0) == [0.0]
    assert floats(subtable(unit, 1), 1) == [255.0]
    assert floats(subtable(image, 5), 0) == [1.0]  # Stats.max
    assert floats(subtable(image, 5), 1) == [0.0]  # Stats.min

    assert (text(scores, 0), text(scores, 1)) == ("scores", "One score for each class.")
    assert byte(subtable(scores, 3), 0) == 1  # Content is FeatureProperties
    (labels,) = tables(scores, 6)
    assert text(labels, 0) == "labels.txt"
    assert byte(labels, 2) == 2  # TENSOR_AXIS_LABELS


def test_the_range_of_every_channel_is_told():
    metadata = Metadata(mean=(0.0, 127.5, 255.0), std=(51.0,))
    content = entry(attach(model_with(), metadata), "TFLITE_METADATA")
    root = Table(bytearray(content), struct.unpack_from("<I", content)[0])
    stats = subtable(tables(tables(root, 3)[0], 2)[0], 5)
    assert floats(stats, 0) == [5.0, 2.5, 0.0]
    assert floats(stats, 1) == [0.0, -2.5, -5.0]


def test_every_input_and_output_has_a_table():
    tree = tree_of(model_with())
    tree.subgraphs[0].inputs = [0, 0, 0]
    tree.subgraphs[0].outputs = [1, 1]
    content = entry(attach(pack(tree), METADATA), "TFLITE_METADATA")
    root = Table(bytearray(content), struct.unpack_from("<I", content)[0])
    (subgraph,) = tables(root, 3)
    assert [len(tables(subgraph, 2)), len(tables(subgraph, 3))] == [3, 2]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (Metadata(labels=("one",)), "1 labels, output 0 has 2 scores"),
        (Metadata(labels=("a", "")), "none empty"),
        (Metadata(labels=("a", "b\nc")), "one label a line"),
        (Metadata(labels=("a", "b\rc")), "one label a line"),
        (Metadata(mean=(0.0,), std=(0.0,)), "no usable number"),
        (Metadata(mean=(float("nan"),), std=(1.0,)), "no usable number"),
        (Metadata(mean=(0.0,), std=(1e300,)), "no usable number"),
        (Metadata(mean=(1e39,), std=(1.0,)), "no usable number"),
        (Metadata(mean=(0.0, 1.0), std=(1.0, 1e-44)), "a pixel becomes a number that float32"),
        (Metadata(mean=(1e30,), std=(1.0, 1e-20)), "a pixel becomes a number that float32"),
        (Metadata(mean=(0.0,)), "1 means and 0 deviations"),
        (Metadata(std=(1.0,)), "0 means and 1 deviations"),
        (Metadata(mean=(0.0, 1.0), std=(1.0,) * 3), "2 means and 3 deviations"),
        (Metadata(framing="poster"), "framing"),
        (Metadata(provenance={"loss": float("nan")}), "provenance cannot be written"),
        (Metadata(provenance={"path": object()}), "provenance cannot be written"),
        (Metadata(provenance={"rows": [[0]] * 300}), "lists and objects"),
    ],
)
def test_what_cannot_be_read_is_not_written(metadata, message):
    with pytest.raises(MetadataError, match=message):
        attach(model_with(), metadata)


def test_a_foreign_file_is_refused():
    with pytest.raises(ModelError, match=r"not a \.tflite"):
        attach(b"hello, world", METADATA)


def test_a_model_with_constants_elsewhere_is_refused():
    tree = tree_of(model_with())
    tree.buffers.append(litert.BufferT(offset=8, size=8))
    with pytest.raises(ModelFileError, match="too large"):
        attach(pack(tree), METADATA)


def test_a_model_without_outputs_is_refused():
    tree = tree_of(model_with())
    tree.subgraphs[0].outputs = []
    with pytest.raises(MetadataError, match="no output"):
        attach(pack(tree), METADATA)


def zip_of(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_labels(content, **model):
    """A model of another writer, which puts the zip behind the model with relative offsets."""
    standard = entry(attach(model_with(), Metadata(labels=("a", "b"))), "TFLITE_METADATA")
    return model_with({"TFLITE_METADATA": standard}, tail=zip_of({"labels.txt": content}), **model)


def test_a_model_without_metadata_has_none():
    assert metadata_of(model_with()) is None
    assert metadata_of(model_with({"min_runtime_version": b"1.5.0"})) is None


@pytest.mark.parametrize("content", ["cat\ndog", "cat\ndog\n", "cat\r\ndog\r\n"])
def test_labels_of_other_writers(content):
    assert metadata_of(with_labels(content)) == Metadata(labels=("cat", "dog"))


def test_names_may_have_brackets():
    names = [f'acc[{i}] {{"\\[' for i in range(MAX_BRACKETS)]
    written = attach(model_with(), Metadata(provenance={"features": names}))
    metadata = metadata_of(written)
    assert metadata is not None
    assert metadata.provenance == {"features": names}


@pytest.mark.parametrize("content", ["cat", "cat\ndog\nbird", "cat\ndog\n\n"])
def test_labels_that_do_not_fit_the_output(content):
    with pytest.raises(MetadataError, match="labels, output 0 has 2 scores"):
        metadata_of(with_labels(content))


def test_an_empty_label_file_says_nothing():
    assert metadata_of(with_labels("")) is None


def test_labels_of_values_are_not_labels_of_scores():
    data = bytearray(with_labels("cat\ndog"))
    start = data.index(entry(data, "TFLITE_METADATA"))
    root = Table(data, start + struct.unpack_from("<I", data, start)[0])
    (file,) = tables(tables(tables(root, 3)[0], 3)[0], 6)
    data[field(file, 2) + file.Pos] = 3  # TENSOR_VALUE_LABELS, as object detectors have
    assert metadata_of(bytes(data)) is None


def test_only_edgekits_own_entry():
    own = json.dumps({"format": 1, "framing": "digit", "provenance": {"seed": 1}}).encode()
    expected = Metadata(framing="digit", provenance={"seed": 1})
    assert metadata_of(model_with({"EDGEKIT_METADATA": own})) == expected


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "format 1"),
        (b'{"format": 2}', "update edgekit"),
        (b'{"format": 1, "framing": "poster", "provenance": {}}', "framing"),
        (b'{"format": 1, "framing": ["digit"], "provenance": {}}', "framing"),
        (b'{"format": 1, "framing": "digit", "provenance": []}', "provenance"),
        (
            b'{"format": 1, "framing": "digit", "provenance": {}, "audio": 3}',
            "audio: expected",
        ),
        (b"[" * 100_000, f"more than {MAX_BRACKETS}"),
    ],
)
def test_a_damaged_entry_of_our_own(own, message):
    with pytest.raises(MetadataError, match=message):
        metadata_of(model_with({"EDGEKIT_METADATA": own}))


@pytest.mark.parametrize("content", [b"", b"M001", b"\0\0\0\0M002" + bytes(32), bytes(64)])
def test_no_standard_metadata(content):
    with pytest.raises(MetadataError, match="TFLITE_METADATA"):
        metadata_of(model_with({"TFLITE_METADATA": content}))


def test_a_missing_label_file():
    standard = entry(attach(model_with(), Metadata(labels=("a", "b"))), "TFLITE_METADATA")
    with pytest.raises(MetadataError, match=r"'labels.txt' cannot be read"):
        metadata_of(model_with({"TFLITE_METADATA": standard}))
    with pytest.raises(MetadataError, match=r"'labels.txt' is not in the zip"):
        metadata_of(model_with({"TFLITE_METADATA": standard}, tail=zip_of({"other": "a\nb"})))


def test_a_label_file_that_unpacks_to_gigabytes():
    data = with_labels(b"\n" * (1 << 26))
    tracemalloc.start()
    with pytest.raises(MetadataError, match=f"larger than {LABEL_FILE_LIMIT}"):
        metadata_of(data)
    assert tracemalloc.get_traced_memory()[1] < 4 * LABEL_FILE_LIMIT
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["../labels.txt", "/labels.txt", "..\\labels.txt", "a/../../x"])
def test_no_label_file_leaves_the_archive(name, tmp_path, monkeypatch):
    """Names are looked up in the zip and nowhere else, and nothing is unpacked to a disk."""
    monkeypatch.chdir(tmp_path)
    (tmp_path.parent / "labels.txt").write_text("secret\nsecret\n")
    archive = zip_of({name: "cat\ndog\n", "../escaped.txt": "x"})
    standard = entry(attach(model_with(), Metadata(labels=("a", "b"))), "TFLITE_METADATA")
    with pytest.raises(MetadataError, match=r"'labels.txt' is not in the zip"):
        metadata_of(model_with({"TFLITE_METADATA": standard}, tail=archive))

    monkeypatch.setattr("edgekit.convert.metadata.LABEL_FILE", name)
    standard = entry(attach(model_with(), Metadata(labels=("a", "b"))), "TFLITE_METADATA")
    read = metadata_of(model_with({"TFLITE_METADATA": standard}, tail=archive))
    assert read == Metadata(labels=("cat", "dog"))
    assert not [*tmp_path.iterdir()]
    assert not (tmp_path.parent / "escaped.txt").exists()


def test_an_encrypted_label_file():
    data = bytearray(with_labels("cat\ndog"))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(MetadataError, match="encrypted"):
        metadata_of(bytes(data))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99])
def test_a_label_file_in_another_compression(method):
    data = bytearray(with_labels("cat\ndog"))
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        struct.pack_into("<H", data, data.index(signature) + offset, method)
    with pytest.raises(MetadataError, match=f"compression method {method}"):
        metadata_of(bytes(data))


@pytest.mark.parametrize("offset", [2**63, 2**64 - 1, 2**40])
def test_a_label_file_at_an_impossible_offset(offset):
    data = bytearray(with_labels("cat\ndog"))
    central = data.index(b"PK\x01\x02")
    extra = struct.pack("<HHQ", 1, 8, offset)  # zip64, with the offset of the entry
    struct.pack_into("<H", data, central + 30, len(extra))
    struct.pack_into("<I", data, central + 42, 2**32 - 1)
    name_end = central + 46 + len("labels.txt")
    data[name_end:name_end] = extra
    end = data.index(b"PK\x05\x06")
    (size,) = struct.unpack_from("<I", data, end + 12)
    struct.pack_into("<I", data, end + 12, size + len(extra))
    with pytest.raises(MetadataError, match="cannot be read"):
        metadata_of(bytes(data))


@pytest.mark.parametrize("deviation", [0.0, float("nan"), float("inf")])
def test_a_normalisation_of_others_that_cannot_be_computed(deviation):
    attached = attach(model_with(), Metadata(mean=(1.5,), std=(2.5,)))
    assert attached.count(struct.pack("<f", 2.5)) == 1
    damaged = attached.replace(struct.pack("<f", 2.5), struct.pack("<f", deviation))
    with pytest.raises(MetadataError, match="no usable number"):
        metadata_of(damaged)


@pytest.mark.slow
def test_any_damage_to_metadata_is_named():
    attached = attach(model_with(), METADATA)
    standard, own = (entry(attached, name.decode()) for name in OURS)
    archive = zip_of({"labels.txt": "zero\none\n"})
    rng = random.Random(11)
    messages = []
    for _ in range(6000):
        parts = [bytearray(standard), bytearray(own), bytearray(archive)]
        part = rng.choice(parts)
        match rng.randrange(3):
            case 0:
                part[rng.randrange(len(part))] = rng.randrange(256)
            case 1:
                value = rng.choice((0, 1, 2**31, 2**32 - 1, rng.randrange(2**32)))
                struct.pack_into("<I", part, rng.randrange(len(part) - 3), value)
            case 2:
                del part[rng.randrange(len(part)) :]
        entries = dict(zip((name.decode() for name in OURS), parts, strict=False))
        data = model_with({name: bytes(content) for name, content in entries.items()})
        try:
            metadata_of(data + parts[2])
        except MetadataError as error:
            messages.append(str(error))
    assert len(messages) > 2000
    assert not any("\n" in message for message in messages)
