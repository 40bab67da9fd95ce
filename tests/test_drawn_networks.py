from pathlib import Path

import pytest

import chain
import image_chains
from edge_runtime.planner import plan
from edge_runtime.planner.memory import ALIGNMENT
from edge_runtime.reader import read
from edgekit import networks
from edgekit.benchmarks.report.network import INPUT
from edgekit.convert.c import library


def test_the_documented_model(int8_model: Path) -> None:
    found = networks.on_host(int8_model.read_bytes())
    assert found is not None
    assert [layer.title for layer in found.layers] == [
        "1 FULLY_CONNECTED",
        "2 FULLY_CONNECTED",
        "3 LOGISTIC",
    ]
    assert [layer.macs for layer in found.layers] == [784 * 14, 14 * 2, None]
    assert [layer.sources for layer in found.layers] == [(INPUT,), (0,), (1,)]
    assert found.inputs == (((1, 28, 28, 1), "int8"),)
    (block,) = found.blocks
    assert (block.name, block.size, block.first, block.last) == ("1 FULLY_CONNECTED", 14, 0, 1)


def test_in_c_inputs_and_outputs_lie_in_the_arena(int8_model: Path) -> None:
    content = int8_model.read_bytes()
    found = networks.in_c(content)
    assert found is not None
    exported = library.library(content, "model.tflite", "model")
    assert found.arena == exported.arena
    (port,) = exported.inputs
    (block,) = [one for one in found.blocks if one.role == "input"]
    assert (block.offset, block.size, block.first) == (port.offset, 784, -1)
    assert [one.name for one in found.blocks if one.role == "output"][-1] == "3 LOGISTIC"
    assert all(one.offset + one.size <= found.arena for one in found.blocks)


def test_blocks_are_those_of_the_plan() -> None:
    content = chain.dense([10, 40, 3, 100, 5])
    found, planned = networks.on_host(content), plan(read(content))
    assert found is not None
    assert found.arena == planned.arena
    assert sorted(block.size for block in found.blocks) == [12, 160, 400]


@pytest.mark.parametrize("seed", [0, 3])
def test_by_rows_the_parts_that_are_held(seed: int) -> None:
    content = image_chains.network(seed)
    exported = library.library(content, "model.tflite", "model", most_ram=0)
    assert exported.by_rows
    whole, found = networks.in_c(content), networks.in_c(content, min_ram=True)
    assert whole is not None
    assert found is not None
    assert found.arena == exported.arena < whole.arena
    ends = [one.offset + one.size for one in found.blocks]
    assert found.arena - ALIGNMENT < max(ends) <= found.arena
    titles = [layer.title for layer in found.layers]
    sizes = {one.name: one.size for one in whole.blocks}
    parts = [one for one in found.blocks if one.role == "activation"]
    assert any(one.size < sizes[one.name] for one in parts)
    for one in found.blocks:
        assert 0 <= one.first <= one.last < len(titles)
    for one in parts:
        # Whole tensors begin with the layer that writes them; all are there while it runs.
        at = titles.index(one.name)
        assert any(other.name == one.name and other.first <= at for other in parts)
    (port,) = exported.outputs
    (output,) = [one for one in found.blocks if one.role == "output"]
    assert (output.offset, output.size) == (port.offset, port.bytes)
    assert [one.size for one in found.blocks if one.role == "state"]


def test_a_file_that_the_engine_does_not_run_is_not_drawn() -> None:
    assert networks.on_host(b"no model") is None
    assert networks.in_c(b"no model") is None
