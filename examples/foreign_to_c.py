"""From another tool's .tflite file to C, with a check that it computes the same.

    python foreign_to_c.py theirs.tflite --labels yes,no --input-range 0,255

Writes labels and scale into a copy (``edgekit label``), compares edgekit's engine with LiteRT's
reference kernels on random tensors (``edgekit bench --data none``), and writes the C
(``edgekit export``).
Without --labels and --input-range the file is used as it is.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run the commands one after the other and return the first exit code that is not 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--labels", help="class names in the order of the scores, or a file")
    parser.add_argument("--input-range", help="what pixels 0 and 255 are on the model's scale")
    parser.add_argument("--folder", type=Path, default=Path("foreign"))
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    copy = chosen.folder / chosen.model.name
    shutil.copyfile(chosen.model, copy)
    named = [("--labels", chosen.labels), ("--input-range", chosen.input_range)]
    given = [f"{option}={value}" for option, value in named if value]
    commands = [
        *([["label", copy, *given]] if given else []),
        ["inspect", copy],
        ["bench", copy, "--data", "none", "--quick", "--artifacts", chosen.folder],
        ["export", copy, "--output", chosen.folder / "c"],
    ]
    for command in commands:
        words = list(map(str, command))
        print(f"\n$ edgekit {' '.join(words)}", flush=True)
        code = subprocess.run([sys.executable, "-m", "edgekit", *words], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
