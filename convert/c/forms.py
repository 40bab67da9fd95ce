"""What each step of a plan is in C: a kernel, its parameters and its tensors.

A step has the engine's own form, which runs everywhere, and may have others, for all cores or for
some, whose constants the packers of the engine's table of variants write.
"""

from __future__ import annotations

import importlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import Parameter, signature
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime import kernels
from edge_runtime.backends import native
from edge_runtime.errors import BackendError
from edge_runtime.ops.call import Kernel
from edge_runtime.planner.overlap import piece, positions
from edge_runtime.planner.plan import Plan, Slot, Step
from edge_runtime.planner.portable import Portable
from edge_runtime.record import replace as replace_record
from edgekit.convert.c.conditions import Core
from edgekit.convert.c.levels import LEVELS, UNREAD

DSP_SHARE = 0.4
"""Share of the weights' bytes below which leaving zeros out is faster with the DSP extension, too:
4.25 instructions for each weight of 1.5 bytes, against 1.14 for each of the dense kernel."""

MISSING = (
    "edge_runtime's C extension, which packs the weights of exported C, is not there: install "
    "edgekit's wheel for this platform, or a C compiler and edgekit again"
)

NO_PIECES: Mapping[int, int] = {}

WEIGHTS = 1
"""Position of a kernel's weights among its tensors."""


@dataclass(frozen=True)
class ConstantArray:
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
class Pieces:
    """How a form runs in pieces of its positions: what is left over first, then backwards.

    Attributes:
        count: number of whole pieces.
        output: position of the output among the tensors; the input is the first.
        strides: bytes from a piece of the input to the next, and likewise of the output.
        rest: parameters for the positions that are left over; None where there are none.
    """

    count: int
    output: int
    strides: tuple[int, int]
    rest: Mapping[str, int] | None


@dataclass(frozen=True)
class Form:
    """How a step is run.

    Attributes:
        kernel: name of the kernel without ``ek_``.
        params: names and values of its int32 parameters, in their order.
        tensors: constants, and slots of what is computed, of inputs and of scratch memory. None for
            a constant that the form does not read.
        pieces: None where it runs as a whole; else ``params`` are those of a piece.
    """

    kernel: str
    params: Mapping[str, int]
    tensors: tuple[ConstantArray | Slot | None, ...]
    pieces: Pieces | None = None

    @property
    def constants(self) -> tuple[ConstantArray, ...]:
        """The constants among the tensors."""
        return tuple(one for one in self.tensors if isinstance(one, ConstantArray))


@dataclass(frozen=True)
class StepForms:
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
        """The macros that choose a form."""
        return tuple(macro for macro, _ in self.forms[:-1])

    @property
    def portable(self) -> Form:
        """The form that runs everywhere."""
        return self.forms[-1][1]

    def form(self, core: Core) -> Form:
        """Return what a core runs."""
        return next(form for macro, form in self.forms if not macro or macro in core)


class ExportEngine(Portable):
    """Plans memory for any form of a step; see :class:`edge_runtime.planner.plan.Engine`."""

    def choose(self, kernel: Kernel, slots: Sequence[Slot]) -> tuple[str, int]:
        """Return the portable level and the most scratch memory that a form of the kernel needs.

        Raises:
            BackendError: there is no C extension.
        """
        contents = tuple(slot.data for slot in slots)
        return "portable", max(scratch(kernel, level, contents) for level in ("portable", *LEVELS))


ENGINE = ExportEngine()


def scratch(kernel: Kernel, level: str, contents: tuple[memoryview | None, ...]) -> int:
    """Return the bytes of scratch memory that a kernel needs; 0 where it has no such level.

    Args:
        kernel: the kernel.
        level: level of its variant.
        contents: bytes of its inputs and constants; None for what is computed.

    Raises:
        BackendError: there is no C extension.
    """
    native_module = extension()
    if level not in native_module.variants(kernel.name):
        return 0
    size: int = native_module.scratch(kernel.name, level, kernel.packed, contents)
    return size


