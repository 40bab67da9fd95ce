"""A prediction with nothing but the installed package, for tests of wheels.

The model is "dense int8" of models.seeds(), as bytes because an empty environment cannot
build it, and the output is LiteRT's; tests/test_wheel.py compares both.
"""

import base64
import sys
import tempfile
from pathlib import Path

import edge_runtime

MODEL = base64.b64decode("""
GAAAAFRGTDMAAA4AFAAQAAwACAAAAAQADgAAABAAAACEAAAAlAIAAAMAAAADAAAAcAAAADAAAAAEAAAA3v///wQAAAAUAAAA
2fz//136//8X/f//3Pj//x4GAAAAAAYACAAEAAYAAAAEAAAALQAAAE+Wrr2vTV4Vi5nV7x/7xKkxPImd9ORjBOzuKhatPUF0
ScnSJiYyXstwgZR5cQAAAKj///8BAAAAEAAAAAwAFAAQAAwACAAEAAwAAAAQAAAAWAAAAFwAAABgAAAAAQAAABQAAAAAAA4A
FAAAABAADAALAAQADgAAABQAAAAAAAAIEAAAABQAAAAEAAQABAAAAAEAAAADAAAAAwAAAAAAAAABAAAAAgAAAAEAAAADAAAA
AQAAAAAAAAAEAAAALAEAAMAAAABcAAAABAAAAPL+//8QAAAAMAAAAAAAAAk4AAAA5P7//wgAAAAUAAAAAQAAAP3/////////
AAAAAAEAAAApXI89CAAAAHRlbnNvciAzAAAAAAIAAAACAAAABQAAAK7///8UAAAAMAAAAAIAAAAAAAACNAAAADz///8IAAAA
EAAAAAEAAAAAAAAAAAAAAAEAAABvEgM6CAAAAHRlbnNvciAyAAAAAAEAAAAFAAAAAAAOABgAFAATAAwACAAEAA4AAAAUAAAA
NAAAAAEAAAAAAAAJOAAAAJz///8IAAAAFAAAAAEAAAAAAAAAAAAAAAAAAAABAAAACtcjPAgAAAB0ZW5zb3IgMQAAAAACAAAA
BQAAAAkAAAAAAA4AFAAQAA8AAAAIAAQADgAAABwAAAA8AAAAAAAACUQAAAAMAAwAAAAAAAgABAAMAAAACAAAABQAAAABAAAA
AwAAAAAAAAAAAAAAAQAAAM3MTD0IAAAAdGVuc29yIDAAAAAAAgAAAAIAAAAJAAAAAQAAABAAAAAMAAwACwAAAAAABAAMAAAA
CQAAAAAAAAk=
""")
INPUT = bytes(7 * i for i in range(18))
OUTPUT = [-37, -10, 10, 16, 53, -119, -88, -58, 102, 127]


def answer() -> list[int]:
    """Open the model and run it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        path.write_bytes(MODEL)
        model = edge_runtime.load(path, backend="native")
        output = model.run(INPUT).cast("B").cast("b").tolist()
        del model
    return output


def in_another_interpreter() -> None:
    """Do the same in a second interpreter, since CPython 3.12 with its own GIL."""
    try:
        import _interpreters as interpreters

        own_gil = {"config": "isolated"}
    except ImportError:
        import _xxsubinterpreters as interpreters

        own_gil = {"isolated": True} if sys.version_info >= (3, 12) else {}
    paths = [str(Path(__file__).parent), *sys.path]
    code = (
        f"import sys; sys.path[:] = {paths!r}; import smoke; assert smoke.answer() == smoke.OUTPUT"
    )
    beside = interpreters.create(**own_gil)
    try:
        failure = interpreters.run_string(beside, code)
    finally:
        interpreters.destroy(beside)
    assert failure is None, failure


def main() -> None:
    assert answer() == OUTPUT
    for _ in range(2):
        in_another_interpreter()
    assert answer() == OUTPUT
    assert "numpy" not in sys.modules
    from edge_runtime import _native

    print(edge_runtime.__file__, *_native.instructions())


if __name__ == "__main__":
    main()
