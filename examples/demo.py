"""Every step once: train, convert to float and int8, bench, and print where the report is.

Run by ``make demo``. It uses MNIST if that is available, otherwise synthetic digits; nothing else
in edgekit makes that choice.
"""

import subprocess
import sys

from edgekit.errors import DataError
from edgekit.train.data import load

BANNER = """
======================================================================================
  MNIST is not available, so this demo uses SYNTHETIC DIGITS drawn by code.
  {reason}
  Every artifact says "synthetic"; its figures say nothing about real handwriting.
======================================================================================
"""


def main() -> int:
    """Run the commands one after the other and return the first exit code that is not 0."""
    try:
        source = load("mnist").source
    except DataError as error:
        source = "synthetic"
        print(BANNER.format(reason=error), flush=True)
    for arguments in (
        ["train", "--data", source],
        ["convert"],
        ["convert", "--quantize"],
        ["bench"],
    ):
        print(f"\n$ edgekit {' '.join(arguments)}", flush=True)
        code = subprocess.run([sys.executable, "-m", "edgekit", *arguments], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