def can_run_in_pieces(plan: Plan, step: Step, length: int) -> bool:
    """Return whether each form of a step has the same constants for a piece, and its scratch."""
    whole = _portable(plan, 0, step)
    contents = tuple(plan.slots[slot].data for slot in step.reads)
    for level in LEVELS:
        packed = _packed(step, whole, level)
        most = scratch(step.kernel, level, contents)
        for part in filter(None, _parts(step, length)):
            form = _packed(part, replace(whole, params=part.kernel.params), level)
            if (packed and _contents(packed)) != (form and _contents(form)):
                return False
            if scratch(part.kernel, level, contents) > most:
                return False
    return True


def _contents(form: Form) -> list[bytes | None]:
    return [_content(tensor) for tensor in form.tensors]


def _parts(step: Step, length: int) -> tuple[Step, Step | None]:
    """Return a piece of a step, of so many positions, and what is left over by whole pieces."""
    params = step.kernel.params
    each, left = (
        replace_record(step, kernel=replace_record(step.kernel, params=piece(params, count)))
        for count in (length, positions(params) % length or length)
    )
    return each, left if positions(params) % length else None


def choices(
    plan: Plan, *, skip_zeros: bool, pieces: Mapping[int, int] = NO_PIECES
) -> list[StepForms]:
    """Return the steps of a plan in C.

    Args:
        plan: the plan of the model.
        skip_zeros: whether dense int8 layers pass over inputs that stand for 0.
        pieces: steps that run in pieces, and how many positions these have.

    Raises:
        BackendError: there is no C extension, whose packers write the constants.
    """
    portable = [_portable(plan, index, step) for index, step in enumerate(plan.steps)]
    steps = list(zip(plan.steps, portable, strict=True))
    levels = _skipping() if skip_zeros else _by_share(_sparse_share(steps))
    return _shared(
        _in_pieces(step, form, levels, pieces[index])
        if index in pieces
        else _choice(step, form, levels)
        for index, (step, form) in enumerate(steps)
    )


def _shared(steps: Iterable[StepForms]) -> list[StepForms]:
    """Return the steps with one name for all constants of the same content.

    The rounds of a loop have the same weights, and are to lie in flash once.
    """
    first: dict[tuple[str, bytes, bool], ConstantArray] = {}

    def shared(tensor: ConstantArray | Slot | None) -> ConstantArray | Slot | None:
        if not isinstance(tensor, ConstantArray):
            return tensor
        key = (tensor.values.dtype.str, tensor.values.tobytes(), tensor.flash)
        return first.setdefault(key, tensor)

    return [
        replace(
            step,
            forms=tuple(
                (macro, replace(form, tensors=tuple(map(shared, form.tensors))))
                for macro, form in step.forms
            ),
        )
        for step in steps
    ]


def can_skip(plan: Plan) -> bool:
    """Tell whether a step of the plan has a kernel that skips zeros.

    Raises:
        BackendError: there is no C extension.
    """
    return any("skip" in extension().variants(step.kernel.name) for step in plan.steps)


def extension() -> Any:
    """Return the engine's C extension."""
    if native.unavailable():
        raise BackendError(MISSING)
    return importlib.import_module("edge_runtime._native")


def _skipping() -> tuple[str, ...]:
    """Return the levels to try when zeros are skipped."""
    return "rvv", "helium", "skip_dsp", "dsp", "fpu", "skip", "computed"


def _by_share(share: float) -> tuple[str, ...]:
    """Return the levels to try when weights without their zeros have a share of all bytes."""
    sparse_dsp = ("sparse_dsp",) if share <= DSP_SHARE else ()
    skip = ("sparse",) if share < 1 else ()
    return "rvv", "helium", *sparse_dsp, "dsp", "fpu", *skip, "computed"


def _sparse_share(steps: Iterable[tuple[Step, Form]]) -> float:
    """Return what share of the weights' bytes are left without zeros.

    Of all layers together: a second kernel would cost more than a small layer saves.
    """
    stored = whole = 0
    for step, portable in steps:
        if sparse := _packed(step, portable, "sparse"):
            stored += _weights(sparse).nbytes
            whole += _weights(portable).nbytes
    return stored / (whole or 1)


