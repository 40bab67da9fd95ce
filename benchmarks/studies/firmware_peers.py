"""Other ways to turn a model into C for a microcontroller, to compare edgekit's export with.

Plain C is what an engineer would write by hand for one int8 model: one loop per layer, sums of 32
bits, one multiplication of 64 bits and one shift per output, the input's zero point folded into the
bias, a function of 256 values as a table, all numbers of the model literal; neither intrinsics nor
assembly. It gives the engine's bytes. emlearn is another exporter, for float networks.
"""

import contextlib
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.install import pip_line
from edge_runtime.planner import plan
from edge_runtime.planner.plan import Plan, Step
from edge_runtime.reader import read
from edgekit.benchmarks import peers
from edgekit.benchmarks.mcu.firmware import Library
from edgekit.errors import FirmwareError

Array = npt.NDArray[Any]

PLAIN = "plain"
"""Prefix of its public names."""

PLAIN_HEADER = """\
#include <stdint.h>
typedef int8_t plain_input_t;
typedef int8_t plain_output_t;
#define PLAIN_INPUT_SIZE {inputs}
#define PLAIN_OUTPUT_SIZE {outputs}
int plain_run(const int8_t input[PLAIN_INPUT_SIZE], int8_t output[PLAIN_OUTPUT_SIZE]);
"""

RESCALED = """\
#include "plain.h"

/* sum * multiplier / 2^right, halves up. */
static inline int32_t rescaled(int32_t sum, int32_t multiplier, int32_t right)
{
    return (int32_t)(((int64_t)sum * multiplier + ((int64_t)1 << (right - 1))) >> right);
}
"""

DENSE = """\
    for (int o = 0; o < {outputs}; o++) {{
        int32_t sum = bias_{i}[o];
        for (int k = 0; k < {depth}; k++)
            sum += {source}[k] * weights_{i}[o][k];
        int32_t value = rescaled(sum, multiplier_{i}[o], right_{i}[o]) + {zero_point};
        if (value < {lowest})
            value = {lowest};
        if (value > {highest})
            value = {highest};
        {destination}[o] = (int8_t)value;
    }}
"""

LOOKUP = """\
    for (int o = 0; o < {count}; o++)
        {destination}[o] = table_{i}[{source}[o] + 128];
"""

EMLEARN_HEADER = """\
typedef float model_input_t;
typedef float model_output_t;
#define MODEL_INPUT_SIZE {inputs}
#define MODEL_OUTPUT_SIZE {outputs}
int model_run(const float input[MODEL_INPUT_SIZE], float output[MODEL_OUTPUT_SIZE]);
"""

# Its predict_proba assumes that one of two outputs complements the other; regress returns both.
EMLEARN_SOURCE = """\
#include "model.h"
#include "net.h"

/* The compiler's runtime library lacks it; this model does not call it. */
float tanhf(float x)
{
    return 1 - 2 / (expf(2 * x) + 1);
}

int model_run(const float input[MODEL_INPUT_SIZE], float output[MODEL_OUTPUT_SIZE])
{
    return net_regress(input, MODEL_INPUT_SIZE, output, MODEL_OUTPUT_SIZE);
}
"""

EMLEARN_MATH = """\
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define fabsf __builtin_fabsf
float expf(float);
float logf(float);
float tanhf(float);
"""


