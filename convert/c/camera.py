"""What an example shows its model: the bytes of a camera's picture, made by code.

A model of features gets the means of its training, one of other numbers a wave, as a sensor of
eight bits gives it, and one that hears a tone.
"""

from edgekit.convert.c import naming
from edgekit.convert.c.facts import Facts, Port

ELEMENTS = {
    "bool": "{byte} > 127",
    "uint8": "{byte}",
    "int8": "(int8_t)({byte} - 128)",
    "int16": "(int16_t)(({byte} - 128) * 256L)",
    "int32": "{byte} / 64",
    "int64": "{byte} / 64",
    "float32": "(float){byte} / 255.0f",
}
"""Element type -> C expression of an input whose pixels the model file does not describe."""


MICROPHONE = """\
/* Yours goes here: sample ``i`` of what a microphone hears, a tone. */
static int16_t microphone(int32_t i)
{
    const int32_t at = i % 32;
    return (int16_t)((at < 16 ? at : 31 - at) * 1000 - 7500);
}
"""


def functions(facts: Facts) -> str:
    """Return the C functions that give number ``i`` of what each input sees, hears or measures."""
    if facts.audio:
        return MICROPHONE
    if facts.features:
        return _sensor(facts)
    return "\n".join(_function(facts, port) for port in facts.inputs)


def _sensor(facts: Facts) -> str:
    """Return the C function that gives feature ``i`` in its own unit."""
    # Texts for users name what packages hold, and must not wait for NumPy.
    import numpy as np

    from edgekit.convert.c import text

    means = np.asarray(facts.mean, np.float32)
    table = "".join(f"    {line}\n" for line in text.array("means", means).splitlines())
    at = f"i % {means.size}" if means.size > 1 else "i * 0"
    return f"""\
/* Yours goes here: number ``i`` of what is measured, in its own unit; the mean of the training. */
static float measured(int32_t i)
{{
{table}    return means[{at}];
}}
"""


def _function(facts: Facts, port: Port) -> str:
    name = f"camera{naming.suffix(facts, port)}"
    picture = port.picture
    if picture is None:
        return f"""\
/* Yours goes here: byte ``i`` of what a sensor sees, a wave. */
static uint8_t {name}(int32_t i)
{{
    const int32_t at = i * 16 % 512;
    return (uint8_t)(at < 256 ? at : 511 - at);
}}
"""
    height, width, channels = picture
    column = f"i / {channels} % {width}" if channels > 1 else f"i % {width}"
    color = f" - 60 * (i % {channels})" if channels > 1 else ""
    left, right = width // 3, -(-width * 2 // 3)
    top, bottom = height // 6, -(-height * 5 // 6)
    return f"""\
/* Yours goes here: byte ``i`` of a camera's picture, {height} rows of {width} pixels of \
{channels} byte{"s" * (channels > 1)}, a bright bar. */
static uint8_t {name}(int32_t i)
{{
    const int32_t x = {column}, y = i / {width * channels};
    if (x >= {left} && x < {right} && y >= {top} && y < {bottom})
        return (uint8_t)(255{color});
    return (uint8_t)(x * 64 / {width} + y * 64 / {height});
}}
"""


def statements(facts: Facts, port: Port) -> str:
    """Return the C statements that bring what is seen or heard into an input's buffer."""
    if facts.audio:
        return _listening(facts)
    buffer, size = naming.buffer(facts, port), naming.macro(facts, port, "SIZE")
    byte = f"camera{naming.suffix(facts, port)}(i)"
    loop = f"for (int32_t i = 0; i < {size}; i++)"
    if facts.features:
        return f"""\
    static float features[{size}];
    {loop}
        features[i] = measured(i);
    {facts.name}_from_features(features, {buffer});
"""
    if not facts.framed:
        return f"    {loop}\n        {buffer}[i] = {ELEMENTS[port.dtype].format(byte=byte)};\n"
    quantize = f"    {facts.name}_from_u8(frame, {buffer});\n"
    if port.bytes == port.elements:
        frame = (
            f"    uint8_t *const frame = (uint8_t *){buffer}; /* becomes the input in place */\n"
        )
    else:
        frame = f"    static uint8_t frame[{size}];\n"
    return f"{frame}    {loop}\n        frame[i] = {byte};\n{quantize}"


def _listening(facts: Facts) -> str:
    """Return the C statements that bring sound into the only input's buffer, hop by hop."""
    name, upper = facts.name, facts.name.upper()
    return f"""\
    static {name}_stream_t stream;
    static int16_t pcm[{upper}_AUDIO_HOP];
    static int32_t scratch[{upper}_AUDIO_SCRATCH];
    int32_t heard = 0;
    do {{
        for (int32_t i = 0; i < {upper}_AUDIO_HOP; i++)
            pcm[i] = microphone(heard++);
    }} while ({name}_push_pcm16(&stream, pcm, scratch) > 0);
    {name}_from_stream(&stream, input);
"""
