"""The default engine of a plan: no variants, kernels run in NumPy."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_runtime.ops.call import Kernel
    from edge_runtime.planner.plan import Slot


class Portable:
    """See :class:`edge_runtime.planner.plan.Engine`."""

    def choose(self, kernel: Kernel, slots: Sequence[Slot]) -> tuple[str, int]:  # noqa: ARG002
        """Return that there are no variants."""
        return "portable", 0

    def run(
        self,
        kernel: Kernel,
        slots: Sequence[Slot],
        sizes: Sequence[int],  # noqa: ARG002 - the NumPy function infers them
    ) -> tuple[bytes, ...]:
        """Run the kernel in NumPy."""
        import numpy as np

        from edge_runtime import kernels

        tensors = [np.frombuffer(slot.data or b"", slot.dtype) for slot in slots]
        outputs = kernels.run(kernel.name, kernel.params, *tensors)
        if not isinstance(outputs, tuple):
            outputs = (outputs,)
        return tuple(output.tobytes() for output in outputs)


PORTABLE = Portable()
