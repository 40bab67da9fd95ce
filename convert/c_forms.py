"""What each step of a plan is in C: a kernel, its parameters, and the tensors that it is handed.

A step has a portable form, which is the engine's own, and may have a form for cores with the DSP
instructions of Arm, whose weights lie in another order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.plan import Plan, Slot, Step

PORTABLE, DSP = "", "defined(__ARM_FEATURE_DSP)"
"""Conditions of the preprocessor under which a form is compiled."""


@dataclass(frozen=True)
class Constant:
    """A constant that a kernel reads.

    Attributes:
        name: C identifier, unique in the library among constants of other content.
        values: flat.
        flash: whether the kernel reads it through ek_flash_*(), as it lies in an AVR's flash.
    """

    name: str
    values: npt.NDArray[Any]
    flash: bool

    @property
    def size(self) -> int:
        """Bytes."""
        return self.values.nbytes


@dataclass(frozen=True)
class Form:
    """How a step is run.

    Attributes:
        kernel: name of the kernel without ``ek_``.
        params: names and values of its int32 parameters.
        tensors: what it is handed: a constant, or the slot of a tensor that is given or computed.
    """

    kernel: str
    params: Mapping[str, int]
    tensors: tuple[Constant | Slot, ...]

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Those of the tensors that are constants."""
        return tuple(one for one in self.tensors if isinstance(one, Constant))


def portable(made: Plan) -> list[Form]:
    """Return the steps of a plan as the engine's portable kernels run them."""
    return [_portable(made, index, step) for index, step in enumerate(made.steps)]


def _portable(made: Plan, index: int, step: Step) -> Form:
    code = step.kernel.reference.__code__
    # The first argument is the parameters; a kernel of any number of tensors names none.
    names = code.co_varnames[1 : code.co_argcount]
    tensors: list[Constant | Slot] = []
    for position, number in enumerate(step.slots):
        slot = made.slots[number]
        if slot.data is None:
            tensors.append(slot)
            continue
        name = names[position] if position < len(names) else "constant"
        values = np.frombuffer(slot.data, slot.dtype)
        tensors.append(Constant(f"{name}_{index}", values, flash=False))
    return Form(step.kernel.name, vars(step.kernel.params), tuple(tensors))
