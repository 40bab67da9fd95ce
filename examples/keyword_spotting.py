"""Keyword spotting from Keras to C, cell by cell (VS Code and Spyder run the cells).

A DS-CNN of MLPerf Tiny's shape: 49 frames of 10 MFCCs to 12 words (Y. Zhang et al., "Hello Edge",
arXiv:1711.07128). The spectrograms are invented here, so that it runs as it is:

    python keyword_spotting.py
"""

# %% Words as paths through the spectrogram: each has its own, spoken sooner or later, and noise
from pathlib import Path

import numpy as np

from edgekit import frameworks

folder = Path("keywords")
folder.mkdir(exist_ok=True)
words = np.array("down go left no off on right silence stop unknown up yes".split())
random = np.random.default_rng(0)
frame, band = np.arange(49)[:, None], np.arange(10)
start, bend, speed = random.uniform((0, 0, 0.1), (9, 4, 0.6), (len(words), 3)).T


def spoken(word: int) -> np.ndarray:
    """Return a spectrogram [49, 10, 1] of a word."""
    time = frame - random.integers(0, 9)
    height = start[word] + bend[word] * np.sin(speed[word] * time)
    ridge = np.exp(-((band - height) ** 2))
    return (2 * ridge + random.normal(0, 1, (49, 10)))[..., None]


truth = random.integers(0, len(words), 3000)
x = np.array([spoken(word) for word in truth], np.float32)
np.savez(
    folder / "words.npz",
    x_train=x[:2000],
    y_train=words[truth[:2000]],
    x_test=x[2000:],
    y_test=words[truth[2000:]],
)

# %% A depthwise-separable network in Keras, trained for a few epochs
keras = frameworks.keras()  # as `import keras`, without what TensorFlow logs at its start
layers = keras.layers
keras.utils.set_random_seed(1)

spectrogram = keras.Input((49, 10, 1))
y = layers.Conv2D(64, (10, 4), strides=2, padding="same", activation="relu")(spectrogram)
for _ in range(4):
    for convolution in (
        layers.DepthwiseConv2D(3, padding="same", use_bias=False),
        layers.Conv2D(64, 1, use_bias=False),
    ):
        # In 160 steps the averages that inference uses do not arrive with Keras' momentum of 0.99.
        y = layers.BatchNormalization(momentum=0.8)(convolution(y))
        y = layers.ReLU()(y)
y = layers.GlobalAveragePooling2D()(y)
model = keras.Model(spectrogram, layers.Dense(len(words), activation="softmax")(y))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:2000], truth[:2000], epochs=4, batch_size=50, verbose=2)
model.save(folder / "words.keras")

# %% To int8: calibrated on training spectrograms, measured on the test spectrograms
from edgekit import convert

file = folder / "words_int8.tflite"
converted = convert.convert(
    folder / "words.keras", file, quantize=True, data=str(folder / "words.npz")
)
accuracy = converted.report["accuracy"]
print(f"right: {accuracy['before']['correct']} before, {accuracy['after']['correct']} after")

# %% On the device: a spectrogram in, a word out
from edge_runtime import load

spotter = load(file)
print(spotter)
scores = spotter.predict(x[2000:])  # floats in, probabilities out
print(f"edgekit's engine: {np.mean(scores.argmax(axis=1) == truth[2000:]):.1%} of 1000 right")
for spectrogram, word in zip(x[2000:2003], truth[2000:2003], strict=True):
    (scores,) = spotter.predict(spectrogram[None])
    print(f"heard {spotter.labels[scores.argmax()]} ({scores.max():.2f}), spoken {words[word]}")

# %% As C for a microcontroller: run `edgekit export` and `edgekit bench --core` on the file
from edgekit.convert.c.library import library

exported = library(file.read_bytes(), file.name, "spotter")
(folder / "spotter.h").write_text(exported.header)
(folder / "spotter.c").write_text(exported.source)
print(f"spotter.c: {exported.constants} bytes of constants, {exported.arena} bytes of arena")
