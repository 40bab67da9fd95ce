"""C functions that bring a camera's frames of another size into a model's input.

They crop, resize and pad as ``edge_runtime.image.prepare`` does, to the same bytes.
"""

from dataclasses import dataclass

import numpy as np

from edge_runtime.errors import ModelError
from edge_runtime.image import fitting
from edge_runtime.resampling import PRECISION, Taps, longest, taps
from edgekit.convert.c import text
from edgekit.convert.c.facts import Facts
from edgekit.convert.c.layout import prototype
from edgekit.convert.c.naming import array
from edgekit.convert.c.raw_inputs import COLOURS


@dataclass(frozen=True)
class Camera:
    """The frames of a camera.

    Attributes:
        width: of a frame, in pixels.
        height: likewise.
        framing: how a frame becomes the model's input: "resize", "centre-crop" or "letterbox".
    """

    width: int
    height: int
    framing: str


def functions(facts: Facts, camera: Camera) -> str:
    """Return the functions for a camera.

    Raises:
        ModelError: the model's input is no picture that a frame can become.
    """
    sizes = facts.inputs[0].picture if len(facts.inputs) == 1 else None
    if sizes is None or not facts.mean or facts.features:
        raise ModelError(
            "--camera: its input is no picture whose pixels the file describes: convert it with "
            "data of pictures, or give `edgekit label` the --input-range"
        )
    if camera.framing == "digit":
        raise ModelError(
            "--camera: its pictures are framed as digits, which no function in C does: frame them "
            "yourself, or set another framing with `edgekit label --framing`"
        )
    return _Frames(facts, camera, sizes).render()


@dataclass(frozen=True)
class _Frames:
    """What the functions are made of: the model, the camera, and the input's sizes."""

    facts: Facts
    camera: Camera
    sizes: tuple[int, int, int]

    def render(self) -> str:
        name, upper = self.facts.name, self.facts.name.upper()
        camera, (height, width, channels) = self.camera, self.sizes
        count = f"{upper}_CAMERA_WIDTH * {upper}_CAMERA_HEIGHT"
        kinds = [
            ("rgb888", f"const uint8_t rgb[{count} * 3]", "rgb"),
            ("rgb565", f"const uint16_t rgb[{count}]", "rgb"),
        ]
        grey = ""
        if channels == 1:
            kinds.append(("u8", f"const uint8_t grey[{count}]", "grey"))
            grey = f"""\
static inline void {name}_pixel_u8(const void *frame, int32_t i, uint8_t *pixel)
{{
    pixel[0] = ((const uint8_t *)frame)[i];
}}

"""
        entries = "\n".join(
            f"""\
{
                prototype(
                    f"static inline void {name}_from_camera_{kind}(",
                    (parameter, array(self.facts, self.facts.inputs[0], "input")),
                )
            }
{{
    {name}_from_camera({argument}, {name}_pixel_{kind}, input);
}}
"""
            for kind, parameter, argument in kinds
        )
        how = {
            "resize": "the whole frame is resized",
            "centre-crop": "its middle is resized",
            "letterbox": "the whole frame is resized into black",
        }[camera.framing]
        return f"""\
/* A camera's frames of {camera.width} x {camera.height} become the input of {width} x {height}: \
{how}, as
 * for training, to the same bytes. */
#define {upper}_CAMERA_WIDTH {camera.width}
#define {upper}_CAMERA_HEIGHT {camera.height}

{grey}{self._resize()}
/* Brings a frame into the input's form: pixels of 3 bytes, red first; of 16 bits,
 * RRRRRGGGGGGBBBBB{"; or grey, of one byte" if channels == 1 else ""}. */
{entries}"""

    def _resize(self) -> str:
        """Return the function that resizes pixel by pixel: along the row, then the column."""
        name, camera, (height, width, channels) = self.facts.name, self.camera, self.sizes
        top, left, rows, columns = 0, 0, camera.height, camera.width
        above, before, inner_height, inner_width = 0, 0, height, width
        if camera.framing == "centre-crop":
            rows, columns = fitting(height, width, camera.height, camera.width)
            top, left = (camera.height - rows) // 2, (camera.width - columns) // 2
        elif camera.framing == "letterbox":
            inner_height, inner_width = fitting(camera.height, camera.width, height, width)
            above, before = (height - inner_height) // 2, (width - inner_width) // 2
        down, across = taps(rows, inner_height), taps(columns, inner_width)
        both = _tables("down", down) + _tables("across", across)
        tables = "".join(f"    {line}\n" for line in both.splitlines())
        padded = (inner_height, inner_width) != (height, width)
        black = f"""\
    for (int32_t i = 0; i < {height * width * channels}; i++)
        input[i] = {name}_from_byte(0, i % {channels});
"""
        start = f"static inline void {name}_from_camera("
        parameters = (
            "const void *frame",
            "void (*pixel)(const void *, int32_t, uint8_t *)",
            f"{name}_input_t *input",
        )
        m, n, half = longest(down), longest(across), f"INT32_C({1 << (PRECISION - 1)})"
        return f"""\
{prototype(start, parameters)}
{{
{tables}{black if padded else ""}\
    for (int32_t y = 0; y < {inner_height}; y++)
        for (int32_t x = 0; x < {inner_width}; x++) {{
            int32_t sums[{channels}] = {{0}};
            for (int32_t j = 0; j < {m} && down[y * {m} + j]; j++) {{
                const int32_t row = ({top} + down_first[y] + j) * {camera.width} + {left};
                int32_t along[{channels}] = {{0}};
                for (int32_t i = 0; i < {n} && across[x * {n} + i]; i++) {{
                    uint8_t bytes[{max(channels, COLOURS)}];
                    pixel(frame, row + across_first[x] + i, bytes);
                    for (int c = 0; c < {channels}; c++)
                        along[c] += across[x * {n} + i] * bytes[c];
                }}
                for (int c = 0; c < {channels}; c++)
                    sums[c] += down[y * {m} + j] * ((along[c] + {half}) >> {PRECISION});
            }}
            for (int c = 0; c < {channels}; c++)
                input[((y + {above}) * {width} + x + {before}) * {channels} + c] = {name}_from_byte(
                    (uint8_t)((sums[c] + {half}) >> {PRECISION}), c);
        }}
}}
"""


def _tables(label: str, each: tuple[Taps, ...]) -> str:
    """Return the C tables of taps: the first source element, and the weights, padded with 0."""
    most = longest(each)
    weights = [(*one.weights, *[0] * (most - len(one.weights))) for one in each]
    return text.array(f"{label}_first", np.array([one.first for one in each], np.int16)) + (
        text.array(label, np.array(weights, np.int32))
    )
