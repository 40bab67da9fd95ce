"""``python -m edgekit.train.finetune.worker``: runs tensorflow-model-optimization.

It is a process of its own because the library needs tf_keras, which TF_USE_LEGACY_KERAS=1 must
select before TensorFlow is imported. Its argument is a folder with ``job.json`` and ``job.npz``
from ``train.finetune.run``; it writes ``weights.npz`` there and, after quantisation-aware training,
``forward.pb``. On standard output it writes one JSON document per line: an epoch's figures, or
``{"error": ...}`` as the last. Standard input is a pipe that ends with the parent.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgekit import parent
from edgekit.train.finetune import carry
from edgekit.train.finetune.loss import Loss
from edgekit.train.finetune.recipe import Tuning

EMA_DECAY = 0.999
"""Decay of the activations' ranges, fixed in tfmot's MovingAverageQuantizer."""

RANGE_SAMPLES = 256
STEPS_TO_RAMP = 10
"""With fewer steps pruning reaches its share at once."""

Say = Callable[[dict[str, Any]], None]


def run(folder: Path, say: Say) -> None:
    """Run the stages of the job in ``folder``."""
    import tensorflow as tf
    import tf_keras

    job = json.loads((folder / "job.json").read_text())
    tuning = Tuning(**job["tuning"])
    tf.config.experimental.enable_op_determinism()
    tf_keras.utils.set_random_seed(tuning.seed)
    with np.load(folder / "job.npz") as arrays:
        data = {
            name.removeprefix("data/"): arrays[name]
            for name in arrays.files
            if name.startswith("data/")
        }
        weights = {
            name.removeprefix("weights/"): arrays[name]
            for name in arrays.files
            if name.startswith("weights/")
        }
    model = carry.build(job["model"], weights, tf_keras)
    trainable = {layer.name: layer.trainable for layer in model.layers}
    for stage in tuning.stages:
        wrapped, callbacks = _wrapped(stage, model, tuning, data)
        wrapped.compile(
            optimizer=tf_keras.optimizers.Adam(tuning.learning_rate),
            loss=Loss(**job["loss"]).made(tf_keras),
            metrics=job["metrics"],
        )
        _fit(stage, wrapped, callbacks, tuning, data, say)
        model = _unwrapped(stage, wrapped)
        for layer in model.layers if stage == "cluster" else ():
            layer.trainable = trainable.get(layer.name, True)
    if tuning.qat:
        _snap(model)
        (folder / "forward.pb").write_bytes(_frozen(model))
    tuned: dict[str, Any] = carry.carried_back(job["model"], model.layers, weights)
    np.savez(folder / "weights.npz", **tuned)


def _wrapped(stage: str, model: Any, tuning: Tuning, data: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Return the model to train in ``stage``, and the callbacks it needs."""
    import tensorflow_model_optimization as tfmot
    import tf_keras

    match stage:
        case "prune":
            steps = -(-len(data["x"]) // tuning.batch_size) * tuning.epochs
            return _pruned(model, tuning.prune, steps), [tfmot.sparsity.keras.UpdatePruningStep()]
        case "cluster":
            return _clustered(model, tuning), []
        case _:
            sample = data["x"][:: -(-len(data["x"]) // RANGE_SAMPLES)]
            wrapped = _quantised(model, tuning)

            def settle(*_: Any) -> None:
                _settle(wrapped, sample)

            return wrapped, [tf_keras.callbacks.LambdaCallback(on_epoch_begin=settle)]


def _pruned(model: Any, share: float, steps: int) -> Any:
    import tensorflow_model_optimization as tfmot
    import tf_keras

    schedule = _schedule(share, steps)

    def wrap(layer: Any) -> Any:
        if getattr(layer, "kernel", None) is None:
            return layer
        return tfmot.sparsity.keras.prune_low_magnitude(layer, pruning_schedule=schedule)

    return tf_keras.models.clone_model(model, clone_function=wrap)


def _schedule(share: float, steps: int) -> Any:
    """Add zeros over the first half of ``steps``; the second half trains the other weights."""
    import tensorflow_model_optimization as tfmot

    if steps < STEPS_TO_RAMP:
        return tfmot.sparsity.keras.ConstantSparsity(share, begin_step=0, frequency=1)
    frequency = max(1, steps // 100)
    # The last update must be at the end of the ramp, or the share is never reached.
    end = steps // 2 // frequency * frequency
    return tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=0.0,
        final_sparsity=share,
        begin_step=0,
        end_step=end,
        frequency=frequency,
    )


def _clustered(model: Any, tuning: Tuning) -> Any:
    import tensorflow_model_optimization as tfmot
    import tf_keras
    from tensorflow_model_optimization.python.core.clustering.keras.experimental import cluster

    initial = tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS

    def wrap(layer: Any) -> Any:
        kernel = getattr(layer, "kernel", None)
        if kernel is None:
            return layer
        if len(np.unique(kernel)) <= tuning.cluster:
            # Too few values to cluster: keep them, above all the zeros.
            layer.trainable = False
            return layer
        return cluster.cluster_weights(
            layer, tuning.cluster, initial, preserve_sparsity=bool(tuning.prune)
        )

    return tf_keras.models.clone_model(model, clone_function=wrap)


def _quantised(model: Any, tuning: Tuning) -> Any:
    import tf_keras
    from tensorflow_model_optimization.python.core.quantization.keras import quantize
    from tensorflow_model_optimization.python.core.quantization.keras.collab_opts import (
        cluster_preserve,
        prune_preserve,
    )
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_configs,
        default_8bit_quantize_registry,
    )

    output = default_8bit_quantize_configs.Default8BitOutputQuantizeConfig
    transposed = default_8bit_quantize_registry.Default8BitConvTransposeQuantizeConfig

    def annotate(layer: Any) -> Any:
        # The only layers of carry.LAYERS that the library does not quantise by itself.
        if isinstance(layer, (tf_keras.layers.Rescaling, tf_keras.layers.Multiply)):
            return quantize.quantize_annotate_layer(layer, output())
        if isinstance(layer, tf_keras.layers.Conv2DTranspose):
            config = transposed(["kernel"], ["activation"], False)
            return quantize.quantize_annotate_layer(layer, config)
        return layer

    annotated = tf_keras.models.clone_model(model, clone_function=annotate)
    if tuning.cluster:
        clusters = cluster_preserve.default_8bit_cluster_preserve_quantize_scheme
        scheme = clusters.Default8BitClusterPreserveQuantizeScheme(
            preserve_sparsity=bool(tuning.prune)
        )
    else:
        # Weights that are exactly 0 stay 0; a model that was not pruned has none.
        zeros = prune_preserve.default_8bit_prune_preserve_quantize_scheme
        scheme = zeros.Default8BitPrunePreserveQuantizeScheme()
    with quantize.quantize_scope({one.__name__: one for one in (output, transposed)}):
        return quantize.quantize_apply(quantize.quantize_annotate_model(annotated), scheme)


def _settle(model: Any, sample: Any) -> None:
    """Set the activations' ranges to those of ``sample``, as calibration would.

    They start at [-6, 6] and are moving averages that need thousands of steps; until then the
    network trains with clipping that the int8 model does not have. So each epoch starts here.

    One forward pass in training mode changes a range r to d·r + (1 - d)·x, which gives x. A layer's
    range is right once those before it are, hence one pass per layer. All else that a pass changes
    is restored.
    """
    for _ in model.layers:
        before = [variable.numpy() for variable in model.weights]
        model(sample, training=True)
        for variable, old in zip(model.weights, before, strict=True):
            name = variable.name.split(":")[0]
            if not name.endswith(("_min", "_max")):
                variable.assign(old)
            elif name.rsplit("_", 1)[0].endswith(("activation", "output")):
                new = variable.numpy().astype(np.float64)
                variable.assign((new - EMA_DECAY * old) / (1 - EMA_DECAY))


def _unwrapped(stage: str, model: Any) -> Any:
    import tensorflow_model_optimization as tfmot

    if stage == "prune":
        return tfmot.sparsity.keras.strip_pruning(model)
    if stage == "cluster":
        return tfmot.clustering.keras.strip_clustering(model)
    return model


def _snap(model: Any) -> None:
    """Round each kernel to the int8 grid of its training.

    In float the model then computes with the same weights as in int8.
    """
    for layer in model.layers:
        for kernel, quantizer, state in getattr(layer, "_weight_vars", ()):
            kernel.assign(quantizer(kernel, training=True, weights=state))


def _frozen(model: Any) -> bytes:
    """Return the forward pass with its ranges, from ``image`` to ``scores``, as a GraphDef."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="image")]
    forward = tf.function(
        lambda image: tf.identity(model(image, training=False), name="scores"),
        input_signature=signature,
        autograph=False,
    )
    frozen = convert_variables_to_constants_v2(forward.get_concrete_function())
    return bytes(frozen.graph.as_graph_def().SerializeToString(deterministic=True))


def _fit(
    stage: str,
    model: Any,
    callbacks: list[Any],
    tuning: Tuning,
    data: dict[str, Any],
    say: Say,
) -> None:
    import tf_keras

    def report(_: int, logs: dict[str, float]) -> None:
        say({"stage": stage, **{name: float(value) for name, value in logs.items()}})

    model.fit(
        data["x"],
        data["y"],
        sample_weight=data.get("weights"),
        batch_size=tuning.batch_size,
        epochs=tuning.epochs,
        validation_data=(data["x_held_out"], data["y_held_out"]),
        verbose=0,
        callbacks=[*callbacks, tf_keras.callbacks.LambdaCallback(on_epoch_end=report)],
    )


def main() -> int:
    """Run the job of the command line; return 0 if it succeeded, 1 if it failed."""
    parent.end_with(sys.stdin.read)
    # Only our lines may reach the parent: other output goes to standard error.
    sys.stdout.flush()
    lines = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(document: dict[str, Any]) -> None:
        print(json.dumps(document), file=lines, flush=True)

    try:
        run(Path(sys.argv[1]), say)
    # The library refuses layers with RuntimeError and ValueError; other errors are reported alike.
    except Exception as error:
        traceback.print_exc()
        say({"error": " ".join(str(error).split())[:300] or repr(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
