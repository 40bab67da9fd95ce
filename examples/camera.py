"""A camera in front of a model: what a Raspberry Pi runs. Needs edge_runtime and Pillow only.

    python camera.py model_int8.tflite                  # the Pi's camera, through picamera2
    python camera.py model_int8.tflite --source frames/ # pictures of a folder instead

It prints a line when the answer changes and its score is high enough, and skips blank frames
(``InputError``).
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge_runtime import InputError, load


def frames(source: str, seconds: float) -> Iterator[Any]:
    """Yield pictures: paths of a folder in their order, or arrays [h, w, 3] of the camera."""
    if source != "camera":
        yield from sorted(Path(source).iterdir())
        return
    from picamera2 import Picamera2  # of Raspberry Pi OS: apt install python3-picamera2

    camera = Picamera2()
    camera.configure(camera.create_video_configuration({"size": (320, 240), "format": "BGR888"}))
    camera.start()
    while True:
        yield camera.capture_array()
        time.sleep(seconds)


def main() -> None:
    """Print what the model sees."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--source", default="camera", help="camera, or a folder of pictures")
    parser.add_argument("--seconds", type=float, default=0.1, help="between two frames")
    parser.add_argument("--sure", type=float, default=0.9, help="least score of an answer")
    chosen = parser.parse_args()
    model = load(chosen.model)
    print(model, flush=True)
    shown = ""
    for frame in frames(chosen.source, chosen.seconds):
        try:
            answer = model.classify(frame)
        except InputError:
            continue
        if answer.score >= chosen.sure and answer.label != shown:
            shown = answer.label
            print(f"{shown}  {answer.score:.3f}", flush=True)


if __name__ == "__main__":
    main()
