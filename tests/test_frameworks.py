"""How TensorFlow is imported."""

import subprocess
import sys

import pytest

LEFT_OUT = """
import sys
from edgekit import frameworks
keras = frameworks.keras()
assert not {"sklearn", "matplotlib"} & sys.modules.keys()
import sklearn.metrics
import matplotlib.figure
"""


@pytest.mark.tensorflow
def test_what_keras_would_import_in_vain_is_left_out_and_can_be_imported_later() -> None:
    subprocess.run([sys.executable, "-c", LEFT_OUT], check=True)
