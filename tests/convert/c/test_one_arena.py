"""Exported plans are right with every byte overwritten that their steps do not need."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import build
import image_chains
import models
import networks
import poisoned
import seeded
from edge_runtime.errors import ModelError
from edge_runtime.planner import one_arena, plan
from edge_runtime.planner.overlap import Order
from edge_runtime.reader import read
from edgekit.convert.c import arena
from edgekit.convert.c.forms import ENGINE
from poisoned import Watched

GOLDEN = sorted(Path("tests/golden").glob("*.tflite"))
ELSEWHERE = sorted(Path(os.environ.get("EDGEKIT_MODELS", "none")).glob("*.tflite"))[::5]
SEEDS = 8
MOST_BYTES, MOST_MACS = 1 << 20, 1 << 25
"""Models of more take long to compile, or to run."""


def watched(
    contents: dict[str, bytes], *, keep_input: bool = False
) -> Iterator[tuple[str, Watched]]:
    for number, (name, content) in enumerate(contents.items()):
        try:
            one = poisoned.watched(content, f"m{number}", seed=number, keep_input=keep_input)
        except ModelError:
            continue
        if one.library.macs <= MOST_MACS:
            yield name, one


def wrong(
    contents: dict[str, bytes], folder: Path, *, keep_input: bool = False
) -> dict[str, list[str]]:
    """Return the steps of each model that have written other bytes, and how many models ran."""
    every = dict(watched(contents, keep_input=keep_input))
    functions = poisoned.compiled(list(every.values()), folder, "-O1")
    return {name: poisoned.host(one, functions) for name, one in every.items()}


def none_of(found: dict[str, list[str]]) -> None:
    assert {name: steps for name, steps in found.items() if steps} == {}


def test_models_of_each_op(tmp_path: Path) -> None:
    found = wrong(models.seeds(), tmp_path)
    assert len(found) > 250
    none_of(found)


@pytest.mark.parametrize("keep_input", [False, True])
def test_golden_models(keep_input: bool, tmp_path: Path) -> None:
    contents = {path.name: path.read_bytes() for path in GOLDEN}
    contents["sparse"] = seeded.network(zeros=0.8)
    found = wrong(contents, tmp_path, keep_input=keep_input)
    assert len(found) > 4
    none_of(found)


@pytest.mark.parametrize("scheme", networks.SCHEMES)
def test_random_networks(scheme: str, tmp_path: Path) -> None:
    contents = {str(seed): networks.network(seed, scheme) for seed in range(SEEDS)}
    found = wrong(contents, tmp_path)
    assert len(found) > SEEDS // 2
    none_of(found)


CHAIN = ("depthwise", "pointwise") * 4
TENSOR = 12 * 10 * 16
"""Bytes of each of its tensors."""


def mobile() -> bytes:
    """Return a chain of depthwise and pointwise convolutions, which wanders through memory."""
    rng = np.random.default_rng(11)

    def weights(shape: tuple[int, ...], axis: int) -> Any:
        values = rng.integers(-127, 128, shape).astype(np.int8)
        return build.tensor(shape, "int8", [2.0**-9] * 16, data=values, axis=axis)

    tensors = [build.tensor((1, 12, 10, 16), "int8", 2.0**-4)]
    ops: list[build.Op] = []
    for kind in CHAIN:
        deep = kind == "depthwise"
        size = 1 if kind == "pointwise" else 3
        shape = (1, size, size, 16) if deep else (16, size, size, 16)
        tensors.append(weights(shape, 3 if deep else 0))
        tensors.append(build.constant([0] * 16, "int32", [2.0**-13] * 16))
        tensors.append(build.tensor((1, 12, 10, 16), "int8", 2.0**-4))
        at = len(tensors) - 1
        options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
        options |= {"depthMultiplier": 1} if deep else {}
        name = "DEPTHWISE_CONV_2D" if deep else "CONV_2D"
        ops.append((name, [at - 3, at - 2, at - 1], at, options))
    return build.model(tensors, ops)


def scratch(one: Watched) -> int:
    """Return the most bytes of scratch memory that a step needs."""
    plain = one.placed.plan
    return max([0, *(plain.slots[slot].size for step in plain.steps for slot in step.scratch)])


@pytest.mark.parametrize("keep_input", [False, True])
def test_a_chain_runs_backwards_in_pieces(keep_input: bool, tmp_path: Path) -> None:
    one = poisoned.watched(mobile(), "m", keep_input=keep_input)
    assert one.placed.pieces
    assert one.library.arena < TENSOR + 600 + scratch(one)
    assert poisoned.host(one, poisoned.compiled([one], tmp_path)) == []
    if not keep_input:
        assert poisoned.emulated([one], tmp_path) == []


def test_a_kernel_that_reads_further_ahead_would_be_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(arena, "orders", lambda _: [Order(-13)])
    one = poisoned.watched(mobile(), "m")
    assert poisoned.host(one, poisoned.compiled([one], tmp_path / "host")) != []
    assert poisoned.emulated([one], tmp_path / "core") != []


def test_so_many_tensors_that_no_place_is_searched_keep_those_of_the_plan(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(one_arena, "place", lambda *_: None)
    contents = {path.name: path.read_bytes() for path in GOLDEN} | {"mobile": mobile()}
    every = dict(watched(contents))
    functions = poisoned.compiled(list(every.values()), tmp_path, "-O1")
    none_of({name: poisoned.host(one, functions) for name, one in every.items()})
    planned = plan(read(contents["mobile"]), engine=ENGINE)
    assert every["mobile"].library.arena == planned.arena + 2 * TENSOR


def test_without_known_orders_nothing_overlaps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(arena, "orders", lambda _: None)
    one = poisoned.watched(mobile(), "m")
    assert 2 * TENSOR <= one.library.arena <= 2 * TENSOR + scratch(one) + 16
    assert poisoned.host(one, poisoned.compiled([one], tmp_path)) == []


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_chains_of_windows(dtype: str, tmp_path: Path) -> None:
    contents = {str(seed): image_chains.model(seed, dtype) for seed in range(SEEDS)}
    found = wrong(contents, tmp_path)
    assert len(found) == SEEDS
    none_of(found)


def test_chains_of_windows_on_a_cortex_m4(tmp_path: Path) -> None:
    """Kernels with the DSP extension read and write in orders of their own."""
    contents = {str(seed): image_chains.model(seed, "int8") for seed in range(SEEDS)}
    every = dict(watched(contents))
    assert len(every) == SEEDS
    assert poisoned.emulated(list(every.values()), tmp_path) == []


@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda path: path.name)
def test_models_made_elsewhere(path: Path, tmp_path: Path) -> None:
    if path.stat().st_size > MOST_BYTES:
        pytest.skip("its C is long")
    none_of(wrong({path.name: path.read_bytes()}, tmp_path))
