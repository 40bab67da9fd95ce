"""The self-test: which wrong weights it notices by what it computes, where it passes, its size."""

import ctypes
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import build
import exported
import golden
import models
from edge_runtime.ops.window import SAME
from edgekit.benchmarks.mcu import emulator, firmware
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.benchmarks.mcu.firmware import Firmware, Library
from edgekit.convert.c.library import CLibrary, library

FLIPS = 200
MOST_FLASH = 512
RELU = 1


class Convolutional:
    """A network of int8 that grows layer by layer, with activations that are clamped at 0 alone."""

    def __init__(self, shape: tuple[int, ...], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.tensors = [build.tensor(shape, "int8", 1 / 255, -128)]
        self.ops: list[build.Op] = []
        self.size = 0.6  # root of the mean square of the last activation

    def _add(self, tensor: Any) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def layer(
        self, op: str, source: int, weights: tuple[int, ...], shape: tuple[int, ...], **options: Any
    ) -> int:
        """Add a layer of weights with RELU; returns the tensor that it writes."""
        return self._weighted(op, source, weights, shape, 1.0, -128, options)

    def logits(self, source: int, classes: int) -> int:
        """Add a layer whose outputs no SOFTMAX turns into 0 and 1."""
        [*_, depth] = self.tensors[source].shape
        weights = (classes, depth)
        spread = 1 / self.size
        return self._weighted("FULLY_CONNECTED", source, weights, (1, classes), spread, 0, {})

    def _weighted(
        self,
        op: str,
        source: int,
        weights: tuple[int, ...],
        shape: tuple[int, ...],
        spread: float,
        zero_point: int,
        options: dict[str, Any],
    ) -> int:
        axis = len(weights) - 1 if op == "DEPTHWISE_CONV_2D" else 0
        outputs, taps = weights[axis], int(np.prod(weights)) // weights[axis]
        if op == "DEPTHWISE_CONV_2D":
            taps = weights[1] * weights[2]
        values = self.rng.integers(-127, 128, weights).astype(np.int8)
        scales = [
            float(one) for one in self.rng.uniform(0.5, 2, outputs).astype("f4") * spread / 73
        ]
        scale = self.tensors[source].quantization.scale[0]
        bias = self.rng.integers(-300, 300, outputs).astype(np.int32)
        kernel = self._add(build.tensor(weights, "int8", scales, data=values, axis=axis))
        added = self._add(build.constant(bias, "int32", build.products(scale, scales)))
        self.size *= taps**0.5 * spread
        result = self._add(build.tensor(shape, "int8", self.size * 4 / 255, zero_point))
        activation = {"fusedActivationFunction": RELU if zero_point else 0}
        self.ops.append((op, [source, kernel, added], result, {**activation, **options}))
        self.size *= 0.7
        return result

    def op(self, op: str, sources: list[int], shape: tuple[int, ...], **options: Any) -> int:
        """Add another op, whose output is scaled as its first input."""
        known = self.tensors[sources[0]].quantization
        result = self._add(build.tensor(shape, "int8", known.scale[0], known.zeroPoint[0]))
        self.ops.append((op, sources, result, options))
        return result

    def content(self, last: int) -> bytes:
        """Return the file, with a SOFTMAX behind the last tensor."""
        shape = self.tensors[last].shape
        scores = self._add(build.tensor(shape, "int8", 1 / 256, -128))
        self.ops.append(("SOFTMAX", [last], scores, {"beta": 1.0}))
        return build.model(self.tensors, self.ops)


def depthwise_separable() -> bytes:
    """Return a small DS-CNN, as that for keywords."""
    net = Convolutional((1, 20, 10, 1), 1)
    stride = {"strideH": 2, "strideW": 2, "padding": SAME}
    at = net.layer("CONV_2D", 0, (16, 4, 4, 1), (1, 10, 5, 16), **stride)
    ones = {"strideH": 1, "strideW": 1, "padding": SAME}
    for _ in range(2):
        depth = {"depthMultiplier": 1}
        at = net.layer("DEPTHWISE_CONV_2D", at, (1, 3, 3, 16), (1, 10, 5, 16), **ones, **depth)
        at = net.layer("CONV_2D", at, (16, 1, 1, 16), (1, 10, 5, 16), **ones)
    window = {"filterHeight": 10, "filterWidth": 5, "strideH": 10, "strideW": 5}
    at = net.op("AVERAGE_POOL_2D", [at], (1, 1, 1, 16), **window)
    return net.content(net.logits(at, 12))


def residual() -> bytes:
    """Return a small ResNet: two branches that are added."""
    net = Convolutional((1, 12, 12, 3), 2)
    ones = {"strideH": 1, "strideW": 1, "padding": SAME}
    first = net.layer("CONV_2D", 0, (8, 3, 3, 3), (1, 12, 12, 8), **ones)
    at = net.layer("CONV_2D", first, (8, 3, 3, 8), (1, 12, 12, 8), **ones)
    at = net.op("ADD", [at, first], (1, 12, 12, 8))
    window = {"filterHeight": 12, "filterWidth": 12, "strideH": 12, "strideW": 12}
    at = net.op("AVERAGE_POOL_2D", [at], (1, 1, 1, 8), **window)
    return net.content(net.logits(at, 10))


def recurrent() -> bytes:
    """Return an LSTM of int8, whose states are kept."""
    tests = models.op_tests()["unidirectional_sequence_lstm"]
    cells = tests.Cells(batches=1, times=6, inputs=8, cells=12)
    return bytes(tests.int8_model(cells))


NETWORKS: dict[str, Callable[[], bytes]] = {
    "digits": golden.INT8.read_bytes,
    "depthwise separable": depthwise_separable,
    "residual": residual,
    "recurrent": recurrent,
}

CHECK = re.compile(r"    if \(m_check_constants\(\) != 0\)\n        return -1;\n")
WEIGHTS = re.compile(r"^static const (EK_FLASH )?int8_t (\w+)\[(\d+)\] = \{", re.MULTILINE)


def weights(made: CLibrary) -> tuple[CLibrary, dict[str, int]]:
    """Return a library whose weights may be written to and are checked by what is computed alone.

    Returns:
        Also the names of the arrays, and their bytes.
    """
    arrays = {
        one[2]: int(one[3])
        for one in WEIGHTS.finditer(made.source)
        if not re.search(r"table|shift|_(dsp|helium|rvv)_", one[2])
    }
    source = WEIGHTS.sub(
        lambda one: one[0].replace("static const ", "") if one[2] in arrays else one[0], made.source
    )
    text, checks = CHECK.subn("", made.selftest)
    assert checks == 1
    return replace(made, source=source, selftest=text), arrays


def flipped(functions: ctypes.CDLL, arrays: dict[str, int], count: int, seed: int) -> Iterator[int]:
    """Yield what the self-test says for each of so many weight bytes that are flipped."""
    rng = np.random.default_rng(seed)
    names, sizes = list(arrays), np.array(list(arrays.values()))
    for _ in range(count):
        at = int(rng.integers(sizes.sum()))
        index = int(np.searchsorted(np.cumsum(sizes), at, side="right"))
        array = (ctypes.c_uint8 * int(sizes[index])).in_dll(functions, names[index])
        place, change = at - int(sizes[:index].sum()), int(rng.integers(1, 256))
        array[place] ^= change
        yield functions.m_selftest()
        array[place] ^= change


@pytest.mark.parametrize("network", NETWORKS)
def test_it_notices_99_of_100_flipped_weight_bytes_by_what_is_computed(
    network: str, tmp_path: Path
) -> None:
    made, arrays = weights(library(NETWORKS[network](), "model.tflite", "m"))
    assert sum(arrays.values()) >= 400
    functions = exported.Exported(made, tmp_path).functions
    assert functions.m_selftest() == 0
    noticed = [result for result in flipped(functions, arrays, FLIPS, seed=6) if result]
    assert set(noticed) == {1}
    assert len(noticed) >= FLIPS * 0.99
    assert functions.m_selftest() == 0


@pytest.mark.parametrize("network", NETWORKS)
def test_with_the_constants_it_notices_each_flipped_byte(network: str, tmp_path: Path) -> None:
    made = library(NETWORKS[network](), "model.tflite", "m")
    writable, arrays = weights(made)
    checked = replace(writable, selftest=made.selftest)
    functions = exported.Exported(checked, tmp_path).functions
    assert functions.m_selftest() == 0
    assert set(flipped(functions, arrays, FLIPS, seed=7)) == {-1}


def with_answer(made: CLibrary, core: str, *, selftest: bool) -> Firmware:
    """Return firmware whose only output is what the self-test says, 0 without one."""
    source = made.source.replace("int m_run(", "int m_run_it(")
    text = made.selftest.replace("m_run(", "m_run_it(") if selftest else ""
    answer = "m_selftest()" if selftest else "0"
    source = (
        f"{source}{text}\n"
        "int m_run(const m_input_t *input, m_output_t *output)\n{\n"
        "    m_output_t own[M_OUTPUT_SIZE];\n    m_run_it(input, own);\n"
        f"    output[0] = (m_output_t)({answer} + 0 * own[0]);\n    return 0;\n}}\n"
    )
    header = made.header.replace(
        "int m_run(", "int m_run_it(const m_input_t *, m_output_t *);\nint m_run("
    )
    files = {"m.h": header, "m.c": source}
    own = Library("m", files, made.arena, made.weights, 10**7, made.ops)  # so long may it run
    return firmware.build(CORES[core], own, "-Os", labels=False)


@pytest.mark.parametrize("network", ["depthwise separable", "residual"])
def test_by_rows_it_notices_flipped_bytes_too(network: str, tmp_path: Path) -> None:
    by_rows = library(NETWORKS[network](), "model.tflite", "m", most_ram=0)
    assert by_rows.by_rows
    made, arrays = weights(by_rows)
    functions = exported.Exported(made, tmp_path).functions
    assert functions.m_selftest() == 0
    assert sum(flipped(functions, arrays, FLIPS, seed=8)) >= FLIPS * 0.99


EMULATED = [*((network, "cortex-m4") for network in NETWORKS), ("digits", "rv32imc")]


@pytest.mark.parametrize(("network", "core"), EMULATED)
def test_it_passes_on_emulated_cores_in_little_flash(network: str, core: str) -> None:
    made = library(NETWORKS[network](), "model.tflite", "m")
    whole, without = (with_answer(made, core, selftest=one) for one in (True, False))
    assert whole.flash - without.flash <= MOST_FLASH
    [port] = made.inputs
    answers = emulator.answers(whole, np.zeros((1, port.bytes), np.uint8))
    assert answers.view(np.int8)[0, 0] == 0