def plain_c(path: Path) -> Library:
    """Return the C of a .tflite file: a chain of dense int8 layers and tables.

    Raises:
        FirmwareError: the model has other ops.
    """
    content = path.read_bytes()
    try:
        graph = read(content)
        planned = plan(graph)
    except EdgeRuntimeError as error:
        raise FirmwareError(f"{path}: {error}") from None
    constants, body, macs, weights = [RESCALED], [], 0, 0
    current, last = planned.inputs[0], len(planned.steps) - 1
    for i, step in enumerate(planned.steps):
        if step.slots[0] != current:
            raise FirmwareError(f"{path}: plain C supports a chain of layers only")
        current = step.slots[-1]
        names: dict[str, Any] = {
            "i": i,
            "source": f"values_{i - 1}" if i else "input",
            "destination": "output" if i == last else f"values_{i}",
            **step.kernel.params,
        }
        if i != last:
            body.append(f"    int8_t values_{i}[{planned.slots[current].size}];\n")
        match step.kernel.name:
            case "fully_connected_int8_once" if step.kernel.params["rows"] == 1:
                constants += _dense(i, step, planned)
                body.append(DENSE.format_map({**names, "zero_point": names["output_zero_point"]}))
                macs += names["depth"] * names["outputs"]
                weights += sum(planned.slots[index].size for index in step.slots[1:3])
            case "lookup_int8":
                constants.append(_array(f"table_{i}", _constant(step, planned, 1)))
                body.append(LOOKUP.format_map(names))
            case kernel:
                raise FirmwareError(
                    f"{path}: plain C supports dense int8 layers and tables, not {kernel}"
                )
    function = "int plain_run(const int8_t input[PLAIN_INPUT_SIZE], "
    function += f"int8_t output[PLAIN_OUTPUT_SIZE])\n{{\n{''.join(body)}    return 0;\n}}\n"
    sizes = {
        "inputs": planned.slots[planned.inputs[0]].size,
        "outputs": planned.slots[planned.outputs[0]].size,
    }
    return Library(
        name=PLAIN,
        files={
            f"{PLAIN}.h": PLAIN_HEADER.format_map(sizes),
            f"{PLAIN}.c": "\n".join([*constants, function]),
        },
        arena=0,
        weights=weights,
        macs=macs,
        ops=(),
    )


def emlearn(path: Path) -> Library:
    """Return emlearn's C for a Keras model, with the headers that it ships.

    emlearn does not support Flatten, so it gets the model's dense layers only.

    Raises:
        FirmwareError: emlearn is not installed, or refuses the model.
        PeerError: it is not a Keras model of dense layers.
        MissingExtraError: Keras is not installed.
    """
    if find_spec("emlearn") is None:
        line = pip_line("install", "emlearn")
        raise FirmwareError(f"emlearn is not installed: {line}")
    import emlearn

    from edgekit import frameworks

    keras, model = frameworks.keras(), peers.keras_model(path)
    shapes = [layer.kernel.shape for layer in peers.dense_layers(model)]
    dense = [layer for layer in model.layers if type(layer).__name__ == "Dense"]
    try:
        # It leaves a folder in the working directory.
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            net = emlearn.convert(keras.Sequential([keras.Input((shapes[0][0],)), *dense]))
            code: str = net.save(name="net")
    # It does not catch the exceptions of its generator and of the host's compiler.
    except Exception as error:
        raise FirmwareError(
            f"emlearn refuses the model: {type(error).__name__}: {error}"
        ) from error
    headers = {
        f"freestanding/{header.name}": header.read_text()
        for header in sorted(Path(emlearn.includedir).glob("*.h"))
    }
    macs = sum(inputs * outputs for inputs, outputs in shapes)
    sizes = {"inputs": shapes[0][0], "outputs": shapes[-1][1]}
    return Library(
        name="model",
        files={
            "model.h": EMLEARN_HEADER.format_map(sizes),
            "model.c": EMLEARN_SOURCE,
            "net.h": code,
            **headers,
            # It includes these headers, but needs only some functions of math.h.
            "freestanding/math.h": EMLEARN_MATH,
            "freestanding/stdio.h": "",
            "freestanding/stdlib.h": "",
        },
        arena=0,
        weights=4 * (macs + sum(outputs for _, outputs in shapes)),
        macs=macs,
        ops=(),
    )


def _dense(i: int, step: Step, planned: Plan) -> list[str]:
    """Return the constants of a dense layer."""
    weights, bias, multiplier, shift = (_constant(step, planned, at) for at in range(1, 5))
    return [
        _array(f"weights_{i}", weights.reshape(len(bias), -1)),
        _array(f"bias_{i}", bias),
        _array(f"multiplier_{i}", multiplier),
        _array(f"right_{i}", (31 - shift).astype(np.int8)),
    ]


def _constant(step: Step, planned: Plan, position: int) -> Array:
    """Return a constant tensor of a step; the input is at position 0."""
    slot = planned.slots[step.slots[position]]
    return np.frombuffer(slot.data or b"", slot.dtype)


def _array(name: str, values: Array) -> str:
    """Return the definition of an array of one or two dimensions."""
    rows = [", ".join(map(str, row)) for row in np.atleast_2d(values).tolist()]
    sizes = "".join(f"[{size}]" for size in values.shape)
    content = ",\n    ".join(rows if values.ndim == 1 else [f"{{{row}}}" for row in rows])
    return f"static const {values.dtype}_t {name}{sizes} = {{\n    {content}\n}};\n"
