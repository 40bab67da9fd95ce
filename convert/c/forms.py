"""What each step of a plan is in C: a kernel, its parameters, and the tensors that it is handed.

A step has a portable form, which is the engine's own unless zeros are skipped or many weights are
zero, and may have forms for some cores, such as those with Arm's DSP extension, whose weights lie
in another order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime import kernels
from edge_runtime.graph import Graph
from edge_runtime.kernels.fully_connected import Int8
from edge_runtime.planner.plan import Plan, Slot, Step
from edgekit.convert import packing
from edgekit.convert.c.conditions import Core
from edgekit.convert.packing import Packed

DENSE = "fully_connected_int8_once"
"""The kernel that has other forms."""

DSP = "EK_DSP"
"""The macro of kernel.h that is defined on cores with Arm's DSP extension."""

DSP_SHARE = 0.4
"""Share of the weights' bytes below which leaving zeros out is faster with the DSP extension, too:
4.25 instructions for each weight of 1.5 bytes, against 1.14 for each of the dense kernel."""

Int32 = npt.NDArray[np.int32]
Layer = tuple[Int8, npt.NDArray[np.int8], Int32, Int32, Int32]
"""What the packers take: parameters, weights [outputs, depth], bias, multiplier, shift."""


@dataclass(frozen=True)
class Constant:
    """A constant that a kernel reads.

    Attributes:
        name: C identifier; constants of the same name are the same.
        values: flat.
        flash: whether the kernel reads it through flash.h: on AVR it has to lie in flash.
    """

    name: str
    values: npt.NDArray[Any]
    flash: bool


@dataclass(frozen=True)
class Form:
    """How a step is run.

    Attributes:
        kernel: name of the kernel without ``ek_``.
        params: names and values of its int32 parameters, in their order.
        tensors: what it is handed: a constant, or the slot of a tensor that is given or computed.
    """

    kernel: str
    params: Mapping[str, int]
    tensors: tuple[Constant | Slot, ...]

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Those of the tensors that are constants."""
        return tuple(one for one in self.tensors if isinstance(one, Constant))


@dataclass(frozen=True)
class Choice:
    """A step in C.

    Attributes:
        op: builtin name.
        forms: macros and forms. A core runs the first whose macro is defined for it; the last has
            no macro, "", and is run by all that are left.
    """

    op: str
    forms: tuple[tuple[str, Form], ...]

    @property
    def macros(self) -> tuple[str, ...]:
        """Those that choose a form."""
        return tuple(macro for macro, _ in self.forms[:-1])

    @property
    def portable(self) -> Form:
        """The form that runs everywhere."""
        return self.forms[-1][1]

    def form(self, core: Core) -> Form:
        """Return what a core runs."""
        return next(form for macro, form in self.forms if not macro or macro in core)


def choices(graph: Graph, made: Plan, *, skip_zeros: bool) -> list[Choice]:
    """Return the steps of a plan in C.

    Args:
        graph: the model.
        made: its plan.
        skip_zeros: whether dense int8 layers pass over inputs that stand for 0.
    """
    own = [_own(made, index, step) for index, step in enumerate(made.steps)]
    found = [_choice(step, form) for step, form in zip(made.steps, own, strict=True)]
    layers = {
        index: _layer(step.kernel.params, own[index])
        for index, step in enumerate(made.steps)
        if step.kernel.name == DENSE
    }
    if skip_zeros:
        for index, layer in layers.items():
            quantization = graph.tensors[made.steps[index].op.inputs[0]].quantization
            assert quantization is not None
            zero_point = quantization.zero_points[0]
            portable = _packed(own[index], "skip", packing.skip(*layer, zero_point))
            dsp = _packed_dsp(own[index], packing.skip_dsp(*layer, zero_point))
            found[index] = _choice(made.steps[index], portable, dsp)
        return found
    share, sparse = _sparse(layers)
    for index, layer in layers.items():
        portable = own[index]
        if share < 1:
            portable = _packed(own[index], "sparse", sparse[index])
        few = share <= DSP_SHARE
        packed = packing.sparse_dsp(sparse[index]) if few else packing.dsp(*layer)
        found[index] = _choice(made.steps[index], portable, _packed_dsp(own[index], packed))
    return found


def _choice(step: Step, portable: Form, dsp: Form | None = None) -> Choice:
    some = () if dsp is None else ((DSP, dsp),)
    return Choice(step.op.name, (*some, ("", portable)))


def _layer(params: Mapping[str, int], own: Form) -> Layer:
    weights, bias, multiplier, shift = (one.values for one in own.constants)
    layer = Int8(**params)
    return layer, weights.reshape(layer.outputs, layer.depth), bias, multiplier, shift


def _sparse(layers: Mapping[int, Layer]) -> tuple[float, dict[int, Packed]]:
    """Return the layers without their zeros, and what share of the weights' bytes that takes.

    Of all together: a second kernel would take more than a small layer saves.
    """
    packed = {index: packing.sparse(*layer) for index, layer in layers.items()}
    stored = sum(one.constants[0].nbytes for one in packed.values())
    whole = sum(weights.nbytes for _, weights, *_ in layers.values())
    return stored / (whole or 1), packed


def _own(made: Plan, index: int, step: Step) -> Form:
    """Return a step as the engine's portable kernel runs it."""
    function, _ = kernels.find(step.kernel.name)
    # The first argument is the parameters; a kernel of any number of tensors names none.
    arguments = list(signature(function).parameters.values())[1:]
    names = [one.name for one in arguments if one.kind is not Parameter.VAR_POSITIONAL]
    tensors: list[Constant | Slot] = []
    for position, number in enumerate(step.slots):
        slot = made.slots[number]
        if slot.data is None:
            tensors.append(slot)
            continue
        name = names[position] if position < len(names) else f"constant{position}"
        values = np.frombuffer(slot.data, slot.dtype)
        tensors.append(Constant(f"{name}_{index}", values, position in step.kernel.flash))
    return Form(step.kernel.name, step.kernel.params, tuple(tensors))


def _packed_dsp(own: Form, packed: Packed | None) -> Form | None:
    return None if packed is None else _packed(own, "dsp", packed)


def _packed(own: Form, suffix: str, packed: Packed) -> Form:
    """Return a form with other constants, which keep their names where they are the same."""
    given, *constants, made = own.tensors
    tensors: list[Constant | Slot] = []
    for constant, values in zip(constants, packed.constants, strict=True):
        assert isinstance(constant, Constant)
        if np.array_equal(values, constant.values):
            tensors.append(constant)
        else:
            tensors.append(Constant(f"{constant.name}_{suffix}", values.ravel(), constant.flash))
    return Form(packed.name, packed.params, (given, *tensors, made))
