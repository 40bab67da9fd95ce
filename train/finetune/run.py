"""Fine-tune a Keras 3 model in a process of its own, ``train.finetune.worker``.

The model travels there and back by ``train.finetune.carry``; progress arrives as lines of JSON.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import IO, Any

import numpy as np

import edgekit
from edgekit import clock
from edgekit.errors import MissingExtraError, TrainingError
from edgekit.train.finetune import carry
from edgekit.train.finetune import loss as losses
from edgekit.train.finetune.recipe import Tuning
from edgekit.train.fit import Data, Epoch
from edgekit.train.own_model import ONE_CLASS, loss_for

PACKAGES = {
    "tensorflow_model_optimization": "tensorflow-model-optimization",
    "tf_keras": "tf_keras",
}


KERNELS = ("/kernel", "/pointwise_kernel")
"""How the names of kernels end; the depthwise one of a separable convolution is the first."""


@dataclass(frozen=True)
class KernelSummary:
    """Sparsity and clusters of a layer's kernel.

    Attributes:
        layer: the layer's name.
        weights: number of weights.
        zeros: number of weights that are 0.
        values: number of different values.
    """

    layer: str
    weights: int
    zeros: int
    values: int


@dataclass(frozen=True)
class Tuned:
    """The results of fine-tuning, except for the weights, which are in the model.

    Attributes:
        tuning: the settings.
        loss: class of the loss that it minimised, as "MeanSquaredError".
        history: one entry per epoch of each stage.
        kernels: summaries of the tuned kernels.
        deflated: bytes of all kernels rounded to int8 and deflated (zlib, level 9), before and
            after.
        forward: after quantisation-aware training, the forward pass with the learned ranges
            (``files.QUANTIZED_FORWARD``).
        seconds: wall time, including the start of the process.
    """

    tuning: Tuning
    loss: str
    history: tuple[Epoch, ...]
    kernels: tuple[KernelSummary, ...]
    deflated: tuple[int, int]
    forward: bytes | None
    seconds: float


def require_packages() -> None:
    """Check that the packages for fine-tuning are installed.

    Raises:
        MissingExtraError: tensorflow-model-optimization or tf_keras is not installed.
    """
    for module, package in PACKAGES.items():
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(package, "host", "--qat, --prune and --cluster")


def tune(
    model: Any,
    tuning: Tuning,
    data: Data,
    where: str,
    task: str,
    *,
    first_epoch: int = 1,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    verbose: bool = False,
) -> Tuned:
    """Fine-tune the Keras 3 ``model`` in place, with the loss that it is compiled with.

    A loss of the user's own, which tf_keras does not know, gives way to one that fits the task. The
    same arguments give byte-identical weights on the same machine. If anything fails, the model is
    unchanged.

    Args:
        model: Sequential or Functional, compiled, one input and one output.
        tuning: the settings, with at least one stage.
        data: what to train on.
        where: the model, as errors call it.
        task: what the model is for, one of ``edge_runtime.meaning.TASKS``.
        first_epoch: number of the first epoch in the history.
        on_epoch: called after each epoch.
        verbose: show TensorFlow's output.

    Raises:
        MissingExtraError: tensorflow-model-optimization or tf_keras is not installed.
        EdgekitError: the clock is far off, so that no .npz or .keras can be written.
        ModelFileError: a layer cannot be carried to tf_keras.
        TrainingError: the loss is NaN or infinite, or tensorflow-model-optimization refuses.
    """
    require_packages()
    clock.require_for_zips()
    if not tuning.stages:
        raise ValueError("nothing to do: neither qat nor prune nor cluster")
    described = carry.description(model, where)
    loss = losses.described(model.loss) or losses.described(loss_for(model, task))
    assert loss
    weights = carry.weights_of(model.layers)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="edgekit-") as name:
        folder = Path(name)
        job = {
            "model": described,
            "tuning": asdict(tuning),
            "loss": asdict(loss),
            "metrics": ["accuracy"] if task in ONE_CLASS else [],
        }
        (folder / "job.json").write_text(json.dumps(job))
        arrays: dict[str, Any] = {f"weights/{name}": value for name, value in weights.items()}
        arrays |= {f"data/{name}": value for name, value in vars(data).items() if value is not None}
        np.savez(folder / "job.npz", **arrays)
        history = _watch(folder, where, first_epoch, on_epoch, verbose=verbose)
        with np.load(folder / "weights.npz") as weights_file:
            tuned = dict(weights_file)
        forward = (folder / "forward.pb").read_bytes() if tuning.qat else None
    carry.set_weights(model, tuned)
    return Tuned(
        tuning=tuning,
        loss=loss.kind,
        history=tuple(history),
        kernels=_kernels(tuned),
        deflated=(_deflated(weights), _deflated(tuned)),
        forward=forward,
        seconds=time.perf_counter() - started,
    )


def _watch(
    folder: Path,
    where: str,
    first_epoch: int,
    on_epoch: Callable[[Epoch], None],
    *,
    verbose: bool,
) -> list[Epoch]:
    """Run the process to its end and return the epochs that it reported."""
    home = str(Path(edgekit.__file__).parents[1])
    environment = {
        **os.environ,
        "TF_USE_LEGACY_KERAS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH")))),
    }
    if not verbose:
        environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    history: list[Epoch] = []
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            # -P: modules in the current folder must not shadow others.
            [sys.executable, "-P", "-m", "edgekit.train.finetune.worker", str(folder)],
            stdin=subprocess.PIPE,  # closes with this process, which ends the worker
            stdout=subprocess.PIPE,
            stderr=None if verbose else errors,
            env=environment,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            before = time.perf_counter()
            for line in process.stdout:
                message = json.loads(line)
                if "error" in message:
                    raise TrainingError(f"{where}: cannot be fine-tuned: {message['error']}")
                now = time.perf_counter()
                epoch = _epoch(message, first_epoch + len(history), now - before)
                before = now
                history.append(epoch)
                on_epoch(epoch)
                if not isfinite(epoch.loss):
                    raise TrainingError(
                        f"{where}: {epoch.stage} diverged in epoch {epoch.number}: the loss is "
                        f"{epoch.loss}; lower the learning rate"
                    )
            if process.wait():
                raise TrainingError(
                    f"{where}: the process for fine-tuning ended with exit code "
                    f"{process.returncode}{_last_line(errors)}; -v shows its output"
                )
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()
    return history


def _epoch(message: dict[str, Any], number: int, seconds: float) -> Epoch:
    return Epoch(
        number=number,
        loss=message["loss"],
        accuracy=message.get("accuracy"),
        held_out_loss=message["val_loss"],
        held_out_accuracy=message.get("val_accuracy"),
        seconds=seconds,
        stage=message["stage"],
    )


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = [line for line in errors.read().decode(errors="replace").splitlines() if line.strip()]
    return f" ({lines[-1].strip()[:200]})" if lines else ""


def record(tuned: Tuned) -> dict[str, Any]:
    """Return the "tuning" of metrics.json."""
    epochs = tuned.tuning.epochs
    return {
        "recipe": asdict(tuned.tuning),
        "loss": tuned.loss,
        "stages": [
            {"stage": stage, "first_epoch": tuned.history[i * epochs].number, "epochs": epochs}
            for i, stage in enumerate(tuned.tuning.stages)
        ],
        "kernels": [
            {**asdict(kernel), "sparsity": kernel.zeros / kernel.weights}
            for kernel in tuned.kernels
        ],
        "deflated_kernels": dict(zip(("before", "after"), tuned.deflated, strict=True)),
        "seconds": round(tuned.seconds, 3),
        "versions": {package: version(package) for package in PACKAGES.values()},
    }


def _kernels(weights: carry.Weights) -> tuple[KernelSummary, ...]:
    return tuple(
        KernelSummary(
            layer=name.removesuffix("/kernel").removesuffix("_kernel"),
            weights=kernel.size,
            zeros=int(np.sum(kernel == 0)),
            values=len(np.unique(kernel)),
        )
        for name, kernel in weights.items()
        if name.endswith(KERNELS)
    )


def _deflated(weights: carry.Weights) -> int:
    """Return the bytes of all kernels in int8, one scale each, deflated."""
    rounded = b""
    for name, kernel in weights.items():
        if name.endswith(KERNELS):
            largest = float(np.abs(kernel).max()) or 1.0
            rounded += np.round(kernel / largest * 127).astype(np.int8).tobytes()
    return len(zlib.compress(rounded, 9))
