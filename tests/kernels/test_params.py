"""A kernel's parameters are the same in C, in NumPy and in what ops are lowered to."""

import re
from collections.abc import Sequence
from functools import cache
from inspect import Parameter, signature

import pytest

import models
import sources
from edge_runtime import kernels
from edge_runtime.ops.call import Kernel
from edge_runtime.planner.plan import Slot
from edge_runtime.planner.portable import Portable
from edgekit.convert.c import blocks

WITHOUT_NUMPY = {"finite"}
"""Not of an op: the extension checks with it that a float32 input is finite."""

BY_ROWS = {"pool_average_row_int8_once"}
"""Only exported plans by rows have it: see tests/convert/c/test_rows.py."""

TABLE = (sources.KERNELS / "table.h").read_text(encoding="utf-8")
LISTED = set(re.findall(r"X\((\w+)[,)]", TABLE.partition("#define EK_LEVELS")[0]))
BEFORE_THE_MODEL = {"audio"}
"""Of no op: see tests/edge_runtime/test_audio.py."""

KERNELS = sorted(LISTED - WITHOUT_NUMPY - BY_ROWS - BEFORE_THE_MODEL)

READ = re.compile(
    r"\(const (\w+) \*\)params\b"
    r"|^EK_\w+\(\w+, \w+, \w+, (\w+), \w+\)"
    r"|\b(\w+) \w+;[^\n]*\n +memcpy\(&\w+, params,"
)
"""How a kernel names the struct of its parameters."""
STRUCT = re.compile(r"typedef struct \{\n([^}]*)\} (\w+);")
FIELDS = re.compile(r"^ +(?:int32_t|float) ([\w, ]+);$", re.MULTILINE)


def structs(kernel: str) -> dict[str, tuple[str, ...]]:
    """Return the structs through which a kernel in C reads its parameters, with their fields."""
    texts = [block.text for block in blocks.needed([f"ek_{kernel}"])]
    names = {name for text in texts for match in READ.findall(text) for name in match if name}
    return {
        name: tuple(field for line in FIELDS.findall(body) for field in line.split(", "))
        for text in texts
        for body, name in STRUCT.findall(text)
        if name in names
    }


@cache
def lowered() -> dict[str, list[Kernel]]:
    """Return all that the ops of the seeds are lowered to, by the name of the kernel."""
    reached: dict[str, list[Kernel]] = {}
    engine = Recording()
    for _, plan in models.plans(engine):
        for kernel in (*(step.kernel for step in plan.steps), *engine.folded):
            reached.setdefault(kernel.name, []).append(kernel)
        engine.folded.clear()
    return reached


class Recording(Portable):
    """The portable engine, which records the kernels that run on constants alone."""

    def __init__(self) -> None:
        self.folded: list[Kernel] = []

    def run(self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[int]) -> tuple[bytes, ...]:
        self.folded.append(kernel)
        return super().run(kernel, slots, sizes)


def test_every_kernel_is_reached() -> None:
    assert len(KERNELS) > 40
    assert sorted(lowered()) == KERNELS


@pytest.mark.parametrize("name", KERNELS)
def test_numpy_has_the_parameters_of_the_lowering(name: str) -> None:
    _, record = kernels.find(name)
    fields = list(record.__annotations__)
    assert fields
    for kernel in lowered()[name]:
        assert list(kernel.params) == fields


@pytest.mark.parametrize("name", [*KERNELS, *sorted(BEFORE_THE_MODEL)])
def test_c_has_the_parameters_of_numpy(name: str) -> None:
    _, record = kernels.find(name)
    ((struct, fields),) = structs(name).items() or [("", ())]
    assert fields == tuple(record.__annotations__)
    # A header that several files include has the family before it: FullyConnectedInt8.
    assert struct.endswith(record.__name__)


@pytest.mark.parametrize("name", KERNELS)
def test_numpy_has_the_tensors_of_the_lowering(name: str) -> None:
    function, _ = kernels.find(name)
    _, *arguments = signature(function).parameters.values()
    for kernel in lowered()[name]:
        count = len(kernel.inputs) + len(kernel.constants)
        if arguments[-1].kind is Parameter.VAR_POSITIONAL:
            assert count >= len(arguments)
        else:
            assert count == len(arguments)


@pytest.mark.parametrize("name", sorted(LISTED))
def test_no_kernel_in_c_reads_parameters_by_number(name: str) -> None:
    texts = [block.text for block in blocks.needed([f"ek_{name}"])]
    assert not [text for text in texts if re.search(r"\bparams(\[| \+)", text)]
