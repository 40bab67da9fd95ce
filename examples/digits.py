"""A convolutional network for all ten digits of MNIST, from Keras to a Cortex-M4.

    python digits.py                       # MNIST: EDGEKIT_MNIST, Keras' cache, or a download
    python digits.py --data my-digits/     # your own images, in folders 0 to 9

It trains for a minute, converts to int8, compares edgekit's engine with LiteRT on every test image,
writes the C, and runs some of the images on an emulated Cortex-M4. A gate fails below 99 % of right
answers, above 30 KB, and for every output byte that differs. Needs edgekit's [host] and [mcu].
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from edgekit import frameworks
from edgekit.train.data import load
from edgekit.train.dataset import Dataset

tf, keras = frameworks.tensorflow(), frameworks.keras()  # without what they log at their start
layers = keras.layers

FOLDER = Path("digits")
EPOCHS = 6
BATCH = 128
PEAK = 0.01
"""Highest learning rate."""

COMMANDS = (
    "convert --quantize --data {data} --classes 0-9 --input-range 0,1",
    "bench --quick --backend native --backend litert --min-accuracy 0.99 --max-size 30000",
    "export --name digits",
    "bench --quick --core cortex-m4 --min-accuracy 0.9",  # of 50 images; their bytes matter
)


def network() -> Any:
    """Return a model of 10,000 parameters and 320,000 multiply-accumulates.

    Converting folds each normalisation, and the ReLU after it, into the convolution before.
    """
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 5, strides=2, padding="same", use_bias=False),  # to 14×14
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(24, 3, strides=2, padding="same", use_bias=False),  # to 7×7
            layers.BatchNormalization(),
            layers.ReLU(),
            # Depthwise-separable: each channel by itself, then the channels of each pixel.
            layers.DepthwiseConv2D(3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(48, 1, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.AveragePooling2D(2),  # to 3×3
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def moved(images: Any, digits: Any) -> tuple[Any, Any]:
    """Scale pixels to 0 to 1, and move the images of a batch by up to two pixels."""
    distance = tf.random.uniform([2], -2, 3, tf.int32)
    return tf.roll(tf.cast(images, tf.float32) / 255, distance, [1, 2]), digits


def train(dataset: Dataset, epochs: int) -> Any:
    """Return the trained network.

    The learning rate rises for a quarter of the steps and then falls: one cycle (L. N. Smith, N.
    Topin, "Super-Convergence", arXiv:1708.07120).
    """
    keras.utils.set_random_seed(1)
    tf.config.experimental.enable_op_determinism()
    images = tf.data.Dataset.from_tensor_slices((dataset.x_train, dataset.y_train))
    shuffled = images.shuffle(len(dataset.x_train), seed=1)
    batches = shuffled.batch(BATCH, drop_remainder=True).map(moved).prefetch(1)
    steps = epochs * len(batches)
    rate = keras.optimizers.schedules.CosineDecay(
        PEAK / 25, steps - steps // 4, warmup_target=PEAK, warmup_steps=steps // 4
    )
    model = network()
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(batches, epochs=epochs, shuffle=False, verbose=2)
    return model


def main() -> int:
    """Train, run the commands one after the other, and return the first exit code that is not 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="mnist", help="mnist, or a folder with images of digits")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args()
    data = options.data
    model = train(load(data, tuple("0123456789")), options.epochs)
    FOLDER.mkdir(exist_ok=True)
    model.save(FOLDER / "model.keras")
    for command in COMMANDS:
        words = [word.format(data=data) for word in f"{command} --artifacts {FOLDER}".split()]
        print(f"\n$ edgekit {' '.join(words)}", flush=True)
        code = subprocess.run([sys.executable, "-m", "edgekit", *words], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
