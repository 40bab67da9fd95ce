"""A fresh process that answers once: ``python benchmarks/first_answer.py``.

Reads raw input tensors from standard input, one after another, prints the answer as soon as it has
it (the parent stops its clock there), then its peak memory in bytes. It imports only what the
measured backend needs, and is run by its path like a user's script: ``python -m`` would also import
runpy and the package around this file, which costs half as much as the start of a bare Python.
"""

import sys


def main(kind: str, backend: str = "", path: str = "", *shape: str) -> None:
    """Answer once.

    Args:
        kind: "runtime" for a backend of edge_runtime, "peer" for one of peers.PEERS, "trusted peer"
            for a peer that may run the code of its Keras file, "python" for the bare interpreter.
        backend: name of the backend or peer.
        path: the model file.
        shape: shape of the input tensor.
    """
    data = sys.stdin.buffer.read()
    if kind == "runtime":
        from edge_runtime import load

        model = load(path, backend=backend)
        if len(model.inputs) == len(model.outputs) == 1:
            answer = bytes(model.run(data))
        else:
            answer = run_several(model, data)
    elif kind.endswith("peer"):
        from edgekit.benchmarks import peers

        trust = kind.startswith("trusted")
        answer = peers.answer_once(backend, path, tuple(map(int, shape)), data, trust=trust)
    else:
        answer = data
    print(answer.hex(), flush=True)
    print(peak_memory(), flush=True)


def run_several(model, data: bytes) -> bytes:  # type: ignore[no-untyped-def]
    """Run a model of several inputs or outputs on their bytes, one after another."""
    tensors, start = [], 0
    for tensor in model.inputs.values():
        tensors.append(data[start : start + tensor.size])
        start += tensor.size
    outputs = model.run(tuple(tensors))
    return b"".join(map(bytes, outputs if isinstance(outputs, tuple) else (outputs,)))


def peak_memory() -> int:
    """Return the peak physical memory of this process, in bytes; 0 if unknown.

    Linux: VmHWM, which is reset when a program starts. ``ru_maxrss`` is not: it survives
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
