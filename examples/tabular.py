"""A table of sensor values, from Keras to C, cell by cell (VS Code and Spyder run the cells).

Six features, three classes; everything is made up here, so that it runs as it is:

    python tabular.py
"""

# %% A small Keras model, trained on standardised features
import os

os.environ["KERAS_BACKEND"] = "tensorflow"

from pathlib import Path

import keras
import numpy as np

folder = Path("tabular")
folder.mkdir(exist_ok=True)
random = np.random.default_rng(0)
classes = np.array(["idle", "running", "worn"])
truth = random.integers(0, 3, 3000)
centres = random.normal(0, 2, (3, 6))
x = (centres[truth] + random.normal(0, 1, (3000, 6))).astype(np.float32)
x = (x - x.mean(axis=0)) / x.std(axis=0)

keras.utils.set_random_seed(1)
model = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(3),  # logits: the loss says so, and edgekit reads it there
    ]
)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile("adam", loss, metrics=["accuracy"])
model.fit(x[:2400], truth[:2400], epochs=5, verbose=0)
model.save(folder / "machine.keras")

# %% The same arrays for edgekit: floats are the model's inputs as they are, y are the classes
np.savez(
    folder / "machine.npz",
    x_train=x[:2400],
    y_train=classes[truth[:2400]],
    x_test=x[2400:],
    y_test=classes[truth[2400:]],
)

# %% To int8: calibrated on the training rows, measured on the test rows
from edgekit import convert

converted = convert.convert(
    folder / "machine.keras",
    folder / "machine_int8.tflite",
    quantize=True,
    data=str(folder / "machine.npz"),
)
accuracy = converted.report["accuracy"]
print(
    "output:",
    converted.report["meaning"]["name"],
    "because",
    converted.report["meaning"]["reason"],
)
print(f"right: {accuracy['before']['correct']} before, {accuracy['after']['correct']} after")

# %% On the device
from edge_runtime import load

machine = load(folder / "machine_int8.tflite")
print(machine)
scores = machine.predict(x[2400:2405])  # floats in, probabilities out
print([machine.labels[i] for i in scores.argmax(axis=1)], "truth", classes[truth[2400:2405]])

# %% As C for a microcontroller: run `edgekit export` and `edgekit bench --core` on the file
from edgekit.convert.c.library import library

made = library((folder / "machine_int8.tflite").read_bytes(), "machine_int8.tflite", "machine")
(folder / "machine.h").write_text(made.header)
(folder / "machine.c").write_text(made.source)
print(f"machine.c: {made.constants} bytes of constants, {made.arena} bytes of arena")
