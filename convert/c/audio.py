"""The audio front end in exported C: PCM to the model's input, whole or one hop at a time."""

import numpy as np

from edge_runtime.front_end import Audio, tables
from edgekit.convert.c import layout
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

/* What is kept between hops, all of it 0 at the start. features are {frames} frames of {width}
 * bytes, the oldest first. */
typedef struct {{
    int16_t pcm[{_held(audio)}];
    uint8_t features[{frames * width}];
    int32_t held, frames;
}} {name}_stream_t;

/* Takes the next hop. Returns how many more it takes until features are those of a whole input: 0
 * from then on. -1 when a pointer is NULL. What brings them into the input's form is
 * {name}_quantize_u8(stream->features, input). */
{_prototype(facts, "push_pcm16")};
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

{_prototype(facts, "from_pcm16")}
{{
    if (!pcm || !input || !scratch)
        return -1;
    /* Bytes at the end of the input's room, which they become from its start on. */
    uint8_t *const features = (uint8_t *)input + (sizeof *input - 1) * {upper}_INPUT_SIZE;
    {name}_ek_hear({frames}, pcm, features, scratch);
    {name}_quantize_u8(features, input);
    return 0;
}}

{_prototype(facts, "push_pcm16")}
{{
    if (!stream || !pcm || !scratch)
        return -1;
    memcpy(stream->pcm + stream->held, pcm, {audio.hop} * sizeof *pcm);
    stream->held += {audio.hop};
    if (stream->held >= {audio.window}) {{
        memmove(stream->features, stream->features + {width}, {(frames - 1) * width});
        {name}_ek_hear(1, stream->pcm, stream->features + {(frames - 1) * width}, scratch);
        stream->held -= {audio.hop};
        memmove(stream->pcm, stream->pcm + {audio.hop}, (size_t)stream->held * sizeof *pcm);
        if (stream->frames < {frames})
            stream->frames++;
    }}
    if (stream->frames)
        return {frames} - stream->frames;
    /* Some more hops until the first frame, and then one for each. */
    return {frames - 1} + ({audio.window + audio.hop - 1} - stream->held) / {audio.hop};
}}
"""


def _held(audio: Audio) -> int:
    """Return the samples that a stream holds: whole hops, as many as a window needs."""
    return -(-audio.window // audio.hop) * audio.hop


def _prototype(facts: Facts, function: str) -> str:
    name, upper = facts.name, facts.name.upper()
    scratch = f"int32_t scratch[{upper}_AUDIO_SCRATCH]"
    if function == "from_pcm16":
        start = f"int {name}_from_pcm16("
        [port] = facts.inputs
        parameters = [
            f"const int16_t pcm[{upper}_AUDIO_SAMPLES]",
            f"{name}_{port.name}_t {port.name}[{upper}_INPUT_SIZE]",
            scratch,
        ]
    else:
        start = f"int32_t {name}_push_pcm16("
        parameters = [
            f"{name}_stream_t *stream",
            f"const int16_t pcm[{upper}_AUDIO_HOP]",
            scratch,
        ]
    separator = ",\n" + " " * len(start)
    return f"{start}{separator.join(parameters)})"