def _weights(form: Form) -> npt.NDArray[Any]:
    weights = form.tensors[WEIGHTS]
    assert isinstance(weights, ConstantArray)
    return weights.values


def _choice(step: Step, portable: Form, levels: Iterable[str]) -> StepForms:
    """Return a step with the first of the levels for each condition that its kernel has."""
    forms: dict[str, Form] = {}
    for level in levels:
        condition = LEVELS[level].condition
        if condition not in forms and (form := _packed(step, portable, level)):
            forms[condition] = form
    forms.setdefault("", portable)
    return StepForms(step.op.name, tuple(forms.items()))


def _in_pieces(step: Step, portable: Form, levels: Iterable[str], length: int) -> StepForms:
    """Return a step as ``_choice`` does, in pieces of so many positions."""
    each, left = _parts(step, length)
    levels = tuple(levels)
    whole = _choice(each, replace(portable, params=each.kernel.params), levels)
    rests: tuple[Mapping[str, int] | None, ...] = (None,) * len(whole.forms)
    if left:
        of_rest = _choice(left, replace(portable, params=left.kernel.params), levels)
        rests = tuple(form.params for _, form in of_rest.forms)
    count = positions(step.kernel.params)
    output = len(step.reads)
    sizes = [tensor.size for tensor in portable.tensors if isinstance(tensor, Slot)]
    strides = sizes[0] // count * length, sizes[1] // count * length
    return replace(
        whole,
        forms=tuple(
            (macro, replace(form, pieces=Pieces(count // length, output, strides, rest)))
            for (macro, form), rest in zip(whole.forms, rests, strict=True)
        ),
    )


def _portable(plan: Plan, index: int, step: Step) -> Form:
    """Return a step as the engine's portable kernel runs it."""
    function, _ = kernels.find(step.kernel.name)
    # The first argument is the parameters; a kernel of any number of tensors names none.
    arguments = list(signature(function).parameters.values())[1:]
    names = [one.name for one in arguments if one.kind is not Parameter.VAR_POSITIONAL]
    tensors: list[ConstantArray | Slot] = []
    for position, number in enumerate(step.slots):
        slot = plan.slots[number]
        if slot.data is None:
            tensors.append(slot)
            continue
        name = names[position] if position < len(names) else f"constant{position}"
        values = np.frombuffer(slot.data, slot.dtype)
        tensors.append(ConstantArray(f"{name}_{index}", values, position in step.kernel.flash))
    return Form(step.kernel.name, step.kernel.params, tuple(tensors))


def _packed(step: Step, portable: Form, level: str) -> Form | None:
    """Return a step in the form of a level, None where there is none for it.

    Constants that are the same keep their names.
    """
    native_module, kernel = extension(), step.kernel
    if level not in native_module.variants(kernel.name):
        return None
    contents = [_content(tensor) for tensor in portable.tensors]
    packed = native_module.pack(kernel.name, level, kernel.packed, tuple(contents))
    if packed is None:
        return None
    params, packed_contents = packed
    # Not every packer of a level appends its parameters.
    names = (*kernel.params, *LEVELS[level].params)[: len(params) // struct.calcsize("=i")]
    values = struct.unpack_from(f"={len(names)}i", params)
    tensors = list(portable.tensors)
    for position, content in enumerate(packed_contents):
        tensor = tensors[position]
        if content is not None and position in UNREAD.get((kernel.name, level), ()):
            assert not any(content), "a packer writes what no kernel reads"
            tensors[position] = None
        elif content is not None and content != contents[position]:
            assert isinstance(tensor, ConstantArray)
            dtype = LEVELS[level].types.get(position, tensor.values.dtype)
            tensors[position] = ConstantArray(
                f"{tensor.name}_{level}", np.frombuffer(content, dtype), tensor.flash
            )
    named = dict(zip(names, values, strict=True))
    return Form(f"{kernel.name}_{level}", named, tuple(tensors))


def _content(tensor: ConstantArray | Slot | None) -> bytes | None:
    return tensor.values.tobytes() if isinstance(tensor, ConstantArray) else None
