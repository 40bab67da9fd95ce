"""The audio front end in exported C: PCM to the model's input, whole or one hop at a time."""

import numpy as np

from edge_runtime.front_end import Audio, tables
from edgekit.convert.c import layout, naming
from edgekit.convert.c.blocks import needed
from edgekit.convert.c.facts import Facts
from edgekit.convert.c.forms import ConstantArray
from edgekit.convert.c.parse import Block

KERNEL = "ek_audio"

NAMES = ("window", "sines", "counts", "weights", "logarithms", "cosines")
"""Names of the kernel's constants, in the order of its tensors."""


def blocks(facts: Facts) -> list[Block]:
    """Return the kernel, and what it needs; nothing for a model that does not hear."""
    return needed([KERNEL]) if facts.audio else []


def constants(facts: Facts) -> list[ConstantArray]:
    """Return the kernel's constants; those of MFCC alone are left out for log-mel."""
    if facts.audio is None:
        return []
    arrays = zip(NAMES, tables(facts.audio).constants, strict=True)
    return [
        ConstantArray(f"audio_{name}", np.frombuffer(one, one.typecode), flash=False)
        for name, one in arrays
        if one
    ]


def declarations(facts: Facts) -> str:
    """Return what the header says; "" for a model that does not hear."""
    if facts.audio is None:
        return ""
    name, upper, audio = facts.name, facts.name.upper(), facts.audio
    frames, width, _ = audio.shape
    what = f"{width} MFCC of {audio.bands} bands" if audio.coefficients else f"{width} bands"
    return f"""\
/* Sound: int16, {audio.rate} samples a second, becomes {frames} frames of {what}, of a
 * byte each: the bytes of training and of edge_runtime. */
#define {upper}_AUDIO_RATE {audio.rate}
#define {upper}_AUDIO_SAMPLES {audio.samples} /* of an input */
#define {upper}_AUDIO_HOP {audio.hop} /* samples from frame to frame */
#define {upper}_AUDIO_SCRATCH {audio.scratch} /* int32_t that a call needs, and does not keep */

/* Brings a whole input's samples into the input's form. Returns 0; -1 when a pointer is NULL. */
{_prototype(facts, "from_pcm16")};

/* What is kept between hops, all of it 0 at the start: samples, and {frames} frames of {width}
 * bytes, of which ``next`` is the oldest once there are as many. */
typedef struct {{
    int16_t pcm[{_held(audio)}];
    uint8_t features[{frames * width}];
    int32_t held, frames, next;
}} {name}_stream_t;

/* Takes the next hop. Returns how many more it takes until there are the features of a whole input:
 * 0 from then on. -1 when a pointer is NULL. */
{_prototype(facts, "push_pcm16")};

/* Brings the features of the last {frames} frames into the input's form. Returns 0; -1 when a
 * pointer is NULL. */
{_prototype(facts, "from_stream")};
"""


def functions(facts: Facts) -> str:
    """Return the functions' text; "" for a model that does not hear."""
    if facts.audio is None:
        return ""
    name, upper, audio = facts.name, facts.name.upper(), facts.audio
    frames, width, _ = audio.shape
    given = {one.name for one in constants(facts)}
    tensors = [
        "(void *)pcm",
        *(f"(void *)audio_{one}" if f"audio_{one}" in given else "NULL" for one in NAMES),
        *("features", "scratch"),
    ]
    params = ["frames", *map(str, tables(audio).params.values())]
    return f"""\
static void {name}_ek_hear(
    int32_t frames, const int16_t *pcm, uint8_t *features, int32_t *scratch)
{{
    const int32_t params[] = {{
{layout.filled(params, "        ")}
    }};
    void *const tensors[] = {{
{layout.filled(tensors, "        ")}
    }};
    {KERNEL}(params, tensors);
}}

/* The end of the input's room, from where bytes become the input from its start on. */
static uint8_t *{name}_ek_bytes({name}_input_t *input)
{{
    return (uint8_t *)input + (sizeof *input - 1) * {upper}_INPUT_SIZE;
}}

{_prototype(facts, "from_pcm16")}
{{
    if (!pcm || !input || !scratch)
        return -1;
    uint8_t *const features = {name}_ek_bytes(input);
    {name}_ek_hear({frames}, pcm, features, scratch);
    {name}_quantize_u8(features, input);
    return 0;
}}

{_prototype(facts, "push_pcm16")}
{{
    if (!stream || !pcm || !scratch)
        return -1;
    for (int32_t i = 0; i < {audio.hop}; i++)
        stream->pcm[stream->held + i] = pcm[i];
    stream->held += {audio.hop};
    if (stream->held >= {audio.window}) {{
        {name}_ek_hear(1, stream->pcm, stream->features + stream->next * {width}, scratch);
        stream->held -= {audio.hop};
        for (int32_t i = 0; i < stream->held; i++)
            stream->pcm[i] = stream->pcm[i + {audio.hop}];
        stream->next = stream->next < {frames - 1} ? stream->next + 1 : 0;
        if (stream->frames < {frames})
            stream->frames++;
    }}
    if (stream->frames)
        return {frames} - stream->frames;
    /* Some more hops until the first frame, and then one for each. */
    return {frames - 1} + ({audio.window + audio.hop - 1} - stream->held) / {audio.hop};
}}

{_prototype(facts, "from_stream")}
{{
    if (!stream || !input)
        return -1;
    uint8_t *const features = {name}_ek_bytes(input);
    int32_t from = stream->next * {width};
    for (int32_t i = 0; i < {frames * width}; i++) {{
        features[i] = stream->features[from++];
        if (from == {frames * width})
            from = 0;
    }}
    {name}_quantize_u8(features, input);
    return 0;
}}
"""


def _held(audio: Audio) -> int:
    """Return the samples that a stream holds: whole hops, as many as a window needs."""
    return -(-audio.window // audio.hop) * audio.hop


def _prototype(facts: Facts, function: str) -> str:
    """Return the head of a function."""
    name, upper = facts.name, facts.name.upper()
    scratch = f"int32_t scratch[{upper}_AUDIO_SCRATCH]"
    tensor = naming.array(facts, facts.inputs[0], "input")
    result, parameters = {
        "from_pcm16": ("int", [f"const int16_t pcm[{upper}_AUDIO_SAMPLES]", tensor, scratch]),
        "push_pcm16": (
            "int32_t",
            [f"{name}_stream_t *stream", f"const int16_t pcm[{upper}_AUDIO_HOP]", scratch],
        ),
        "from_stream": ("int", [f"const {name}_stream_t *stream", tensor]),
    }[function]
    start = f"{result} {name}_{function}("
    separator = ",\n" + " " * len(start)
    return f"{start}{separator.join(parameters)})"
