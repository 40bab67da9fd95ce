"""Calls of variants for Cortex-M on the emulator, compared with the portable kernel."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import cortex_m
import sources
from edge_runtime import _native
from trials import Trial


def source_of(kernel: str) -> Path:
    """Return the file of a kernel of ``cortex_m``, by its name without ``ek_``."""
    (path,) = (one for one in sources.CORTEX_M if f"ek_{kernel}(" in one.read_text())
    return path


def core_with(
    kernel: str, level: str, folder: Path, cpu: str = "cortex_m4", optimisation: str = "-Os"
) -> cortex_m.Core:
    """Return an emulated core that has a variant in its flash, built in a folder."""
    source = source_of(f"{kernel}_{level}")
    return cortex_m.Core(cpu, cortex_m.build(folder, cpu, optimisation, [source]))


def contents(trial: Trial) -> tuple[bytes | None, ...]:
    """Return what a packer sees of a trial's tensors, those after them included."""
    tensors = [
        tensor.tobytes() if position in trial.constant else None
        for position, tensor in enumerate(trial.tensors)
    ]
    return (*tensors, *(None for _ in trial.outputs))


def packed(kernel: str, level: str, trial: Trial) -> tuple[bytes, tuple[bytes | None, ...]] | None:
    """Return the parameters and the tensors that a packer writes; None if it refuses the trial."""
    params = np.array(trial.params, np.int32).tobytes()
    found: tuple[bytes, tuple[bytes | None, ...]] | None = _native.pack(
        kernel, level, params, contents(trial)
    )
    return found


def expected(kernel: str, trial: Trial) -> bytes:
    """Return the output of the portable kernel."""
    params = np.array(trial.params, np.int32).tobytes()
    (output,) = _native.run(kernel, params, tuple(trial.tensors), tuple(trial.outputs))
    return bytes(output)


def answered(
    core: cortex_m.Core, kernel: str, level: str, trial: Trial, *, at_end: bool
) -> bytes | None:
    """Return the output of a variant on the core; None if its packer refuses the trial.

    Args:
        core: has the variant in its flash.
        kernel: name of the kernel that it stands for.
        level: level of the variant.
        trial: a call, of one output.
        at_end: whether tensors end, or begin, at a page that cannot be accessed.
    """
    found = packed(kernel, level, trial)
    if found is None:
        return None
    params, replaced = found
    own = np.array(trial.params, np.int32).tobytes()
    scratch = _native.scratch(kernel, level, own, contents(trial))
    given = [tensor.tobytes() for tensor in trial.tensors]
    given += [b"\x5a" * size for size in trial.outputs]
    given = [new or old for new, old in zip(replaced, given, strict=True)]
    if scratch:
        given.append(b"\xa5" * scratch)
    addresses = [core.place(slot, content, at_end) for slot, content in enumerate(given)]
    core.call(f"{kernel}_{level}", np.frombuffer(params, np.int32).tolist(), addresses)
    output = len(trial.tensors)
    return bytes(core.engine.mem_read(addresses[output], trial.outputs[0]))


def count_refused(core: cortex_m.Core, kernel: str, level: str, trials: list[Trial]) -> int:
    """Require the bytes of the portable kernel; return how many trials the packer refuses."""
    refused = 0
    for number, trial in enumerate(trials):
        output = answered(core, kernel, level, trial, at_end=number % 4 != 0)
        refused += output is None
        if output is not None:
            assert output == expected(kernel, trial), (number, trial.params)
    return refused
