"""A fresh process that answers once: ``python benchmarks/first_answer.py``.

Reads one raw input tensor from standard input, prints the answer as soon as it has it (there the
parent stops its clock), then its peak memory in bytes. Imports nothing that what it measures does
not need, and is run by its path, as a user's own script is: ``python -m`` would import runpy and
the package around this file as well, half a bare Python's start again.
"""

import sys


def main(kind: str, backend: str = "", path: str = "", *shape: str) -> None:
    """Answer once.

    Args:
        kind: "runtime" for a backend of edge_runtime, "peer" for one of peers.PEERS, "trusted peer"
            for one that may run the code of its Keras file, "python" for the interpreter alone.
        backend: the backend's or the peer's name.
        path: the model file.
        shape: of the input tensor.
    """
    data = sys.stdin.buffer.read()
    if kind == "runtime":
        from edge_runtime import load

        answer = bytes(load(path, backend=backend).run(data))
    elif kind.endswith("peer"):
        from edgekit.benchmarks import peers

        trust = kind.startswith("trusted")
        answer = peers.answer_once(backend, path, tuple(map(int, shape)), data, trust=trust)
    else:
        answer = data
    print(answer.hex(), flush=True)
    print(peak_memory(), flush=True)


def peak_memory() -> int:
    """Return the most physical memory that this process has held, in bytes; 0 where unknown.

    Linux: VmHWM, which starts afresh with each program. ``ru_maxrss`` does not: it survives
    execve, so a child of a large parent reports the parent's image at the fork.
    """
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib is an import to measure
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return 0
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage if sys.platform == "darwin" else usage * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
