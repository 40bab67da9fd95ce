"""Speed of ``edgekit train`` compared with the plain Keras script, in one run.

    python -m edgekit.benchmarks.studies.training [--epochs 8] [--rounds 3] [--json]

Each contender trains the documented model in its own process, with TensorFlow configured as a user
would have it, in turns. The first epoch, which builds the graph, is left out.
"""

import argparse
import json
import subprocess
import sys
from statistics import median

from edgekit.errors import DataError
from edgekit.train.data import load

PLAIN = """
import json, sys, time
import keras
from edgekit.train.data import load
from edgekit.train.dataset import scaled

dataset = load()
x, y = scaled(dataset.x_train), keras.utils.to_categorical(dataset.y_train, 2)
x_test, y_test = scaled(dataset.x_test), keras.utils.to_categorical(dataset.y_test, 2)
keras.utils.set_random_seed(123)
model = keras.Sequential([
    keras.Input((28, 28, 1)),
    keras.layers.Flatten(),
    keras.layers.Dense(14, activation="relu"),
    keras.layers.Dense(2, activation="sigmoid"),
])
model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy", metrics=["accuracy"])
seconds, marks = [], [time.perf_counter()]
callback = keras.callbacks.LambdaCallback(
    on_epoch_begin=lambda *_: marks.append(time.perf_counter()),
    on_epoch_end=lambda *_: seconds.append(time.perf_counter() - marks[-1]),
)
held_out = {"validation_data": (x_test, y_test)} if %(validate)r else {}
model.fit(x, y, batch_size=32, epochs=int(sys.argv[1]), verbose=0, callbacks=[callback], **held_out)
print(json.dumps(seconds))
"""

EDGEKIT = """
import json, sys
from edgekit.train.data import load
from edgekit.train.fit import fit
from edgekit.train.recipe import Recipe

training = fit(Recipe(epochs=int(sys.argv[1]), patience=int(sys.argv[1])), load())
print(json.dumps([epoch.seconds for epoch in training.history]))
"""

CONTENDERS = {
    "plain model.fit": PLAIN % {"validate": False},
    "plain model.fit, test set each epoch": PLAIN % {"validate": True},
    "edgekit train (test set each epoch)": EDGEKIT,
}


def measure(epochs: int, rounds: int) -> dict[str, list[float]]:
    """Return seconds of each epoch but the first by contender, of ``rounds`` interleaved runs."""
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, script in CONTENDERS.items():
            done = subprocess.run(
                [sys.executable, "-c", script, str(epochs)],
                check=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            seconds[name] += json.loads(done.stdout)[1:]
    return seconds


def main() -> None:
    """Measure and print a table, or the samples with ``--json``."""
    parser = argparse.ArgumentParser(description="Speed of training against plain Keras.")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        load()
    except DataError as error:
        parser.error(str(error))
    seconds = measure(arguments.epochs, arguments.rounds)
    if arguments.json:
        print(json.dumps(seconds))
        return
    ours = median(seconds["edgekit train (test set each epoch)"])
    print(f"{'':40}{'ms an epoch':>12}{'ratio':>8}")
    for name, samples in seconds.items():
        print(f"{name:40}{1000 * median(samples):12.1f}{median(samples) / ours:8.1f}")


if __name__ == "__main__":
    main()
